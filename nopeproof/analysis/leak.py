"""How far position could be told from a head that is nearly uniform, and how far it can be told from the stream.

A head with equal logits gives <bos> the weight 1/t. Content that leaks into them spreads a row's logits; where every one is within
delta of a common value, the weight of <bos> is within a factor e^(2 delta) of 1/t, and rounding its inverse gives t as long as
T < 1 + 1/(2(e^(2 delta) - 1)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from nopeproof.analysis.attention_distance import Maps
from nopeproof.analysis.probes import fit

RIGHT = 0.95
"""Share of the words in which a position must be told for the horizon to reach it."""


def spread(maps: Maps) -> Float[np.ndarray, "*batch q"]:
    """Half the range of the logits of each query t = 2 .. T, from its weights: the delta of one row. Infinite where a weight is 0."""
    seen = np.tri(maps.shape[-1], dtype=bool)
    with np.errstate(divide="ignore"):
        logs = np.log(np.asarray(maps, dtype=np.float64))
    most, least = np.where(seen, logs, -np.inf).max(axis=-1), np.where(seen, logs, np.inf).min(axis=-1)
    return ((most - least) / 2)[..., 1:]


def decodable(delta: float) -> float:
    """The T up to which logits within ``delta`` of each other leave t decodable by rounding; infinite for 0.

    >>> round(decodable(0.001), 2)
    250.75
    """
    return math.inf if delta == 0 else 1 + 1 / (2 * math.expm1(2 * delta)) if delta < 300 else 1.0


def horizon(fitted: Sequence[np.ndarray], held_out: Sequence[np.ndarray]) -> tuple[int, int]:
    """(the furthest T up to which t = 2 .. T is told, the longest word there is), in positions.

    A linear probe for 1/t, fitted on streams (word, position, dimension) of mixed lengths, is rounded to the t whose inverse it is; a
    position is told if that is right in `RIGHT` of the held-out words that reach it.
    """
    rows = np.concatenate([s[:, 1:].reshape(-1, s.shape[-1]) for s in fitted]).astype(np.float64)
    position = np.concatenate([np.tile(np.arange(2.0, s.shape[1] + 1), s.shape[0]) for s in fitted])
    weights = fit(rows, 1 / position)
    longest = max(s.shape[1] for s in held_out)
    right: dict[int, list[np.ndarray]] = {t: [] for t in range(2, longest + 1)}
    for s in held_out:
        found = np.asarray(s, dtype=np.float64) @ weights[:-1] + weights[-1]
        for t in range(2, s.shape[1] + 1):
            right[t].append((found[:, t - 1] > 0) & (np.abs(1 / np.where(found[:, t - 1] > 0, found[:, t - 1], 1) - t) < 0.5))
    told = 1
    while told < longest and np.concatenate(right[told + 1]).mean() >= RIGHT:
        told += 1
    return told, longest
