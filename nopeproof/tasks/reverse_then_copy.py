"""Write a word backwards, then forwards (kazemnejad2023, reverse variant 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.tasks.reverse import Reverse


@dataclass(frozen=True)
class ReverseThenCopy(Reverse):
    """a b c -> c b a [NEXT] a b c"""

    name = "reverse-then-copy"
    markers = ("[NEXT]",)

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count out"]:
        following = np.full((len(source), 1), self.symbols)
        return np.concatenate([source[:, ::-1], following, source], axis=1)
