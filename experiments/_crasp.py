"""Which tasks are in C-RASP, the class that transformers without positional encoding are expected to carry to every length.

huang2025 proves for an idealised learner that what C-RASP expresses generalises in length, and conjectures that what it does not
express fails to; without an encoding its periodic and local predicates are not to be had. Membership is written down here before
runs; where it is neither shown there nor argued here in a line, a task is left open and nothing is predicted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Member:
    """Whether a task is in C-RASP, and why."""

    task: str
    where: Literal["in", "out"]
    because: str


MEMBERS = (
    Member("majority", "in", "two counts are compared (huang2025)"),
    Member("sort", "in", "the next symbol is the least with fewer written than it and smaller ones stand in the source: counts compared"),
    Member("count", "in", "stop when as many marks are written as there are ones: two counts compared"),
    Member("copy-one-symbol", "in", "stop when as many symbols are written as were read: two counts compared"),
    Member("copy-one-symbol-twice", "in", "the same with one count doubled"),
    Member("first-token", "in", "position 1 is where the count of the source so far is 1"),
    Member("replace", "in", "the first two symbols are those at which the count so far is 1 and 2; then two counts are compared"),
    Member(
        "copy-distinct", "in", "what stands before a symbol's only place is a count; the next symbol has one more (huang2025, unique copy)"
    ),
    Member("copy", "out", "with repeats (huang2025)"),
    Member("copy-twice", "out", "it begins with a copy with repeats (huang2025)"),
    Member("reverse", "out", "with repeats, as copy: which symbol stands at a distance from the end is no comparison of counts"),
    Member("reverse-twice", "out", "it begins with a reversal with repeats"),
    Member("reverse-then-copy", "out", "the same"),
    Member("parity", "out", "it needs a count modulo 2 (huang2025)"),
    Member("running-parity", "out", "the same at every prefix"),
    Member("summation", "out", "a sum modulo 10 needs counts modulo numbers"),
    Member("polynomial", "out", "the same"),
    Member("lego", "out", "a variable's sign is the parity of the minus signs up to it"),
    Member(
        "position-mod", "out", "position modulo k is what the periodic predicates add, and without an encoding there are none (huang2025)"
    ),
)
OPEN = ("addition", "sort-numbers", "scan", "pcfg")
"""Of the battery, nothing is said here of these."""
