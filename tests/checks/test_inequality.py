"""Inequalities: proved where they hold, open where they do not, at the exact threshold and for every length."""

from dataclasses import replace

import pytest

from nopeproof.checks import verify
from nopeproof.checks.inequality import bound
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head, Unit
from nopeproof.claims import Claim, Equals, Scope, Within, after_attention, after_ffn
from nopeproof.library import load
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual

R = Residual(one=1, bos=1, clock=1, content=1)
EVERY = Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x"))
GIVEN = Embedding({"<bos>": R.one + R.bos, "a": R.one + R.content, "b": R.one})


def sink(B, tokens=EVERY, mlp=None):
    """A head with BOS logit ln B that holds B times the share of all other keys: B s / (B + s), s = t - 1."""
    head = Head(W_Q=[R.one], W_K=[f"ln({B})" * R.bos], W_V=[R.one - R.bos], W_O=[B * R.clock])
    return Circuit(R, tokens, [Block([head], mlp)], bos="<bos>")


def within(subject, value="t - 1", error="1/2", t_max=None, site=None, vocabulary="every"):
    return Claim("c", subject, Within(site or after_attention(1), R.clock, value, error), Scope(t_max=t_max, vocabulary=vocabulary))


@pytest.mark.parametrize("T", [2, 6, 30, 500_000])
def test_a_sink_clock_rounds_exactly_as_far_as_its_threshold_says(T):
    enough = 2 * (T - 1) ** 2 - (T - 1) + 1
    assert bound(within(sink(enough), t_max=T)).kind == "proved"
    assert bound(within(sink(enough - 1), t_max=T)).kind == "open"
    assert bound(within(sink(enough), t_max=T + 1)).kind == "open"


def test_an_inequality_for_every_length_is_shown_from_the_coefficients():
    found = bound(within(sink(100), "100", "100"))
    assert found.kind == "open" and "t = 1" in found.reason  # at t = 1 the error is exactly 100
    assert bound(within(sink(100), "100", "101")).kind == "proved"
    assert bound(within(sink(100), "100*(t - 1)/(t + 99) + 1/t", "1")).kind == "open"
    assert bound(within(sink(100), "100*(t - 1)/(t + 99) + 1/t", "1000001/1000000")).kind == "proved"


@pytest.mark.parametrize("error", ["1/2", "5", "1000000"])
def test_no_fixed_sink_serves_every_length(error):
    assert bound(within(sink(100), error=error)).kind == "open"


def test_what_is_shown_is_for_every_vocabulary_only_if_the_circuit_says_what_other_tokens_look_like():
    claim = within(sink(46, GIVEN), t_max=6, vocabulary="given")
    assert bound(claim).scope.vocabulary == "given"
    assert bound(within(sink(46, GIVEN), t_max=6)).kind == "open"
    assert bound(within(sink(46), t_max=6)).scope.vocabulary == "every"
    assert bound(replace(claim, scope=replace(claim.scope, words="any"))).kind == "open"


def test_units_that_switch_on_and_off_are_followed_position_by_position():
    step = MLP([Unit(read=R.clock - 3 * R.one, write=R.content)])
    circuit = Circuit(R, GIVEN, [Block([uniform_head([R.bos], [R.clock])], step)], bos="<bos>")
    here = Scope(t_max=40, vocabulary="given")
    assert bound(Claim("c", circuit, Within(after_ffn(1), R.clock, "1/t", "1/1000"), here)).kind == "proved"
    turn = MLP([Unit(read=3 * R.clock - R.one, write=R.content)])
    circuit = Circuit(
        R, replace(GIVEN, tokens={**GIVEN.tokens, "a": R.one.vector}), [Block([uniform_head([R.bos], [R.clock])], turn)], bos="<bos>"
    )
    assert bound(Claim("c", circuit, Within(after_ffn(1), R.content, "3", "1"), replace(here, t_max=1))).kind == "open"
    assert bound(Claim("c", circuit, Within(after_ffn(1), R.content, "3/t - 1", "1/2"), replace(here, t_max=3))).kind == "proved"
    assert bound(Claim("c", circuit, Within(after_ffn(1), R.content, "3/t - 1", "1/2"), replace(here, t_max=40))).kind == "open"


def test_an_equality_up_to_a_length_is_proved_as_far_as_it_holds():
    found = load("sink-clock").claim("exact")
    assert bound(found).kind == "proved"
    further = replace(found, scope=replace(found.scope, t_max=found.scope.t_max + 1))
    assert bound(further).kind == "open" and "does not hold at t = 5" in bound(further).reason
    assert bound(replace(found, statement=replace(found.statement, value="t - 1 + (t - 1)*(t - 2)"))).kind == "open"


def test_a_coordinate_that_depends_on_the_counts_of_tokens_is_left_open():
    circuit = Circuit(R, GIVEN, [Block([uniform_head([R.content], [R.clock])])], bos="<bos>")
    found = bound(Claim("c", circuit, Within(after_attention(1), R.clock, "1/2", "1"), Scope(t_max=5, vocabulary="given")))
    assert found.kind == "open" and found.reason


@pytest.mark.parametrize("changed", [{"mask": "strict"}, {"mask": "none"}])
def test_outside_the_kernels_fragment_nothing_is_shown(changed):
    claim = within(replace(sink(46), **changed), t_max=6)
    assert bound(claim).kind == "open" and changed["mask"] in bound(claim).reason


def test_other_claims_are_not_its_business():
    assert bound(load("absolute-position").claim("recip")) is None
    assert bound(Claim("c", sink(46), Equals(after_attention(1), R.clock, "t - 1"), Scope())) is None
    assert bound(replace(within(sink(46)), scope=Scope(arithmetic="float32"))) is None


def test_verify_takes_its_word_and_holds_it_against_exact_runs():
    verdict = verify(within(sink(46, GIVEN), t_max=6, vocabulary="given"))
    assert verdict.kind == "proved" and verdict.stands and verdict.evidence[0].steps
    assert verify(within(sink(45, GIVEN), t_max=6, vocabulary="given")).kind == "refuted"
