"""Figures of other systems, as measured or published elsewhere: none is run here, and none is set in ratio to this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MEASURED = "measured for this project on 2 CPU cores"
FIGURES = (
    ("tracr, length(causal) at its default exactness", "wrong from t", 10, MEASURED + "; the least t with t(t+1) > mlp_exactness"),
    ("tracr, length(causal) at exactness 1e6", "wrong from t", 1000, MEASURED),
    ("tracr, length(causal), compilation", "seconds", "4 to 7", MEASURED),
    ("tracr, dyck-2 at length 30, compilation", "seconds", 29, MEASURED + "; none within 240 s at length 40"),
    ("ALTA, running parity", "wrong from t", 10, MEASURED + "; its tests stop at 10"),
    ("ndnlp/parity, accuracy 1.0 to", "n", 4000, MEASURED + "; cross-entropy there reaches 0.9999999 bit"),
    ("CRASP, the count itself", "held by", "host code", "its source: a count is multiplied by j + 1 outside the network"),
)


def measure(quick: bool) -> Iterator[dict[str, Any]]:
    """One row a figure."""
    for what, name, figure, source in FIGURES:
        yield {"what": what, name: figure, "source": source}
