"""Addition of two numbers, digit by digit (kazemnejad2023, addition)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nopeproof.tasks.written import Reasoned, Step, digits, drawn_number, split


@dataclass(frozen=True)
class Addition(Reasoned):
    """5 3 + 1 9 -> 7 2, the most significant digit first, in the answer too unless ``backwards``"""

    backwards: bool = False
    """Write the answer's least significant digit first."""
    name = "addition"
    measure = "digits of the longer number"
    trained_to = 8
    alphabet = (*"0123456789", "+")

    def draw(self, rng: np.random.Generator, length: int) -> list[str]:
        places = [length, int(rng.integers(1, length + 1))]
        if rng.integers(2):
            places.reverse()
        first, second = (digits(drawn_number(rng, n)) for n in places)
        return [*first, "+", *second]

    def answer(self, source: Sequence[str]) -> list[str]:
        first, second = (int("".join(part)) for part in split(source, "+"))
        return digits(first + second)[:: -1 if self.backwards else 1]

    def working(self) -> tuple[str, ...]:
        return ("=", "carry")

    def steps(self, source: Sequence[str]) -> list[Step]:
        first, second = split(source, "+")
        shown, carry = [], 0
        while first or second or carry:
            a, b = (int(number.pop()) if number else 0 for number in (first, second))
            total = a + b + carry
            computed = [str(a), "+", str(b), "+", str(carry), "=", *digits(total)]
            carry = total // 10
            shown.append(Step([str(a), str(b)], computed, [str(total % 10)], ["carry", str(carry)], [*first, "+", *second]))
        return shown

    def prompt(self, source: Sequence[str]) -> str:
        return f"Compute {' '.join(source)} ? "

    def reply(self, answer: Sequence[str]) -> str:
        return f"The answer is {' '.join(answer)}."
