"""Follow a chain of signed assignments to one variable's value (kazemnejad2023, LEGO)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np

from nopeproof.errors import NopeproofError
from nopeproof.tasks.written import Reasoned, Step

SIGN = {1: "+", -1: "-"}


@dataclass(frozen=True)
class Lego(Reasoned):
    """q - 1  t - q  c + t  ? c -> + : variable, sign and what it is set to; asked is one from the middle to the end"""

    name = "lego"
    measure = "variables"
    trained_to = 8
    alphabet = (*ascii_lowercase, "1", "+", "-", "?")
    has_variables = False

    def lengths(self, longest: int) -> list[int]:
        return list(range(1, min(longest, len(ascii_lowercase)) + 1))

    def draw(self, rng: np.random.Generator, length: int) -> list[str]:
        if length > len(ascii_lowercase):
            raise NopeproofError(f"a chain of {length} variables", f"there are {len(ascii_lowercase)} letters", "a shorter chain")
        letters = [ascii_lowercase[n] for n in rng.permutation(len(ascii_lowercase))[:length]]
        signs = ["+-"[bit] for bit in rng.integers(0, 2, length)]
        source = [token for clause in zip(letters, signs, ["1", *letters], strict=False) for token in clause]
        return [*source, "?", letters[int(rng.integers(length // 2, length))]]

    def answer(self, source: Sequence[str]) -> list[str]:
        return [SIGN[self._values(source)[source[-1]]]]

    def _values(self, source: Sequence[str]) -> dict[str, int]:
        values = {"1": 1}
        for variable, sign, other in _clauses(source):
            values[variable] = values[other] * (1 if sign == "+" else -1)
        return values

    def steps(self, source: Sequence[str]) -> list[Step]:
        values, clauses, shown = self._values(source), _clauses(source), []
        for place, (variable, sign, other) in enumerate(clauses):
            known = SIGN[values[other]]
            rest = [token for clause in clauses[place + 1 :] for token in clause]
            shown.append(Step([variable, sign, other], [sign, known], [variable, SIGN[values[variable]]], None, rest))
            if variable == source[-1]:
                break
        return shown

    def prompt(self, source: Sequence[str]) -> str:
        first, *rest = _clauses(source)
        chain = [f"{first[0]} = {first[1]}1", *(f"{v} = {sign} {other}" for v, sign, other in rest)]
        return f"If {', '.join(chain)}. Then, what is the value of {source[-1]}? "

    def reply(self, answer: Sequence[str]) -> str:
        return f"The answer is {answer[0]}1."


def _clauses(source: Sequence[str]) -> list[Sequence[str]]:
    return [source[place : place + 3] for place in range(0, len(source) - 2, 3)]
