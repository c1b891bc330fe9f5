"""Random members of a class of models, run in float64: what is proved of all of them is also tried on some.

A forward pass of its own in plain numpy, so that a prover's conclusion and this one share no code but the formulas of
`nopeproof.positions`. Every encoding there is can be drawn, with its trained parameters at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nopeproof.models import ModelClass
from nopeproof.positions import Geometry, PositionalEncoding, encoding

WIDTH, HEADS, LONGEST = 12, 2, 512
SIZES = {"window", "sinks"}
"""The sizes of a class that its drawn members have; a class that fixes others may have no such member."""
Array = np.ndarray


def states(models: ModelClass, word: Sequence[str], seed: int, depth: int | None = None) -> list[Array]:
    """[T, d_model] after each layer, the embedding first, of the member drawn from `seed`. Weights do not depend on the word."""
    rng = np.random.default_rng(seed)
    depth = next(n for n in (depth, models.depth, 3) if n is not None)
    norm = models.norms[seed % len(models.norms)]
    where = encoding(models.positions[seed % len(models.positions)])
    geometry = Geometry(HEADS, WIDTH // HEADS, LONGEST)
    parameters = {n: rng.normal(p.mean, max(p.std, 0.3), p.shape) for n, p in where.parameters(geometry).items()}
    layers = [[rng.normal(0, WIDTH**-0.5, (WIDTH, WIDTH)) for _ in range(6)] for _ in range(depth)]
    h = np.array([_embedding(token, seed) for token in word])
    if where.kind == "stream":
        h = h + where.stream(where.constants(geometry, len(word)), parameters)  # type: ignore[attr-defined]
    out = [h]
    for Q, K, V, O, W_1, W_2 in layers:
        x = _norm(norm, h)
        heads = [_head(models, where, geometry, parameters, n, *(_part(x @ M, n) for M in (2 * Q, K, V))) for n in range(HEADS)]
        h = h + np.concatenate(heads, -1) @ O
        h = h + np.tanh(_norm(norm, h) @ W_1 + 0.3) @ W_2
        out.append(h)
    return out


def spread(models: ModelClass, places: Sequence[tuple[Sequence[str], int]], seeds: Sequence[int], depth: int | None = None) -> float:
    """The largest difference, in any coordinate and drawn member, among the last layer's states at (word, t), t from 1."""
    worst = 0.0
    for seed in seeds:
        runs = {tuple(word): states(models, word, seed, depth)[-1] for word, _ in places}
        rows = np.array([runs[tuple(word)][t - 1] for word, t in places])
        worst = max(worst, float(np.ptp(rows, axis=0).max()))
    return worst


def visible(models: ModelClass, T: int) -> Array:
    """[T, T] of bool: whether key i is visible from t. With sizes["sinks"], so many first keys stay visible in a window."""
    t, i = np.arange(T)[:, None], np.arange(T)[None, :]
    if models.mask == "none":
        return np.ones((T, T), bool)
    seen = i <= t - (models.mask == "strict")
    return seen & ((t - i < models.sizes["window"]) | (i < models.sizes.get("sinks", 0))) if models.mask == "window" else seen


def _embedding(token: str, seed: int) -> Array:
    return np.random.default_rng([seed, *token.encode()]).normal(size=WIDTH)


def _norm(kind: str, x: Array) -> Array:
    if kind == "none":
        return x
    x = x - x.mean(-1, keepdims=True) if kind == "layernorm" else x
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)


def _part(x: Array, n: int) -> Array:
    size = WIDTH // HEADS
    return x[:, n * size : (n + 1) * size]


def _head(
    models: ModelClass, where: PositionalEncoding, geometry: Geometry, parameters: Any, n: int, q: Array, k: Array, v: Array
) -> Array:
    T = len(q)
    constants = where.constants(geometry, T)
    if where.kind == "rotate":
        q, k = (where.rotate(x, constants) for x in (q, k))  # type: ignore[attr-defined]
    s = q @ k.T
    if where.kind == "scores":
        s = s + where.scores(constants, parameters)[n]  # type: ignore[attr-defined]
    bound = 30 if models.attention == "softmax" else 2  # sums that nothing divides would drown what is compared in rounding
    e = np.where(visible(models, T), np.exp(np.clip(s, -bound, bound)), 0)
    total = e.sum(1, keepdims=True)
    if models.attention == "softmax":
        return e @ v / np.where(total == 0, 1, total)
    return e @ v / (1 + total) if models.attention == "softmax+1" else e @ v
