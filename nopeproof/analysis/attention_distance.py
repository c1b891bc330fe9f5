"""The attention distance of kazemnejad2023, eq. 2, as defined there; apart from it, what its published code computes.

An attention map's row t is a distribution over the keys 1..t; entries past t are 0. All distances are in nats.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int

Maps = Float[np.ndarray, "*batch h t t"]
OtherMaps = Float[np.ndarray, "*#batch g t t"]
Numbers = Float[np.ndarray, "..."]
"""One number for each entry of the batch; without a batch an array of no axes."""


def entropy(p: Float[np.ndarray, "*batch k"]) -> Numbers:
    """- sum p ln p in nats, with 0 ln 0 = 0."""
    return np.asarray(-(p * np.log(np.maximum(p, np.finfo(p.dtype).tiny))).sum(axis=-1))


def jensen_shannon(p: Float[np.ndarray, "*#batch k"], q: Float[np.ndarray, "*#batch k"]) -> Numbers:
    """Jensen-Shannon divergence H((p+q)/2) - (H(p)+H(q))/2, in nats, between 0 and ln 2.

    Rounding can leave it a few 1e-16 below 0; it is then given as 0.

    >>> round(float(jensen_shannon(np.array([.999, .001]), np.array([.001, .999]))), 3)
    0.685
    """
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    return np.asarray(np.maximum(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2, 0.0))


def legacy_kl_mixture(p: Float[np.ndarray, "*#batch k"], q: Float[np.ndarray, "*#batch k"]) -> Numbers:
    """(KL(m|p) + KL(m|q)) / 2 with m = (p+q)/2, in nats: what the code published with kazemnejad2023 computes.

    Jensen-Shannon has the arguments the other way round, KL(p|m) and KL(q|m). This one is unbounded, and infinite
    where one of the two is 0 and the other is not.

    >>> round(float(legacy_kl_mixture(np.array([.999, .001]), np.array([.001, .999]))), 3)
    2.761
    """
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    m = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(m > 0, m * (np.log(m) - (np.log(p) + np.log(q)) / 2), 0.0)
    return np.asarray(parts.sum(axis=-1))


def attention_distance(a: Maps, b: OtherMaps) -> Float[np.ndarray, "*batch h g"]:
    """D_AT(P, Q) = (1/T) sum_t JSD(P_t | Q_t) for all heads P of ``a``, Q of ``b``, in nats (kazemnejad2023, eq. 2).

    Computed in the precision of the maps. The sum over t of entropies is one sum over the lower triangle, which is all that is
    looked at. What it costs is one logarithm for each of its entries and pair of heads, and above all the memory these go through:
    so words are taken in blocks that stay in the cache.
    """
    T, (h, g), lower = a.shape[-1], (a.shape[-3], b.shape[-3]), _lower(a.shape[-1])
    batch, least = np.broadcast_shapes(a.shape[:-3], b.shape[:-3]), float(np.finfo(a.dtype).tiny) ** 0.5  # so that no product is denormal
    rows = [np.broadcast_to(maps, (*batch, *maps.shape[-3:])).reshape(-1, T * T) for maps in (a, b)]
    both, split = np.empty((sum(map(len, rows)), len(lower)), a.dtype), len(rows[0])
    for part, there in zip(rows, (both[:split], both[split:]), strict=True):
        part.take(lower, axis=-1, mode="clip", out=there)
    x = torch.from_numpy(both).clamp_(min=least)
    own = x.log().mul_(x).sum(-1)
    p, q = x[:split].unflatten(0, (-1, h)), x[split:].unflatten(0, (-1, g))
    mixed = x.new_empty(len(p), h, g)
    block = max(1, CACHE // (h * g * len(lower)))
    room, logs = x.new_empty(2, min(block, len(p)), h, g, len(lower))
    for start in range(0, len(p), block):
        here = slice(start, start + block)
        s = torch.add(p[here, :, None], q[here, None, :], out=room[: len(p[here])])
        torch.sum(torch.log(s, out=logs[: len(s)]).mul_(s), dim=-1, out=mixed[here])
    # with s = p + q = 2 m, a row of which sums to 2: -2 sum m ln m = 2 ln 2 - sum s ln s
    distance = mixed.neg_().add_(own[:split].view(-1, h, 1)).add_(own[split:].view(-1, 1, g)).mul_(1 / (2 * T)).add_(math.log(2))
    return distance.clamp_(min=0).view(*batch, h, g).numpy()


@lru_cache(64)
def _lower(T: int) -> Int[np.ndarray, " k"]:
    """Where the lower triangle of a T x T matrix is in its T^2 numbers."""
    return np.flatnonzero(np.tri(T))


CACHE = 2**17
"""Numbers in a block of `attention_distance`."""


def layer_distance(a: Maps, b: OtherMaps) -> Numbers:
    """D^(l)(A, B): the least D_AT over all pairs of heads of one layer, in nats (kazemnejad2023, eq. 2)."""
    return np.asarray(attention_distance(a, b).min(axis=(-1, -2)))


def matched_distance(pairs: Float[np.ndarray, "h g"]) -> float:
    """Mean D_AT, in nats, over the one-to-one matching of heads that makes it least; ``pairs`` holds D_AT of every two heads.

    The least pair of `layer_distance` may be one lucky pair; here every head must find a partner of its own. Where one layer
    has more heads than the other, all heads of the smaller are matched.
    """
    import networkx

    graph = networkx.Graph()
    graph.add_weighted_edges_from((("a", i), ("b", j), -float(d)) for (i, j), d in np.ndenumerate(pairs))
    matching = networkx.max_weight_matching(graph, maxcardinality=True)
    return float(np.mean([-graph.edges[edge]["weight"] for edge in matching]))


def legacy_layer_distance(a: Maps, b: OtherMaps) -> Numbers:
    """What the published code minimises: `legacy_kl_mixture`, over the pairs (i, j) with i < j only, in nats.

    With 12 heads these are 66 of the 144 pairs; two heads of the same index are never compared. Head i is of ``b``
    (the encoding compared), head j of ``a`` (NoPE). It needs two heads at least.
    """
    pairs = legacy_kl_mixture(b[..., :, None, :, :], a[..., None, :, :, :]).mean(axis=-1)
    upper = np.triu_indices(pairs.shape[-2], k=1, m=pairs.shape[-1])
    return np.asarray(pairs[..., *upper].min(axis=-1))


def slope_map(length: int, slope: float = 1.0) -> Float[np.ndarray, "t t"]:
    """Row t is softmax over i <= t of slope * i: a bias of the key alone, whose weights are those of -slope (t - i).

    This is the head of kazemnejad2023, Thm 2, in its least form, and a null model: it knows nothing but where keys stand.
    """
    position = np.arange(length)
    weights = np.tril(np.exp(-slope * np.maximum(position[:, None] - position[None, :], 0)))
    return weights / weights.sum(axis=-1, keepdims=True)


def uniform_map(length: int) -> Float[np.ndarray, "t t"]:
    """Row t is 1/t on the keys 1..t: the head of kazemnejad2023, Thm 1."""
    return np.tril(np.ones((length, length))) / np.arange(1, length + 1)[:, None]
