"""Replay against forgeries: evidence that is genuine, and shows something else than the claim it is put beside."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from nopeproof import certificates, counter_kernel
from nopeproof.checks import counter, verify
from nopeproof.checks.counter import Clock, Platform, longest
from nopeproof.checks.evaluate import violations
from nopeproof.checks.exhaust import trace_of
from nopeproof.checks.replay import drawn, replay
from nopeproof.circuit import Block, Circuit, Embedding, Family, Head
from nopeproof.claims import Claim, Equals, Fails, Scope, ScoreIs, Within, after_attention, after_ffn
from nopeproof.division import R as D
from nopeproof.division import division_clock, every_T
from nopeproof.residual import Residual
from nopeproof.theory.rounding import arithmetic

R = Residual(one=1, bos=1, x=1)
MEAN = Head(W_Q=[R.zero], W_K=[R.zero], W_V=[R.bos], W_O=[R.x])
HERE = Scope(vocabulary="given")


def average(**fields):
    tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one.vector})
    return Circuit(R, tokens, [Block([MEAN])], **{"bos": "<bos>"} | fields)


def stored(claim, certificate, ledger, kind):
    """Evidence with a certificate beside the ledger."""
    sha = certificates.store(ledger, certificate).stem
    return {"kind": kind, "tool": "it", "certificate_sha256": sha, "scope": claim.scope.as_json(), "witness": None}


def witnessed(claim, witness, kind):
    return {"kind": kind, "tool": "it", "certificate_sha256": None, "scope": claim.scope.as_json(), "witness": witness}


def test_a_certificate_for_every_length_is_about_the_family_that_grows(tmp_path):
    clock = every_T()
    certificate = Clock(clock, 4, D.pos.start).certificate(None, "every")
    counter_kernel.check(certificate)
    four = Equals(after_ffn(4), D.pos, "t")
    claim = Claim("plain", Family(clock.symbolic), four, Scope(order="forall T exists weights", t_max="T"))
    assert replay(claim, stored(claim, certificate, tmp_path, "proved"), tmp_path).status == "rejected"


def test_a_certificate_of_a_miss_is_about_a_length_of_the_claim(tmp_path):
    circuit, how = division_clock(7, "bfloat16"), arithmetic("bfloat16")
    n = len(circuit.blocks)
    clock = Clock(circuit, n, D.pos.start)
    T = longest(clock, how)
    certificate = clock.certificate(how, T + 1, goal="misses")
    counter_kernel.check(certificate)
    for t_max, status in ((T, "rejected"), (T + 1, "accepted")):
        claim = Claim("it", circuit, Fails(Equals(after_ffn(n), D.pos, "t")), Scope(arithmetic="bfloat16", t_max=t_max))
        assert replay(claim, stored(claim, certificate, tmp_path, "certified"), tmp_path).status == status


def test_a_float_certificate_whose_hypotheses_fail_here_is_declined(tmp_path, monkeypatch):
    circuit, how = division_clock(7, "bfloat16"), arithmetic("bfloat16")
    n = len(circuit.blocks)
    claim = Claim("it", circuit, Equals(after_ffn(n), D.pos, "t"), Scope(arithmetic="bfloat16", t_max=189))
    evidence = stored(claim, Clock(circuit, n, D.pos.start).certificate(how, 189), tmp_path, "certified")
    assert replay(claim, evidence, tmp_path).status == "accepted"
    off = Platform(replace(how, accumulator=how.storage), Fraction(1), ("probed",), (), "shrunk by a probe: 1/t is not rounded to nearest")
    monkeypatch.setattr(counter, "on_platform", lambda declared, known=None: off)
    done = replay(claim, evidence, tmp_path)
    assert done.status == "declined" and "not rounded to nearest" in done.reason
    monkeypatch.setattr(counter, "on_platform", lambda declared, known=None: Platform(None, Fraction(1, 2), (), ("exp",)))
    assert replay(claim, evidence, tmp_path).status == "declined"


@pytest.mark.parametrize("claimed", ["1/100", "1/2"])
def test_a_witness_is_a_word_of_the_length_it_names(tmp_path, claimed):
    """Without a mask the average of the mark is 1/T in every word; a T that the word has not makes it something else."""
    good = Claim("g", average(mask="none"), Equals(after_attention(1), R.x, "1/T"), HERE)
    assert verify(good).stands
    invented = {"word": ["<bos>", "a"], "t": 1, "coordinate": "x", "expected": claimed, "found": "1/2", "T": 100, "seed": 0}
    for claim, kind in ((Claim("b", good.subject, Fails(good.statement), HERE), "proved"), (good, "refuted")):
        assert replay(claim, witnessed(claim, invented, kind), tmp_path).status == "rejected"


def test_a_witness_compares_with_words_of_the_claim_alone(tmp_path):
    S = Residual(one=1, b=1, x=1)
    first = Head(W_Q=[S.zero], W_K=[S.zero], W_V=[S.b], W_O=[S.x])
    second = Head(W_Q=[S.one], W_K=[S.x], W_V=[S.zero], W_O=[S.x])
    circuit = Circuit(S, Embedding({"a": S.one.vector, "b": S.one + S.b}), [Block([first]), Block([second])])
    for t_max, status in ((1, "rejected"), (2, "accepted")):
        scope = Scope(words="any", vocabulary="given", t_max=t_max)
        claim = Claim("g", circuit, ScoreIs(2, 0, "0", content=[S.b]), scope)
        seen: dict = {}
        list(violations(claim.statement, trace_of(circuit, ("b", "a"), scope, claim.statement), 2, seen))
        witness = next(violations(claim.statement, trace_of(circuit, ("a",), scope, claim.statement), 1, seen))
        assert witness["same_contents_in"]["word"] == ["b", "a"]
        assert replay(claim, witnessed(claim, {**witness, "T": 1, "seed": 0}, "refuted"), tmp_path).status == status


def test_a_witness_in_a_member_is_one_of_the_claim(tmp_path):
    """A family's member for T = 50 is nothing to a claim up to 10, however short the word."""
    family = Family(average())
    scope = Scope(order="forall T exists weights", t_max=10, vocabulary="given")
    claim = Claim("it", family, Equals(after_attention(1), R.x, "T/10"), scope)
    for T, status in ((50, "rejected"), (2, "accepted")):
        expected = str(Fraction(T, 10))
        witness = {"word": ["<bos>"], "t": 1, "coordinate": "x", "expected": expected, "found": "1", "T": T, "seed": 0}
        assert replay(claim, witnessed(claim, witness, "refuted"), tmp_path).status == status


