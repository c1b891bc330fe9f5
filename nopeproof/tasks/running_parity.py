"""The parity of every prefix: the source is a string of fair bits, the target its running exclusive-or."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.errors import NopeproofError
from nopeproof.tasks import Task


@dataclass(frozen=True)
class RunningParity(Task):
    """1 1 0 1 -> 1 0 0 1"""

    symbols: int = 2
    name = "running-parity"
    measure = "source bits"

    def __post_init__(self) -> None:
        if self.symbols != 2:
            raise NopeproofError(f"running parity over {self.symbols} symbols", "a bit has two values", "leave symbols out")

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count length"]:
        return np.cumsum(source, axis=1) % 2

    def spell(self, symbol: int) -> str:
        return str(symbol)
