"""Mutation: what the mutants are, that each is judged rightly, that an unsound kernel is caught, and that a run can go on."""

import json
from dataclasses import replace

import pytest

from nopeproof import kernel, ledger, library
from nopeproof.checks.evaluate import violations
from nopeproof.checks.exhaust import exhaust, instance, trace_of
from nopeproof.checks.mutants import STEPS, Mutant, mutants
from nopeproof.checks.mutate import UNREAD, Judge, alike, choose, ledger_row, mutate, where_keys_differ
from nopeproof.checks.prove import certificate_for, prove
from nopeproof.circuit import Block, Circuit, Embedding, Family, Head, Norm
from nopeproof.claims import Claim, Equals, Evidence, Fails, Holds, Scope, Shown, Unchanged, after_attention, after_ffn, embedding
from nopeproof.errors import NopeproofError
from nopeproof.export import coq
from nopeproof.parts import clock_basis, uniform_head
from nopeproof.residual import Residual, Vector
from nopeproof.run import run
from nopeproof.strategies import all_weights

R = Residual(one=1, bos=1, recip=1)
EMBEDDING = Embedding({"<bos>": R.one + R.bos, "a": R.one.vector})
HERE = Scope(vocabulary="given")
HEAD = Circuit(R, EMBEDDING, [Block([uniform_head([R.bos], [R.recip], name="1/t")])], bos="<bos>", name="head")
RECIP = Claim("recip", HEAD, Equals(after_attention(1), R.recip, "1/t"), HERE)
CLOCK = Claim(
    "t",
    Family(replace(HEAD, blocks=[replace(HEAD.blocks[0], mlp=clock_basis(R.one, R.recip))], name="clock"), T_min=2),
    Equals(after_ffn(1), R.recip, "t"),
    Scope(order="forall T exists weights", t_max="T", vocabulary="given"),
)


def numbers(x, at=()):
    """{path: leaf} of nested plain data."""
    if isinstance(x, dict):
        return {p: v for k, y in x.items() for p, v in numbers(y, (*at, k)).items()}
    if isinstance(x, list):
        return {p: v for k, y in enumerate(x) for p, v in numbers(y, (*at, k)).items()}
    return {at: x}


@pytest.mark.parametrize("subject", [HEAD, CLOCK.weights], ids=["circuit", "family"])
def test_a_mutant_differs_in_one_weight_or_in_two_that_are_exchanged(subject):
    symbolic = subject.symbolic if isinstance(subject, Family) else subject
    before, (some, zeros) = numbers(symbolic.as_json()), mutants(subject)
    for m in [*some, *zeros]:
        changed = m.subject
        after = numbers((changed.symbolic if isinstance(changed, Family) else changed).as_json())
        different = [p for p in before.keys() | after.keys() if before.get(p) != after.get(p)]
        assert len(different) == 1 or (len(different) == 2 and "exchanged" in m.change), m
    assert len({m.key for m in [*some, *zeros]}) == len(some) + len(zeros)


def test_each_weight_is_made_0_negated_moved_and_exchanged():
    some, zeros = mutants(HEAD)
    at = [m.change for m in some if m.where == "the embedding of '<bos>' at bos"]
    assert at == ["1 -> 2", "1 -> 0", "1 -> 257/256", "1 -> 255/256", "1 -> -1", "exchanged with recip"]
    assert [zeros[k].key for k in range(len(zeros))] == [m.key for m in zeros]
    with pytest.raises(IndexError):
        zeros[len(zeros)]
    ranges = {m.change for m in mutants(CLOCK.weights)[0] if m.where.endswith(("last", "first"))}
    assert {"2 -> 3", "2 -> 1", "T - 1 -> (T - 1 - 1)", "T - 1 -> 0"} <= ranges


def test_zeros_are_those_of_every_weight():
    _, zeros = mutants(HEAD)
    wanted = {w.where for w in all_weights(HEAD, zeros=True) if w.value == 0}
    assert {m.where for m in zeros} == wanted and len(zeros) == len(STEPS) * len(wanted)


