"""Copy a word twice, with a marker between (kazemnejad2023, copy variant 3, doubled)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.tasks import Task


@dataclass(frozen=True)
class CopyTwice(Task):
    """a b c -> a b c [NEXT] a b c"""

    name = "copy-twice"
    markers = ("[NEXT]",)

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count out"]:
        following = np.full((len(source), 1), self.symbols)
        return np.concatenate([source, following, source], axis=1)

    def prompt(self, source: Sequence[str]) -> str:
        return f"Copy: {' '.join(source)} "
