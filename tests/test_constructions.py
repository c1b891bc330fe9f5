"""Runs over all of constructions/: every claim stands as stated, is sourced, and depends on the weights it is about."""

import re
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import pytest

from nopeproof import library
from nopeproof.checks import verify
from nopeproof.checks.prove import prove
from nopeproof.circuit import Circuit, Family, Head, Window
from nopeproof.claims import Fails
from nopeproof.residual import Vector
from nopeproof.run import run

NAMES = library.names()
ROOT = Path(__file__).parents[1]


def test_the_two_theorems_are_there():
    assert {"absolute-position", "relative-position", "absolute-to-relative"} <= set(NAMES)


HEAVY = {"copy-and-reverse", "division-clock", "induction-head", "layer-norm-hash", "layer-one-heads", "look-up", "norm-robust"}
"""Whose claims take more than four seconds to verify."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in NAMES])
def test_every_claim_stands_as_stated(name):
    verdicts = library.load(name).verify()
    failed = {v.claim.id: (v.kind, v.witness, [e.reason for e in v.evidence]) for v in verdicts if not v.stands}
    assert not failed


@pytest.mark.parametrize("name", NAMES)
def test_every_source_resolves(name):
    keys = set(re.findall(r"@\w+\{(\w+),", (ROOT / "paper" / "refs.bib").read_text()))
    for claim in library.load(name).claims:
        used = set(re.findall(r"\b([a-z]+\d{4}[a-z]?)\b", claim.source))
        assert claim.source and used <= keys, f"{claim.id}: {claim.source}"


@pytest.mark.parametrize("name", NAMES)
def test_docstring_stands_alone(name):
    construction = library.load(name)
    assert len(construction.doc.split()) > 40 and ":" in construction.title


def change(circuit: Circuit, edit) -> Circuit:
    """The circuit with `edit` applied to its first head that has weights."""
    blocks = list(circuit.blocks)
    for b, block in enumerate(blocks):
        for h, head in enumerate(block.heads):
            if isinstance(head, Head):
                heads = [*block.heads[:h], edit(head), *block.heads[h + 1 :]]
                blocks[b] = replace(block, heads=heads, shared=list(circuit.residual))
                return replace(circuit, blocks=blocks)
    raise AssertionError("no head")


def bump(vectors, coordinate: int, by=1):
    """Add `by` at one coordinate of the first row."""
    first, *rest = vectors
    return [first + Vector.of(first.residual, {coordinate: Fraction(by)}), *rest]


@pytest.mark.parametrize(
    ("matrix", "coordinate", "breaks"),
    [("W_V", 0, True), ("W_V", 1, True), ("W_O", 0, False), ("W_O", 2, True), ("W_K", 1, True), ("W_Q", 0, False), ("W_K", 0, False)],
)
def test_theorem_1_depends_on_the_weights_that_matter_and_on_no_other(matrix, coordinate, breaks):
    claim = library.load("absolute-position").claim("recip")
    broken = change(claim.circuit, lambda head: replace(head, **{matrix: bump(getattr(head, matrix), coordinate)}))
    assert (prove(replace(claim, subject=broken)).kind == "proved") is not breaks
    if breaks:
        assert verify(replace(claim, subject=broken)).kind == "refuted"


@pytest.mark.parametrize("id", ["basis", "minimal"])
@pytest.mark.parametrize("part", ["read", "write", "last", "first"])
def test_the_ffn_claims_depend_on_every_unit(id, part):
    claim = library.load("absolute-position").claim(id)
    circuit = claim.circuit
    mlp = circuit.blocks[0].mlp
    edits = {"last": {"last": "(T - 1)//2" if id == "minimal" else "T - 2"}, "first": {"first": "3"}}
    for n, unit in enumerate(mlp.units):
        one = Vector.of(circuit.residual, {0: Fraction(1)})
        edit = {"read": {"read": unit.read + one}, "write": {"write": unit.write * 2}, **edits}[part]
        if unit.first is None and part in ("last", "first"):
            continue
        units = [*mlp.units[:n], replace(unit, **edit), *mlp.units[n + 1 :]]
        broken = replace(circuit, blocks=[replace(circuit.blocks[0], mlp=replace(mlp, units=units))])
        verdict = verify(replace(claim, subject=Family(broken, T_min=2)))
        assert verdict.kind == "refuted", (n, part)
        assert verdict.witness["T"] <= 6


def test_a_true_negative_shows_a_smallest_witness():
    verdict = library.load("absolute-position").verify("one-ffn-for-all-T")[0]
    assert isinstance(verdict.claim.statement, Fails)
    assert verdict.kind == "proved"
    assert verdict.witness["t"] == 6 and verdict.witness["found"] == "17/3"


@pytest.mark.parametrize("T", [2, 3, 4, 7, 8, 31])
def test_the_minimal_ffn_has_half_as_many_units(T):
    construction = library.load("absolute-position")
    widths = {n: len(construction.subjects[n].at(T).blocks[0].mlp.units) for n in ("basis", "minimal")}
    assert widths == {"basis": max(T - 1, 1), "minimal": max(T // 2, 1)}


@pytest.mark.slow
def test_t5s_bias_is_exact_at_greater_lengths():
    """The weights of the construction at T = 48, run; and q, k of the least dimension at T = 256, checked against the whole table."""
    from nopeproof.theory.biases import T5Bias
    from nopeproof.theory.ranks import expresses, optimal_head

    T = 48
    f = [x / 10**6 for x in T5Bias().table(T)]
    circuit = import_module("nopeproof.constructions.t5_bias").circuit(f)
    scores = run(circuit, ["<bos>"] + ["a"] * (T - 1)).head(2, 0).scores
    assert all(len({scores[t][i] - f[t - i] for i in range(t + 1)}) == 1 for t in range(T))
    f = T5Bias().table(256)
    q, k = optimal_head(f)
    assert len(q[0]) == 143 and expresses(q, k, f)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["basis", "minimal"])
def test_closed_margins_hold_at_greater_lengths(name):
    claim = library.load("clock-margins").claim(f"{name}-closed-forms")
    for T in (27, 40):
        assert claim.statement.predicate(run(claim.subject.at(T), ["<bos>"] + ["a"] * (T - 1)))


def broken(name, claim, **edit):
    """The claim about its circuit with some fields replaced."""
    found = library.load(name).claim(claim)
    subject = found.subject
    swap = lambda c: replace(c, **edit)  # noqa: E731
    return replace(found, subject=replace(subject, symbolic=swap(subject.symbolic)) if isinstance(subject, Family) else swap(subject))


@pytest.mark.parametrize(
    ("name", "claim", "edit"),
    [
        ("kv-cache", "cached-recip", {"mask": "strict"}),
        ("kv-cache", "cached-position", {"mask": Window(3)}),
        ("sliding-window", "clock", {"mask": Window(4)}),
        ("sliding-window", "horizon-2", {"mask": Window(2)}),
        ("sliding-window", "sink-saturates", {"mask": Window(3)}),
        ("induction-head", "completes", {"mask": "strict"}),
        ("attention-dropout", "mean", {"mask": "none"}),
        ("window-average", "counts", {"mask": "none"}),
    ],
)
def test_claims_under_another_mask_are_refuted(name, claim, edit):
    assert verify(broken(name, claim, **edit)).kind == "refuted"


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("norm-robust", "position-rmsnorm"),
        ("cauchy-clock", "exact"),
        ("grouped-query", "exact-clock"),
        pytest.param("look-up", "offset-2", marks=pytest.mark.slow),
        ("relative-families", "cosine"),
        ("rotary-features", "rotary"),
        ("sink-margins", "gain-inside"),
        ("layer-norm-hash", "formula"),
        ("int8-weights", "exact"),
        ("t5-bias", "bias"),
    ],
)
def test_claims_depend_on_the_weights_of_the_first_head(name, claim):
    """Its output doubled: no claim of these survives."""
    found = library.load(name).claim(claim)
    subject = found.subject
    double = lambda c: change(c, lambda head: replace(head, W_O=[2 * column for column in head.W_O]))  # noqa: E731
    edited = replace(subject, symbolic=double(subject.symbolic)) if isinstance(subject, Family) else double(subject)
    assert verify(replace(found, subject=edited)).kind == "refuted"
