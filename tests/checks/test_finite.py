"""An overflow where no claim looks: 0 times infinity reaches every coordinate, so a float certificate must see it coming."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nopeproof.checks.certify import certify
from nopeproof.checks.counter import certify_counter
from nopeproof.checks.finite import overflows
from nopeproof.checks.probe import Facts
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head, Unit
from nopeproof.claims import Claim, Equals, Fails, Scope, Within, after_attention, after_ffn
from nopeproof.division import R as D
from nopeproof.division import division_clock
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.theory.rounding import arithmetic

R = Residual(one=1, bos=1, x=1, y=1, out=1, junk=1)
PLAIN = Embedding({"<bos>": R.one + R.bos, "a": R.one.vector})
GOOD = Unit(read=R.x.vector, write=R.out)
NONE = R.zero


def mean(value, to, **rows):
    return Head(**{"W_Q": [NONE], "W_K": [NONE], "W_V": [value], "W_O": [to]} | rows)


def circuit(*heads, units=(GOOD,), tokens=PLAIN):
    return Circuit(R, tokens, [Block([mean(R.bos, R.x), *heads], mlp=MLP(list(units)))], bos="<bos>")


def certified(c, text, T, value="1/t", error="1/100", site=None):
    """The length certified, 0 if none is."""
    scope = Scope(arithmetic=text, t_max=T, vocabulary="given")
    found = certify(Claim("it", c, Within(site or after_ffn(1), R.out if site is None else R.x, value, error), scope))
    return found.scope.t_max if found.kind == "certified" else 0


LOUD = Embedding({t: v + 200 * R.junk for t, v in PLAIN.tokens.items()})
OVERFLOWS = {
    "a hidden unit that writes elsewhere": circuit(units=(GOOD, Unit(read=60000 * R.one + 300 * R.junk, write=R.junk)), tokens=LOUD),
    "the values of another head": circuit(mean(60000 * R.one + 300 * R.junk, R.junk), tokens=LOUD),
    "what another head writes": circuit(mean(60000 * R.one, 2 * R.junk)),
    "another head's scores": circuit(mean(R.one, R.junk, W_Q=[300 * R.junk], W_K=[300 * R.junk]), tokens=LOUD),
    "another head's keys": circuit(mean(R.one, R.junk, W_K=[60000 * R.one + 300 * R.junk]), tokens=LOUD),
}


@pytest.mark.parametrize("name", OVERFLOWS)
def test_an_overflow_anywhere_is_seen(name):
    c = OVERFLOWS[name]
    rows = run(c, ["<bos>", "a", "a"], "float16").at(after_ffn(1), R.out)
    assert not torch.isfinite(rows).all()  # it does reach the coordinate
    assert certified(c, "float16", 50) == 0 < certified(c, "float32", 50)


@pytest.mark.parametrize("route", ["sdpa", "streaming"])
def test_a_sum_that_is_divided_last_is_seen(route):
    c = circuit(mean(10**37 * R.one, R.junk))
    assert 0 < (T := certified(c, f"float32/float32/{route}", 100)) < 35
    rows = run(c, ["<bos>"] + ["a"] * 99, "float32", route=route).at(after_ffn(1), R.out).flatten()
    assert torch.isfinite(rows[:T]).all() and not torch.isfinite(rows[-1])


def test_what_comes_after_a_claim_is_nothing_to_it():
    c = OVERFLOWS["a hidden unit that writes elsewhere"]
    assert certified(c, "float16", 50, site=after_attention(1)) == 50
    assert certified(replace(c, blocks=[*c.blocks, OVERFLOWS["what another head writes"].blocks[0]]), "float32", 50) == 50


def test_another_head_of_a_division_clock_is_looked_at():
    c, how = division_clock(10, "float16"), "float16/float32/materialised"
    loud = Head(W_Q=[D.zero], W_K=[D.zero], W_V=[60000 * D.one], W_O=[2 * D.one])
    quiet = replace(loud, W_V=[D.zero], W_O=[D.zero])
    n, platform = len(c.blocks), Facts(())
    for head, kind in ((quiet, "certified"), (replace(loud, W_O=[D.zero], W_V=[60000 * D.one + 60000 * D.bos]), "open")):
        blocks = [*c.blocks[:1], replace(c.blocks[1], heads=[*c.blocks[1].heads, head]), *c.blocks[2:]]
        changed = replace(c, blocks=blocks)
        right = Equals(after_ffn(n), D.pos, "t")
        assert certify_counter(Claim("it", changed, right, Scope(arithmetic=how, t_max=40)), platform).kind == kind
        wrong = certify_counter(Claim("it", changed, Fails(right), Scope(arithmetic=how)), platform)
        assert wrong.kind == kind


def test_a_unit_that_reads_the_average_twice_is_not_covered():
    """Each of the two coordinates is rounded by itself, and the weight on each counts."""
    read = R.one + 50 * R.x - 76 * R.y  # relu(1 - 26/t), not relu(1 - 76/t): on from t = 27
    c = circuit(mean(R.bos, R.y), units=(Unit(read=read, write=1000 * R.out),))
    assert run(c, ["<bos>"] + ["a"] * 29).at(after_ffn(1))[-1][R.out.start] > 100
    assert certified(c, "float32", 70, value="0", error="1/2") < 27


@example([0, 0, 0, 0, 0, 65520], 2, "float16")
@given(
    st.lists(st.integers(-(2**17), 2**17), min_size=6, max_size=6),
    st.integers(2, 9),
    st.sampled_from(["float16", "float16/float32/sdpa", "bfloat16"]),
)
@settings(deadline=None)
def test_where_no_part_may_overflow_a_run_is_finite(weights, T, text):
    a, b, c, d, e, f = weights
    one = circuit(mean(a * R.one + b * R.bos, Fraction(c, 2**10) * R.junk), units=(GOOD, Unit(read=d * R.junk + e * R.x, write=f * R.junk)))
    how = arithmetic(text)
    if not overflows(one, after_ffn(1), T, how):
        trace = run(one, ["<bos>"] + ["a"] * (T - 1), how.storage.name, route=how.route)
        assert torch.isfinite(trace.at(after_ffn(1), R.out)).all()
        assert not overflows(one, after_ffn(1), max(T // 2, 1), how)
