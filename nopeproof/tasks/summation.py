"""The sum of digits, modulo 10 (kazemnejad2023, summation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nopeproof.tasks.written import Reasoned, Step


@dataclass(frozen=True)
class Summation(Reasoned):
    """1 2 3 4 7 -> 7"""

    name = "summation"
    measure = "summands"
    trained_to = 8
    alphabet = tuple("0123456789")

    def draw(self, rng: np.random.Generator, length: int) -> list[str]:
        return [str(digit) for digit in rng.integers(1, 10, length)]

    def answer(self, source: Sequence[str]) -> list[str]:
        return [str(sum(map(int, source)) % 10)]

    def working(self) -> tuple[str, ...]:
        return ("+", "=")

    def steps(self, source: Sequence[str]) -> list[Step]:
        shown, total = [], 0
        for place, digit in enumerate(source):
            after = (total + int(digit)) % 10
            shown.append(Step([digit], [str(total), "+", digit, "=", str(after)], [str(after)], [str(after)], source[place + 1 :]))
            total = after
        return shown

    def prompt(self, source: Sequence[str]) -> str:
        return f"Compute: {' + '.join(source)} ."

    def reply(self, answer: Sequence[str]) -> str:
        return f"The answer is {answer[0]} ."
