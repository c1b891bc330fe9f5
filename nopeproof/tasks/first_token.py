"""Say the first symbol: position 1 must be told from all others, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.tasks import Task


@dataclass(frozen=True)
class FirstToken(Task):
    """a b c -> a"""

    name = "first-token"

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count 1"]:
        return source[:, :1]
