"""Tasks whose examples are written token by token and differ in length, and the scratchpads some of them can show.

A scratchpad is the target's reasoning in front of the answer, after kazemnejad2023 §6: one step after another, each of up
to five components, chosen by their letters: I the step's input, C its computation, O its output, V the variables it
changes, R the input that remains. ``scratchpad="ico"`` writes the first three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nopeproof.errors import NopeproofError
from nopeproof.tasks import BOS, EOS, SEP, SPECIAL, Examples, Task

COMPONENTS = {"i": "in", "c": "comp", "o": "out", "v": "var", "r": "re"}
"""Each component's letter and the marker in front of it."""
STEP, THUS = "#", "thus"


@dataclass(frozen=True)
class Step:
    """One step of a scratchpad, component by component; ``variables`` is None for tasks that have none."""

    input: Sequence[str]
    computation: Sequence[str]
    output: Sequence[str]
    variables: Sequence[str] | None
    remaining: Sequence[str]

    def written(self, parts: str) -> list[str]:
        """The chosen components, each behind its marker, in the order I C O V R."""
        all_parts = dict(zip(COMPONENTS, (self.input, self.computation, self.output, self.variables, self.remaining), strict=True))
        return [token for letter, marker in COMPONENTS.items() if letter in parts for token in (marker, *(all_parts[letter] or ()))]


@dataclass(frozen=True)
class Written(Task):
    """A task over tokens of its own; ``symbols`` counts them and cannot be chosen unless the task says so."""

    symbols: int = 0
    alphabet: ClassVar[tuple[str, ...]]
    """Tokens of the source and the answer."""
    even = False

    def __post_init__(self) -> None:
        if self.symbols not in (0, len(self.tokens)):
            raise NopeproofError(f"{self.name} over {self.symbols} symbols", f"it has {len(self.tokens)} of its own", "leave symbols out")
        object.__setattr__(self, "symbols", 0)

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every token but the special ones."""
        return self.alphabet

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return SPECIAL + self.tokens

    def draw(self, rng: np.random.Generator, length: int) -> list[str]:
        """One source of this length."""
        raise NotImplementedError

    def answer(self, source: Sequence[str]) -> list[str]:
        """The right answer to one source."""
        raise NotImplementedError

    def target(self, source: Sequence[str]) -> list[str]:
        """What is to be written: the answer, and before it whatever reasoning the task shows."""
        return self.answer(source)

    def examples(self, rng: np.random.Generator, length: int, count: int) -> Examples:
        if count < 1 or length not in self.lengths(length):
            found = f"its lengths are {self.lengths(max(length, 1) + 8)} and so on" if count > 0 else "there must be one at least"
            raise NopeproofError(f"{count} examples of {self.name} of length {length}", found, "ask for others")
        known = {token: number for number, token in enumerate(self.vocabulary)}
        sources = [self.draw(rng, length) for _ in range(count)]
        rows = [([known[t] for t in source], [known[t] for t in self.target(source)]) for source in sources]
        longest = max(len(source) + len(target) for source, target in rows) + 3
        tokens, scored = np.full((count, longest), EOS), np.zeros((count, longest), dtype=bool)
        for line, (source, target) in enumerate(rows):
            whole = [BOS, *source, SEP, *target, EOS]
            tokens[line, : len(whole)] = whole
            scored[line, len(source) + 2 : len(whole)] = True
        return Examples(tokens, scored)


@dataclass(frozen=True)
class Reasoned(Written):
    """A written task that can show its steps."""

    scratchpad: str = ""
    """Components written in front of the answer: letters of "icovr", "" for none."""
    has_variables: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        allowed = "".join(COMPONENTS) if self.has_variables else "icor"
        if set(self.scratchpad) - set(allowed) or len(set(self.scratchpad)) < len(self.scratchpad):
            raise NopeproofError(
                f"the scratchpad {self.scratchpad!r} of {self.name}", f"its components are the letters of {allowed!r}", "each at most once"
            )
        object.__setattr__(self, "scratchpad", "".join(c for c in COMPONENTS if c in self.scratchpad))

    @property
    def tokens(self) -> tuple[str, ...]:
        extra = (*COMPONENTS.values(), STEP, THUS, *self.working()) if self.scratchpad else ()
        return (*self.alphabet, *(token for token in extra if token not in self.alphabet))

    def working(self) -> tuple[str, ...]:
        """Tokens that only the steps need."""
        return ()

    def steps(self, source: Sequence[str]) -> list[Step]:
        """How the answer is found."""
        raise NotImplementedError

    def target(self, source: Sequence[str]) -> list[str]:
        if not self.scratchpad:
            return self.answer(source)
        shown: list[str] = []
        for step in self.steps(source):
            shown += [*([STEP] if shown else []), *step.written(self.scratchpad)]
        return [*shown, THUS, *self.answer(source)]


def digits(number: int) -> list[str]:
    """The decimal digits of a number >= 0, most significant first."""
    return list(str(number))


def drawn_number(rng: np.random.Generator, places: int) -> int:
    """A number of exactly so many digits, uniform; one digit includes 0 only in numbers of one digit."""
    return int(rng.integers(10 ** (places - 1) if places > 1 else 0, 10**places))


def split(tokens: Sequence[str], at: str) -> list[list[str]]:
    """The runs of tokens between separators.

    >>> split(["1", "2", "+", "3"], "+")
    [['1', '2'], ['3']]
    """
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token == at:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
