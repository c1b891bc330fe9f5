"""Decoders from 1/t to t in float32: what each costs at a length, and how long one position takes, against the minimal FFN there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks._timing import best


def measure(quick: bool) -> Iterator[dict[str, Any]]:
    """For each length: the minimal one-hidden-layer FFN, as long as it can be written down, and the division clock."""
    import torch

    from nopeproof.division import R, bits_for, division_clock
    from nopeproof.library import load
    from nopeproof.run.counter import divide
    from nopeproof.theory.costs import cost

    family = load("absolute-position").subjects["minimal"]
    for T in (10**3, 4 * 10**3) if quick else (10**3, 4 * 10**3, 10**5, 10**6, 11864338):
        x = 1 / torch.randint(1, T + 1, (1 << 16,), generator=torch.Generator().manual_seed(0)).float()
        clock = division_clock(bits_for(T), "float32")
        block, index = len(clock.blocks), R.pos.start
        divide(clock, x[:64], block, index)
        seconds = best(lambda: divide(clock, x, block, index)) / len(x)  # noqa: B023
        spent, width = cost(clock), T // 2
        yield {
            "what": f"T = {T:,}, division",
            "microseconds a position": seconds * 1e6,
            "hidden units": spent["units"],
            "blocks": spent["blocks"],
        }
        least = cost(family, T)  # type: ignore[arg-type]
        row = {"what": f"T = {T:,}, minimal FFN", "hidden units": least["units"], "operations": least["operations"]}
        if width <= 2 * 10**5:  # two dense products with 3 weights that are not 0 a unit, in blocks of rows
            read, write = torch.randn(6, width), torch.randn(width, 6)
            rows = torch.randn(256, 6)
            dense = best(lambda: (rows @ read).relu() @ write) / len(rows)  # noqa: B023
            row |= {"microseconds a position": dense * 1e6, "ratio": dense / seconds, "against": "the division clock"}
        else:
            row |= {"ratio": least["operations"] / spent["operations"], "against": "the division clock's operations"}
        yield row
