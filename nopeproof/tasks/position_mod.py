"""The position of every source symbol, modulo k: position itself is what is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.errors import NopeproofError
from nopeproof.tasks import Task


@dataclass(frozen=True)
class PositionMod(Task):
    """a b a a b -> 1 2 0 1 2 (k = 3), whatever the symbols are; positions count from 1"""

    symbols: int = 8
    k: int = 3
    name = "position-mod"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.k <= self.symbols:
            raise NopeproofError(
                f"positions modulo {self.k} over {self.symbols} symbols", "the residues are written with symbols", "2 <= k <= symbols"
            )

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count length"]:
        return np.tile(np.arange(1, source.shape[1] + 1) % self.k, (len(source), 1))
