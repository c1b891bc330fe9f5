"""Count the ones in a string of bits, in unary: as many marks as there are ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nopeproof.tasks.written import Written


@dataclass(frozen=True)
class Count(Written):
    """1 0 1 1 -> 1 1 1"""

    name = "count"
    measure = "source bits"
    alphabet = ("0", "1")

    def draw(self, rng: np.random.Generator, length: int) -> list[str]:
        return [str(bit) for bit in rng.integers(0, 2, length)]

    def answer(self, source: Sequence[str]) -> list[str]:
        return [token for token in source if token == "1"]
