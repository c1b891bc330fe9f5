"""Copy one symbol as often as it stands there (kazemnejad2023, copy variant 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.tasks import Task


@dataclass(frozen=True)
class CopyOneSymbol(Task):
    """a a a -> a a a"""

    name = "copy-one-symbol"

    def sample(self, rng: np.random.Generator, length: int, count: int) -> Int[np.ndarray, "count length"]:
        return np.repeat(rng.integers(0, self.symbols, (count, 1)), length, axis=1)

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count length"]:
        return source

    def prompt(self, source: Sequence[str]) -> str:
        return f"Copy: {' '.join(source)} "
