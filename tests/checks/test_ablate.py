"""Ablation: known minima, assumptions that are not needed, minimality against brute force, and every shipped construction."""

import json
from dataclasses import replace

import pytest

from nopeproof import ledger, library
from nopeproof.checks.ablate import Ablation, ablate, ledger_row, settle, table
from nopeproof.checks.evaluate import violations
from nopeproof.checks.exhaust import members, trace_of, words
from nopeproof.checks.without import ASSUMPTIONS
from nopeproof.circuit import Block, Circuit, Embedding, Family, Head, Norm
from nopeproof.claims import Claim, Equals, Fails, Holds, Scope, ScoreIs, Unchanged, after_attention, after_ffn
from nopeproof.parts import clock_basis, clock_minimal, uniform_head
from nopeproof.residual import Residual

R = Residual(one=1, bos=1, recip=1, content=1)
EMBEDDING = Embedding({"<bos>": R.one + R.bos, "a": R.one, "b": R.one + R.content})
HERE = Scope(vocabulary="given")
EACH = Scope(order="forall T exists weights", t_max="T", vocabulary="given")
HEAD = uniform_head([R.bos], [R.recip], name="1/t")
A1, F1 = after_attention(1), after_ffn(1)


def clock(mlp, value="t"):
    return Claim("t", Family(Circuit(R, EMBEDDING, [Block([HEAD], mlp)], bos="<bos>"), T_min=2), Equals(F1, R.recip, value), EACH)


RECIP = Claim("recip", Circuit(R, EMBEDDING, [Block([HEAD])], bos="<bos>"), Equals(A1, R.recip, "1/t"), HERE)
BASIS, MINIMAL = clock(clock_basis(R.one, R.recip)), clock(clock_minimal(R.one, R.recip))


def outcomes(claim, seconds=0.5) -> dict[str, Ablation]:
    return {found.assumption.name: found for found in ablate(claim, seconds)}


@pytest.fixture(scope="module")
def basis():
    return outcomes(BASIS)


@pytest.mark.parametrize(
    ("assumption", "word", "place"),
    [
        ("BOS", ["a"], 1),
        ("BOS unique", ["<bos>", "<bos>"], 2),
        ("own key visible", ["<bos>"], 1),
        ("causal mask", ["<bos>", "a"], 1),
        ("W_Q = W_K = 0", ["<bos>", "a"], 2),
        ("exact tie", ["<bos>", "a"], 2),
        ("flag of BOS alone", ["<bos>", "a"], 2),
        ("rows of one's own", ["<bos>"], 1),
        ("residual correction", ["<bos>"], 1),
        ("FFN width", ["<bos>", "a", "a"], 3),
        ("weights for each T", ["<bos>", "a", "a", "a", "a"], 5),
        ("exact, not float32", ["<bos>", "a", "a"], 3),
    ],
)
def test_known_minima(basis, assumption, word, place):
    found = basis[assumption]
    assert found.result == "needed" and found.witness["word"] == word and found.witness["t"] == place, table([found])
    assert "smaller tries keep the claim" in found.by and found.words >= 1


def test_the_minimal_clock_for_4_serves_5_and_fails_at_6():
    found = outcomes(MINIMAL)["weights for each T"]
    assert found.witness is not None and len(found.witness["word"]) == 6 and found.witness["found"] == "17/3"
    assert found.words == 1 + 2 + 4 + 8 + 16 + 1


def test_what_is_not_needed_is_proved():
    free = [sum((s.free(f"q_{s.name}_") for s in R), R.zero)]
    claim = replace(RECIP, subject=replace(RECIP.subject, blocks=[Block([replace(HEAD, W_Q=free, W_K=[R.one])])]))
    found = outcomes(claim)["W_Q arbitrary"]
    assert (found.result, found.by, found.witness) == ("not needed", "proved by the kernel", None)
    assert outcomes(RECIP)["W_Q = 0"].result == "not needed"
    frame = outcomes(replace(RECIP, statement=Unchanged(A1, A1, [R.one])))
    assert all(f.result == "not needed" for name, f in frame.items() if not name.startswith("exact,"))


def test_a_frame_in_floats_is_not_said_to_be_proved():
    frame = outcomes(replace(RECIP, statement=Unchanged(after_attention(1), F1, [R.one])), seconds=0.05)
    for name in ("exact, not float32", "exact, not bfloat16"):
        assert frame[name].result == "unsettled" and "only an overflow" in frame[name].by


def test_a_bounded_claim_is_settled_by_all_its_words():
    found = outcomes(replace(RECIP, subject=BASIS.weights.at(4), statement=Equals(F1, R.recip, "t"), scope=replace(HERE, t_max=3)))
    assert found["FFN width"].result == "not needed" and "proved by inequality prover" in found["FFN width"].by
    sums = Holds("sums to 1", lambda trace: all(x > 0 for x in trace.at(A1, "recip")))
    found = outcomes(replace(RECIP, statement=sums, scope=replace(HERE, t_max=3)))
    assert found["BOS unique"].result == "not needed" and found["BOS unique"].by == "all words up to T = 3"
    assert found["W_Q = 0"].result == "unsettled"  # one choice of W_Q is not every


