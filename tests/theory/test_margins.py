"""Margins of clocks: against brute force, at their boundary, and refused where they mean nothing."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nopeproof import library
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head, Norm, Unit
from nopeproof.claims import Claim, Scope, Shown, after_ffn
from nopeproof.errors import NopeproofError
from nopeproof.models import ModelClass
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.theory import margins
from nopeproof.theory.homogeneous import scales_away

HALF, TINY = Fraction(1, 2), Fraction(1, 10**12)
CLOCKS = library.load("clock-margins").subjects
R = Residual(one=1, bos=1, pos=1)
ONE, POS = R.one.start, R.pos.start


def read_out(name, T):
    """g and the member it was read from."""
    member = CLOCKS[name].at(T)
    return margins.read_out(member, 1, POS, POS, {ONE: Fraction(1)}), member


@pytest.mark.parametrize("name", ["basis", "minimal"])
@pytest.mark.parametrize("T", [2, 5, 8])
def test_the_read_out_is_the_circuits_own(name, T):
    g, member = read_out(name, T)
    rows = run(member, ["<bos>"] + ["a"] * (T - 1)).at(after_ffn(1), "pos")
    assert list(rows) == [g(Fraction(1, t)) for t in range(1, T + 1)] == list(range(1, T + 1))


def test_an_output_bias_is_part_of_the_read_out():
    _, member = read_out("basis", 5)
    [block] = member.blocks
    shifted = replace(member, blocks=[replace(block, mlp=replace(block.mlp, b_2=Fraction(1, 4) * R.pos))])
    g = margins.read_out(shifted, 1, POS, POS, {ONE: Fraction(1)})
    assert g(Fraction(1, 3)) == 3 + Fraction(1, 4) == run(shifted, ["<bos>", "a", "a"]).at(after_ffn(1), "pos")[2]
    plain, moved = (margins.weight_margin(m, 1, POS, POS, {ONE: Fraction(1)}, 5) for m in (member, shifted))
    assert moved == plain / 2


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["basis", "minimal"]), st.integers(3, 9), st.data())
def test_intervals_are_exact_at_both_ends(name, T, data):
    t = data.draw(st.integers(1, T))
    g, _ = read_out(name, T)
    low, high = margins.input_interval(g, t)
    for end, step in ((low, TINY), (high, -TINY)):
        if end not in (0, 2):
            assert abs(g(end) - t) == HALF and abs(g(end + step) - t) < HALF < abs(g(end - step) - t)
    inside = data.draw(st.fractions(low, high).filter(lambda x: low < x < high))
    assert abs(g(inside) - t) < HALF


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["basis", "minimal"]), st.integers(3, 7), st.data())
def test_no_noise_below_the_weight_margin_does_harm(name, T, data):
    g, member = read_out(name, T)
    for margin, side in (
        (margins.weight_margin(member, 1, POS, POS, {ONE: Fraction(1)}, T), "read"),
        (margins.write_margin(g, T), "write"),
    ):
        noise = lambda: margin * data.draw(st.integers(-99, 99)) / 100  # noqa: E731, B023
        units = []
        for u in member.blocks[0].mlp.units:
            row = getattr(u, side)
            units.append(replace(u, **{side: sum(((1 + noise()) * x * (R.one if i == ONE else R.pos) for i, x in row.entries), R.zero)}))
        broken = replace(member, blocks=[replace(member.blocks[0], mlp=MLP(units))])
        rows = run(broken, ["<bos>"] + ["a"] * (T - 1)).at(after_ffn(1), "pos")
        assert all(abs(x - t) < HALF for t, x in enumerate(rows, 1))


def circuit(mlp, **options):
    return Circuit(R, Embedding({"<bos>": R.one + R.bos}), [Block(mlp=mlp, **options)], bos="<bos>")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: read_out("basis", 4)[0].leaves(Fraction(1), Fraction(3), True), "a read-out that is right without noise"),
        (lambda: margins.read_out(circuit(None), 1, POS, POS, {}), "no concrete ReLU FFN"),
        (lambda: margins.read_out(circuit(MLP([Unit(R.one, R.pos)], "gelu")), 1, POS, POS, {}), "no concrete ReLU FFN"),
        (lambda: margins.read_out(circuit(MLP([Unit(R.one, R.pos)]), norm_ffn=Norm("rmsnorm")), 1, POS, POS, {}), "without a norm"),
        (lambda: margins.read_out(circuit(MLP([Unit("sqrt(2)" * R.one, R.pos)])), 1, POS, POS, {}), "not rational"),
    ],
)
def test_margins_that_mean_nothing_are_refused(make, message):
    with pytest.raises(NopeproofError, match=message):
        make()


def test_a_read_out_that_never_leaves_has_no_end():
    flat = margins.Piecewise(Fraction(0), Fraction(3), ())
    assert flat.leaves(Fraction(1), Fraction(3), True) is None and flat.leaves(Fraction(1), Fraction(3), False) is None


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        ({}, "proved", ""),
        ({"norms": ("none",)}, "open", "norms rmsnorm"),
        ({"norms": ("layernorm", "rmsnorm")}, "open", "norms"),
        ({"ffn": "any"}, "open", "ffn"),
    ],
)
def test_the_homogeneity_argument_needs_its_hypotheses(change, kind, reason):
    models = library.load("bias-free-norm").claim("scales-away").subject
    assert isinstance(models, ModelClass)
    claim = Claim("x", replace(models, **change), Shown("...", scales_away), Scope(order="forall weights forall T"), "x")
    [evidence] = scales_away(claim)
    assert evidence.kind == kind and reason in evidence.reason


def test_a_bias_of_a_unit_is_part_of_what_is_read_and_has_no_noise():
    """1 as a weight on the constant, or as a bias: the same read-out, and twice the margin where it is no weight."""
    head = Head(W_Q=[R.zero], W_K=[R.zero], W_V=[R.bos], W_O=[R.pos])
    tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one.vector})
    found = []
    for unit in (Unit(read=3 * R.one - 3 * R.pos, write=R.pos), Unit(read=-3 * R.pos, write=R.pos, bias=3)):
        member = Circuit(R, tokens, [Block([head], mlp=MLP([unit]))], bos="<bos>")
        at = (member, 1, POS, POS, {ONE: Fraction(1)})
        assert [margins.read_out(*at)(Fraction(1, t)) for t in (1, 2)] == [1, 2]
        found.append(margins.weight_margin(*at, 2))
    assert found == [Fraction(1, 12), Fraction(1, 6)]
