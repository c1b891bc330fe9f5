"""Linear probes: can a least-squares readout of the stream tell the position t, or 1/t?

A probe says something only beside the same probe on the untrained model, whose attention already averages over the
prefix and so leaks position; and only on words it was not fitted on, of mixed lengths. Position 1 is left out:
<bos> stands there and nowhere else, so its embedding alone would explain most of the variance of 1/t.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

TARGETS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"t": lambda t: t, "1/t": lambda t: 1 / t}
"""What is read out of position t = 2..T; t counts positions, 1/t has no unit."""

Streams = Sequence[Float[np.ndarray, "word _ d"]]
"""Residual streams of words (word, position, dimension), one array for each length."""


def fit(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " d_plus_1"]:
    """Least-squares weights of y on x, an intercept last."""
    return np.linalg.lstsq(_with_one(x), y, rcond=None)[0]


def r_squared(weights: Float[np.ndarray, " d_plus_1"], x: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"]) -> float:
    """1 - squared error / variance of y. 1 is perfect, 0 no better than the mean of y, negative worse than it."""
    return 1 - float(np.sum((y - _with_one(x) @ weights) ** 2) / np.sum((y - y.mean()) ** 2))


def position_probe(train: Streams, test: Streams, target: str) -> float:
    """Held-out R^2 of the linear probe for ``target`` (a key of `TARGETS`), fitted on ``train``, scored on ``test``."""
    wanted = TARGETS[target]
    weights = fit(_rows(train), wanted(_positions(train)))
    return r_squared(weights, _rows(test), wanted(_positions(test)))


def _rows(streams: Streams) -> Float[np.ndarray, "n d"]:
    return np.concatenate([s[:, 1:].reshape(-1, s.shape[-1]) for s in streams]).astype(np.float64)


def _positions(streams: Streams) -> Float[np.ndarray, " n"]:
    return np.concatenate([np.tile(np.arange(2.0, s.shape[1] + 1), s.shape[0]) for s in streams])


def _with_one(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d_plus_1"]:
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)
