"""The count behind a norm: the prover reads the family's own weights, so a changed weight or hypothesis opens the claim."""

from dataclasses import replace
from fractions import Fraction
from importlib import import_module

import pytest

from nopeproof import library
from nopeproof.circuit import MLP, Embedding, Family, Norm, Opaque, Units
from nopeproof.positions import ALiBi
from nopeproof.theory.thresholds import counts_behind_a_norm

CLAIM = library.load("norm-robust").claim("every-length")
MODULE = import_module("nopeproof.constructions.norm_robust")


R = MODULE.R
PAIR = MODULE.pair


def shown(families=None, **change):
    """The evidence for other families, or a class with other fields."""
    claim = replace(CLAIM, subject=replace(CLAIM.subject, **change))
    [evidence] = counts_behind_a_norm(claim, families=MODULE.families if families is None else families)
    return evidence


def edited(norm="layernorm", **edit):
    """One family with its block edited by functions of the block."""
    family = MODULE.clock(norm)
    block = family.symbolic.blocks[0]
    return [Family(replace(family.symbolic, blocks=[replace(block, **{k: f(block) for k, f in edit.items()})]), T_min=2)]


def units(n, **edit):
    """Hidden unit n with some fields replaced."""
    return lambda block: MLP([replace(u, **edit) if i == n else u for i, u in enumerate(block.mlp.units)])


def heads(**edit):
    """The head with some fields replaced."""
    return lambda block: [replace(block.heads[0], **edit)]


@pytest.mark.parametrize(
    "families",
    [
        [],
        [MODULE.clock(None)],  # the class has norms, too
        edited(heads=lambda block: [replace(block.heads[0], W_V=[*block.heads[0].W_V, R.zero], W_O=[*block.heads[0].W_O, R.zero])]),
        edited(heads=lambda block: [Opaque([R.recip])]),
        [Family(replace(MODULE.clock(None).symbolic, blocks=[]), 2)],
        [Family(replace(MODULE.clock(None).symbolic, bos=None), 2)],
    ],
    ids=["none", "one of three", "a head of two rows", "an opaque head", "no blocks", "no BOS"],
)
def test_other_families_than_these_open_the_claim(families):
    assert shown(families).kind == "open"


def test_the_families_as_they_stand_are_proved():
    assert shown().kind == "proved" and len(shown().steps) > 30


@pytest.mark.parametrize(
    "edit",
    [
        {"mlp": units(0, read=2 * MODULE.above)},
        {"mlp": units(0, read=MODULE.above + R.content[0])},
        {"mlp": units(0, read=MODULE.above + R.one[0])},
        {"mlp": units(1, bias=-2)},
        {"mlp": units(1, write=PAIR(R.pos))},
        {"mlp": units(0, last="T - 2")},
        {"mlp": units(2, bias=0)},
        {"mlp": lambda block: MLP(block.mlp.units, b_2=R.content[0])},
        {"mlp": lambda block: MLP(block.mlp.units[:2])},
        {"heads": heads(W_V=[Fraction(1, 3) * PAIR(R.flag)])},
        {"heads": heads(W_V=[Fraction(1, 2) * R.flag[0]])},
        {"heads": lambda block: [replace(block.heads[0], W_V=[-1 * v for v in block.heads[0].W_V])]},  # it would write -1/t
        {"heads": heads(W_O=[2 * PAIR(R.recip)])},
        {"heads": heads(W_K=[R.one[0]])},
        {"norm_attention": lambda block: Norm("rmsnorm", "1/100")},
        {"norm_attention": lambda block: None},
        {"norm_ffn": lambda block: Norm("layernorm", 100)},
        {"mlp": lambda block: replace(block.mlp, activation="gelu")},
        {"mlp": lambda block: MLP([*block.mlp.units[:2], Units(read=0 * R.one[0], write=PAIR(R.pos), bias=1)])},
    ],
)
def test_a_changed_weight_opens_the_claim(edit):
    evidence = shown(edited(**edit))
    assert evidence.kind == "open" and "fails" in evidence.reason


@pytest.mark.parametrize(
    "change",
    [{"mask": "strict"}, {"positions": ALiBi()}, {"embedding": Embedding(MODULE.tokens, other=PAIR(R.flag) + PAIR(R.one))}],
)
def test_a_changed_circuit_opens_the_claim(change):
    assert shown([Family(replace(MODULE.clock("layernorm").symbolic, **change), T_min=2)]).kind == "open"


@pytest.mark.parametrize(
    "change",
    [
        {"positions": ("alibi",)},
        {"attention": "linear"},
        {"sizes": {"S": 3}},
        {"sizes": {"S": 0}},
        {"mask": "strict"},
        {"bos": False},
        {"norms": ("batchnorm",)},
    ],
)
def test_so_does_a_changed_hypothesis(change):
    assert shown(**change).kind == "open"
