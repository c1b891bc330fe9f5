"""The second kernel: what is exported is the circuit's own, coqc accepts what holds, and nothing that was tampered with."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nopeproof as nope
from nopeproof import kernel
from nopeproof.checks.mutants import mutants
from nopeproof.checks.prove import certificate_for, prove
from nopeproof.circuit import MLP, Block, Circuit, Family, Norm, Unit, Units
from nopeproof.claims import Claim, Equals, Scope, after_attention, judge
from nopeproof.cli import main
from nopeproof.errors import NopeproofError
from nopeproof.export import coq
from nopeproof.export.coq import coqc, spell
from nopeproof.library import names
from nopeproof.positions import SinusoidalAPE

needs_coqc = pytest.mark.skipif(not coq.available(), reason="no coqc on the PATH: apt-get install coq libcoq-stdlib")


@cache
def certificate(name: str, claim: str) -> dict:
    found = prove(nope.load(name).claim(claim)).certificate
    assert found is not None
    return dict(found)


def changed(name: str, claim: str, change) -> dict:
    """A copy of a certificate with something about it altered."""
    out = copy.deepcopy(certificate(name, claim))
    change(out)
    return out


# --- without coqc --------------------------------------------------------------------------------------------------------


def value(term: str, t: Fraction, i: Fraction) -> Fraction:
    """A term of Model.v, read on its own: operator, arguments."""
    tokens = re.findall(r"[()]|-?\w+", term)

    def read() -> Fraction:
        word = tokens.pop(0)
        if word == "(":
            out = read()
            assert tokens.pop(0) == ")"
            return out
        if word == "Int":
            return Fraction(read_integer())
        if word in ("Pos", "Key", "Length"):
            return {"Pos": t, "Key": i, "Length": Fraction(7)}[word]
        a, b = read(), read()
        return {"Plus": a + b, "Minus": a - b, "Times": a * b}[word] if word != "Over" else a / b

    def read_integer() -> int:
        word = tokens.pop(0)
        if word == "(":
            out = read_integer()
            assert tokens.pop(0) == ")"
            return out
        return int(word)

    out = read()
    assert not tokens
    return out


T_, I_, LENGTH = Fraction(5), Fraction(3), Fraction(7)


def combined(a, op, b):
    """Text and value of two expressions joined; the value is None where one divides by 0."""
    text = f"({a[0]} {op} {b[0]})"
    if a[1] is None or b[1] is None or (op == "/" and b[1] == 0):
        return text, None
    return text, {"+": a[1] + b[1], "-": a[1] - b[1], "*": a[1] * b[1]}[op] if op != "/" else a[1] / b[1]


expressions = st.recursive(
    st.sampled_from([("t", T_), ("i", I_), ("T", LENGTH)]) | st.integers(0, 9).map(lambda n: (str(n), Fraction(n))),
    lambda sub: (
        st.builds(combined, sub, st.sampled_from("+-*/"), sub)
        | st.builds(lambda a, n: (f"(-{a[0]})**{n}", None if a[1] is None else (-a[1]) ** n), sub, st.integers(0, 3))
    ),
    max_leaves=6,
)


@given(expressions)
def test_an_expression_means_the_same_in_coq(drawn):
    text, expected = drawn
    if expected is not None:
        assert value(spell.expression(text), T_, I_) == expected


def test_every_weight_reaches_the_file():
    """Each weight of a circuit, made something else, changes what Coq reads about it."""
    c = certificate("relative-position", "score")
    plain = spell.statement(c)
    seen = 0
    for mutant in list(mutants(nope.load("relative-position").claim("score").subject)[0])[::7]:
        subject = mutant.make().as_json()
        if subject != c["subject"] and not mutant.where.endswith("scale"):  # 1/sqrt(1) is 1
            seen += 1
            assert spell.circuit(subject) not in plain, mutant.where
    assert seen > 20


def test_a_generic_token_that_is_zero_is_a_class_of_its_own():
    """Circuits with, and without, tokens of no name are two circuits; of the second, words of BOS alone are spoken."""
    c = certificate("absolute-position", "recip")
    zero, none = ({**c["subject"], "generic": g} for g in ({}, None))
    assert "generic := Some 1;" in spell.circuit(zero) and "generic := None;" in spell.circuit(none)
    assert spell.circuit(zero).count("[(1, [(1#1, [])]") == spell.circuit(none).count("[(1, [(1#1, [])]")  # the class added is empty
    assert "any other token" in "".join(spell.legend(zero)) and "any other token" not in "".join(spell.legend(none))


def test_a_weight_is_a_list_of_terms():
    names_ = spell.Names({"generic": {"0": "x"}, "embed": {}, "blocks": []})
    assert spell.weight("3/4", names_) == "[(3#4, [])]"
    assert spell.weight("x - 8*k*T", names_, True) == "[(-8#1, [Len; Idx]); (1#1, [Own 0])]"
    assert spell.weight("sqrt(8)/2 - ln(3)", names_) == "[(-1#1, [Log 3]); (1#1, [Root 2])]"
    assert spell.weight("0", names_) == "[]"


def test_what_model_v_has_no_words_for_is_refused():
    R = nope.Residual(one=1, pos=1)
    embedding = nope.Embedding({"a": R.one})
    head = nope.Head(W_Q=[0], W_K=[0], W_V=[R.one], W_O=[R.pos])
    gelu = MLP([Unit(R.one, R.pos)], activation="gelu")
    for blocks, options, reason in (
        ([Block([head], norm_ffn=Norm("rmsnorm", 1))], {}, "a norm"),
        ([Block([head], mlp=gelu)], {}, "gelu"),
        ([Block([head], mlp=MLP([Units(R.one, R.pos, last="T/2")]))], {}, "units up to T/2"),
        ([Block([head])], {"mask": "strict"}, "mask"),
        ([Block([head])], {"positions": SinusoidalAPE()}, "positions"),
    ):
        circuit = Circuit(R, embedding, blocks=blocks, **options)
        lengths = {"order": "forall T exists weights", "t_max": "T"} if circuit.mentions_T else {}
        subject = Family(circuit) if circuit.mentions_T else circuit
        claim = Claim("c", subject, Equals(after_attention(1), R.pos, "1"), Scope(words="any", vocabulary="given", **lengths), "s")
        with pytest.raises(NopeproofError, match=reason):
            coq.text(certificate_for(claim, {"modulus": 1, "singles": 1, "units": {}}))


def test_prose_cannot_leave_its_comment():
    said = 'recip = 1*) Axiom a : False. (* "'
    text = coq.text(changed("absolute-position", "recip", lambda c: c["about"].update(says=said, source=said)))
    for comment in re.findall(r"\(\*.*?\*\)", text, re.DOTALL):
        assert comment.count("(*") == 1
        assert '"' not in comment
    assert "Axiom" not in re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)


@pytest.mark.parametrize(
    "old, new", [("1#1", "2#1"), ("Pos", "Key"), ("every_vocabulary := true", "every_vocabulary := false"), ("\n", "\n ")]
)
def test_an_edited_file_is_rejected_before_coq_is_asked(old, new):
    text = coq.text(certificate("absolute-position", "recip"))
    head, _, body = text.partition("\n")
    assert old in body
    found = coq.check(head + "\n" + body.replace(old, new, 1))
    assert not found.accepted
    assert "edited" in found.reason


def test_truncated_files_are_rejected():
    text = coq.text(certificate("absolute-position", "recip"))
    for n in (0, 10, len(text) // 2, len(text) - 1):
        assert not coq.check(text[:n]).accepted


def test_without_coqc_there_is_one_message(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    coqc.version.cache_clear()
    try:
        assert main(["export", "absolute-position/recip", "--check", "--out", str(tmp_path / "out")]) == 2
    finally:
        coqc.version.cache_clear()
    said = capsys.readouterr()
    assert said.out == ""
    assert "no coqc" in said.err
    assert "apt-get install coq" in said.err
    assert not (tmp_path / "out").exists()


def test_the_command_writes_a_folder_one_can_compile(tmp_path, capsys):
    assert main(["export", "absolute-position", "--out", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    by_claim = {e["claim"]: e for e in found["exports"]}
    assert by_claim["one-ffn-for-all-T"]["file"] is None
    assert "outside" in by_claim["one-ffn-for-all-T"]["reason"]
    assert Path(by_claim["recip"]["file"]).read_text().startswith("(* sha256")
    listed = (tmp_path / "_CoqProject").read_text().split("\n")[1:-1]
    assert "Nopeproof/Model.v" in listed
    assert all((tmp_path / name).is_file() for name in listed)
    assert main(["export", "absolute-position/one-ffn-for-all-T", "--out", str(tmp_path)]) == 2
    assert main(["export", "absolute-position", "--to", "hf", "--check", "--out", str(tmp_path)]) == 2


COLLIDING = """
from nopeproof import Block, Circuit, Claim, Embedding, Equals, Head, Residual, after_attention
R = Residual(one=1, bos=1, recip=1)
head = Head(W_Q=[0], W_K=[0], W_V=[R.bos], W_O=[R.recip])
circuit = Circuit(R, Embedding({"<bos>": R.one + R.bos}, other=R.one), blocks=[Block(heads=[head])], bos="<bos>", name="c")
claims = [Claim(id, circuit, Equals(after_attention(1), R.recip, "1/t")) for id in ("a/b", "a_b", "A-b", "other", "?")]
"""


def test_claims_that_coq_would_call_the_same_have_files_of_their_own(tmp_path, monkeypatch, capsys):
    """Also those of two files of one name; whichever are exported together, a claim's file is called the same."""
    monkeypatch.chdir(tmp_path)
    Path("col.py").write_text(COLLIDING)
    assert main(["export", "col.py"]) == 0
    assert "5 of 5 exported" in capsys.readouterr().out
    assert main(["export", "col.py", "--json"]) == 0
    exports = json.loads(capsys.readouterr().out)["exports"]
    files = {e["claim"]: Path(e["file"]) for e in exports}
    assert len({str(f).lower() for f in files.values()}) == 5 == len(list(Path("runs/export/coq/col").iterdir()))
    assert files["other"].name == "other.v"
    assert main(["export", "col.py/a_b", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exports"][0]["file"] == str(files["a_b"])
    Path("beside").mkdir()
    Path("beside/col.py").write_text(COLLIDING.replace('"1/t"', '"1/t + 0*t"'))
    assert main(["export", "col.py/other", "beside/col.py/other", "--json", "--out", "two"]) == 0
    assert len({e["file"] for e in json.loads(capsys.readouterr().out)["exports"]}) == 2


# --- with coqc -----------------------------------------------------------------------------------------------------------


def first_head(c: dict) -> dict:
    return c["subject"]["blocks"][0]["heads"][0]


@needs_coqc
def test_coq_accepts_the_theorem_and_nothing_near_it():
    """recip = 1/t for every length and vocabulary; and not with another weight, value, set of words or vocabulary."""
    found = coq.check(coq.text(certificate("absolute-position", "recip")))
    assert found.accepted, found.reason
    alter = [
        lambda c: first_head(c)["W_V"][0].update({"1": "2"}),
        lambda c: first_head(c)["W_K"][0].update({"1": "1"}),
        lambda c: c["subject"]["blocks"][0]["heads"].append({"opaque": [2]}),
        lambda c: c["subject"]["embed"]["<bos>"].pop("1"),
        lambda c: c["subject"].update(generic=None),
        lambda c: c["claim"].update(value="1/(t + 1)"),
        lambda c: c["claim"].update(index=1),
        lambda c: c["claim"].update(site=[0, "ffn"]),
        lambda c: c["scope"].update(words="any"),
    ]
    cases = [certificate("absolute-position", "recip"), *(changed("absolute-position", "recip", a) for a in alter)]
    assert coq.decide(cases) == [True, *[False] * len(alter)]


@needs_coqc
@pytest.mark.slow
def test_every_claim_that_the_kernel_proves_is_accepted():
    """The largest agreement there is between two checkers that share neither code nor method of proof."""
    proved = []
    for name in names():
        for claim in nope.load(name).claims:
            if isinstance(claim.subject, Circuit | Family) and (found := prove(claim)).certificate is not None:
                proved.append((f"{name}/{claim.id}", found.certificate))
    assert len(proved) > 50
    answers = coq.decide([c for _, c in proved])
    assert [name for (name, _), yes in zip(proved, answers, strict=True) if not yes] == []


def corners() -> list[Claim]:
    """Claims of fragment K with what no shipped claim has: powers of e that cancel, roots in them, counts in a second block."""
    R = nope.Residual(one=1, bos=1, x=1, y=1)
    tokens = nope.Embedding({"<bos>": R.one + R.bos, "a": R.one + R.x * "2/3", "b": R.one})
    bos_heavy = {"W_Q": [R.one, 0], "W_K": [R.bos, 0]}

    def head(W_V, key=1, scale="1", to=R.y):
        return nope.Head(W_Q=[R.one * "1/2", 0], W_K=[R.bos * key, R.x], W_V=[W_V], W_O=[to], scale=scale)

    def claim(name, value, *blocks, at=1):
        circuit = Circuit(R, tokens, blocks=[Block(list(b), shared=list(R)) for b in blocks], bos="<bos>")
        return Claim(name, circuit, Equals(after_attention(at), R.y, value), Scope(vocabulary="given"), "s")

    both = [head(R.bos), head(R.one - R.bos)]
    rooted = [head(R.bos, scale="1/sqrt(d_head)"), head(R.one - R.bos, scale="1/sqrt(d_head)")]
    negative = [head(R.bos, key="-4/3"), head(R.one - R.bos, key="-4/3")]
    by_log = nope.Head(**bos_heavy | {"W_K": [R.bos * "ln(5) - ln(2)", 0]}, W_V=[R.bos], W_O=[R.y])
    inverse = nope.Head(**bos_heavy | {"W_K": [R.bos * "-2*ln(3)", 0]}, W_V=[R.bos], W_O=[R.y])
    uniform = nope.Head(W_Q=[0], W_K=[0], W_V=[R.bos], W_O=[R.y])
    again = nope.Head(W_Q=[R.y], W_K=[R.one], W_V=[R.bos * 3], W_O=[R.y])
    any_head = [nope.Opaque([R.x]), uniform]
    return [
        claim("powers of e cancel", "1", both),
        claim("powers of e to a root cancel", "1", rooted),
        claim("negative powers of e cancel", "1", negative),
        claim("a logarithm", "5/(5 + 2*(t - 1))", [by_log]),
        claim("a negative logarithm", "1/(1 + 9*(t - 1))", [inverse]),
        claim("counts in a second block", "4/t", [uniform], [again], at=2),
        claim("beside an opaque head", "1/t", any_head),
    ]


@needs_coqc
@pytest.mark.slow
def test_the_corners_of_the_fragment_are_covered():
    proofs = {c.id: prove(c) for c in corners()}
    assert {name: p.reason for name, p in proofs.items() if p.certificate is None} == {}
    answers = coq.decide([p.certificate for p in proofs.values() if p.certificate is not None])
    assert [name for name, yes in zip(proofs, answers, strict=True) if not yes] == []


@needs_coqc
@pytest.mark.slow
@pytest.mark.parametrize("name, claim", [("absolute-position", "minimal"), ("relative-position", "score"), ("sink-clock", "formula")])
def test_coq_accepts_no_mutant_that_a_run_refutes(name, claim):
    """One weight at a time, with the hints of the original: Coq accepts all that the kernel accepts, and nothing that a run refutes."""
    from nopeproof.checks.exhaust import exhaust
    from nopeproof.checks.sample import sample

    original = nope.load(name).claim(claim)
    hints = certificate(name, claim)["hints"]
    some, zeros = mutants(original.subject)
    altered = [Claim(claim, m.subject, original.statement, original.scope, "s") for m in [*some, *list(zeros)[::9]][::3]]
    cases = [(c, case) for c in altered if spellable(case := certificate_for(c, hints))]
    answers = coq.decide([case for _, case in cases])
    assert answers.count(False) > 10
    for (mutant, case), yes in zip(cases, answers, strict=True):
        assert yes or not accepted_by_kernel(case), case["subject"]
        if yes:
            assert exhaust(mutant, 0.1).kind != "refuted", case["subject"]
            assert sample(mutant, 5).kind != "refuted", case["subject"]


def accepted_by_kernel(case: dict) -> bool:
    try:
        kernel.check(case)
    except kernel.Reject:
        return False
    return True


def spellable(case: dict) -> bool:
    try:
        spell.statement(case)
    except NopeproofError:
        return False
    return True


FALSE = [
    ("absolute-position", "recip", {"value": "1/(t + 1)"}),
    ("absolute-position", "recip", {"value": "1"}),
    ("absolute-position", "minimal", {"value": "t + 1"}),
    ("absolute-position", "minimal", {"value": "T"}),
    ("absolute-position", "basis", {"value": "t - 1/t"}),
    ("absolute-position", "recip-frame", {"indices": [0, 1, 2]}),
    ("absolute-position", "minimal-frame", {"indices": [2]}),
    ("relative-position", "score", {"content": []}),
    ("relative-position", "score", {"value": "t - i"}),
    ("relative-position", "bare-score", {"value": "i - t + 1"}),
    ("relative-position", "bare-score", {"value": "i - t + T - T*t/i"}),
    ("relative-position", "key-score", {"head": 1}),
    ("relative-position", "same-softmax", {"other": 0}),
    ("relative-position", "position-kept", {"index": 3}),
    ("sink-clock", "formula", {"value": "100*(t - 1)/(t + 100)"}),
]


@needs_coqc
@pytest.mark.slow
def test_false_claims_and_wrong_hints_are_rejected():
    cases = [changed(name, claim, lambda c, new=new: c["claim"].update(new)) for name, claim, new in FALSE]
    swapped = [changed(n, c, lambda x: x["scope"].update(order="exists weights forall T")) for n, c in (("absolute-position", "minimal"),)]
    by_hint = [
        changed("absolute-position", "minimal", lambda c, n=n: list(c["hints"]["units"].values())[n].update(active="5")) for n in range(3)
    ]
    by_sum = [
        changed("absolute-position", "minimal", lambda c, n=n: list(c["hints"]["units"].values())[n]["sums"].update({"2": "k"}))
        for n in range(3)
    ]
    split = [changed("absolute-position", "minimal", lambda c: c["hints"].update(modulus=1))]
    answers = coq.decide([*cases, *swapped, *by_hint, *by_sum, *split])
    assert answers == [False] * len(answers)


@needs_coqc
@pytest.mark.slow
def test_a_sealed_file_that_assumes_something_is_rejected():
    body = coq.text(certificate("absolute-position", "recip")).partition("\n")[2]
    theorem = body.index("Theorem claim_recip")
    assumed = body[:theorem] + "Axiom magic : statement.\nTheorem claim_recip : statement.\n"
    found = coq.check(coqc.seal(assumed + "Proof. exact magic. Qed.\n\nPrint Assumptions claim_recip.\n"))
    assert not found.accepted
    assert "magic" in found.reason
    wrong = coq.check(coqc.seal(body.replace("Over (Int 1) Pos", "Over (Int 2) Pos")))
    assert not wrong.accepted


@needs_coqc
@pytest.mark.slow
def test_a_proof_gets_coqs_opinion_beside_it():
    claim = nope.load("sink-clock").claim("formula")
    proof = prove(claim)
    verdict = coq.second(judge(claim, [proof]))
    assert [(e.tool, e.kind) for e in verdict.evidence] == [("kernel", "proved"), ("coq", "proved")]
    wrong = changed("sink-clock", "formula", lambda c: c["claim"].update(value="t"))
    assert coq.evidence(replace(proof, certificate=wrong)).kind == "open"
    unproved = nope.load("absolute-position").claim("one-ffn-for-all-T")
    assert coq.second(judge(unproved, [prove(unproved)])).evidence == (prove(unproved),)


@needs_coqc
@pytest.mark.slow
def test_the_library_uses_no_axiom_and_the_reals_are_an_instance():
    assert coqc.run("From Nopeproof Require Import Sound.\nPrint Assumptions accepted.\n").strip() == coqc.CLOSED
    assert "reals" in coqc.run(coqc.REALS.read_text() + "\nCheck reals.\n")
    source = "".join(p.read_text() for p in coqc.library())
    assert not re.search(r"\b(Axiom|Parameter|Admitted|admit|Conjecture|Hypothesis .*Axiom)\b", source)
