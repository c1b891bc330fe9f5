"""Write a word backwards (kazemnejad2023, reverse variant 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.tasks import Task


@dataclass(frozen=True)
class Reverse(Task):
    """a b c -> c b a"""

    name = "reverse"

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count out"]:
        return source[:, ::-1]

    def prompt(self, source: Sequence[str]) -> str:
        return f"Reverse: {' '.join(source)} "
