"""From claim to verdict: scopes, evidence, slicing, smallest witnesses, and the guard against an unsound kernel."""

from dataclasses import replace

import pytest

from nopeproof import kernel
from nopeproof.checks import verify
from nopeproof.checks.evaluate import trimmed, value_of, violations
from nopeproof.checks.exhaust import exhaust
from nopeproof.checks.prove import candidates, prove
from nopeproof.checks.sample import sample
from nopeproof.circuit import Block, Circuit, Embedding, Family
from nopeproof.claims import (
    LAST,
    Attends,
    Claim,
    Equals,
    Evidence,
    Fails,
    Holds,
    SameAttention,
    Scope,
    ScoreIs,
    Site,
    Unchanged,
    Within,
    judge,
)
from nopeproof.division import R as D
from nopeproof.division import every_T
from nopeproof.errors import NopeproofError
from nopeproof.library import load
from nopeproof.parts import clock_minimal, uniform_head
from nopeproof.residual import Residual
from nopeproof.run import run

R = Residual(one=1, bos=1, recip=1)
TOKENS = {"<bos>": R.one + R.bos, "a": R.one, "b": R.one}
HEAD = Circuit(R, Embedding(TOKENS), [Block([uniform_head([R.bos], [R.recip])])], bos="<bos>", name="head")
HERE = Scope(vocabulary="given")
ATTENTION, FFN = Site(1, "attention"), Site(1)


def claim(value="1/t", scope=HERE, subject=HEAD, site=ATTENTION):
    return Claim("c", subject, Equals(site, R.recip, value), scope)


# --- scopes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "enough"),
    [
        (Scope(), True),
        (Scope(order="forall T exists weights", t_max="T"), False),
        (Scope(t_max=100), False),
        (Scope(t_min=2), False),
        (Scope(vocabulary="given"), False),
        (Scope(words="any"), True),
        (Scope(parameters="one"), False),
        (Scope(arithmetic="float32"), False),
    ],
)
def test_what_covers_a_claim_for_every_length_word_and_vocabulary(evidence, enough):
    assert evidence.covers(Scope()) is enough


def test_uniform_weights_cover_a_claim_for_each_T_and_not_the_reverse():
    each = Scope(order="forall T exists weights", t_max="T")
    assert Scope().covers(each) and not each.covers(Scope())
    assert each.covers(each) and not replace(each, t_max=50).covers(each)


@pytest.mark.parametrize("kwargs", [{"t_min": 0}, {"t_min": 5, "t_max": 4}, {"t_max": "T"}, {"order": "forall T exists weights"}])
def test_a_scope_that_means_nothing_is_refused(kwargs):
    with pytest.raises(NopeproofError):
        Scope(**kwargs)


@pytest.mark.parametrize("kwargs", [
    {"order": "forall T"}, {"words": "all"}, {"vocabulary": "some"}, {"parameters": "few"}, {"t_max": True}, {"t_max": 5.0}, {"t_min": "1"},
])  # fmt: skip
def test_a_scope_of_unknown_words_is_refused(kwargs):
    with pytest.raises(NopeproofError):
        Scope(**kwargs)


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [({}, "every T;"), ({"t_min": 5}, "every T >= 5;"), ({"t_min": 3, "t_max": 9}, "3 <= T <= 9;"), ({"t_min": 6, "t_max": 6}, "T = 6;")],
)
def test_lengths_are_said_of_words_and_not_of_positions(kwargs, said):
    assert said in str(Scope(**kwargs)) and "t >=" not in str(Scope(**kwargs))


def test_all_weights_are_not_spoken_of_by_a_claim_about_one_circuit():
    with pytest.raises(NopeproofError, match="about one Circuit"):
        claim(scope=Scope(order="forall weights forall T"))


def test_no_later_key_and_no_block_before_the_first_has_a_weight():
    with pytest.raises(NopeproofError, match="no later key"):
        Attends(1, 0, -1, "1/2")
    with pytest.raises(NopeproofError, match="block 0"):
        Claim("c", HEAD, Attends(0, 0, 1, "1/2"), HERE)


@pytest.mark.parametrize("mask", ["causal", "strict", "none"])
def test_a_circuit_may_be_claimed_to_do_for_each_T(mask):
    each = Scope(order="forall T exists weights", t_max="T", vocabulary="given")
    assert verify(Claim("c", replace(HEAD, mask=mask), Equals(ATTENTION, R.one, "1"), each)).kind == "proved"


