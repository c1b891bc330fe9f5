"""All words: what is run, in which arithmetic, what running it shows, and what it does not."""

import functools
import operator
from dataclasses import replace
from fractions import Fraction

import flint
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nopeproof.checks.enclosed import BITS, Decided
from nopeproof.checks.exhaust import exhaust, guarded, inexact, members, one_thread, shown_scope, silent, trace_of, words
from nopeproof.checks.sample import sample
from nopeproof.circuit import Block, Circuit, Embedding, Family, Head, Norm, Opaque
from nopeproof.claims import Claim, Equals, Fails, Holds, Scope, ScoreIs, Within, after_attention
from nopeproof.errors import NopeproofError
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.run import run

R = Residual(one=1, bos=1, recip=1, content=1)
EMBEDDING = Embedding({"<bos>": R.one + R.bos, "a": R.one, "b": R.one + R.content})
HERE, ANY = Scope(vocabulary="given"), Scope(vocabulary="given", words="any")
HEAD = uniform_head([R.bos], [R.recip])
CIRCUIT = Circuit(R, EMBEDDING, [Block([HEAD])], bos="<bos>")
A1, A2 = after_attention(1), after_attention(2)
recip = Equals(A1, R.recip, "1/t")
looks = Head(W_Q=[R.content], W_K=[R.content], W_V=[R.bos], W_O=[R.recip], name="content scores")
TWO = replace(HERE, t_max=2)
ZERO = Head(W_Q=[0], W_K=[0], W_V=[R.one - R.one], W_O=[R.one], name="writes 0")
NORMED = replace(CIRCUIT, blocks=[Block([looks]), Block([replace(HEAD, W_V=[R.one])], norm_attention=Norm("rmsnorm", "1"))])


def claim(statement=recip, subject=CIRCUIT, scope=HERE):
    return Claim("c", subject, statement, scope)


def test_every_word_once_and_bos_where_the_scope_allows_it():
    assert list(words(CIRCUIT, 2, "bos-first")) == [("<bos>", "a"), ("<bos>", "b")]
    assert list(words(CIRCUIT, 2, "any")) == [("<bos>", "<bos>"), ("<bos>", "a"), ("<bos>", "b")]
    no_bos = replace(CIRCUIT, bos=None)
    assert len(set(words(no_bos, 3, "any"))) == len(list(words(no_bos, 3, "any"))) == 27


def test_what_was_run_is_the_scope_that_is_shown():
    found = exhaust(claim(scope=replace(HERE, t_max=5)))
    assert found.kind == "exhausted" and found.scope == replace(HERE, t_max=5)
    late = exhaust(claim(scope=replace(HERE, t_min=3, t_max=4)))
    assert late.scope.t_min == 3 and not late.scope.covers(replace(HERE, t_max=4))  # shorter words were not run
    open_parts = replace(
        CIRCUIT, blocks=[Block([HEAD, Opaque([R.content])])], embedding=Embedding({"<bos>": R.one + R.bos}, R.one + R.content.free("x"))
    )
    shown = shown_scope(claim(subject=open_parts, scope=Scope(t_max=4)), 4)
    assert shown.parameters == "one" and shown.vocabulary == "given" and not shown.covers(Scope(t_max=4))


def test_a_member_of_a_family_without_a_mask_is_run_on_shorter_words_too():
    """1/T is the average over a word of T tokens, and not over a shorter one in the member for T."""
    scope = Scope(order="forall T exists weights", t_max=4, vocabulary="given")
    found = exhaust(claim(Equals(A1, R.recip, "1/T"), Family(replace(CIRCUIT, mask="none")), scope))
    assert found.kind == "refuted" and found.witness and (found.witness["T"], len(found.witness["word"])) == (2, 1)


def test_the_first_failure_is_a_smallest_one():
    found = exhaust(claim(Equals(A1, R.content, "0")))
    assert found.kind == "refuted" and found.witness["word"] == ["<bos>", "b"] and found.witness["t"] == 2  # type: ignore[index]
    shown = exhaust(claim(Fails(Equals(A1, R.content, "0"))))
    assert shown.kind == "proved" and shown.witness["word"] == ["<bos>", "b"]  # type: ignore[index]
    assert exhaust(claim(Fails(recip), scope=replace(HERE, t_max=4))).kind == "open"


