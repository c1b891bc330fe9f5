"""The attention distance of kazemnejad2023, eq. 2, as defined there; apart from it, what its published code computes.

An attention map's row t is a distribution over the keys 1..t; entries past t are 0. All distances are in nats.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

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
    looked at. What it costs is one logarithm for each of its entries, of each head and of each pair of heads; the rest is memory
    these go through, so words are taken in blocks that stay in the cache.
    """
    T, h, g = a.shape[-1], a.shape[-3], b.shape[-3]
    batch, lower = np.broadcast_shapes(a.shape[:-3], b.shape[:-3]), _lower(T)
    ours = (torch.from_numpy(np.require(maps, a.dtype, ["C", "W"])) for maps in (a, b))
    rows = [maps.expand(*batch, *maps.shape[-3:]).reshape(-1, T * T) for maps in ours]
    split, size = len(rows[0]), len(lower)
    words, x = split // h, rows[0].new_empty(sum(map(len, rows)), size)
    for part, there in zip(rows, (x[:split], x[split:]), strict=True):
        torch.index_select(part, 1, lower, out=there)
    x.clamp_(min=float(np.finfo(a.dtype).tiny) ** 0.5)  # so that no product is denormal
    block = max(1, min(words, CACHE // (h * g * size)))
    means, logs = x.new_empty(2, block, h * g, size)
    own = np.concatenate([_x_log_x(part, logs.view(-1, size)) for part in x.split(block * h * g)])
    x.mul_(0.5)  # the mean of two equal heads is then that head, to the bit, and their distance exactly 0
    p, q, mixed = x[:split].view(words, h, 1, size), x[split:].view(words, 1, g, size), np.empty((words, h, g), a.dtype)
    for start in range(0, words, block):
        here = slice(start, start + block)
        m = torch.add(p[here], q[here], out=means[: len(p[here])].view(-1, h, g, size))
        mixed[here] = _x_log_x(m, logs.view(-1, h, g, size))
    distance = (own[:split].reshape(words, h, 1) + own[split:].reshape(words, 1, g) - 2 * mixed) / (2 * T)
    return np.maximum(distance, 0).reshape(*batch, h, g)


def _x_log_x(x: Tensor, room: Tensor) -> np.ndarray:
    """sum x ln x along the last axis, written over ``room``."""
    return np.vecdot(x.numpy(), torch.log(x, out=room[: len(x)]).numpy())


@lru_cache(64)
def _lower(T: int) -> Int[Tensor, " k"]:
    """Where the lower triangle of a T x T matrix is in its T^2 numbers."""
    return torch.from_numpy(np.flatnonzero(np.tri(T)))


CACHE = 2**18
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
