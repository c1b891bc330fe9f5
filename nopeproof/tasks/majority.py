"""Whether the ones are more than half of a string of bits: uniform attention is enough, no position is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nopeproof.tasks.written import Written


@dataclass(frozen=True)
class Majority(Written):
    """1 0 1 -> yes; a tie is no"""

    name = "majority"
    measure = "source bits"
    alphabet = ("0", "1", "no", "yes")

    def draw(self, rng: np.random.Generator, length: int) -> list[str]:
        ones = rng.integers(0, length + 1)  # uniform in the number of ones: fair bits would be near the tie, always
        return [str(bit) for bit in rng.permutation(np.arange(length) < ones).astype(int)]

    def answer(self, source: Sequence[str]) -> list[str]:
        return ["yes" if 2 * list(source).count("1") > len(source) else "no"]
