"""What single heads look like beside the construction's head, which spreads its attention evenly over the prefix."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from nopeproof.analysis.attention_distance import Maps, attention_distance, uniform_map


def distance_to_uniform(maps: Maps) -> Float[np.ndarray, "*batch h"]:
    """D_AT of each head to the 1/t pattern of kazemnejad2023, Thm 1: nats, between 0 and ln 2.

    Row t = 1 has only one key, so it is uniform in any head and adds 0.
    """
    return attention_distance(maps, uniform_map(maps.shape[-1])[None])[..., 0]


def attention_to_bos(maps: Maps) -> Float[np.ndarray, "*batch h"]:
    """Attention that queries after the first put on key 1, where <bos> is: a share, mean over queries.

    The uniform head scores the mean of 1/t, t = 2..T, not 0.
    """
    return maps[..., 1:, 0].mean(axis=-1)


def nearest(distance: Float[np.ndarray, "layer h"]) -> dict[str, float | int]:
    """The layer and head (both from 1) at the least distance, and that distance in nats."""
    layer, head = np.unravel_index(np.argmin(distance), distance.shape)
    return {"layer": int(layer) + 1, "head": int(head) + 1, "nats": float(distance[layer, head])}
