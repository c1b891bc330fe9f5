"""Score decomposition: scores made from known parts give those parts back, and noise gives nothing."""

import numpy as np
import pytest

from nopeproof.analysis.decompose import decompose
from nopeproof.errors import NopeproofError

RNG = np.random.default_rng(0)
CONTENT = RNG.normal(size=(4, 4))


def made(content: float, slope: float, noise: float, seed: int, lengths=(9, 14)):
    """One head whose scores are content + slope (t - i) + noise + a row shift."""
    rng = np.random.default_rng(seed)
    scores, tokens = [], []
    for n in lengths:
        x = rng.integers(0, 4, size=(12, n))
        t, i = np.arange(n)[:, None], np.arange(n)[None]
        s = content * CONTENT[x[:, :, None], x[:, None, :]] - slope * (t - i) + rng.normal(size=(12, n, 1))
        scores.append((s + noise * rng.normal(size=s.shape))[:, None])
        tokens.append(x)
    return scores, tokens


@pytest.mark.parametrize(("content", "slope"), [(1.0, 0.0), (0.0, 0.7), (1.0, 0.3)])
def test_scores_made_of_content_and_distance_are_explained_and_the_slope_is_found(content, slope):
    found = decompose(made(content, slope, 0.0, 1), made(content, slope, 0.0, 2))
    assert found.both[0] > 1 - 1e-9
    steps = np.diff(found.f_rel[0])
    assert np.allclose(steps, -slope, atol=1e-8)
    assert (found.content[0] > 1 - 1e-9) == (slope == 0.0)
    assert (found.distance[0] > 1 - 1e-9) == (content == 0.0)


def test_noise_is_not_explained_and_held_out_words_say_so():
    found = decompose(made(0.0, 0.0, 1.0, 3), made(0.0, 0.0, 1.0, 4))
    assert found.both[0] < 0.05


def test_absolute_position_is_not_mistaken_for_distance_over_mixed_lengths():
    scores, tokens = made(0.0, 0.0, 0.0, 5)
    scores = [s + np.sqrt(np.arange(s.shape[-1])) for s in scores]
    found = decompose((scores, tokens), (scores, tokens))
    assert found.distance[0] < 0.98


def test_one_length_is_refused():
    one = made(1.0, 0.1, 0.0, 6, lengths=(9,))
    with pytest.raises(NopeproofError, match="two lengths"):
        decompose(one, one)


def test_a_distance_term_for_each_region_explains_what_one_for_all_cannot():
    rng, lengths = np.random.default_rng(0), (6, 8, 9)

    def words(seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        drawn = np.random.default_rng(seed)
        tokens = [drawn.integers(0, 3, (12, n)) for n in lengths]
        return [np.stack([scores(len(word)) for word in ids]) for ids in tokens], tokens

    table = rng.normal(size=(2, 2, 9))

    def region(word: np.ndarray) -> np.ndarray:
        return (np.arange(len(word)) >= 4).astype(int)

    def scores(n: int) -> np.ndarray:
        at, t = region(np.zeros(n)), np.arange(n)
        return table[at[:, None], at[None, :], np.abs(t[:, None] - t[None, :])][None]

    one, by_region = decompose(words(1), words(2)), decompose(words(1), words(2), region)
    assert one.both[0] < 0.9 and by_region.both[0] == pytest.approx(1.0, abs=1e-6)
    assert by_region.f_rel.shape == (1, 4 * 9)
