"""Sort numbers of two to four digits (kazemnejad2023, sorting of several tokens)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from nopeproof.tasks.written import Reasoned, Step, digits, split


@dataclass(frozen=True)
class SortNumbers(Reasoned):
    """2 4 , 1 0 3 , 1 7 -> 1 7 , 2 4 , 1 0 3"""

    name = "sort-numbers"
    measure = "numbers"
    trained_to = 8
    alphabet = (*"0123456789", ",")
    has_variables = False

    def draw(self, rng: np.random.Generator, length: int) -> list[str]:
        return _listed([digits(int(number)) for number in rng.integers(10, 10_000, length)])

    def answer(self, source: Sequence[str]) -> list[str]:
        return _listed(sorted(split(source, ","), key=_value))

    def working(self) -> tuple[str, ...]:
        return ("least",)

    def steps(self, source: Sequence[str]) -> list[Step]:
        left, shown = split(source, ","), []
        while left:
            before, least = _listed(left), min(left, key=_value)
            left.remove(least)
            shown.append(Step(before, ["least", *least], least, None, _listed(left)))
        return shown

    def prompt(self, source: Sequence[str]) -> str:
        return f"Sort the following list [ {_text(source)} ]. "

    def reply(self, answer: Sequence[str]) -> str:
        return f"The sorted list is [ {_text(answer)} ]."


def _value(number: Sequence[str]) -> int:
    return int("".join(number))


def _listed(numbers: Sequence[Sequence[str]]) -> list[str]:
    return list(chain.from_iterable([*([","] if place else []), *number] for place, number in enumerate(numbers)))


def _text(tokens: Sequence[str]) -> str:
    return ", ".join(" ".join(number) for number in split(tokens, ","))
