"""Tables of positions: shown for every word up to T from all pairs of tokens; other scores, rows, lengths and circuits are not."""

from dataclasses import replace
from fractions import Fraction

import pytest

from nopeproof import library
from nopeproof.checks import proof_of
from nopeproof.checks.exhaust import exhaust
from nopeproof.checks.mutants import mutants
from nopeproof.circuit import Block, Head, Norm
from nopeproof.claims import FOREIGN, Scope, after_attention, after_ffn
from nopeproof.parts import uniform_head
from nopeproof.theory.tables import bias_is, is_sum, rows_are, scores_are

CLAIMS = [
    ("rotary-features", "rotary"),
    ("rotary-features", "theorem-2-is-a-sum"),
    ("relative-families", "exponential"),
    ("relative-families", "cosine"),
    ("relative-families", "damped-cosine"),
    ("t5-bias", "bias"),
    ("previous-token-bias", "bias"),
    ("position-tables", "learned-table"),
]


def by(claim):
    return claim.statement.by(claim)


@pytest.mark.parametrize(("name", "id"), CLAIMS)
def test_proved_up_to_its_length_and_no_further(name, id):
    claim = library.load(name).claim(id)
    found = proof_of(claim)
    assert found.kind == "proved" and found.scope == claim.scope and not found.assumes
    longer = replace(claim, scope=replace(claim.scope, t_max=claim.scope.t_max + 2))
    assert not found.scope.covers(longer.scope) and (name == "t5-bias" or by(longer).kind == "open")
    assert by(replace(claim, scope=Scope(vocabulary="given"))).kind == "open"
    assert by(replace(claim, scope=replace(claim.scope, words="any"))).kind == "open"


def false():
    half = Fraction(1, 2)
    yield "relative-families", "exponential", scores_are("", 2, 0, lambda x, y, t, i: half ** (t - i + 1))
    yield "relative-families", "exponential", scores_are("", 2, 0, lambda x, y, t, i: half ** (t - i) + (t == 8 and i == 1))
    yield "relative-families", "exponential", bias_is("", 2, 0, lambda d: half**d + d)
    yield "rotary-features", "rotary", scores_are("", 3, 1, lambda x, y, t, i: 0)
    yield "rotary-features", "rotary", is_sum("", 3, 0)
    yield "rotary-features", "rotary", bias_is("", 3, 0, lambda d: 0)
    yield "previous-token-bias", "bias", bias_is("", 2, 0, lambda d: int(d == 2))
    yield "previous-token-bias", "bias", bias_is("", 2, 0, lambda d: int(d == 1) + Fraction(d == 4, 1000))
    table = library.load("position-tables").claim("learned-table").circuit.residual
    yield "position-tables", "learned-table", rows_are("", after_ffn(1), [table.learned], lambda t: [0])
    yield "position-tables", "learned-table", rows_are("", after_attention(1), [table.recip], lambda t: [Fraction(1, t + (t == 6))])


FALSE = list(false())


@pytest.mark.parametrize("n", range(len(FALSE)))
def test_false_variants_are_refuted_and_never_proved(n):
    name, id, statement = FALSE[n]
    claim = replace(library.load(name).claim(id), statement=statement)
    assert by(claim).kind == "open" and by(claim).reason
    assert exhaust(claim, 0.5).kind == "refuted"


def test_what_depends_on_the_word_is_not_a_table():
    claim = library.load("previous-token-bias").claim("bias")
    circuit = claim.circuit
    R = circuit.residual
    [head] = circuit.blocks[1].heads
    mixed = [circuit.blocks[0], Block([uniform_head([R.content], [R.content])]), circuit.blocks[1]]
    said = scores_are("", 3, 0, lambda x, y, t, i: 0)
    reader = Head(W_Q=[R.content], W_K=[R.one], W_V=[0], W_O=[0 * R.one])
    found = by(replace(claim, subject=replace(circuit, blocks=[*mixed[:2], Block([reader])]), statement=said))
    assert found.kind == "open" and "depends on more of the word" in found.reason
    for last in (Block([head], norm_attention=Norm("layernorm", 1)), Block([replace(head, scale="1/sqrt(d_head)")])):
        assert by(replace(claim, subject=replace(circuit, blocks=[circuit.blocks[0], last]))).kind == "open"


def test_a_table_of_ones_own_is_called_so():
    claim = library.load("relative-families").claim("exponential")
    mine = scores_are("", 2, 0, lambda x, y, t, i: Fraction(1, 2) ** (t - i))
    assert proof_of(replace(claim, statement=mine)).assumes == (FOREIGN,)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "id"), [c for c in CLAIMS if c[0] != "t5-bias"])
def test_no_mutant_that_a_run_refutes_is_proved(name, id):
    claim = library.load(name).claim(id)
    some, _ = mutants(claim.weights)
    for mutant in some[:: max(1, len(some) // 40)]:
        changed = replace(claim, subject=mutant.subject)
        if by(changed).kind == "proved":
            assert exhaust(changed, 1.0).kind != "refuted", (mutant.where, mutant.change)