def test_every_mutant_is_judged_and_a_witness_shows_what_it_says():
    found = mutate([RECIP], None)
    assert not found.alarms and found.counts["unresolved"] == 0 and found.counts["refuted"] > 15 and found.counts["satisfies"] > 15
    assert len(found.outcomes) == found.possible == sum(map(len, mutants(HEAD)))
    for o in found.outcomes:
        claim = replace(RECIP, subject=o.mutant.subject)
        if o.status == "refuted":
            circuit = instance(claim.circuit, o.witness["seed"])
            trace = trace_of(circuit, tuple(o.witness["word"]), HERE, claim.statement)
            assert o.witness["t"] in {v["t"] for v in violations(claim.statement, trace, o.witness["T"])}
            assert prove(claim).kind != "proved"
        else:
            assert o.by == "proved" and prove(claim).kind == "proved"


def test_what_the_claim_does_not_read_needs_no_second_proof():
    frame = Claim("frame", HEAD, Unchanged(embedding(), after_attention(1), [R.one]), HERE)
    found = {(o.mutant.where, o.mutant.change): (o.status, o.by) for o in mutate([frame], None).outcomes}
    assert found["block 1, head 1 '1/t', W_V[0] at bos", "1 -> -1"] == ("satisfies", UNREAD)
    assert found["block 1, head 1 '1/t', W_O[0] at one", "0 -> 1"][0] == "refuted"
    assert found["the embedding of 'a' at one", "1 -> -1"] == ("satisfies", "proved")


def test_a_family_is_judged_in_its_members_and_ranges_are_mutated():
    found = mutate([CLOCK], 40)
    assert not found.alarms and found.counts["unresolved"] == 0 and found.counts["refuted"] > 12
    assert all(o.witness["T"] >= 2 for o in found.outcomes if o.status == "refuted")


def test_a_kernel_that_accepts_everything_is_an_alarm(monkeypatch):
    monkeypatch.setattr(kernel, "check", lambda certificate: None)
    found = mutate([RECIP], 60)
    assert len(found.alarms) == found.counts["refuted"] > 5 and all(o.status == "refuted" for o in found.alarms)


def test_a_prover_beyond_the_kernel_that_accepts_everything_is_an_alarm(monkeypatch):
    far = replace(RECIP, subject=replace(HEAD, mask="strict"), statement=Equals(after_attention(1), R.recip, "1/t"))
    true = Evidence("proved", far.scope, "a prover that never looks")
    monkeypatch.setattr("nopeproof.checks.mutate.proof_of", lambda claim: true)
    found = mutate([far], 20)
    assert found.counts["refuted"] > 5 and len(found.alarms) == found.counts["refuted"]


def test_bounded_claims_and_predicates_are_exhausted():
    counts = Holds("1 / recip = t", lambda trace: all(1 / x == t for t, x in enumerate(trace.at(after_attention(1), "recip"), 1)))
    found = mutate([replace(RECIP, statement=counts, scope=replace(HERE, t_max=4))], 80)
    assert found.counts["unresolved"] == 0 and found.counts["satisfies"] > 0 and found.counts["refuted"] > 10
    assert {o.by for o in found.outcomes if o.status == "satisfies"} == {"exhausted"}
    zero = [o for o in found.outcomes if o.mutant.change == "1 -> 0" and "W_O" in o.mutant.where]
    assert [o.status for o in zero] == ["refuted"]  # the predicate divides by 0 there


def test_a_mutant_whose_norm_has_no_value_is_no_crash():
    normed = replace(HEAD, embedding=Embedding({"<bos>": R.one + R.bos, "a": R.one.vector}))
    normed = replace(normed, blocks=[replace(HEAD.blocks[0], norm_attention=Norm("rmsnorm"))])
    claim = Claim("fine", normed, Holds("fine", lambda trace: trace.final[0][0] == 1), replace(HERE, t_max=3))
    found = {(o.mutant.where, o.mutant.change): o for o in mutate([claim], 60).outcomes}
    nothing = found["the embedding of 'a' at one", "1 -> 0"]
    with pytest.raises(NopeproofError, match="a zero vector"):
        exhaust(replace(claim, subject=nothing.mutant.subject))
    assert nothing.status == "unresolved" and "a zero vector" in nothing.by


