"""Tasks: one file each, with its alphabet, sampler, oracle, measure of length and text form.

A task is drawn in the compact symbol form of a small model, ``<bos> source <sep> target <eos>``, and the model is scored
on the target and <eos>. `prompt` and `reply` write the same example in the text form of kazemnejad2023. To add a task is
to add a file with one subclass of `Task` (words of one length, by whole arrays) or of `written.Written` (examples of any
shape, one by one); there is no registry.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Int

from nopeproof import catalogue
from nopeproof.errors import NopeproofError

BOS, SEP, EOS = range(3)
SPECIAL = ("<bos>", "<sep>", "<eos>")
MOST_SYMBOLS = 2**16
"""The largest alphabet: every symbol has a name and a row of weights."""


@dataclass(frozen=True)
class Examples:
    """Token ids, and which of them a model is scored on.

    A task whose examples differ in length fills the shorter ones up with <eos> and does not score the filling.
    """

    tokens: Int[np.ndarray, "count length"]
    scored: Bool[np.ndarray, "count length"]


@dataclass(frozen=True)
class Task:
    """What to compute, on words over ``symbols`` content symbols 0 .. symbols - 1."""

    symbols: int = 32
    name: ClassVar[str]
    measure: ClassVar[str] = "source symbols"
    """What length counts."""
    trained_to: ClassVar[int] = 10
    """The length that battery runs train to; they test to twice it."""
    even: ClassVar[bool] = True
    """Whether all examples of one length are equally long in tokens."""
    markers: ClassVar[tuple[str, ...]] = ()
    """Further tokens of the target or source, with ids from ``symbols`` on."""

    def __post_init__(self) -> None:
        if self.symbols < 1:
            raise NopeproofError(f"task {self.name} over {self.symbols} symbols", "an alphabet needs at least one", "raise symbols")
        if self.symbols > MOST_SYMBOLS:
            raise NopeproofError(f"task {self.name} over {self.symbols} symbols", f"{MOST_SYMBOLS} are the most", "lower symbols")

    def sample(self, rng: np.random.Generator, length: int, count: int) -> Int[np.ndarray, "count length"]:
        """Draw sources of one length; uniform, with repeats, unless the task says otherwise."""
        return rng.integers(0, self.symbols, (count, length))

    def oracle(self, source: Int[np.ndarray, "count length"]) -> Int[np.ndarray, "count out"]:
        """The right answer to each source."""
        raise NotImplementedError

    def examples(self, rng: np.random.Generator, length: int, count: int) -> Examples:
        """Draw ``count`` examples of one length, as token ids.

        Raises:
            NopeproofError: length or count below 1, or a length the task does not have.
        """
        if length < 1 or count < 1:
            raise NopeproofError(f"{count} examples of length {length}", "both must be at least 1", "ask for more")
        source = self.sample(rng, length, count)
        return encode(source, self.oracle(source))

    def lengths(self, longest: int) -> list[int]:
        """The lengths there are, up to ``longest``."""
        return list(range(1, longest + 1))

    def answer(self, source: Sequence[str]) -> list[str]:
        """The right answer to one source, both in tokens of the vocabulary."""
        known = {token: number for number, token in enumerate(self.vocabulary[len(SPECIAL) :])}
        try:
            ids = np.array([[known[token] for token in source]], dtype=np.int64)
        except KeyError as bad:
            raise NopeproofError(f"the answer of {self.name}", f"{bad} is no token of it", f"tokens: {' '.join(known)}") from None
        return [self.vocabulary[number + len(SPECIAL)] for number in self.oracle(ids)[0]]

    def prompt(self, source: Sequence[str]) -> str:
        """A source in the text form."""
        return " ".join(source)

    def reply(self, answer: Sequence[str]) -> str:
        """An answer in the text form."""
        return " ".join(answer)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Every token by id: the three special ones, the content symbols, the markers."""
        return SPECIAL + tuple(self.spell(symbol) for symbol in range(self.symbols)) + self.markers

    def spell(self, symbol: int) -> str:
        """How one content symbol is written."""
        return f"w{symbol}"


def encode(source: Int[np.ndarray, "count n"], target: Int[np.ndarray, "count m"]) -> Examples:
    """``<bos> source <sep> target <eos>`` as token ids; the target and <eos> are scored."""
    count, n = source.shape
    column = np.ones((count, 1), dtype=np.int64)
    shift = len(SPECIAL)
    tokens = np.concatenate([BOS * column, source + shift, SEP * column, target + shift, EOS * column], axis=1)
    scored = np.broadcast_to(np.arange(tokens.shape[1]) > n + 1, tokens.shape)
    return Examples(tokens, scored)


def tasks() -> dict[str, type[Task]]:
    """Every task by name: each file beside this one is read, and each subclass of `Task` found."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return catalogue.by_name(Task)


def task(spec: str) -> Task:
    """The task a spec names, such as ``copy`` or ``copy:symbols=8``.

    Raises:
        NopeproofError: there is none of that name, or it has no such field.
    """
    tasks()
    return catalogue.build(Task, spec, "task")
