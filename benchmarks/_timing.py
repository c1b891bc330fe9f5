"""The one way time is taken here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any


def best(act: Callable[[], Any], times: int = 5, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the fastest of some runs, as many as fit in a second and at least one: what else the machine does only adds.

    Work of one thread may be timed by ``time.process_time``, to which other processes add less.
    """
    found: list[float] = []
    while len(found) < times and sum(found) < 1:
        start = clock()
        act()
        found.append(clock() - start)
    return min(found)


def in_turn(acts: Sequence[Callable[[], Any]], times: int, clock: Callable[[], float] = time.process_time) -> list[float]:
    """Seconds of the fastest run of each, the acts taking turns: what slows the machine for a while slows them all, not their ratio."""
    return [min(of_one) for of_one in zip(*([best(act, 1, clock) for act in acts] for _ in range(times)), strict=True)]