def test_runs_in_balls_refute_and_do_not_confirm():
    looks = Head(W_Q=[R.content], W_K=[R.content], W_V=[R.bos], W_O=[R.recip], name="content scores")
    none = Head(W_Q=[R.one], W_K=[0], W_V=[0], W_O=[R.recip], name="no scores")
    normed = Circuit(R, EMBEDDING, [Block([looks]), Block([none], norm_attention=Norm("rmsnorm", "1"))], bos="<bos>")
    claim = Claim("zero", normed, ScoreIs(2, 0, "(t - 1)*(t - 2)"), HERE)  # right at t = 1, 2; there is no exact run of "<bos> b"
    result, by, witness, tried = settle(claim, 0.5)
    assert (result, tried) == ("needed", 4) and witness is not None and witness["word"] == ["<bos>", "a", "a"]
    assert by == "all 3 smaller tries keep the claim; 1 of them known in balls only"
    bounded = replace(claim, statement=ScoreIs(2, 0, "0"), scope=replace(HERE, t_max=2))
    assert settle(bounded, 0.5)[0] == "unsettled"  # true, but no run of "<bos> b" says so


def test_a_circuit_without_a_value_settles_nothing():
    empty = replace(RECIP.circuit, embedding=Embedding({"<bos>": R.one + R.bos, "a": R.zero}))
    found = outcomes(Claim("one", empty, Equals(A1, R.recip, "1/t"), replace(HERE, t_max=2)), seconds=0.05)["no RMSNorm"]
    assert found.result in ("needed", "unsettled")
    same = replace(empty, blocks=[Block([replace(HEAD, W_V=[0], W_Q=[R.one], W_K=[R.one])], norm_attention=Norm("rmsnorm"))])
    assert settle(Claim("zero", same, Equals(A1, R.recip, "0"), replace(HERE, t_max=2)), 0.05)[0] == "unsettled"


def smaller(claim, witness):
    """Every try before a witness: (T, circuit, word), by length, instance and order."""
    for length in range(1, len(witness["word"]) + 1):
        for seed in (0,) if claim.circuit.concrete or (isinstance(claim.weights, Family) and not claim.circuit.free) else (0, 1):
            for T, circuit in members(claim, length, seed):
                for word in words(circuit, length, claim.scope.words):
                    if (list(word), seed) == (witness["word"], witness["seed"]):
                        return
                    yield T, circuit, word


@pytest.mark.parametrize("claim", [BASIS, MINIMAL, library.load("absolute-position").claim("recip")], ids=["basis", "minimal", "recip"])
def test_minimal_means_that_all_before_it_hold(claim):
    for assumption in [a for a in ASSUMPTIONS if a.name in ("BOS unique", "exact tie", "FFN width", "weights for each T")]:
        changed = assumption.drop(claim)
        if changed is None:
            continue
        result, _, witness, tried = settle(changed, 2.0)
        assert result == "needed" and witness is not None, assumption.name
        before = list(smaller(changed, witness))
        assert len(before) == tried - 1
        for T, circuit, word in before:
            assert not list(violations(changed.statement, trace_of(circuit, word, changed.scope, changed.statement), T, {}))
        circuit = next(c for _, c in members(changed, len(witness["word"]), witness["seed"]))
        trace = trace_of(circuit, tuple(witness["word"]), changed.scope, changed.statement)
        assert list(violations(changed.statement, trace, witness["T"], {}))


def test_each_assumption_has_a_name_of_its_own_and_removes_one_thing():
    names = [a.name for a in ASSUMPTIONS]
    assert len(set(names)) == len(names)
    for assumption in ASSUMPTIONS:
        changed = assumption.drop(BASIS)
        if changed is not None:
            parts = [
                changed.circuit.mask != BASIS.circuit.mask,
                changed.scope.arithmetic != BASIS.scope.arithmetic,
                changed.circuit.as_json()["blocks"] != BASIS.circuit.as_json()["blocks"],
                changed.circuit.bos != BASIS.circuit.bos or changed.scope.words != BASIS.scope.words,
                changed.circuit.bos == BASIS.circuit.bos and changed.circuit.as_json()["embed"] != BASIS.circuit.as_json()["embed"],
            ]
            assert sum(parts) == 1, (assumption.name, parts)


def test_a_predicate_that_divides_by_zero_without_bos_is_false_there():
    claim = replace(RECIP, statement=Holds("1 / recip = t", lambda trace: all(1 / x == t for t, x in enumerate(trace.at(A1, "recip"), 1))))
    found = outcomes(claim, 0.05)
    assert found["BOS"].result == "needed" and found["BOS"].witness["word"] == ["a"]
    assert found["W_Q = 0"].result == "unsettled" and "holds on all words up to T = " in found["W_Q = 0"].by


def test_nothing_to_take_from_a_negative():
    assert list(ablate(replace(RECIP, statement=Fails(RECIP.statement)))) == []


def test_rows_hold_what_a_report_draws(basis, tmp_path):
    writer = ledger.Writer(tmp_path, "ablate")
    for found in basis.values():
        writer.append(ledger_row("clock", BASIS, found, ["nopeproof", "ablate", "clock"]))
    rows = ledger.read_all(tmp_path).of("ablation")
    assert len(rows) == len(basis) and all(r["construction"] == "clock" and r["claim"] == "t" for r in rows)
    for row in rows:
        data = row["data"]
        assert {"assumption", "without", "result", "by", "witness", "statement"} <= set(data)
        assert (data["result"] == "needed") == (data["witness"] is not None)
        if data["witness"]:
            assert {"word", "t", "expected", "found", "T", "seed"} <= set(data["witness"])
    assert json.dumps(rows)


@pytest.mark.slow
@pytest.mark.parametrize("name", library.names())
def test_every_construction_can_be_ablated(name):
    for claim in library.load(name).claims:
        for found in ablate(claim, 0.05):
            assert found.result in ("needed", "not needed", "unsettled") and found.by
            assert (found.witness is not None) == (found.result == "needed")
            assert table([found]) and json.dumps(found.as_json())
