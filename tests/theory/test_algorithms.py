"""Algorithms proved for every length; false variants of each claim, near and far, are refuted or left open, never proved."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from nopeproof import library
from nopeproof.checks import proof_of
from nopeproof.checks.exhaust import exhaust, guarded
from nopeproof.checks.mutants import mutants
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Norm, Units
from nopeproof.claims import FOREIGN, Claim, Fails, Holds, Scope, after_attention, after_ffn
from nopeproof.errors import NopeproofError
from nopeproof.parts import clock_powers, look_up, uniform_head
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.theory.algorithms import Number, Parity, Previous, Recent, answers, looks, reads, scores
from nopeproof.theory.brackets import margins, recognises
from nopeproof.theory.hashes import formula, gap, peak
from nopeproof.theory.induction import completes
from nopeproof.theory.of_weights import of_weights
from nopeproof.theory.rows import each_row

PROVED = {
    "copy-and-reverse": ("counts", "copies", "reverses"),
    "sort-tokens": ("sorts",),
    "induction-head": ("previous-a", "previous-b", "completes"),
    "look-up": ("pointer",),
    "window-average": ("counts",),
    "bounded-parity": ("count", "parity", "noise-inside", "noise-below"),
    "more-complex-schemes": ("parity",),
    "shuffle-dyck": ("recognises", "margins"),
    "first-token": ("marks", "remembers"),
    "layer-norm-hash": ("formula", "peak", "gap"),
    "attention-dropout": ("variance", "erased"),
    "t5-bias": ("least",),
    "relative-families": ("exponential-least", "cosine-least", "damped-cosine-least"),
    "four-clocks": ("minimal-cost", "sinks-cost"),
    "grouped-query": ("one-key",),
    "int8-weights": ("eight-bits",),
    "cauchy-clock": ("amplitude",),
}
A1, F1, F2 = after_attention(1), after_ffn(1), after_ffn(2)


def by(claim: Claim):
    """What the prover that a claim names says."""
    assert isinstance(claim.statement, Holds) and claim.statement.by is not None
    return claim.statement.by(claim)


@pytest.mark.parametrize(("name", "claim"), [(name, claim) for name, ids in PROVED.items() for claim in ids])
def test_proved_for_every_length(name, claim):
    found = library.load(name).claim(claim)
    evidence = by(found)
    assert evidence.kind == "proved" and evidence.scope.covers(found.scope) and evidence.scope.t_max in (None, "T"), evidence.reason


def variants():
    """(construction, claim whose subject and scope it keeps, a false statement)."""
    R = {n: library.load(n).claim(ids[0]).circuit.residual for n, ids in PROVED.items()}
    copy, window, count = R["copy-and-reverse"], R["window-average"], R["bounded-parity"]
    for mark, value in (("|", "n + 1"), ("|", "n - 1"), ("|", "2*n"), ("a", "n"), ("|", "t - n"), ("|", "0")):
        yield "copy-and-reverse", "counts", reads("", F2, copy.n, value, n=Number(mark=mark))
    yield "copy-and-reverse", "counts", reads("", F2, copy.n, "n", n=Number(("|",)))
    yield "copy-and-reverse", "counts", reads("", F2, copy.n, "n", n=Number(("a", "b"), "|"))
    yield "copy-and-reverse", "counts", reads("", F1, copy.n, "n", n=Number(mark="|"))
    yield "copy-and-reverse", "copies", answers("", "|", "reversed", "99/100")
    yield "copy-and-reverse", "copies", answers("", "|", "sorted", "99/100")
    yield "copy-and-reverse", "copies", answers("", "|", "copied", "9951/10000")
    yield "copy-and-reverse", "copies", answers("", "a", "copied", "99/100")
    yield "copy-and-reverse", "reverses", answers("", "|", "copied", "99/100")
    yield "copy-and-reverse", "softer", answers("", "|", "copied", "99/100")
    yield "sort-tokens", "sorts", answers("", "|", "sorted", "1")
    yield "sort-tokens", "sorts", answers("", "|", "copied", "1", strict=False)
    yield "sort-tokens", "sorts", answers("", "|", "reversed", "1/2")
    yield "sort-tokens", "sorts", answers("", "0", "sorted", "0")
    for target in ("c", "c + 2", "t", "t - c", "2*c + 1"):
        yield "look-up", "pointer", looks("", 2, 0, target, "99/100", c=Number(("a",)))
    yield "look-up", "pointer", looks("", 2, 0, "1 + c", "99/100", c=Number(("b",)))
    yield "look-up", "pointer", looks("", 2, 0, "1 + c", "199/200", c=Number(("a",)))
    yield "look-up", "pointer", looks("", 2, 0, "1 + c", "1", c=Number(("a",)))
    for token, width in (("a", 1), ("a", 3), ("b", 2)):
        yield "window-average", "counts", reads("", F2, window.window, "c", "1/50", c=Recent(token, width))
    yield "window-average", "counts", reads("", F2, window.window, "c", "1/203", c=Recent("a", 2))
    yield "window-average", "counts", reads("", F2, window.window, "c", c=Recent("a", 2))
    yield "window-average", "soft", reads("", F2, window.window, "c", "1/5", c=Recent("a", 2))
    for value in ("c + 1", "2*c", "t - c", "c + (c - 1)*(c - 2)*(t - 1)", "c - 1/100"):
        yield "bounded-parity", "count", reads("", F1, count.count, value, c=Number(("a",)))
    yield "bounded-parity", "count", reads("", A1, count.count, "c", c=Number(("a",)))
    yield "bounded-parity", "runs-out", reads("", F1, count.count, "c", c=Number(("a",)))
    of_a, of_b = Parity(Number(("a",))), Parity(Number(("b",)))
    yield "bounded-parity", "parity", reads("", F1, count.count, "p", p=of_b)
    yield "bounded-parity", "parity", reads("", F1, count.count, "1 - p", p=of_a)
    yield "bounded-parity", "parity", reads("", F1, count.count, "c", c=Number(("a",)))
    yield "bounded-parity", "count", reads("", F1, count.count, "p", p=of_a)
    yield "bounded-parity", "noise-inside", reads("", F1, count.count, "p", "499/1000", p=of_a)
    yield "bounded-parity", "noise-below", reads("", F1, count.count, "p", p=of_a)
    at_t, at_i = {"p": Parity(Number())}, {"q": Parity(Number())}
    for value in ("1 - 2*p", "(1 - 2*p)*(2*q - 1)", "(1 - 2*p)*(1 - 2*q)*2", "1 - (p - q)**2"):
        yield "more-complex-schemes", "parity", scores("", 2, 0, value, at_t, at_i)
    yield "more-complex-schemes", "parity", scores("", 1, 0, "(1 - 2*p)*(1 - 2*q)", at_t, at_i)
    enough, prev = "induction-head", R["induction-head"].prev
    yield enough, "previous-a", reads("", F2, prev[0], "p", p=Previous("b"))
    yield enough, "previous-a", reads("", F2, prev[0], "1 - p", p=Previous("a"))
    yield enough, "previous-a", reads("", F2, prev[0], "p", p=Number(("a",), here=True))
    yield enough, "completes", completes("", 3, 0, "995/1000")
    yield enough, "threshold", completes("", 3, 0, "97/100")
    yield enough, "fixed-match", completes("", 3, 0, "0")
    first = R["first-token"]
    yield "first-token", "marks", reads("", F1, first.second, "s", s=Number(at=3, here=True))
    yield "first-token", "marks", reads("", F1, first.second, "s", s=Number(at=2))
    yield "first-token", "remembers", reads("", after_ffn(3), first.first, "h/t", h=Number(("b",), at=2))
    yield "first-token", "remembers", reads("", after_ffn(3), first.first, "h", h=Number(("a",), at=2))
    yield "first-token", "remembers", reads("", after_ffn(3), first.first, "h/t", h=Number(("a",)))
    for kinds in (("()", "]["), (")(", "[]"), ("()", "()")):
        yield "shuffle-dyck", "recognises", recognises("", kinds)
    score = "(t**2 + 1)*(i**2 + 1)"
    for top, bottom in (("t*i + 2", score), ("t*i", score), ("t*i + 1", f"{score} + 1"), ("t + i", score), ("-t*i - 1", "t**2 + 1")):
        yield "layer-norm-hash", "formula", formula("", top, bottom)
    for least, most in (("1/(2*(t - 1)**4)", "1"), ("0/t", "1/(2*t**4)"), ("1/t**4", "1/t")):
        yield "layer-norm-hash", "gap", gap("", least, most)
    yield "layer-norm-hash", "content", peak("")
    out = R["attention-dropout"].out
    yield "attention-dropout", "variance", each_row("", A1, out, lambda t, x: x[0] == x[1])
    yield "attention-dropout", "variance", each_row("", A1, out, lambda t, x: x[7] == 1 / t)
    yield "attention-dropout", "variance", each_row("", A1, out, lambda t, x: t * x[7] * 9 - 10 + (t - 1) * (t - 2) == 0)
    yield "t5-bias", "least", of_weights("", lambda c: c.blocks[1].heads[0].d_head == 7)


VARIANTS = list(variants())


@pytest.mark.parametrize("n", range(len(VARIANTS)))
def test_false_variants_are_refuted_and_never_proved(n):
    name, id, statement = VARIANTS[n]
    found = library.load(name).claim(id)
    claim = guarded(replace(found, statement=statement))
    assert by(claim).kind == "open" and by(claim).reason
    small = replace(claim, scope=replace(claim.scope, t_max=min(x for x in (6, claim.scope.t_max) if isinstance(x, int))))
    assert exhaust(small, 0.3).kind == "refuted"


@pytest.mark.parametrize(
    ("name", "id", "statement"),
    [
        ("layer-norm-hash", "gap", gap("", "1/(2*t**4)", "49/(100*(t - 1)**4)")),  # false from t = 200 or so on
        (
            "window-average",
            "counts",
            reads("", F2, library.load("window-average").claim("counts").circuit.residual.window, "c", "1/100", c=Recent("a", 2)),
        ),
    ],
)
def test_what_is_false_far_out_or_closer_than_the_bound_is_left_open(name, id, statement):
    assert by(replace(library.load(name).claim(id), statement=statement)).kind == "open"


@pytest.mark.parametrize(("name", "claim"), [("copy-and-reverse", "copies"), ("sort-tokens", "sorts"), ("first-token", "remembers")])
@pytest.mark.parametrize(
    "scope",
    [{"vocabulary": "every"}, {"words": "other"}, {"arithmetic": "float32"}],
)
def test_another_scope_is_not_shown(name, claim, scope):
    found = library.load(name).claim(claim)
    if scope == {"words": "other"}:
        scope = {"words": "any" if found.scope.words == "bos-first" else "bos-first"}
    assert by(replace(found, scope=replace(found.scope, **scope))).kind == "open"


def test_a_member_of_a_family_is_not_the_family():
    found = library.load("copy-and-reverse").claim("copies")
    uniform = Scope(vocabulary="given")
    assert by(replace(found, subject=found.subject.at(5), scope=uniform)).kind == "open"
    with pytest.raises(NopeproofError, match="depend on T"):
        replace(found, subject=found.subject.symbolic, scope=uniform)


@pytest.mark.parametrize("id", ["formula", "peak", "gap"])
def test_the_hash_needs_its_norm(id):
    found = library.load("layer-norm-hash").claim(id)
    circuit = found.circuit
    for norm in (None, Norm("rmsnorm"), Norm("layernorm", "1/100")):
        changed = replace(circuit, blocks=[circuit.blocks[0], replace(circuit.blocks[1], norm_attention=norm)])
        assert by(replace(found, subject=changed)).kind == "open"


@pytest.mark.slow
def test_more_tokens_are_sorted_as_well():
    """The construction is written for two tokens; the same claim of a stack for three, and a false one."""
    module = import_module("nopeproof.constructions.sort_tokens")
    text = Path(str(module.__file__)).read_text(encoding="utf-8").replace("\nV = 2\n", "\nV = 3\n")
    scope: dict = {"__name__": "sort_three"}
    exec(compile(text, "sort_three", "exec"), scope)
    claim = next(c for c in scope["claims"] if c.id == "sorts")
    assert len(claim.circuit.tokens) == 4 and by(claim).kind == "proved"
    assert by(replace(claim, statement=answers("", "|", "sorted", "1"))).kind == "open"


def test_what_is_said_of_the_weights_is_not_said_of_a_family():
    family = library.load("bounded-parity").claim("count").subject
    claim = Claim("c", family, of_weights("anything", lambda c: True), Scope(order="forall T exists weights", t_max="T", words="any"))
    assert by(claim).kind == "open"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(PROVED) - {"t5-bias", "relative-families", "four-clocks", "int8-weights", "cauchy-clock"}))
def test_no_mutant_that_a_run_refutes_is_proved(name):
    """Every weight in turn, and settings: what the prover accepts, exact runs of all short words do not refute."""
    proved = 0
    for found in [c for c in library.load(name).claims if c.id in PROVED[name]]:
        some, _ = mutants(found.subject)
        for mutant in some[:: max(1, len(some) // 60)]:
            claim = guarded(replace(found, subject=mutant.subject))
            if by(claim).kind == "proved":
                proved += 1
                assert exhaust(claim, 0.3).kind != "refuted", (found.id, mutant.where, mutant.change)
    assert proved or name == "layer-norm-hash"


@pytest.mark.parametrize("name", ["induction-head", "window-average"])
def test_a_negative_keeps_its_witness(name):
    fails = [c for c in library.load(name).claims if isinstance(c.statement, Fails)]
    assert fails and all(exhaust(c, 2.0).kind == "proved" for c in fails)


def test_numbers_of_a_word():
    word = ("<bos>", "a", "|", "a", "b")
    assert Number(("a",)).of(word) == [0, 1, 1, 2, 2] and Number(mark="|").of(word) == [0, 0, 1, 2, 3]
    assert Number(("a",), "|", since=False).of(word) == [0, 1, 1, 1, 1] and Number(at=2).of(word) == [0, 1, 1, 1, 1]
    assert Number(at=2, here=True).of(word) == [0, 1, 0, 0, 0] and Number(mark="c").of(word) == [0] * 5
    assert Parity(Number(("a",))).of(word) == [0, 1, 1, 0, 0] and Parity(Number()).of(word) == [1, 0, 1, 0, 1]
    assert Recent("a", 2).of(word) == [0, 1, 1, 1, 1] and Previous("a").of(word) == [0, 0, 1, 0, 1]


def test_a_score_of_counts_is_not_shown_by_giving_query_and_key_the_same_number():
    """<W_Q x, W_K y> = c_t/t - c_i/i, which is 0 if the key's count is taken for the query's."""
    found = library.load("bounded-parity").claim("count")
    family, c = found.subject, found.circuit
    R = c.residual
    head = Head(W_Q=[R.share, R.one], W_K=[R.one, -1 * R.share], W_V=[0], W_O=[0 * R.one])
    subject = replace(family, symbolic=replace(c, blocks=[*c.blocks, Block([head])]))
    for value, at_t, at_i in (("0", {}, {}), ("p - q", {"p": Number(("a",), here=True)}, {"q": Number(("a",), here=True)})):
        claim = replace(found, subject=subject, statement=scores("", 2, 0, value, at_t, at_i))
        assert by(claim).kind == "open"
    assert exhaust(replace(guarded(claim), scope=replace(claim.scope, t_max=4)), 0.3).kind == "refuted"


def test_a_head_beside_the_induction_head_leaves_it_open():
    found = library.load("induction-head").claim("completes")
    family, c = found.subject, found.circuit
    [head] = c.blocks[-1].heads
    R = c.residual
    for block in (
        replace(c.blocks[-1], mlp=MLP([], b_2=R.out[0])),
        Block([head, Head(W_Q=[0], W_K=[0], W_V=[R.token[0]], W_O=[R.out[0]])], shared=[R.out]),
        Block([replace(head, scale="1/sqrt(d_head)")]),
    ):
        assert by(replace(found, subject=replace(family, symbolic=replace(c, blocks=[*c.blocks[:-1], block])))).kind == "open"
    tokens = Embedding({**c.embedding.tokens, "c": R.one.vector})
    assert by(replace(found, subject=Family(replace(c, embedding=tokens), T_min=3))).kind == "open"  # a token without a read-out


def test_margins_of_brackets_of_one_kind():
    found = library.load("shuffle-dyck").claim("margins")
    assert by(replace(found, statement=margins("", ("()",)))).kind == "open"


def test_whose_proof_it_is():
    """A function of somebody else's that decides what is shown makes the verdict say so; a number of another class is refused."""
    found = library.load("attention-dropout").claim("variance")
    verdict = proof_of(found)
    assert verdict.kind == "proved" and not verdict.assumes
    mine = replace(found, statement=each_row("", A1, found.circuit.residual.out, lambda t, x: x[0] == 0))
    assert proof_of(mine).assumes == (FOREIGN,)

    class Odd(Number):
        pass

    with pytest.raises(NopeproofError, match="Odd"):
        reads("", F1, found.circuit.residual.mean, "n", n=Odd(("a",)))
    with pytest.raises(NopeproofError, match="Odd"):
        looks("", 1, 0, "n", "1/2", n=Odd(("a",)))


