"""Write one symbol twice as often as it stands there (kazemnejad2023, copy variant 1, doubled)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.tasks.copy_one_symbol import CopyOneSymbol


@dataclass(frozen=True)
class CopyOneSymbolTwice(CopyOneSymbol):
    """a a a -> a a a a a a"""

    name = "copy-one-symbol-twice"

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count out"]:
        return np.concatenate([source, source], axis=1)
