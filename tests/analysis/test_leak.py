"""The horizon of a leaky uniform head: the spread by hand, the bound where it is sharp, the probe on streams that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nopeproof.analysis.attention_distance import slope_map, uniform_map
from nopeproof.analysis.leak import decodable, horizon, spread


def test_spread_by_hand():
    np.testing.assert_allclose(spread(uniform_map(6)), 0, atol=1e-12)
    np.testing.assert_allclose(spread(slope_map(4, 0.5)), [0.25, 0.5, 0.75])
    assert spread(np.array([[1.0, 0], [1, 0]])).tolist() == [math.inf]


@given(delta=st.floats(0.001, 0.2))
def test_up_to_the_horizon_the_worst_logits_leave_t_decodable_and_past_it_they_do_not(delta: float):
    """<bos> has the lowest logit of all, or the highest: the weight that is farthest from 1/t."""

    def told(t: int) -> bool:
        weights = [1 / (1 + (t - 1) * math.exp(sign * 2 * delta)) for sign in (1, -1)]
        return all(abs(1 / w - t) < 0.5 for w in weights)

    T = decodable(delta)
    assert all(told(t) for t in range(2, math.ceil(T)))
    assert not told(math.floor(T) + 1)
    assert decodable(0) == math.inf and decodable(1e6) == 1


@pytest.mark.parametrize(("flat", "wanted"), [(99, 9), (5, 5)])
def test_the_probe_reads_as_far_as_the_stream_tells(flat: int, wanted: int):
    """One coordinate is 1/t up to some position and keeps its value from there on; the rest is noise that says nothing."""
    rng = np.random.default_rng(0)

    def streams() -> list[np.ndarray]:
        found = [1e-4 * rng.normal(size=(12, T, 3)) for T in (5, 7, 9)]
        for s in found:
            s[..., 0] = 1 / np.minimum(np.arange(1, s.shape[1] + 1), flat)
        return found

    assert horizon(streams(), streams())[0] in ({wanted} if flat > 9 else range(3, 6))
    assert horizon(streams(), streams())[1] == 9


def test_of_noise_nothing_is_told():
    rng = np.random.default_rng(0)
    streams = [rng.normal(size=(30, 9, 3)) for _ in range(3)]
    assert horizon(streams, streams)[0] < 5