def test_balls_refute_and_show_nothing_else():
    """`<bos> b` has no exact run: a norm of a number with e in it."""
    equal = exhaust(
        claim(Equals(A2, R.one, "1"), replace(NORMED, blocks=[*NORMED.blocks[:1], Block([ZERO], norm_attention=Norm("rmsnorm", "1"))]), TWO)
    )
    assert equal.kind == "exhausted" and equal.scope.t_max == 1  # true, and no ball contradicts it, but T = 2 is left open
    within = exhaust(claim(Within(A2, R.recip, "1", error="5"), NORMED, TWO))
    assert within.kind == "exhausted" and within.scope.t_max == 2 and "balls" in within.tool  # a ball that lies within is enough
    (b, a), error = (trace_of(NORMED, ("<bos>", x), HERE, recip) for x in "ba"), Within(A2, R.recip, "1", error="1/1000000")
    assert silent(recip, b, 2) and not silent(recip, a, 2) and silent(error, b, 2)
    false = exhaust(claim(Within(A2, R.recip, "1", error="1/1000"), NORMED, TWO))
    assert false.kind == "refuted"


def test_predicates_are_asked_about_balls_where_there_is_no_exact_run():
    """recip is about 1.756 on BOS, then 1.314 on a and 1.053 on b: the last has no exact run."""
    says = lambda holds: exhaust(guarded(claim(Holds("of recip", lambda trace: all(map(holds, trace.at(A2, R.recip)))), NORMED, TWO)))  # noqa: E731
    true = says(lambda x: 3 < 2 * x + 1 < 5 and x != 0 and 1 - x < 0 and abs(-x / 2) <= x and 2 / x > 1 and x**2 >= 0.5)
    assert (true.kind, true.scope.t_max) == ("exhausted", 2) and "balls" in true.tool
    false = says(lambda x: x > Fraction(11, 10))
    assert false.kind == "refuted" and false.witness["word"] == ["<bos>", "b"]  # type: ignore[index]
    assert says(lambda x: x == 1).kind == "refuted" and "balls" not in says(lambda x: x > Fraction(3, 2)).tool
    equal = says(lambda x: x - x == 0)  # not known of a ball
    assert (equal.kind, equal.scope.t_max) == ("exhausted", 1)
    for wants in (lambda x: {id(x): 1}[x] == 1 if trace_is_ball(x) else True, lambda x: not trace_is_ball(x) or round(x) < 9):
        exact_only = says(wants)
        assert (exact_only.kind, exact_only.scope.t_max) == ("exhausted", 1)
    combined = claim(Holds("of a sum", lambda trace: trace.at(A2, 2 * R.recip + R.one)[-1] > 3), NORMED, TWO)
    assert (exhaust(combined).kind, sample(combined).kind) == ("exhausted", "tested")


def trace_is_ball(x):
    return hasattr(x, "ball")


STEPS = {
    "+": lambda z, y: z + y,
    "-": lambda z, y: y - z,
    "*": lambda z, y: y * z,
    "/": lambda z, y: z / y,
    "flip": lambda z, y: y / z,
    "abs": lambda z, y: abs(z),
    "neg": lambda z, y: -z,
}


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=6), st.data())
def test_what_is_decided_of_a_ball_is_so_of_the_number(steps, data):
    """The same steps on a rational number and on a ball around it; the ball holds the number and more."""
    rationals = st.fractions(-9, 9, max_denominator=9)
    x = data.draw(rationals)
    with flint.ctx.workprec(BITS):
        ball = Decided(flint.arb(flint.fmpq(x.numerator, x.denominator)) + flint.arb(0, data.draw(st.sampled_from([0, 2.0**-30, 0.25]))))
    for step in steps:
        y = data.draw(rationals)
        act = functools.partial(STEPS[step], y=y)
        try:
            x = act(x)
        except ZeroDivisionError:
            with pytest.raises((ZeroDivisionError, NopeproofError)):
                act(ball)
            return
        try:
            ball = act(ball)
        except NopeproofError:
            return
    y = data.draw(st.sampled_from([x, Fraction(0), x + 1, x - Fraction(1, 1000)]))
    for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        for one, two, same in ((ball, y, compare(x, y)), (y, ball, compare(y, x))):
            try:
                found = compare(one, two)
            except NopeproofError as bad:
                assert inexact(bad)
                continue
            assert found is same