def test_evidence_is_never_added_up():
    many = [Evidence("tested", HERE, "sample") for _ in range(100)] + [Evidence("exhausted", replace(HERE, t_max=6), "exhaust")]
    verdict = judge(claim(), many)
    assert verdict.kind == "exhausted" and not verdict.stands and verdict.scope.t_max == 6


def test_a_refutation_wins_over_everything():
    verdict = judge(claim(), [Evidence("proved", HERE, "kernel"), Evidence("refuted", HERE, "run", witness={"t": 1})])
    assert verdict.kind == "refuted" and not verdict.stands and verdict.witness == {"t": 1}


def test_a_proof_of_less_leaves_the_claim_open():
    assert judge(claim(scope=Scope()), [Evidence("proved", HERE, "kernel")]).kind == "open"


# --- claims ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: claim(value="1/s"),
        lambda: claim(value="1/"),
        lambda: claim(value="0.5"),
        lambda: Equals(ATTENTION, R.one + R.bos, "1"),
        lambda: Claim("c", HEAD, Equals(Site(2), R.recip, "t")),
        lambda: Claim("c", HEAD, ScoreIs(1, 1, "0")),
        lambda: Claim("c", HEAD, SameAttention(1, 0, 7)),
        lambda: Claim("c", "head", Equals(ATTENTION, R.recip, "t")),
        lambda: Claim("c", HEAD, "recip = 1/t"),
        lambda: Claim("c", Family(HEAD), Equals(ATTENTION, R.recip, "1/t"), Scope()),
        lambda: Unchanged(FFN, ATTENTION, [R.one]),
    ],
)
def test_a_claim_that_does_not_fit_its_subject_is_refused(make):
    with pytest.raises(NopeproofError) as caught:
        make()
    assert caught.value.found and caught.value.todo


# --- verdicts ----------------------------------------------------------------------------------------------------------


def test_one_over_t_is_proved_and_its_neighbours_are_refuted_at_the_first_word():
    assert verify(claim()).kind == "proved"
    for wrong, t in {"1/(t + 1)": 1, "2/t - 1": 2, "1/t + (t-1)*(t-2)*(t-3)": 4}.items():
        verdict = verify(claim(wrong))
        assert verdict.kind == "refuted" and verdict.witness["t"] == t and len(verdict.witness["word"]) == t


def test_a_bounded_claim_about_given_tokens_is_settled_by_exhaustion_and_proved_besides():
    verdict = verify(claim(scope=replace(HERE, t_max=5)))
    assert verdict.kind == "proved" and verdict.stands
    assert any(e.kind == "exhausted" and e.scope.covers(verdict.claim.scope) for e in verdict.evidence)


def test_a_claim_for_every_vocabulary_needs_more_than_this_one():
    verdict = verify(claim(scope=Scope()))
    assert not verdict.stands and verdict.kind != "proved"


def test_repeated_bos_breaks_it():
    verdict = verify(claim(scope=replace(HERE, words="any")))
    assert verdict.kind == "refuted" and verdict.witness["word"] == ["<bos>", "<bos>"]


def test_predicates_are_exhausted_never_proved():
    falling = Holds(
        "1/t falls", lambda trace: all(a > b for a, b in zip(trace.at(ATTENTION, "recip"), trace.at(ATTENTION, "recip")[1:], strict=False))
    )
    verdict = verify(Claim("c", HEAD, falling, HERE))
    assert verdict.kind == "exhausted" and not verdict.stands
    assert verify(Claim("c", HEAD, falling, replace(HERE, t_max=4))).stands


def test_within_is_strict():
    good = Within(ATTENTION, R.recip, "1/t + 1/3", error="1/2")
    exact = Within(ATTENTION, R.recip, "1/t + 1/2", error="1/2")
    small = replace(HERE, t_max=4)
    assert verify(Claim("c", HEAD, good, small)).stands
    assert verify(Claim("c", HEAD, exact, small)).kind == "refuted"


def test_fails_is_proved_by_a_witness_and_open_without_one():
    assert verify(Claim("c", HEAD, Fails(Equals(ATTENTION, R.recip, "1")), HERE)).kind == "proved"
    verdict = verify(Claim("c", HEAD, Fails(Equals(ATTENTION, R.recip, "1/t")), HERE))
    assert verdict.kind == "open" and not verdict.stands