def test_a_certificate_of_equality_shows_what_is_near(tmp_path):
    circuit = division_clock(5)
    for error, status in (("1/2", "accepted"), ("0", "rejected"), ("-1", "rejected"), ("ln(2)", "rejected")):
        n = len(circuit.blocks)
        claim = Claim("it", circuit, Within(after_ffn(n), D.pos, "t", error), Scope(arithmetic="float32", t_max=40))
        certificate = Clock(circuit, n, D.pos.start).certificate(arithmetic("float32"), 40)
        assert replay(claim, stored(claim, certificate, tmp_path, "certified"), tmp_path).status == status
        if status == "accepted":
            assert verify(claim).stands


GOOD = {"word": ["<bos>", "a"], "t": 2, "coordinate": "x", "expected": "1", "found": "1/2", "T": 2, "seed": 0}
ODD = {
    **{f"without {x}": lambda e, x=x: {k: v for k, v in e.items() if k != x} for x in ("kind", "tool", "scope")},
    **{f"scope {x}": lambda e, x=x: {**e, "scope": x} for x in (None, [], "real")},
    "a field more": lambda e: {**e, "scope": {**e["scope"], "x": 1}},
    **{f"sha {x}": lambda e, x=x: {**e, "certificate_sha256": x} for x in (7, "**/", ["a"], "/etc/pass")},
    **{f"witness {x}": lambda e, x=x: {**e, "witness": x} for x in ("word", 5, {"word": 5}, {"word": []})},
    **{
        f"{k} {x}": lambda e, k=k, x=x: {**e, "witness": {**GOOD, k: x}}
        for k, x in [
            ("T", "x"),
            ("T", float("inf")),
            ("T", 10**30),
            ("seed", "x"),
            ("word", [1]),
            ("word", [["a"], {}]),
            ("same_contents_in", 5),
        ]
    },
    "a list": lambda e: [],
    "nothing": lambda e: None,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_evidence_is_rejected_and_says_why(tmp_path, name):
    claim = Claim("it", average(), Equals(after_attention(1), R.x, "1"), HERE)
    assert replay(claim, witnessed(claim, GOOD, "refuted"), tmp_path).status == "accepted"
    done = replay(claim, ODD[name](witnessed(claim, GOOD, "refuted")), tmp_path)
    assert done.status == "rejected" and done.reason


def test_a_rows_verdict_is_the_one_that_its_evidence_allows():
    false = Claim("it", average(), Equals(after_attention(1), R.x, "2/t"), HERE)
    found = verify(false)
    data = {"stands": found.stands, "assuming": list(found.assuming), "verdict_scope": found.scope.as_json()}
    row = {"verdict": found.kind, "data": data, "evidence": [e.as_json() for e in found.evidence]}
    assert found.kind == "refuted" and drawn(false, row) is None
    wide = {**data["verdict_scope"], "vocabulary": "every"}
    assert drawn(false, row | {"data": data | {"verdict_scope": wide}}).status == "rejected"
    assert drawn(false, row | {"data": data | {"assuming": ["jeannerod2013"]}}).status == "rejected"
    coq = {"kind": "proved", "tool": "coq", "certificate_sha256": None, "scope": HERE.as_json(), "assumes": []}
    assert drawn(false, {"verdict": "proved", "data": data | {"stands": True}, "evidence": [coq]}).status == "rejected"
    for kept in ([], [e for e in row["evidence"] if e["kind"] == "open"], row["evidence"]):
        forged = row | {"verdict": "proved", "data": data | {"stands": True}, "evidence": kept}
        assert drawn(false, forged).status == "rejected"
    assert drawn(false, row | {"data": data | {"stands": True}}).status == "rejected"
    assert drawn(false, row | {"evidence": [{"kind": "sure", "tool": "it", "scope": {}}]}).status == "rejected"


def test_a_vocabulary_that_is_given_is_the_named_tokens():
    """What further tokens look like is no counterexample to a claim about the named ones."""
    S = Residual(one=1, c=1)
    circuit = Circuit(S, Embedding({"<bos>": S.one.vector, "x": S.one.vector}, S.one + S.c.free("g")), [Block()], bos="<bos>")
    for vocabulary, kind in (("given", "exhausted"), ("every", "refuted")):
        found = verify(Claim("it", circuit, Equals(after_attention(1), S.c, "0"), Scope(vocabulary=vocabulary, t_max=4)))
        assert (found.kind, found.stands) == (kind, vocabulary == "given")


@pytest.mark.parametrize("t_max", [None, 3])
def test_where_bos_is_the_only_token_there_is_one_word(t_max):
    alone = Circuit(R, Embedding({"<bos>": R.one + R.bos}), [Block([MEAN])], bos="<bos>")
    scope = Scope(vocabulary="given", t_max=t_max)
    assert verify(Claim("it", alone, Equals(after_attention(1), R.x, "1/t"), scope)).stands
    assert not verify(Claim("not", alone, Fails(Equals(after_attention(1), R.x, "1/t")), scope)).stands