def test_a_content_term_is_one_function_in_each_member_of_a_family_and_in_one_circuit():
    grows = Head(W_Q=["T" * R.content], W_K=[R.content], W_V=[R.zero], W_O=[R.recip])
    family = Family(replace(CIRCUIT, blocks=[Block([grows])]), T_min=2)
    each = Scope(order="forall T exists weights", t_max=4, vocabulary="given")
    assert exhaust(claim(ScoreIs(1, 0, "0", [R.content]), family, each)).kind == "exhausted"
    two = replace(CIRCUIT, blocks=[Block([HEAD]), Block([Head(W_Q=[R.one], W_K=[R.recip], W_V=[R.zero], W_O=[R.content])])])
    found = exhaust(claim(ScoreIs(2, 0, "0", [R.content]), two))
    assert found.kind == "refuted" and "same_contents_in" in found.witness  # type: ignore[operator]


def test_members_of_a_family_and_instances_of_what_is_open():
    free = Family(replace(CIRCUIT, embedding=Embedding({"<bos>": R.one + R.bos}, other=R.one + R.content.free("x"))), T_min=3)
    each = Scope(order="forall T exists weights", t_max="T")
    (T, circuit), (same, other) = next(members(claim(subject=free, scope=each), 2)), next(members(claim(subject=free, scope=each), 2, 1))
    assert T == same == 3 and circuit.concrete and circuit.tokens == ("<bos>", "a", "b") and circuit.as_json() != other.as_json()


def test_a_predicate_without_a_value_is_false_only_where_the_claim_is_guarded():
    divides = claim(Holds("1/content is 1", lambda trace: all(1 / row[R.content.start] == 1 for row in trace.final)))
    with pytest.raises(ZeroDivisionError):
        exhaust(divides)
    assert exhaust(guarded(divides)).kind == "refuted" and guarded(claim()) == claim()
    finds_nothing = claim(Holds("the least c", lambda trace: min(t for t, x in enumerate(trace.word) if x == "c") > 0))
    assert exhaust(guarded(finds_nothing)).kind == "refuted"
    inexact_run = claim(
        Holds("a trace of another word", lambda trace: trace_of(NORMED, ("<bos>", "b"), HERE, finds_nothing.statement) is None)
    )
    assert exhaust(guarded(inexact_run)).kind == "open"  # not refuted: the run could not be made
    compares = claim(Holds("above 0", lambda trace: trace.final[0] > "0"))
    found = exhaust(guarded(compares))
    assert found.kind == "open" and found.witness is None  # a predicate that cannot read the run refutes nothing


def test_floats_run_with_one_thread_and_the_threads_come_back():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    found = exhaust(claim(scope=replace(HERE, arithmetic="float32", t_max=3)))
    assert found.kind == "refuted" and found.witness["word"] == ["<bos>", "a", "a"] and "float32" in found.tool  # type: ignore[index]
    assert torch.get_num_threads() == before
    assert (
        trace_of(CIRCUIT, ("<bos>", "a"), replace(HERE, arithmetic="float64"), recip).arithmetic
        == run(CIRCUIT, ("<bos>", "a"), "float64").arithmetic
    )


def test_samples_are_no_proof_and_their_counterexamples_are():
    fine = sample(claim(), examples=10)
    assert fine.kind == "tested" and "hypothesis" in fine.tool
    far = replace(CIRCUIT, blocks=[Block([replace(HEAD, W_V=[R.bos + "1/1048576" * R.content])])])
    found = sample(claim(subject=far), examples=30)
    assert found.kind == "refuted" and "b" in found.witness["word"] and found.witness["expected"] != found.witness["found"]  # type: ignore[index]
    assert sample(claim(Fails(recip)), examples=5).kind == "open"
    assert sample(claim(Fails(recip), subject=far), examples=30).kind == "proved"


def test_words_that_have_no_exact_run_do_not_hide_those_that_refute():
    """Hypothesis meets both kinds; the one that cannot be run says nothing, and the other is found and shrunk."""
    few = Holds("at most five a's", lambda trace: trace.word.count("a") < 6)
    found = sample(claim(few, NORMED), examples=40)
    assert found.kind == "refuted" and found.witness["word"].count("a") == 6  # type: ignore[index]
    nowhere = replace(NORMED, embedding=Embedding({"<bos>": R.zero, "a": R.zero}), blocks=[Block([HEAD], norm_attention=Norm("rmsnorm"))])
    never = sample(claim(few, nowhere), examples=5)
    assert never.kind == "open" and "a zero vector" in never.reason
