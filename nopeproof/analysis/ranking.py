"""Mean reciprocal rank, with its tie rule stated, over rankings of the encodings that learned the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from nopeproof.analysis.intervals import bootstrap

Ties = Literal["mean", "best", "order"]
"""What equal scores get: the mean of the ranks they take up; the best of them; or, as the code published with kazemnejad2023
does, the ranks in the order in which they are listed."""


def ranks(scores: Mapping[str, float], ties: Ties = "mean") -> dict[str, float]:
    """Ranks from 1, the highest score first.

    >>> ranks({"a": 0.5, "b": 0.9, "c": 0.5})
    {'a': 2.5, 'b': 1.0, 'c': 2.5}
    """
    order = sorted(scores, key=lambda name: -scores[name])  # stable: equal scores stay as listed
    places: dict[float, list[int]] = {}
    for place, name in enumerate(order, 1):
        places.setdefault(scores[name], []).append(place)
    if ties == "order":
        return {name: float(order.index(name) + 1) for name in scores}
    pick = np.mean if ties == "mean" else np.min
    return {name: float(pick(places[scores[name]])) for name in scores}


def mean_reciprocal_rank(rankings: Sequence[Mapping[str, float]], ties: Ties = "mean") -> list[dict[str, Any]]:
    """Mean of 1/rank of each encoding over rankings, the best first.

    Args:
        rankings: one {encoding: score} for each task and seed. An encoding that is missing in one, because it did not learn the
            task there, is not ranked in it: the others move up, and its own mean is over the rankings it is in.

    Returns:
        {name, mean, low, high, rankings}: the interval is a bootstrap over rankings.
    """
    found: dict[str, list[float]] = {}
    for scores in rankings:
        for name, rank in ranks(scores, ties).items():
            found.setdefault(name, []).append(1 / rank)
    rows = []
    for name, values in found.items():
        low, high = bootstrap(values)
        rows.append({"name": name, "mean": float(np.mean(values)), "low": low, "high": high, "rankings": len(values)})
    return sorted(rows, key=lambda row: -row["mean"])
