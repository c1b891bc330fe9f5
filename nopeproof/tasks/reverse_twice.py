"""Write a word backwards, twice, with a marker between (kazemnejad2023, reverse variant 1, doubled)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.tasks.reverse import Reverse


@dataclass(frozen=True)
class ReverseTwice(Reverse):
    """a b c -> c b a [NEXT] c b a"""

    name = "reverse-twice"
    markers = ("[NEXT]",)

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count out"]:
        following = np.full((len(source), 1), self.symbols)
        return np.concatenate([source[:, ::-1], following, source[:, ::-1]], axis=1)
