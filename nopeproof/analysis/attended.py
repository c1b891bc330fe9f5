"""How far back heads look: the distance from a query to the key it attends to most (kazemnejad2023, Fig. 7)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from nopeproof.analysis.attention_distance import Maps

WIDTH = 0.05
"""Width of a bin, a share of the prefix."""


def attended_distance(maps: Maps, first_query: int = 1) -> Float[np.ndarray, "*batch h q"]:
    """(t - i*) / t for queries t = first_query .. T and i* the key of the largest weight, the first of several: 0 is oneself.

    The published code divides by t as here; the formula printed beside its figure adds 1 to the numerator.
    """
    T = maps.shape[-1]
    query = np.arange(first_query, T + 1)
    key = maps[..., first_query - 1 :, :].argmax(axis=-1) + 1
    return (query - key) / query


def distance_histogram(distances: Float[np.ndarray, "*shape"], width: float = WIDTH) -> tuple[list[float], list[float]]:
    """Left ends of the bins from 0 to 1, and the share of the queries in each; the shares sum to 1."""
    bins = round(1 / width)
    counts, edges = np.histogram(distances, bins=bins, range=(0.0, 1.0))
    return edges[:-1].tolist(), (counts / counts.sum()).tolist()
