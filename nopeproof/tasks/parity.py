"""Whether the number of ones is even (kazemnejad2023, parity)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nopeproof.tasks.written import Reasoned, Step


@dataclass(frozen=True)
class Parity(Reasoned):
    """1 0 0 1 1 -> no"""

    name = "parity"
    measure = "source bits"
    trained_to = 8
    alphabet = ("0", "1", "no", "yes")

    def draw(self, rng: np.random.Generator, length: int) -> list[str]:
        return [str(bit) for bit in rng.integers(0, 2, length)]

    def answer(self, source: Sequence[str]) -> list[str]:
        return ["yes" if list(source).count("1") % 2 == 0 else "no"]

    def working(self) -> tuple[str, ...]:
        return ("+", "=")

    def steps(self, source: Sequence[str]) -> list[Step]:
        shown, odd = [], 0
        for place, bit in enumerate(source):
            after = odd ^ int(bit)
            shown.append(Step([bit], [str(odd), "+", bit, "=", str(after)], [str(after)], [str(after)], source[place + 1 :]))
            odd = after
        return shown

    def prompt(self, source: Sequence[str]) -> str:
        return f"Is the number of 1's even in the sequence [ {', '.join(source)} ] ? "

    def reply(self, answer: Sequence[str]) -> str:
        return f"The answer is {answer[0].capitalize()}."
