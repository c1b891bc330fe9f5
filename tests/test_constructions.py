"""Runs over all of constructions/: every claim stands as stated, is sourced, and depends on the weights it is about."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from nopeproof import library
from nopeproof.checks import verify
from nopeproof.checks.prove import prove
from nopeproof.circuit import Circuit, Family, Head
from nopeproof.claims import Fails
from nopeproof.residual import Vector

NAMES = library.names()
ROOT = Path(__file__).parents[1]


def test_the_two_theorems_are_there():
    assert {"absolute-position", "relative-position", "absolute-to-relative"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
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
