"""One circuit, many arithmetics: random circuits and words, every route held against the others."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import flint
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nopeproof.circuit import Block, Circuit, Embedding, Head, Norm
from nopeproof.errors import NopeproofError
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.run.ball import Balls
from nopeproof.run.engine import Forward, embed
from nopeproof.run.exact import ExpNumber
from nopeproof.strategies import circuits, vectors, words
from nopeproof.testing import assert_prefix_causal, assert_same_run

MASKS = ("causal", "strict", "none")
NORMS = (None, Norm("layernorm", "1/10"), Norm("rmsnorm", "1/100"))
BITS = {"float64": 53, "float32": 24}


def several(n):
    return settings(max_examples=n, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


class Loose(Balls):
    """Balls of so many bits, where each weight and each exponential is off by one rounding besides."""

    def __init__(self, bits):
        self.slip = 1 + flint.arb(0, 1) * flint.arb(2) ** -bits

    def lift(self, x):
        return super().lift(x) * self.slip

    def exp(self, score, where):
        return super().exp(score, where) * self.slip


def assert_floats_near(circuit, word, dtype, route):
    """|float - true| <= (2T + 2 d_model + units + 8) radii of the run in Loose balls of the dtype's precision.

    A radius is what one rounding in each operation can do; a float sum of n terms rounds n times, and softmax, average and
    W_O a few times more.
    """
    true, floats = run(circuit, word, "ball", bits=200), run(circuit, word, dtype, route=route)
    with flint.ctx.workprec(BITS[dtype]):
        forward = Forward(circuit, Loose(BITS[dtype]))
        rough = forward.run(word, embed(forward, word))
    size = 2 * len(word) + 2 * circuit.d_model + 8 + max((len(b.mlp.units) for b in circuit.blocks if b.mlp), default=0)
    for site, rows in true.residuals.items():
        have = floats.residuals[site].double().tolist()
        for t, row in enumerate(rows):
            for i, x in enumerate(row):
                off = abs(Fraction(have[t][i]) - Fraction(str(x.mid().str(60, radius=False))))
                allowed = size * float(rough.residuals[site][t][i].rad())
                assert off <= allowed, (site, t + 1, circuit.residual.label(i), have[t][i], x)


@several(60)
@given(st.data(), circuits(masks=MASKS, scores="uniform") | circuits(max_blocks=1, masks=MASKS))
def test_the_exact_value_lies_in_the_ball(data, circuit):
    word = data.draw(words(circuit, max_size=4))
    exact, balls = run(circuit, word), run(circuit, word, "ball")
    for site, rows in exact.residuals.items():
        for row, enclosures in zip(rows, balls.residuals[site], strict=True):
            for x, ball in zip(row, enclosures, strict=True):
                if isinstance(x, ExpNumber):
                    assert ball.overlaps(x.enclosure(200))
                else:
                    with flint.ctx.workprec(256):  # contains(fmpq) would round the fraction at the precision set here
                        assert (ball * x.denominator - x.numerator).contains(0)
    assert_same_run(exact, balls)


@pytest.mark.parametrize(("dtype", "route"), [(d, r) for d in BITS for r in ("materialised", "sdpa")])
def test_floats_stay_near_the_balls(dtype, route):
    @several(40)
    @given(st.data(), circuits(masks=MASKS, norms=NORMS, activations=("relu", "gelu"), scores="any"))
    def check(data, circuit):
        assert_floats_near(circuit, data.draw(words(circuit, max_size=7)), dtype, route)

    check()


@pytest.mark.parametrize("dtype", BITS)
def test_streaming_stays_near_the_balls(dtype):
    @several(40)
    @given(st.data(), circuits(masks=MASKS, norms=NORMS, activations=("relu", "gelu"), scores="uniform"))
    def check(data, circuit):
        assert_floats_near(circuit, data.draw(words(circuit, max_size=9)), dtype, "streaming")

    check()


R = Residual(one=1, content=2, out=2)


@several(40)
@given(st.data(), st.sampled_from(MASKS), st.sampled_from([1, 40, 900]))
def test_streaming_where_each_key_has_its_own_score(data, mask, gain):
    """Scores hundreds apart: sums around anything but the running maximum would be 0/0 for early t."""
    tokens = {t: R.one + data.draw(vectors(R, R.content.indices)) for t in "abc"}
    keys, values = ([data.draw(vectors(R)) for _ in range(2)] for _ in range(2))
    head = Head([gain * R.one, -2 * R.one], keys, values, list(R.out), scale="1/sqrt(d_head)")
    circuit = Circuit(R, Embedding(tokens), [Block([head])], mask=mask)
    word = data.draw(words(circuit, max_size=9))
    for dtype in BITS:
        assert_floats_near(circuit, word, dtype, "streaming")


@several(25)
@given(st.data(), circuits(masks=MASKS, scores="uniform", max_blocks=1) | circuits(max_blocks=1, max_heads=1, max_units=1))
def test_exact_and_symbolic_runs_are_the_same(data, circuit):
    assert_same_run(circuit, data.draw(words(circuit, max_size=3)), ["exact", "symbolic"])


@several(25)
@given(st.data(), circuits(scores="any", norms=NORMS))
def test_no_arithmetic_looks_ahead(data, circuit):
    word = data.draw(words(circuit, min_size=2, max_size=4))
    assert_prefix_causal(circuit, word, arithmetic="ball")
    assert_prefix_causal(circuit, word, arithmetic="float32")


@several(20)
@given(st.data(), circuits(masks=("none",), scores="any"))
def test_without_a_mask_the_order_of_the_other_tokens_does_not_matter(data, circuit):
    word = data.draw(words(circuit, min_size=3, max_size=5))
    first = int(circuit.bos is not None)
    turned = [*word[:first], *reversed(word[first:])]
    one, two = run(circuit, word, "ball").final, run(circuit, turned, "ball").final
    for row, other in zip(one[first:], reversed(two[first:]), strict=True):
        assert all(x.overlaps(y) for x, y in zip(row, other, strict=True))


def test_streaming_refuses_a_head_whose_scores_depend_on_the_query():
    head = Head([R.content[0]], [R.content[1]], [R.one], [R.out[0]], name="reader")
    circuit = Circuit(R, Embedding({"a": R.content[0] + R.content[1], "b": R.one}), [Block(), Block([head])])
    with pytest.raises(NopeproofError, match=r"(?s)block 2, head 'reader'.*route='materialised' or 'sdpa'"):
        run(circuit, ["a", "b"], "float32", route="streaming")
    run(circuit, ["a", "a"], "float32", route="streaming")  # on this word they do not
    blind = replace(head, W_K=[0])
    run(replace(circuit, blocks=[Block(), Block([blind])]), ["a", "b"], "float32", route="streaming")
