"""Ranks of relative biases: three independent computations agree, the proofs can fail, and the heads are real."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nopeproof.errors import NopeproofError
from nopeproof.theory import biases, ranks

tables = st.lists(st.sampled_from([0, 0, 1, -1, 2, Fraction(1, 3)]), min_size=1, max_size=14)


@settings(deadline=None, max_examples=150)
@given(tables)
def test_massey_woerdeman_and_explicit_heads_agree(f):
    proof = ranks.rank_proof(f)
    assert proof.check(f)
    assert proof.rank == ranks.woerdeman_rank(f) == ranks.relative_bias_rank(f)
    q, k = ranks.optimal_head(f)
    assert all(len(x) == proof.rank for x in q + k) and ranks.expresses(q, k, f)


@settings(deadline=None, max_examples=50)
@given(tables.filter(lambda f: len(set(f)) > 1))
def test_a_proof_with_another_rank_is_rejected(f):
    proof = ranks.rank_proof(f)
    for wrong in (replace(proof, rank=proof.rank + 1), replace(proof, rank=proof.rank - 1), replace(proof, m=proof.m + 1)):
        assert not wrong.check(f)
    shifted = replace(proof, register=(*proof.register[:-1], proof.register[-1] + 1))
    s = ranks.backward_differences(f)
    assert not shifted.check(f) or len(s) == proof.rank or not any(s[: len(s) - proof.rank])


def test_a_shorter_head_does_not_express_the_bias():
    f = biases.bias("offset").table(6)
    q, k = ranks.optimal_head(f)
    assert ranks.expresses(q, k, f)
    assert not ranks.expresses([x[:-1] for x in q], [x[:-1] for x in k], f)


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        ("alibi", [1, 1, 1]),
        ("polynomial:degree=3", [3, 3, 3]),
        ("exponential", [1, 1, 1]),
        ("exponential:percent=-100", [1, 1, 1]),
        ("cosine", [2, 2, 2]),
        ("window:width=4", [12, 60, 252]),
        ("offset", [14, 62, 254]),
        ("t5", [8, 32, 143]),
        ("random", [8, 32, 128]),
    ],
)
def test_table_of_families(spec, want):
    found = [ranks.rank_proof(biases.bias(spec).table(T)) for T in (16, 64, 256)]
    assert [x.rank for x in found] == want
    assert all(x.check(biases.bias(spec).table(T)) for x, T in zip(found, (16, 64, 256), strict=True))


def test_t5_leaves_a_head_of_64_at_130_and_every_t5_table_at_178():
    t5 = biases.bias("t5")
    assert biases.first_length_beyond(t5.table, 64, 512) == 130
    assert biases.t5_every_table_beyond(64) == 178
    two_buckets = [Fraction(int(d >= 113)) for d in range(178)]  # a table whose last two buckets alone differ
    assert ranks.relative_bias_rank(two_buckets) == 65 > 64 == ranks.relative_bias_rank(two_buckets[:-1])
    assert biases.first_length_beyond(biases.bias("alibi").table, 1) is None


def test_t5_head_of_the_least_dimension_is_exact():
    f = biases.bias("t5").table(40)
    q, k = ranks.optimal_head(f)
    assert len(q[0]) == 20 and ranks.expresses(q, k, f)


def test_t5_weights_at_length_256():
    f = biases.bias("t5").table(256)
    q, k = ranks.optimal_head(f)
    assert len(q[0]) == 143 and ranks.expresses(q, k, f)
    k[200] = [k[200][0] + 1, *k[200][1:]]
    assert not ranks.expresses(q, k, f)


def test_length_4096_in_seconds():
    assert ranks.relative_bias_rank(biases.bias("random").table(4096)) == 2048
    assert ranks.relative_bias_rank(biases.bias("t5").table(4096)) == 4096 - 113


def test_a_prime_alone_bounds_neither_side():
    p = ranks.PRIME
    assert (ranks.shift_register([p, 1]).rank, ranks.modular_complexity([p, 1], p)) == (1, 2)
    assert (ranks.shift_register([1, 1, 1 + p]).rank, ranks.modular_complexity([1, 1, 1 + p], p)) == (2, 1)
    f = [0]
    for x in [p, 1] * 40:  # long enough for the modular route
        f.append(f[-1] - x)
    assert ranks.relative_bias_rank(f) == ranks.rank_proof(f).rank == 2


def test_constant_bias_needs_no_head_and_floats_are_refused():
    assert ranks.relative_bias_rank([7] * 5) == 0 and ranks.rank_proof([7]).check([7])
    with pytest.raises(NopeproofError, match="not an exact"):
        ranks.relative_bias_rank([0, 0.5])  # type: ignore[list-item]
    with pytest.raises(NopeproofError, match="empty"):
        ranks.relative_bias_rank([])
    with pytest.raises(NopeproofError, match="at least 1"):
        biases.bias("window:width=0")


def test_one_position_feature_gives_linear_or_parity_biases_only():
    relative = 0
    for g in product((-1, 0, 1, 2), repeat=6):
        steps = {y - x for x, y in pairwise(g)}
        affine = len(steps) == 1 and steps != {0}
        alternating = len(set(g)) == 2 and g[0] == g[2] == g[4] and g[1] == g[3] == g[5]
        assert biases.one_feature_is_relative(g) == (affine or alternating), g
        relative += affine or alternating
    assert relative == 12
    assert biases.one_feature_is_relative(range(8)) and not biases.one_feature_is_relative([t * t for t in range(8)])
    assert not biases.one_feature_is_relative([Fraction(1, t) for t in range(1, 9)])
