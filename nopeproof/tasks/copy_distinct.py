"""Copy a word without repeats: attention to one's predecessor finds its way by content alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.errors import NopeproofError
from nopeproof.tasks.copy import Copy


@dataclass(frozen=True)
class CopyDistinct(Copy):
    """a b c -> a b c, where all symbols differ"""

    name = "copy-distinct"

    def sample(self, rng: np.random.Generator, length: int, count: int) -> Int[np.ndarray, "count length"]:
        if length > self.symbols:
            raise NopeproofError(
                f"a word of {length} symbols without repeats", f"the alphabet has {self.symbols}", f"{self.name}:symbols={length}"
            )
        return rng.permuted(np.tile(np.arange(self.symbols), (count, 1)), axis=1)[:, :length]

    def lengths(self, longest: int) -> list[int]:
        return list(range(1, min(longest, self.symbols) + 1))
