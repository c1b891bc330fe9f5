"""Copy a word whose symbols may repeat (kazemnejad2023, copy variant 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.tasks import Task


@dataclass(frozen=True)
class Copy(Task):
    """a b c -> a b c"""

    name = "copy"

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count length"]:
        return source

    def prompt(self, source: Sequence[str]) -> str:
        return f"Copy: {' '.join(source)} "
