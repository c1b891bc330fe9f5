"""Positional encodings against values worked out by hand, and against their published formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nopeproof import positions
from nopeproof.catalogue import spec_of
from nopeproof.errors import NopeproofError
from nopeproof.positions import Geometry

GEOMETRY = Geometry(n_heads=4, d_head=8, max_length=32)


def drawn(encoding: positions.PositionalEncoding, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {n: rng.normal(p.mean, p.std or 0.01, p.shape) for n, p in encoding.parameters(GEOMETRY).items()}


def test_t5_boundaries_are_the_published_ones():
    assert positions.t5_bucket_starts().tolist() == [
        *range(17), 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113,
    ]  # fmt: skip


def test_t5_small_example_printed_in_the_paper():
    """kazemnejad2023, App. B.2: B = 5, D = 6."""
    assert positions.t5_bucket(np.arange(10), buckets=5, max_distance=6).tolist() == [0, 1, 2, 3, 3, 4, 4, 4, 4, 4]


@given(n=st.integers(0, 10_000), half=st.integers(1, 20), factor=st.integers(2, 20))
def test_t5_bucket_is_the_logarithmic_formula_away_from_rounding(n: int, half: int, factor: int):
    buckets, exact, furthest = 2 * half, half, half * factor
    if n < exact:
        expected = {n}
    else:
        raw = math.log(n / exact) / math.log(furthest / exact) * (buckets - exact)
        expected = {min(exact + int(raw + e), buckets - 1) for e in (-1e-9, 1e-9)}
    assert int(positions.t5_bucket(n, buckets, furthest)) in expected


def test_alibi_slopes_of_a_power_of_two_and_of_the_papers_twelve_heads():
    assert positions.alibi_slopes(8).tolist() == [2.0**-m for m in range(1, 9)]
    assert positions.alibi_slopes(4).tolist() == [2.0 ** (-2 * m) for m in range(1, 5)]
    expected = [*(-m for m in range(1, 9)), -0.5, -1.5, -2.5, -3.5]
    np.testing.assert_allclose(np.log2(positions.alibi_slopes(12)), expected, rtol=1e-14)


def test_sinusoid_rows_and_layouts():
    table = positions.sinusoid(3, 4)
    np.testing.assert_allclose(table[0], [0, 1, 0, 1])
    np.testing.assert_allclose(table[2], [math.sin(2), math.cos(2), math.sin(0.02), math.cos(0.02)])
    np.testing.assert_array_equal(positions.sinusoid(3, 4, "concatenated"), table[:, [0, 2, 1, 3]])


def test_rotary_turns_the_first_pair_by_one_radian_a_position():
    rotary = positions.Rotary()
    x = np.zeros((3, 8))
    x[:, 0] = 1
    turned = rotary.rotate(x, rotary.constants(GEOMETRY, 3))
    np.testing.assert_allclose(turned[:, :2], [[math.cos(p), math.sin(p)] for p in range(3)], atol=1e-15)


@given(shift=st.integers(0, 20), gap=st.integers(0, 10), fraction=st.sampled_from([0.25, 0.5, 1.0]))
def test_rotary_scores_depend_on_distance_only_and_lengths_are_kept(shift: int, gap: int, fraction: float):
    rotary, rng = positions.Rotary(fraction), np.random.default_rng(0)
    constants = rotary.constants(GEOMETRY, 32)
    q, k = (rotary.rotate(np.tile(rng.normal(size=8), (32, 1)), constants) for _ in range(2))
    assert q[gap + shift] @ k[shift] == pytest.approx(q[gap] @ k[0])
    assert np.linalg.norm(q, axis=1) == pytest.approx(np.linalg.norm(q[0]))


def test_partial_rotary_leaves_the_other_dimensions_alone():
    rotary = positions.Rotary(fraction=0.25)
    x = np.random.default_rng(0).normal(size=(5, 8))
    turned = rotary.rotate(x, rotary.constants(GEOMETRY, 5))
    np.testing.assert_array_equal(turned[:, 2:], x[:, 2:])
    assert not np.allclose(turned[1:, :2], x[1:, :2])


def test_alibi_and_t5_scores_depend_on_distance_only():
    for encoding in (positions.ALiBi(), positions.T5()):
        scores = encoding.scores(encoding.constants(GEOMETRY, 9), drawn(encoding))
        assert scores.shape == (4, 9, 9)
        np.testing.assert_array_equal(scores[:, 3:, 3:][:, np.tri(6, dtype=bool)], scores[:, :6, :6][:, np.tri(6, dtype=bool)])


def test_fire_is_its_formula():
    fire = positions.Fire(width=3)
    p = drawn(fire)
    scores = fire.scores(fire.constants(GEOMETRY, 20), p)
    c, floor = abs(p["rate"][0]), abs(p["threshold"][0])
    for t, i in ((20, 1), (20, 20), (3, 2)):
        share = math.log1p(c * (t - i)) / math.log1p(c * max(t, floor))
        hidden = np.maximum(p["w_in"][:, 0] * share + p["b_in"][:, 0], 0)
        np.testing.assert_allclose(scores[:, t - 1, i - 1], p["w_out"] @ hidden)


def test_leading_axes_are_stacked_models():
    for encoding in (positions.T5(), positions.Fire()):
        one, two = drawn(encoding, 1), drawn(encoding, 2)
        stacked = {n: np.stack([one[n], two[n]]) for n in one}
        constants = encoding.constants(GEOMETRY, 6)
        np.testing.assert_allclose(encoding.scores(constants, stacked)[1], encoding.scores(constants, two), rtol=1e-12)


def test_another_encoding_is_one_class():
    class Doubled(positions.ALiBi):
        name = "doubled-for-this-test"

    assert positions.encodings()["doubled-for-this-test"] is Doubled
    assert positions.encoding("doubled-for-this-test").kind == "scores"


def test_specs_build_and_are_written_back():
    assert positions.encoding("rotary:fraction=0.25") == positions.Rotary(fraction=0.25)
    assert spec_of(positions.encoding("rotary:fraction=1.0")) == "rotary"
    assert positions.encoding("ape-sinusoidal:layout=concatenated").layout == "concatenated"  # type: ignore[attr-defined]


@pytest.mark.parametrize("spec", ["nothing", "t5:colour=3", "t5:buckets"])
def test_a_wrong_spec_says_what_there_is(spec: str):
    with pytest.raises(NopeproofError) as caught:
        positions.encoding(spec)
    assert "t5" in str(caught.value) and caught.value.todo


@pytest.mark.parametrize(
    "spec",
    ["rotary:fraction=2", "rotary:fraction=-1", "rotary:fraction=nan", "rotary:fraction=1e999", "rotary:fraction=True", "rotary:base=0",
     "rotary:base=-1", f"rotary:base={10**400}", "t5:buckets=0", "t5:buckets=1", "t5:buckets=1000000000", "t5:buckets=8.0",
     "t5:max_distance=0", "t5:max_distance=1000000000", "t5:std=x", "t5:std=-1", "t5:std=", "ape-learned:std=-1", "ape-learned:std=inf",
     "ape-sinusoidal:layout=foo", "ape-sinusoidal:layout=3", "fire:width=-3", "fire:width=1000000000", "fire:width=" + "[" * 5000],
)  # fmt: skip
def test_a_value_of_another_type_or_out_of_range_is_refused_where_it_is_written(spec: str):
    field = spec.partition(":")[2].partition("=")[0]
    with pytest.raises(NopeproofError) as caught:
        positions.encoding(spec)
    assert field in caught.value.asked and caught.value.found and caught.value.todo


@pytest.mark.parametrize("spec", ["rotary:base=1e4", "rotary:fraction=1", "rotary:fraction=0", f"rotary:base={10**20}", "t5:std=0",
                                  "ape-sinusoidal:layout='concatenated'"])  # fmt: skip
def test_whole_numbers_are_numbers_and_the_ends_of_a_range_belong_to_it(spec: str):
    assert positions.encoding(spec).constants(GEOMETRY, 6) is not None


@pytest.mark.parametrize("fraction", [float("nan"), float("inf"), 1.5])
def test_ranges_hold_without_a_spec_too(fraction: float):
    with pytest.raises(NopeproofError, match="from 0 to 1"):
        positions.Rotary(fraction)


def test_a_learned_table_ends():
    with pytest.raises(NopeproofError, match="ends at 32"):
        positions.LearnedAPE().constants(GEOMETRY, 33)