def test_what_nobody_can_settle_is_said_to_be_unresolved():
    always = Holds("no state is negative", lambda trace: all(x >= 0 for row in trace.final for x in row))
    found = mutate([replace(RECIP, statement=always)], 6)
    assert found.counts["unresolved"] > 0 and all("recip: " in o.by for o in found.outcomes if o.status == "unresolved")


def test_a_run_goes_on_where_it_stopped():
    told = []
    whole = mutate([RECIP], 30, tell=lambda outcome, total: told.append((outcome, total)))
    assert len(told) == 30 and {total for _, total in told} == {30}
    known = {o.mutant.key: json.loads(json.dumps(o.as_json())) for o in whole.outcomes[:20]}
    again = []
    rest = mutate([RECIP], 30, known=known, tell=lambda outcome, total: again.append(outcome))
    assert len(again) == 10 and [o.as_json() for o in rest.outcomes] == [o.as_json() for o in whole.outcomes]


def test_the_choice_is_the_same_every_time_and_zeros_fill_what_is_left():
    first, possible = choose([CLOCK], 100)
    second, _ = choose([CLOCK], 100)
    assert [m.key for m in first] == [m.key for m in second] and len(first) == 100 < possible
    some, zeros = mutants(CLOCK.weights)
    assert {m.key for m in some} <= {m.key for m in choose([CLOCK], len(some) + 5)[0]}
    assert len(choose([CLOCK], None)[0]) == len(some) + len(zeros) == possible


def test_negatives_alone_have_no_mutants():
    with pytest.raises(NopeproofError, match="no claim that a changed weight could break"):
        mutate([replace(RECIP, statement=Fails(RECIP.statement))])


def test_a_row_is_compact_and_names_what_is_unresolved(tmp_path):
    always = Holds("no state is negative", lambda trace: all(x >= 0 for row in trace.final for x in row))
    claims = [replace(RECIP, statement=always)]
    row = ledger_row("head", claims, mutate(claims, 6), ["nopeproof", "mutate", "head"])
    writer = ledger.Writer(tmp_path, "mutate")
    writer.append(row)
    (data,) = [r["data"] for r in ledger.read_all(tmp_path).of("mutation")]
    assert data["tried"] == 6 == sum(data["counts"].values()) and data["alarms"] == 0 and data["possible"] > 30
    assert len(data["unresolved"]) == data["counts"]["unresolved"] > 0 and "mutants" not in data


SMALL = 40
FEW = {"division-clock": 2}  # its float claims take many seconds a mutant; test_counter_forgery changes every weight of a small one


@pytest.mark.slow
@pytest.mark.parametrize("name", library.names())
def test_no_construction_has_a_refuted_mutant_that_the_kernel_accepts(name):
    claims = library.load(name).claims
    try:
        found = mutate(claims, FEW.get(name, SMALL))
    except NopeproofError as bad:
        assert "no claim that a changed weight could break" in bad.message
        return
    assert not found.alarms
    proved = {c.id for c in claims if not isinstance(c.statement, Shown) and prove(c).kind == "proved"}
    assert not [o.brief for o in found.outcomes if o.status == "unresolved" and o.by.partition(":")[0] in proved]


@pytest.mark.slow
@pytest.mark.skipif(not coq.available(), reason="coqc is not installed")
@pytest.mark.parametrize("name", ["absolute-position", "absolute-to-relative", "alibi", "sink-clock"])
def test_coq_accepts_the_originals_and_no_refuted_mutant(name):
    """The same hints are given to it as to the kernel: they may be wrong of a mutant, and must not make it accepted."""
    proofs = {c.id: (c, p.certificate) for c in library.load(name).claims if (p := prove(c)).certificate is not None}
    refuted = [o for o in mutate([c for c, _ in proofs.values()], 60).outcomes if o.status == "refuted"]
    mutants_of = [(replace(proofs[o.by][0], subject=o.mutant.subject), proofs[o.by][1]["hints"]) for o in refuted]
    answers = coq.decide([certificate for _, certificate in proofs.values()] + [certificate_for(c, hints) for c, hints in mutants_of])
    assert answers == [True] * len(proofs) + [False] * len(refuted) and len(refuted) > 15


# --- Theorem 2: scores beside contents, and queries at BOS --------------------------------------------------------------------

