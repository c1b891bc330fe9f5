"""Commands to actions, from the grammar of SCAN (lake2018): every command there is, by the number of its actions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nopeproof.tasks.written import Written

ACTIONS = {"walk": "Walk", "look": "Look", "run": "Run", "jump": "Jump"}
TURNS = {"left": "Left", "right": "Right"}
TIMES = {"twice": 2, "thrice": 3}


@dataclass(frozen=True)
class Scan(Written):
    """walk after turn right -> Right Walk"""

    name = "scan"
    measure = "actions"
    trained_to = 25
    alphabet = (*ACTIONS, "turn", *TURNS, "opposite", "around", *TIMES, "and", "after", *ACTIONS.values(), *TURNS.values())

    def lengths(self, longest: int) -> list[int]:
        return [n for n in sorted(commands()) if n <= longest]

    def draw(self, rng: np.random.Generator, length: int) -> list[str]:
        group = commands()[length]
        return list(group[int(rng.integers(len(group)))])

    def answer(self, source: Sequence[str]) -> list[str]:
        return _sentence(list(source))

    def prompt(self, source: Sequence[str]) -> str:
        return f"Solve: {' '.join(source)}"


def _sentence(words: list[str]) -> list[str]:
    for joint in ("and", "after"):
        if joint in words:
            at = words.index(joint)
            first, second = _phrase(words[:at]), _phrase(words[at + 1 :])
            return first + second if joint == "and" else second + first
    return _phrase(words)


def _phrase(words: list[str]) -> list[str]:
    if words[-1] in TIMES:
        return _verb(words[:-1]) * TIMES[words[-1]]
    return _verb(words)


def _verb(words: list[str]) -> list[str]:
    action = [ACTIONS[words[0]]] if words[0] in ACTIONS else []  # "turn" turns and does nothing else
    if len(words) == 1:
        return action
    turn = [TURNS[words[-1]]]
    if "around" in words:
        return (turn + action) * 4
    return turn * (2 if "opposite" in words else 1) + action


@lru_cache(maxsize=1)
def commands() -> dict[int, list[tuple[str, ...]]]:
    """Every command of the grammar, by its number of actions."""
    verbs = [(action,) for action in ACTIONS]
    verbs += [(action, *how, turn) for action in (*ACTIONS, "turn") for how in ((), ("opposite",), ("around",)) for turn in TURNS]
    phrases = [(*verb, *times) for verb in verbs for times in ((), ("twice",), ("thrice",))]
    sentences = phrases + [(*a, joint, *b) for a in phrases for joint in ("and", "after") for b in phrases]
    groups: dict[int, list[tuple[str, ...]]] = {}
    for sentence in sentences:
        groups.setdefault(len(_sentence(list(sentence))), []).append(sentence)
    return groups
