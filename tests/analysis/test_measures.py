"""Intervals cover, ranks follow their tie rule, and the attended distance is the one by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nopeproof.analysis.attended import attended_distance, distance_histogram
from nopeproof.analysis.intervals import bootstrap, score_intervals, share_interval
from nopeproof.analysis.ranking import mean_reciprocal_rank, ranks
from nopeproof.analysis.ranks import effective_rank


def test_a_bootstrap_interval_covers_the_mean_about_as_often_as_it_says():
    rng, hits = np.random.default_rng(0), 0
    for trial in range(200):
        low, high = bootstrap(rng.normal(3.0, 1.0, 40), seed=trial)
        hits += low <= 3.0 <= high
    assert 180 <= hits <= 199


@given(value=st.floats(0, 1), seed=st.integers(0, 100))
def test_one_value_is_its_own_interval(value: float, seed: int):
    assert bootstrap([value], seed=seed) == pytest.approx((value, value))


def test_shares_spread_by_examples_and_by_seeds():
    few, many = (share_interval(np.array([[0.5]]), n) for n in (20, 2000))
    assert few[0] < many[0] < 0.5 < many[1] < few[1]
    assert share_interval(np.array([[1.0], [1.0]]), 20) == (1.0, 1.0)
    low, high = share_interval(np.array([[0.2], [0.8]]), 10_000)
    assert low < 0.25 and high > 0.75
    by_length = score_intervals([{"length": [1, 2], "exact_match": [1.0, 0.5]}, {"length": [1, 2], "exact_match": [1.0, 0.7]}], 50)
    assert by_length["mean"] == [1.0, pytest.approx(0.6)] and by_length["low"][1] < 0.6 < by_length["high"][1]


def test_tie_rules():
    scores = {"a": 0.1, "b": 0.7, "c": 0.1, "d": 0.0}
    assert ranks(scores) == {"a": 2.5, "b": 1, "c": 2.5, "d": 4}
    assert ranks(scores, "best") == {"a": 2, "b": 1, "c": 2, "d": 4}
    assert ranks(scores, "order") == {"a": 2, "b": 1, "c": 3, "d": 4}


def test_mean_reciprocal_rank_of_some_rankings():
    rows = mean_reciprocal_rank([{"a": 1.0, "b": 0.5, "c": 0.2}, {"a": 0.1, "b": 0.5}])
    assert [(row["name"], row["mean"], row["rankings"]) for row in rows] == [("a", 0.75, 2), ("b", 0.75, 2), ("c", pytest.approx(1 / 3), 1)]
    assert rows[0]["low"] == 0.5 and rows[0]["high"] == 1.0


def test_attended_distance_by_hand():
    maps = np.array([[[1, 0, 0, 0], [0.9, 0.1, 0, 0], [0.1, 0.2, 0.7, 0], [0.1, 0.6, 0.2, 0.1]]])
    assert attended_distance(maps).tolist() == [[0, 0.5, 0, 0.5]]
    assert attended_distance(maps, 4).tolist() == [[0.5]]
    left, share = distance_histogram(attended_distance(maps))
    assert len(left) == 20 and sum(share) == pytest.approx(1)
    assert share[0] == 0.5 and share[10] == 0.5 and left[10] == pytest.approx(0.5)


@given(slope=st.floats(0.1, 2), T=st.integers(4, 12))
def test_the_effective_rank_tells_one_exponential_from_many_steps(slope: float, T: int):
    assert effective_rank(np.ones(T) * slope) == 0
    random = np.random.default_rng(T).normal(size=T)
    assert 1 <= effective_rank(random) <= T
    assert effective_rank(3 * random + 2) == effective_rank(random)


def test_the_causal_part_of_one_over_two_to_the_distance_is_nearly_of_low_rank():
    assert effective_rank(0.5 ** np.arange(20.0)) > effective_rank(-np.arange(20.0))
