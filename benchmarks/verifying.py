"""The processor time of `verify` for each construction, against what the project allows it: about a second a claim."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

QUICK = ("absolute-position", "relative-position", "sink-clock")


def measure(quick: bool) -> Iterator[dict[str, Any]]:
    """One row a construction, in alphabetical order."""
    from nopeproof.library import load, names

    for name in QUICK if quick else names():
        construction = load(name)
        start = time.process_time()
        verdicts = construction.verify()
        seconds = time.process_time() - start
        row = {"what": name, "claims": len(verdicts), "stand": sum(v.stands for v in verdicts), "processor seconds": seconds}
        yield {**row, "ratio": seconds / len(verdicts), "against": "a second a claim"}
