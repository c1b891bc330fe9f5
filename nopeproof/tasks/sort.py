"""Sort symbols by the fixed order of their ids (kazemnejad2023, sorting of single tokens). Needs no position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from nopeproof.tasks import Task


@dataclass(frozen=True)
class Sort(Task):
    """c a b -> a b c"""

    name = "sort"
    trained_to = 8

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count length"]:
        return np.sort(source, axis=1)

    def prompt(self, source: Sequence[str]) -> str:
        return f"Sort the following list [ {', '.join(source)} ]. "

    def reply(self, answer: Sequence[str]) -> str:
        return f"The sorted list is [ {', '.join(answer)} ]."
