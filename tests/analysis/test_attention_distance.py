"""The attention distance is exactly its definition; the published code's variant is exactly that code's."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nopeproof.analysis.attention_distance import (
    attention_distance,
    jensen_shannon,
    layer_distance,
    legacy_kl_mixture,
    legacy_layer_distance,
    matched_distance,
    slope_map,
    uniform_map,
)
from nopeproof.analysis.heads import attention_to_bos, distance_to_uniform, nearest

weights = st.lists(st.integers(0, 1000), min_size=2, max_size=8).filter(any)


def distribution(raw: list[int]) -> np.ndarray:
    return np.array(raw) / sum(raw)


def maps(rng: np.random.Generator, *shape: int) -> np.ndarray:
    raw = np.exp(3 * rng.normal(size=shape)) * np.tri(shape[-1])
    return raw / raw.sum(-1, keepdims=True)


def kl(p: np.ndarray, q: np.ndarray) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


@given(data=st.data(), raw=weights)
def test_divergence_is_bounded_symmetric_and_zero_only_on_equals(data, raw):
    p = distribution(raw)
    q = distribution(data.draw(st.lists(st.integers(0, 1000), min_size=len(p), max_size=len(p)).filter(any)))
    value = float(jensen_shannon(p, q))
    assert 0 <= value <= math.log(2) + 1e-12
    assert value == jensen_shannon(q, p)
    assert jensen_shannon(p, p) == 0
    assert value > 0 or np.allclose(p, q, atol=1e-6)
    assert value == pytest.approx((kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2, abs=1e-12)


def test_hand_values():
    p, q = np.array([0.999, 0.001]), np.array([0.001, 0.999])
    assert float(jensen_shannon(p, q)) == pytest.approx(0.685, abs=5e-4)
    assert float(legacy_kl_mixture(p, q)) == pytest.approx(2.761, abs=5e-4)
    assert float(jensen_shannon(np.array([1.0, 0]), np.array([0, 1.0]))) == pytest.approx(math.log(2))
    assert float(legacy_kl_mixture(np.array([1.0, 0]), np.array([0, 1.0]))) == math.inf
    assert float(legacy_kl_mixture(np.array([0.5, 0.5, 0]), np.array([0.5, 0.5, 0]))) == 0


def test_distance_is_the_double_loop_of_the_definition():
    rng = np.random.default_rng(0)
    a, b = maps(rng, 3, 7, 7), maps(rng, 2, 7, 7)
    loop = [[np.mean([(kl(p[t], (p[t] + q[t]) / 2) + kl(q[t], (p[t] + q[t]) / 2)) / 2 for t in range(7)]) for q in b] for p in a]
    np.testing.assert_allclose(attention_distance(a, b), loop, rtol=1e-12)
    assert layer_distance(a, b) == pytest.approx(np.min(loop))


@given(seed=st.integers(0, 2**32), T=st.integers(1, 30), sharp=st.floats(0, 40))
def test_all_pairs_at_once_are_the_definition_pair_by_pair(seed: int, T: int, sharp: float):
    """In single precision to 1e-6, whatever underflows; and in the shapes that broadcast."""
    rng = np.random.default_rng(seed)
    a, b = ((np.exp(sharp * rng.normal(size=shape)) * np.tri(T)) for shape in ((2, 3, T, T), (2, T, T)))
    a, b = (x / x.sum(-1, keepdims=True) for x in (a, b))
    naive = jensen_shannon(a[:, :, None], b[None, None]).mean(-1)
    np.testing.assert_allclose(attention_distance(a, b), naive, rtol=0, atol=1e-12)
    single = attention_distance(a.astype(np.float32), b.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, naive, rtol=0, atol=1e-6)
    assert not np.diagonal(attention_distance(a, a), axis1=-2, axis2=-1).any()


def test_maps_that_are_read_only_or_laid_out_otherwise_give_the_same_distances():
    a, b = (maps(np.random.default_rng(seed), 2, 3, 6, 6) for seed in (0, 1))
    expected, there = attention_distance(a, b), a.copy()
    there.flags.writeable = False
    for other in (there, a[:, ::-1][:, ::-1], np.asfortranarray(a), np.broadcast_to(a[None], (1, *a.shape))):
        assert np.array_equal(attention_distance(other, b).reshape(expected.shape), expected)
    assert attention_distance(a[:0], b[:0]).shape == (0, 3, 3)


def test_legacy_compares_only_pairs_with_the_encodings_index_first():
    """Only pairs i < j: head 0 of the other model against head 1 of NoPE, when there are two heads."""
    rng = np.random.default_rng(1)
    nope, other = maps(rng, 2, 5, 5), maps(rng, 2, 5, 5)
    only = np.mean([(kl(m, p) + kl(m, q)) / 2 for p, q in zip(other[0], nope[1], strict=True) for m in [(p + q) / 2]])
    assert legacy_layer_distance(nope, other) == pytest.approx(only)
    assert layer_distance(nope, nope) == 0 < legacy_layer_distance(nope, nope)


def test_batches_are_words():
    rng = np.random.default_rng(2)
    a, b = maps(rng, 4, 3, 6, 6), maps(rng, 4, 3, 6, 6)
    np.testing.assert_array_equal(layer_distance(a, b), [layer_distance(x, y) for x, y in zip(a, b, strict=True)])


def test_the_constructions_head_is_at_distance_zero_and_named():
    rng = np.random.default_rng(3)
    heads = np.stack([maps(rng, 6, 6), uniform_map(6), maps(rng, 6, 6)])
    distance = distance_to_uniform(heads)
    assert distance[1] == 0 < min(distance[0], distance[2])
    assert nearest(np.stack([distance[[0, 2, 2]], distance])) == {"layer": 2, "head": 2, "nats": 0.0}
    assert attention_to_bos(heads)[1] == pytest.approx(np.mean([1 / t for t in range(2, 7)]))


@given(seed=st.integers(0, 2**32), h=st.integers(1, 4), g=st.integers(1, 4))
def test_the_matching_is_the_best_of_all_permutations(seed: int, h: int, g: int):
    pairs = np.random.default_rng(seed).random((h, g))
    wide = pairs if h <= g else pairs.T
    best = min(sum(wide[i, j] for i, j in enumerate(p)) for p in itertools.permutations(range(wide.shape[1]), len(wide)))
    assert matched_distance(pairs) == pytest.approx(best / len(wide))


def test_a_key_only_slope_has_the_weights_of_the_relative_one():
    found = slope_map(5, 0.7)
    for t in range(1, 6):
        keys = np.exp(0.7 * np.arange(1, t + 1))
        np.testing.assert_allclose(found[t - 1, :t], keys / keys.sum())
        assert not found[t - 1, t:].any()
    np.testing.assert_allclose(slope_map(6, 0.0), uniform_map(6))


def test_blocks_that_fit_the_cache_or_do_not_give_the_same_distances(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = (np.tril(rng.random((5, heads, 7, 7)) + 1e-3) for heads in (3, 2))
    a, b = a / a.sum(-1, keepdims=True), b / b.sum(-1, keepdims=True)
    whole = attention_distance(a, b)
    expected = [[[jensen_shannon(p, q).mean() for q in mine] for p in other] for other, mine in zip(a, b, strict=True)]
    assert np.allclose(whole, expected, atol=1e-12)
    for size in (1, 2 * 3 * 2 * 28, 3 * 3 * 2 * 28):
        monkeypatch.setattr("nopeproof.analysis.attention_distance.CACHE", size)
        assert np.array_equal(attention_distance(a, b), whole)
