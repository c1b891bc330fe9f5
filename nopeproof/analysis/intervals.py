"""Bootstrap intervals of means: over test examples within a model, and over seeds and examples together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

RESAMPLES = 2000
LEVEL = 0.95


def bootstrap(values: Sequence[float] | Float[np.ndarray, " n"], *, level: float = LEVEL, seed: int = 0) -> tuple[float, float]:
    """Percentile interval of the mean of ``values``, each drawn with replacement; the same each time for one seed.

    Of one value it is that value: the bootstrap cannot see a spread that is not there.
    """
    drawn = np.random.default_rng(seed).choice(np.asarray(values, dtype=float), (RESAMPLES, len(values)))
    return _percentiles(drawn.mean(axis=1), level)


def clustered(groups: Sequence[Sequence[float]], *, level: float = LEVEL, seed: int = 0) -> tuple[float, float]:
    """Percentile interval of the mean of all values where those of one group hang together: whole groups are drawn with replacement."""
    drawn = np.random.default_rng(seed).integers(0, len(groups), (RESAMPLES, len(groups)))
    sums, sizes = np.array([sum(g) for g in groups], dtype=float), np.array([len(g) for g in groups])
    return _percentiles(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), level)


def share_interval(shares: Float[np.ndarray, "seed length"], count: int, *, level: float = LEVEL, seed: int = 0) -> tuple[float, float]:
    """Interval of the mean of shares, each over ``count`` examples: seeds are drawn with replacement, then examples anew.

    Drawing ``count`` examples with replacement from those of which a share p is right gives a binomial number of right ones.
    """
    rng, table = np.random.default_rng(seed), np.asarray(shares, dtype=float)
    seeds = rng.integers(0, len(table), (RESAMPLES, len(table)))
    right = rng.binomial(count, table[seeds]) / count
    return _percentiles(right.mean(axis=(1, 2)), level)


def share_difference(
    one: Float[np.ndarray, "seed length"], other: Float[np.ndarray, "seed length"], count: int, *, level: float = LEVEL, seed: int = 0
) -> tuple[float, float]:
    """Interval of the difference of two such means, one row of each a seed: the same seeds are drawn for both, the examples apart.

    Which of the shared examples each model got right is not known here; drawing them apart can only widen the interval where the
    models tend to fail on the same ones.
    """
    rng, a, b = np.random.default_rng(seed), np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    seeds = rng.integers(0, len(a), (RESAMPLES, len(a)))
    first, second = (rng.binomial(count, table[seeds]).mean(axis=(1, 2)) / count for table in (a, b))
    return _percentiles(first - second, level)


def score_intervals(scores: Sequence[dict[str, Any]], count: int) -> dict[str, list]:
    """Mean and interval of exact match by length, over the seeds of one cell: lists along ``length``."""
    table = np.array([score["exact_match"] for score in scores])
    bounds = [share_interval(column[:, None], count) for column in table.T]
    return {
        "length": list(scores[0]["length"]),
        "mean": table.mean(axis=0).tolist(),
        "low": [low for low, _ in bounds],
        "high": [high for _, high in bounds],
    }


def _percentiles(means: Float[np.ndarray, " n"], level: float) -> tuple[float, float]:
    low, high = np.percentile(means, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