SCORE, SOFTMAX = (library.load("relative-position").claim(id) for id in ("score", "same-softmax-content"))


def plain(circuit: Circuit) -> list[Head]:
    """The heads of block 3, whose weights are given."""
    return [h for h in circuit.blocks[2].heads if isinstance(h, Head)]


def with_circuit(claim: Claim, circuit: Circuit) -> Claim:
    """The same of another circuit for every T."""
    assert isinstance(claim.weights, Family)
    return replace(claim, subject=replace(claim.weights, symbolic=circuit))


def with_query(claim: Claim, head: int, row: int, **more: int) -> Claim:
    """The same of weights in which one row of W_Q in block 3 has more in it."""
    circuit, heads = claim.circuit, plain(claim.circuit)
    W_Q = list(heads[head].W_Q)
    W_Q[row] = sum((x * circuit.residual[name] for name, x in more.items()), circuit.residual.zero) + W_Q[row]  # type: ignore[operator]
    heads[head] = replace(heads[head], W_Q=W_Q)
    return with_circuit(claim, replace(circuit, blocks=[*circuit.blocks[:2], replace(circuit.blocks[2], heads=heads)]))


def judged(claim: Claim):
    """What the judge of the claim says of the changed weights."""
    original = replace(claim, subject=library.load("relative-position").claim(claim.id).subject)
    return Judge([original])(Mutant(original.weights, "W_Q", "changed", lambda: claim.circuit))


@pytest.mark.parametrize("more", [{"pos": 1}, {"pos": -1}, {"bos": 1}])
def test_a_score_that_contents_could_hide_is_refuted_where_all_contents_are_one(more):
    assert judged(with_query(SCORE, 0, 1, **more)).status == "refuted"


def test_all_contents_are_one_and_opaque_parts_write_nothing():
    assert isinstance(SCORE.weights, Family)
    circuit = alike(SCORE.weights.at(5))
    assert circuit.concrete and circuit.bos is not None
    word = (circuit.bos, *[t for t in circuit.tokens if t != circuit.bos][:1] * 4)
    rows = run(circuit, word).at(after_ffn(2), circuit.residual["content"])
    assert len({tuple(row) for row in rows}) == 1 and any(rows[0])


def test_what_only_the_query_at_bos_reads_changes_no_softmax():
    outcome = judged(with_query(SOFTMAX, 3, 1, bos=1))
    assert outcome.status == "satisfies" and "one key at t = 1" in outcome.by
    assert judged(with_query(SOFTMAX, 3, 1, one=1)).status == "refuted"


def test_a_query_is_taken_for_blind_only_where_nothing_else_has_what_it_reads():
    changed = with_query(SOFTMAX, 3, 1, bos=1)
    same, circuit = where_keys_differ(changed), changed.circuit
    assert same is not None and plain(same.circuit)[3].W_Q == plain(SOFTMAX.circuit)[3].W_Q
    R, other = circuit.residual, circuit.embedding.other
    assert isinstance(other, Vector)
    others = Embedding(dict(circuit.embedding.tokens), other=other + R["bos"])
    writes = Block([uniform_head([R["one"]], [R["bos"]])])
    for kept in (replace(circuit, embedding=others), replace(circuit, blocks=[circuit.blocks[0], writes, circuit.blocks[2]])):
        found = where_keys_differ(with_circuit(changed, kept))
        assert found is not None and plain(found.circuit)[3].W_Q == plain(circuit)[3].W_Q
    assert where_keys_differ(with_circuit(changed, replace(circuit, mask="strict"))) is None
    assert where_keys_differ(SCORE) is None and where_keys_differ(replace(changed, scope=replace(changed.scope, words="any"))) is None


def test_words_shorter_than_the_scope_refute_nothing():
    """A family whose claim speaks of words of 3 and more: `T >= 3` is true of all of these, whatever the weights."""
    said = Holds("words of 3 and more", lambda trace: trace.T >= 3, lambda claim: Evidence("proved", claim.scope, "said"))
    claim = Claim("long", CLOCK.subject, said, Scope(order="forall T exists weights", t_min=3, t_max="T", vocabulary="given"))
    found = mutate([claim], limit=20)
    assert found.counts["refuted"] == 0 and not found.alarms and len(found.outcomes) == 20
