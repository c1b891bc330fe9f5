"""The probe reads out what is linearly there, on words it has not seen, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from nopeproof.analysis.probes import position_probe


def streams(rng: np.random.Generator, feature) -> list[np.ndarray]:
    """Words of mixed lengths whose stream is noise but for one direction."""
    out = []
    for length in (4, 6, 9):
        x = rng.normal(size=(20, length, 5))
        x[:, :, 2] = feature(np.arange(1, length + 1)) if feature else x[:, :, 2]
        out.append(x)
    return out


@pytest.mark.parametrize(("target", "feature"), [("t", lambda t: 3 * t - 1), ("1/t", lambda t: 2 - 5 / t)])
def test_a_linear_feature_is_read_exactly(target, feature):
    rng = np.random.default_rng(0)
    assert position_probe(streams(rng, feature), streams(rng, feature), target) == pytest.approx(1)


def test_one_over_t_is_not_t():
    rng = np.random.default_rng(1)
    feature = lambda t: 1 / t  # noqa: E731
    assert position_probe(streams(rng, feature), streams(rng, feature), "t") < 0.9


def test_the_first_token_gives_nothing_away():
    rng = np.random.default_rng(3)
    feature = lambda t: 1.0 * (t == 1)  # noqa: E731
    assert position_probe(streams(rng, feature), streams(rng, feature), "1/t") < 0.1


def test_noise_holds_nothing_on_new_words():
    rng = np.random.default_rng(2)
    assert position_probe(streams(rng, None), streams(rng, None), "t") < 0.1
