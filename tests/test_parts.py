"""Shared parts: tables, counters, look-ups, sinks and grouped heads do what their docstrings say, on their own weights."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head
from nopeproof.claims import after_attention, after_ffn
from nopeproof.errors import NopeproofError
from nopeproof.parts import cauchy_gains, clock_rounding, counter, grouped_heads, look_up, sink_head, table, uniform_head
from nopeproof.residual import Residual
from nopeproof.run import run

R = Residual(one=1, bos=1, recip=1, f=2, pos=1, square=1, share=1, count=1, out=1)
TOKENS = {"<bos>": R.one + R.bos, "a": R.one + R.share * 0, "b": R.one}
CLOCK = uniform_head([R.bos], [R.recip], name="1/t")


def on(*blocks, tokens=None):
    return Circuit(R, Embedding(tokens or TOKENS), list(blocks), bos="<bos>")


def word(T):
    return ["<bos>"] + ["a"] * (T - 1)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.fractions(-9, 9, max_denominator=7), min_size=1, max_size=7), st.data())
def test_a_table_is_exact_at_every_position(f, data):
    g = data.draw(st.lists(st.integers(-5, 5), min_size=len(f), max_size=len(f)))
    trace = run(on(Block([CLOCK], MLP(table(R.one, R.recip, [(R.f[0], f), (R.f[1], g)])))), word(len(f)))
    assert [tuple(row) for row in trace.at(after_ffn(1), "f")] == list(zip(f, g, strict=True))


@pytest.mark.parametrize("columns", [[(R.f[0], [1, 2]), (R.f[1], [1])], [(R.f[0], [])]])
def test_tables_have_one_length(columns):
    with pytest.raises(NopeproofError, match="lengths"):
        table(R.one, R.recip, columns)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from("ab"), max_size=7), st.integers(0, 3))
def test_a_counter_counts(rest, more):
    tokens = {**TOKENS, "a": R.one + R.pos}
    block = Block([CLOCK, uniform_head([R.pos], [R.share], name="c/t")], MLP(counter(R.one, R.share, R.recip, R.count)))
    member = Family(on(block, tokens=tokens), T_min=2).at(max(len(rest) + 1, 2) + more)
    found = run(member, ["<bos>", *rest]).at(after_ffn(1), "count")
    assert list(found) == [rest[:t].count("a") for t in range(len(rest) + 1)]


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(2, 500), st.data())
def test_a_look_up_falls_on_its_target(T, base, data):
    p = data.draw(st.integers(1, T))
    columns = [(R.pos, list(range(1, T + 1))), (R.square, [t * t for t in range(1, T + 1)])]
    blocks = [Block([CLOCK], MLP(table(R.one, R.recip, columns))), Block([look_up(p * R.one, R.one, R.pos, R.square, base)])]
    weights = run(on(*blocks), word(T)).head(2, 0).weights[T - 1]
    assert weights[p - 1] > Fraction(base - 1, base + 1) and sum(weights) == 1
    assert all(weights[i] == weights[p - 1] / Fraction(base) ** ((i + 1 - p) ** 2) for i in range(T))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6, unique=True))
def test_cauchy_gains_solve_their_system(shifts):
    assert all(sum(c / (s + B) for c, B in zip(cauchy_gains(shifts), shifts, strict=True)) == 1 for s in range(1, len(shifts) + 1))


@pytest.mark.parametrize("K", [1, 2, 3, 4])
def test_rounding_takes_floor_root_T_units_and_no_more_positions(K):
    mlp = clock_rounding(R.one, R.recip, K * K)
    T = (K + 1) ** 2 - 1
    errors = [abs(x - t) for t, x in enumerate(run(on(Block([CLOCK], mlp)), word(T + 1)).at(after_ffn(1), "recip"), 1)]
    assert len(mlp.units) == K and max(errors[:T]) < Fraction(1, 2) <= errors[T]


def test_a_sink_is_a_saturating_clock():
    trace = run(on(Block([sink_head(R.one, R.bos, R.out, 7, 3)])), word(6))
    assert list(trace.at(after_attention(1), "out")) == [Fraction(3 * s, 7 + s) for s in range(6)]


def test_grouped_heads_share_their_keys_and_values():
    heads = grouped_heads([[R.one], [2 * R.one]], [R.pos], [R.one], [R.f[0]], [R.f[1]])
    assert Block(heads).kv_heads == 1 and heads[0].W_Q != heads[1].W_Q
    assert Block([*heads, Head([R.one], [R.one], [R.one], [R.out], name="own key")]).kv_heads == 2