def test_what_a_named_prover_said_is_asked_again():
    from nopeproof.checks.replay import replay

    claim = library.load("first-token").claim("marks")
    row = by(claim).as_json()
    assert replay(claim, row, Path()).status == "accepted"
    other = reads("", F1, claim.circuit.residual.second, "s", s=Number(at=3, here=True))
    assert replay(replace(claim, statement=other), row, Path()).status == "rejected"


def test_the_scale_of_scores_is_part_of_them():
    found = library.load("more-complex-schemes").claim("parity")
    first, second = found.subject.symbolic.blocks
    [head] = second.heads
    twice = Head(W_Q=[head.W_Q[0]] * 4, W_K=[head.W_K[0]] * 4, W_V=[0], W_O=[head.W_O[0]], scale="1/sqrt(d_head)")
    subject = replace(found.subject, symbolic=replace(found.subject.symbolic, blocks=[first, Block([twice])]))
    at_t, at_i = {"p": Parity(Number())}, {"q": Parity(Number())}
    for value, kind in (("(1 - 2*p)*(1 - 2*q)*2", "proved"), ("(1 - 2*p)*(1 - 2*q)*4", "open")):
        assert by(replace(found, subject=subject, statement=scores("", 2, 0, value, at_t, at_i))).kind == kind


