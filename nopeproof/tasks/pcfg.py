"""Nested operations on strings, from the grammar of PCFG SET (hupkes2020), drawn by the number of operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nopeproof import catalogue
from nopeproof.errors import NopeproofError
from nopeproof.tasks import MOST_SYMBOLS
from nopeproof.tasks.written import Written

String = list[str]
MOST_LONGEST = 1024
"""The most that the longest answer may be chosen."""
UNARY: dict[str, Callable[[String], String]] = {
    "copy": lambda x: x,
    "reverse": lambda x: x[::-1],
    "shift": lambda x: x[1:] + x[:1],
    "swap": lambda x: x if len(x) < 2 else [x[-1], *x[1:-1], x[0]],
    "repeat": lambda x: x + x,
    "echo": lambda x: x + x[-1:],
}
BINARY: dict[str, Callable[[String, String], String]] = {
    "append": lambda x, y: x + y,
    "prepend": lambda x, y: y + x,
    "remove_first": lambda x, y: y,
    "remove_second": lambda x, y: x,
}


@dataclass(frozen=True)
class Pcfg(Written):
    """append copy A B , C -> A B C: prefix notation, a comma between the two strings of a binary operation"""

    letters: int = 16
    """Symbols that strings are made of."""
    longest: int = 24
    """Longest answer; a tree with a longer one, or a longer source than twice that and its operations, is drawn again."""
    name = "pcfg"
    measure = "operations"
    trained_to = 8
    alphabet = (*UNARY, *BINARY, ",")

    def __post_init__(self) -> None:
        if self.letters < 1 or self.longest < 5:
            raise NopeproofError(
                f"pcfg with {self.letters} letters, answers to {self.longest}", "too few for one string", "1 letter, 5 symbols at least"
            )
        catalogue.require(
            self,
            letters=(self.letters <= MOST_SYMBOLS, f"at most {MOST_SYMBOLS}"),
            longest=(self.longest <= MOST_LONGEST, f"at most {MOST_LONGEST}"),
        )
        super().__post_init__()  # last: it counts the tokens

    @property
    def tokens(self) -> tuple[str, ...]:
        return (*self.alphabet, *(f"S{n}" for n in range(self.letters)))

    def draw(self, rng: np.random.Generator, length: int) -> list[str]:
        while True:
            source = self._tree(rng, length)
            if len(source) <= length + 2 * self.longest and len(self.answer(source)) <= self.longest:
                return source

    def _tree(self, rng: np.random.Generator, operations: int) -> list[str]:
        if operations == 0:
            return [f"S{n}" for n in rng.integers(0, self.letters, rng.integers(1, 6))]
        name = (*UNARY, *BINARY)[rng.integers(len(UNARY) + len(BINARY))]
        if name in UNARY:
            return [name, *self._tree(rng, operations - 1)]
        left = int(rng.integers(0, operations))
        return [name, *self._tree(rng, left), ",", *self._tree(rng, operations - 1 - left)]

    def answer(self, source: Sequence[str]) -> list[str]:
        value, rest = _read(list(source))
        if rest:
            raise NopeproofError(f"the expression {' '.join(source)}", f"{' '.join(rest)} is left over", "one operation, whole")
        return value

    def prompt(self, source: Sequence[str]) -> str:
        return f"Solve: {' '.join(source)}"


def _read(tokens: list[str]) -> tuple[String, list[str]]:
    """The value of the first whole expression, and the tokens after it."""
    if tokens and tokens[0] in UNARY:
        value, rest = _read(tokens[1:])
        return UNARY[tokens[0]](value), rest
    if tokens and tokens[0] in BINARY:
        first, rest = _read(tokens[1:])
        second, rest = _read(rest[1:])
        return BINARY[tokens[0]](first, second), rest
    end = next((place for place, token in enumerate(tokens) if token in UNARY or token in BINARY or token == ","), len(tokens))
    return tokens[:end], tokens[end:]
