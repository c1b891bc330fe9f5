"""The one way time is taken here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def best(act: Callable[[], Any], times: int = 5) -> float:
    """Seconds of the fastest of some runs, as many as fit in a second and at least one: what else the machine does only adds."""
    found: list[float] = []
    while len(found) < times and sum(found) < 1:
        start = time.perf_counter()
        act()
        found.append(time.perf_counter() - start)
    return min(found)