def test_a_count_that_only_some_keys_carry_is_no_count_to_look_up():
    """The count of a's at each a, 0 at each b: it moves by more than 1 from key to key, and a look-up leaks that much more."""
    R = Residual(one=1, bos=1, kind=1, isb=1, recip=1, share=1, pos=1, square=1, count=1, out=1)
    distance = "T" * R.share - "T*k" * R.recip - "2*T" * R.isb
    up = Units(read=R.one + distance, write=R.count, first="1", last="T - 1")
    units = [*clock_powers(R.one, R.recip, R.pos, R.square).units, up, Units(distance, -1 * R.count, first="1", last="T - 1")]
    first = Block([uniform_head([R.bos, R.kind], [R.recip, R.share])], MLP(units))
    second = Block([look_up(R.pos - R.one, R.one, R.pos, R.square, 2, W_V=[R.count], W_O=[R.out])])
    tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one + R.kind, "b": R.one + R.isb})
    family = Family(Circuit(R, tokens, blocks=[first, second], bos="<bos>"), T_min=2)
    value = reads("", after_attention(2), R.out, "p*(c - r)", "13/10", p=Previous("a"), c=Number(("a",)), r=Recent("a", 1))
    claim = Claim("x", family, value, Scope(order="forall T exists weights", t_max="T", vocabulary="given"), "s")
    word = ["<bos>", *["a"] * 12, "b", "a"]
    assert by(claim).kind == "open" and not value.predicate(run(family.at(len(word)), word))
