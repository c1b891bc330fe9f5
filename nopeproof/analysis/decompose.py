"""How much of a head's scores is content, how much is distance: s_ti = g(t) + c(x_t, x_i) + f(t - i), fitted and held out.

This is the form of kazemnejad2023, Thm 2, with one free content term for each pair of tokens and one free number for each
distance. Softmax does not see g(t), so each row is centred over its keys first; what is explained is the variance within
rows. Words of one length would not do: there, f(t - i) and a free term for each pair (t, i) explain almost the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nopeproof.errors import NopeproofError

Scores = Sequence[Float[np.ndarray, "word head _ _"]]
"""Scores (word, head, query, key) of words of one length, one array for each length; entries past the query are ignored."""
Tokens = Sequence[Int[np.ndarray, "word _"]]
"""Token ids of the same words."""

Region = Callable[[np.ndarray], Int[np.ndarray, " _"]]
"""The region, from 0, of each position of a word."""


@dataclass(frozen=True)
class Decomposition:
    """Per head: held-out R^2 of content alone, distance alone and both (shares of the variance within rows), and f itself."""

    content: Float[np.ndarray, " head"]
    distance: Float[np.ndarray, " head"]
    both: Float[np.ndarray, " head"]
    f_rel: Float[np.ndarray, "head distance"]
    """f(0), f(1), ... of the joint fit, up to one constant; NaN at distances that no word has."""


def decompose(fitted: tuple[Scores, Tokens], held_out: tuple[Scores, Tokens], region: Region | None = None) -> Decomposition:
    """Least squares on the first words, R^2 on the others.

    With ``region`` there is an f for each pair of regions of query and key, and ``f_rel`` lists them one after the other.

    Pairs of tokens that occur in the held-out words only count as content 0. Raises NopeproofError unless the fitted words have
    two lengths or more, and for words of fewer than three positions, whose rows say nothing.
    """
    lengths = {x.shape[1] for x in fitted[1]}
    if len(lengths) < 2 or min(lengths) < 3:
        raise NopeproofError("a score decomposition", f"words of the lengths {sorted(lengths)}", "two lengths or more, from 3 on")
    vocabulary = {int(v): n for n, v in enumerate(np.unique(np.concatenate([x.ravel() for x in fitted[1]])))}
    reach = max(x.shape[1] for x in (*fitted[1], *held_out[1]))
    pairs, place = len(vocabulary) ** 2, region or (lambda word: np.zeros(len(word), dtype=int))
    regions = 1 + max(int(place(word).max()) for words in (*fitted[1], *held_out[1]) for word in words)
    X, Y = _rows(*fitted, vocabulary, reach, place, regions)
    X_out, Y_out = _rows(*held_out, vocabulary, reach, place, regions)
    found = {}
    for name, columns in (("content", slice(0, pairs)), ("distance", slice(pairs, None)), ("both", slice(None))):
        weights = np.linalg.lstsq(X[:, columns], Y, rcond=None)[0]
        found[name] = 1 - ((Y_out - X_out[:, columns] @ weights) ** 2).sum(0) / np.maximum((Y_out**2).sum(0), np.finfo(float).tiny)
    f_rel = weights[pairs:].T.copy()
    f_rel[:, ~(X[:, pairs:] != 0).any(0)] = np.nan
    return Decomposition(found["content"], found["distance"], found["both"], f_rel)


def _rows(
    scores: Scores, tokens: Tokens, vocabulary: dict[int, int], reach: int, place: Region, regions: int
) -> tuple[np.ndarray, np.ndarray]:
    """Centred features (n, pairs + regions^2 reach) and scores (n, head), a line for each key i of a query t >= 2."""
    V, features, targets = len(vocabulary), [], []
    for s, words in zip(scores, tokens, strict=True):
        for word, maps in zip(words, s, strict=True):
            ids, at = np.array([vocabulary.get(int(v), -1) for v in word]), place(word)
            for t in range(1, len(word)):
                x = np.zeros((t + 1, V * V + regions**2 * reach))
                keys = np.arange(t + 1)
                known = (ids[: t + 1] >= 0) & (ids[t] >= 0)
                x[keys[known], ids[t] * V + ids[: t + 1][known]] = 1
                x[keys, V * V + (at[t] * regions + at[: t + 1]) * reach + t - keys] = 1
                y = maps[:, t, : t + 1].T.astype(np.float64)
                features.append(x - x.mean(0))
                targets.append(y - y.mean(0))
    return np.concatenate(features), np.concatenate(targets)
