"""The effective rank of a fitted relative bias."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

SHARE = 0.99
"""Of the square of the matrix that its leading singular values must hold."""


def effective_rank(f: Float[np.ndarray, " distance"], share: float = SHARE) -> int:
    """How many singular values hold that share of the causal part of f(t - i), after each row's mean g(t) is taken out.

    Keys a causal mask hides count as the row's mean: they may hold anything. 0 for a constant f. Softmax does not see g.

    >>> effective_rank(np.zeros(8)), effective_rank(np.array([0.0, 0.0, 0.0, 5.0]))
    (0, 1)
    """
    T = len(f)
    distance = np.arange(T)[:, None] - np.arange(T)[None, :]
    seen = distance >= 0
    matrix = np.where(seen, f[np.maximum(distance, 0)], 0.0)
    matrix = np.where(seen, matrix - matrix.sum(1, keepdims=True) / seen.sum(1, keepdims=True), 0.0)
    energy = np.linalg.svd(matrix, compute_uv=False) ** 2
    if energy.sum() < 1e-20:
        return 0
    return int(np.searchsorted(np.cumsum(energy) / energy.sum(), share) + 1)
