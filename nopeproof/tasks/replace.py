"""Write another symbol as often as one stands there (kazemnejad2023, copy variant 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.errors import NopeproofError
from nopeproof.tasks import Task


@dataclass(frozen=True)
class Replace(Task):
    """a b  a a a -> b b b, for an ordered pair of different symbols that the source names first"""

    name = "replace"
    measure = "symbols to replace"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.symbols < 2:
            raise NopeproofError(f"replace over {self.symbols} symbols", "one is replaced by another", "at least 2 symbols")

    def sample(self, rng: np.random.Generator, length: int, count: int) -> Int[np.ndarray, "count out"]:
        old = rng.integers(0, self.symbols, (count, 1))
        new = (old + rng.integers(1, self.symbols, (count, 1))) % self.symbols
        return np.concatenate([old, new, np.repeat(old, length, axis=1)], axis=1)

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count out"]:
        return np.repeat(source[:, 1:2], source.shape[1] - 2, axis=1)

    def prompt(self, source: Sequence[str]) -> str:
        return f"Replace {source[0]} with {source[1]} in {' '.join(source[2:])} "
