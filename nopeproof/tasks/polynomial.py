"""The value of a polynomial at a small integer, modulo 10 (kazemnejad2023, polynomial evaluation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nopeproof.tasks.written import Reasoned, Step


@dataclass(frozen=True)
class Polynomial(Reasoned):
    """-1  -2 ^2  3 ^0  1 ^3 -> 0: x, then pairs of coefficient and degree; the answer modulo 10, which the prompt does not say"""

    name = "polynomial"
    measure = "terms"
    trained_to = 8
    alphabet = (*map(str, range(-3, 10)), *(f"^{degree}" for degree in range(4)))

    def draw(self, rng: np.random.Generator, length: int) -> list[str]:
        terms = [(str(rng.integers(-3, 4)), f"^{rng.integers(0, 4)}") for _ in range(length)]
        return [str(rng.integers(-2, 3)), *(token for term in terms for token in term)]

    def answer(self, source: Sequence[str]) -> list[str]:
        return [str(sum(self._values(source)) % 10)]

    def _values(self, source: Sequence[str]) -> list[int]:
        x, *terms = source
        return [int(c) * int(x) ** int(degree[1:]) for c, degree in zip(terms[::2], terms[1::2], strict=True)]

    def working(self) -> tuple[str, ...]:
        return ("+", "=")

    def steps(self, source: Sequence[str]) -> list[Step]:
        shown, total = [], 0
        for place, value in enumerate(self._values(source)):
            after = (total + value) % 10
            term, rest = source[1 + 2 * place : 3 + 2 * place], source[3 + 2 * place :]
            computed = [str(total), "+", str(value % 10), "=", str(after)]
            shown.append(Step(term, computed, [str(after)], [str(after)], rest))
            total = after
        return shown

    def prompt(self, source: Sequence[str]) -> str:
        x, *terms = source
        written = ""
        for number, (c, degree) in enumerate(zip(terms[::2], terms[1::2], strict=True)):
            sign = "- " if c.startswith("-") else "+ " if number else ""
            written += f"{' ' if number else ''}{sign}{c.lstrip('-')} * x ** {degree[1:]}"
        return f"Evaluate at x = {x.replace('-', '- ')} in {written} ? "

    def reply(self, answer: Sequence[str]) -> str:
        return f"The answer is {answer[0]}."