def test_the_family_is_wrong_one_position_after_its_T():
    family = Family(replace(HEAD, blocks=[replace(HEAD.blocks[0], mlp=clock_minimal(R.one, R.recip))]), T_min=2)
    scope = Scope(order="forall T exists weights", t_max="T", vocabulary="given")
    assert verify(claim("t", scope, family, FFN)).kind == "proved"
    for T in (2, 4, 6, 8):
        verdict = verify(claim("t", HERE, family.at(T), FFN))
        assert verdict.kind == "refuted" and verdict.witness["t"] == T + 2  # floor((T + 1)/2) = T/2 units also serve T + 1


def test_the_dtype_is_part_of_the_scope():
    in_float = claim(scope=replace(HERE, arithmetic="float32"))
    verdict = verify(in_float)
    assert verdict.kind != "proved" and not verdict.stands


def test_a_kernel_that_accepts_a_falsehood_is_caught(monkeypatch):
    monkeypatch.setattr(kernel, "check", lambda certificate: None)
    with pytest.raises(NopeproofError, match="reporting this as a bug"):
        verify(claim("1/(t + 1)"))


# --- the checks by themselves --------------------------------------------------------------------------------------------


def test_exhaust_says_how_far_it_went_and_what_it_left_open():
    evidence = exhaust(load("absolute-position").claim("recip"), seconds=0.3)
    assert evidence.kind == "exhausted" and evidence.scope.t_max >= 4
    assert evidence.scope.parameters == "one" and evidence.scope.vocabulary == "given"


def test_sampling_alone_lets_nothing_stand():
    evidence = sample(claim(), examples=5)
    assert evidence.kind == "tested" and not judge(claim(), [evidence]).stands


def test_prove_names_why_it_cannot():
    strict = replace(HEAD, mask="strict")
    evidence = prove(claim(subject=strict))
    assert evidence.kind == "open" and "strict" in evidence.reason


@pytest.mark.parametrize("id", ["score", "same-softmax", "position-kept", "frame"])
def test_cutting_what_a_claim_does_not_read_changes_nothing_it_reads(id):
    found = load("relative-position").claim(id)
    whole = found.subject.at(4).instance(seed=3)
    part = trimmed(whole, found.statement)
    assert sum(len(b.heads) for b in part.blocks) < sum(len(b.heads) for b in whole.blocks) or "score" in id or "softmax" in id
    word = ["<bos>", "a", "b", "a"]
    full, cut = run(whole, word), run(part, word)
    assert not list(violations(found.statement, full, 4)) and not list(violations(found.statement, cut, 4))
    if hasattr(found.statement, "head"):
        b, h = found.statement.block, found.statement.head
        assert full.head(b, h).scores == cut.head(b, h).scores


def test_every_candidate_certificate_names_the_weights_it_is_about():
    found = load("absolute-position").claim("minimal")
    certificate = next(candidates(found))
    kernel.check(certificate)
    certificate["subject"]["blocks"][0]["mlp"]["units"][0]["read"]["0"] = "6"
    with pytest.raises(kernel.Reject, match="hash"):
        kernel.check(certificate)


def test_values_of_expressions_are_exact():
    assert value_of("1/t", t=3) * 3 == 1
    assert value_of("sqrt(8)/2 - sqrt(2) + t", t=2) == 2


def test_a_family_of_growing_depth_is_not_taken_for_its_symbolic_circuit():
    """Its members repeat blocks 1 and 2: what is true of one copy says nothing of them."""
    family = every_T()
    statement = Unchanged(Site(0), Site(LAST), [D.one])
    evidence = prove(Claim("c", family, statement, Scope(order="forall T exists weights", t_max="T")))
    assert evidence.kind == "open" and "number of blocks" in evidence.reason


@pytest.mark.parametrize("t_min", [13, 25])
def test_a_claim_about_long_words_alone_is_run_on_such_words(t_min):
    late = claim("1/(2*t - 1)", scope=replace(HERE, t_min=t_min))
    assert len(sample(late).witness["word"]) >= t_min
    found = sample(claim(scope=replace(HERE, t_min=t_min)))
    assert found.kind == "tested" and found.scope.t_max >= found.scope.t_min == t_min


def test_a_certificate_up_to_a_length_is_not_contradicted_by_what_fails_beyond_it():
    near = Within(ATTENTION, R.recip, "1", "7/10")  # 1 - 1/t reaches it at t = 4
    found = verify(Claim("c", HEAD, near, replace(HERE, arithmetic="float32")))
    assert found.kind == "refuted" and found.witness["t"] == 4
    assert found.evidence[0].kind == "certified" and found.evidence[0].scope.t_max == 3
