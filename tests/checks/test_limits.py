"""Limits of clocks held against torch, sink clocks against simulated and real runs, costs against the weights counted one by one."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from nopeproof.checks import clocks as module
from nopeproof.checks import limits as limits_module
from nopeproof.checks import verify
from nopeproof.checks.certify import Unreadable, certify
from nopeproof.checks.clocks import beside
from nopeproof.checks.limits import certified, compared, hardest, limits, pairs, spread
from nopeproof.checks.probe import Facts
from nopeproof.checks.sink import read, sink_length
from nopeproof.circuit import Block, Circuit, Embedding, Family, Head
from nopeproof.claims import Claim, Scope, Within, after_attention
from nopeproof.library import load
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.theory import sink
from nopeproof.theory.costs import cost
from nopeproof.theory.precision import FORMATS, last_decoded, round_to
from nopeproof.theory.rounding import arithmetic

DIVISION, SINK = load("division-clock"), load("sink-clock")
R = SINK.claims[0].circuit.residual


def grown(T):
    assert SINK.grown is not None
    return SINK.grown(T)


# --- division clocks -------------------------------------------------------------------------------------------------


def test_a_division_clocks_row_reaches_the_last_position_and_is_held_against_rows_up_to_it():
    claim = next(c for c, _ in pairs([DIVISION.claim("bfloat16")], ["bfloat16"]))
    row = limits(claim, "bfloat16", rows=128)
    T = last_decoded(FORMATS["bfloat16"])
    assert row["certified"] == T and row["contradictions"] == [] and row["rows_beyond"][-1] == T and row["margin"] == 0.5
    assert row["width"] == 3 and row["units"] == 4 * row["blocks"] / 2
    assert {p[1] for p in row["points"]} == {0.0} == {p[2] for p in row["points"]}
    whole = limits(claim, "bfloat16", rows=256)
    assert whole["first_failure"] == whole["measured_collision"] == T + 1 == whole["collision"]


def test_a_division_clock_certified_too_far_is_caught():
    claim, how = next(c for c, _ in pairs([DIVISION.claim("bfloat16")], ["bfloat16"])), arithmetic("bfloat16")
    found = replace(certified(claim, how), T=200)
    near, far = (compared(claim, found, how, rows)["contradictions"] for rows in (256, 64))
    assert near[0]["t"] == 190 and {b["t"] for b in far} & set(range(190, 201))


def test_claims_about_a_format_are_paired_with_it_alone_and_growing_families_with_none():
    found = list(pairs(DIVISION.claims, ["float64", "float32/float32/sdpa", "bfloat16"]))
    assert [(c.id, text) for c, text in found] == [("float64", "float64"), ("float32", "float32/float32/sdpa"), ("bfloat16", "bfloat16")]


def test_the_hardest_rows_are_those_with_least_room_left():
    fmt, last = FORMATS["float16"], 1464
    used = lambda t: abs(round_to(Fraction(1, t), fmt) - Fraction(1, t)) * t * (2 * t + 1)  # noqa: E731
    found = hardest(fmt, last, 3)
    assert min(map(used, found)) >= sorted(map(used, range(1, last + 1)))[-3] > Fraction(1, 2)
    assert spread(1) == {1} and max(spread(1000)) == 1000 and min(spread(1000)) == 1


# --- sink clocks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["float32", "float16", "bfloat16", "float32/float32/sdpa"])
def test_torch_stays_within_the_bound_of_a_certified_sink_clock(text):
    how = arithmetic(text)
    T = {"float32": 400, "float16": 20, "bfloat16": 6}[how.storage.name]
    claim = grown(T)
    found = sink_length(claim, how)
    assert found.T == T and found.capped
    rows = run(claim.circuit, ["<bos>", *(random.Random(0).choice("ab") for _ in range(T - 1))], how.storage.name, route=how.route)
    off = [abs(Fraction(x) - t) for t, x in enumerate(rows.at(after_attention(1), "clock").double().tolist())]
    assert all(e <= sink.error(read(claim), found.how, t) for t, e in enumerate(off, 1)) and max(off) > 0


@pytest.mark.parametrize("order", ["first to last", "random tree"])
def test_a_simulated_sink_in_any_order_stays_within_the_bound_where_it_is_nearly_reached(order):
    rng, how = random.Random(order), arithmetic("bfloat16/bfloat16")
    for B, t in ((64, 5), (256, 6), (1024, 4)):
        fl = lambda x: round_to(x, how.storage)  # noqa: E731
        drift = Fraction(rng.choice([-1, 1])) * how.storage.u * Fraction(69, 100) * B.bit_length() / 2
        for _ in range(40):
            exps = [fl(Fraction(1, B) * (1 + drift) * (1 + rng.choice([-3, 0, 3]) * how.u_a)) for _ in range(t - 1)]
            terms = [Fraction(1), *exps]
            rng.shuffle(terms)
            while len(terms) > 1:
                i = 0 if order == "first to last" else rng.randrange(len(terms) - 1)
                terms[i : i + 2] = [fl(terms[i] + terms[i + 1])]
            weights, total = [fl(e / terms[0]) for e in exps], Fraction(0)
            for w in weights:
                total = fl(total + w)
            assert abs(fl(B * total) - (t - 1)) <= sink.error(B, how, t)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_bound_of_a_sink_grows_with_t_and_with_roundoff_and_contains_the_exact_error(dtype):
    how = arithmetic(dtype)
    for B in (16, 256, 4096):
        bounds = [sink.error(B, how, t) for t in range(1, 40)]
        assert bounds == sorted(bounds)
        assert all(b >= Fraction(s * s, B + s) for s, b in enumerate(bounds))
        assert all(b >= c for b, c in zip(bounds, (sink.error(B, arithmetic("float64"), t) for t in range(1, 40)), strict=True))


def test_verify_certifies_a_sink_clock_in_floats_and_not_beyond():
    asked = replace(grown(30), scope=Scope(t_max=30, vocabulary="given", arithmetic="float32"))
    verdict = verify(asked)
    assert verdict.kind == "certified" and verdict.stands and "sink" in verdict.evidence[0].tool
    far = replace(grown(30), scope=Scope(vocabulary="given", arithmetic="float32"))
    found = certify(far)
    assert found is not None and found.kind == "certified" and isinstance(found.scope.t_max, int) and 30 <= found.scope.t_max < 70


def sabotaged(**change):
    claim = grown(8)
    block = claim.circuit.blocks[0]
    head: Any = block.heads[0]
    return replace(claim, subject=replace(claim.circuit, blocks=[replace(block, heads=[replace(head, **change)])]))


@pytest.mark.parametrize("change", [
    {"W_Q": [2 * R.one]}, {"W_K": ["ln(16)" * R.one]}, {"W_K": [4 * R.bos]}, {"W_K": ["2*ln(16)" * R.bos]}, {"W_V": [R.one.vector]},
    {"W_V": [R.one - 2 * R.bos]}, {"W_O": [3 * R.clock]}, {"W_O": [256 * R.clock + R.content]}, {"scale": "1/sqrt(d_head)"},
    {"W_K": ["ln(100)" * R.bos], "W_O": [100 * R.clock]},
])  # fmt: skip
def test_other_heads_are_no_sink_clocks(change):
    assert read(grown(8)) == 256
    with pytest.raises(Unreadable):
        read(sabotaged(**change))


def test_a_score_that_is_0_in_exact_arithmetic_alone_is_no_sink_clock():
    """1/3 * 5 M - 5/3 * M is 0; in floats weights and products are rounded, every other key gains on BOS, and the clock runs ahead."""
    S, M = Residual(one=1, bos=1, clock=1, content=2), 2**17
    tokens = {"<bos>": S.one + S.bos, "a": S.one + 5 * M * S.content[0] + M * S.content[1]}

    def clock(*weights):
        key = sum((Fraction(w) * x for w, x in zip(weights, S.content, strict=True)), "ln(1048576)" * S.bos)
        head = Head(W_Q=[S.one], W_K=[key], W_V=[S.one - S.bos], W_O=[2**20 * S.clock])
        circuit = Circuit(S, Embedding(tokens), [Block([head])], bos="<bos>")
        return Claim("c", circuit, Within(after_attention(1), S.clock, "t - 1"), Scope(vocabulary="given"))

    assert read(clock(0, 0)) == 2**20
    rounded = clock("1/3", "-5/3")
    rows = run(rounded.circuit, ["<bos>", *["a"] * 599], "float32").at(after_attention(1), "clock")
    assert abs(float(rows[-1]) - 599) > 2
    with pytest.raises(Unreadable, match="may round"):
        read(rounded)


def test_other_claims_are_not_about_a_sink_clock():
    claim = grown(8)
    for value in ("t", "t - 2", "2*t - 2"):
        with pytest.raises(Unreadable, match="t - 1"):
            read(replace(claim, statement=Within(after_attention(1), R.clock, value)))
    with pytest.raises(Unreadable):
        read(replace(claim, subject=replace(claim.circuit, mask="strict")))
    assert sink_length(claim, arithmetic("float32"), Facts((), Fraction(1, 8))).T < 8


# --- side by side ----------------------------------------------------------------------------------------------------


def test_the_division_clock_goes_farther_than_every_other_clock_and_each_says_what_it_costs():
    rows = {}
    for name in ("absolute-position", "rounding-clock", "sink-clock", "division-clock"):
        c = load(name)
        claims = [x for x in c.claims if x.id in ("minimal", "rounds", "bfloat16")]
        (rows[name],) = beside(name, claims, c.grown, ["bfloat16"])
    reach = {name: row["certified"] for name, row in rows.items()}
    assert max(reach, key=lambda n: reach[n]) == "division-clock" and min(reach.values()) >= 2
    assert rows["sink-clock"]["units"] == 0 and rows["sink-clock"]["collision"] is None
    assert rows["absolute-position"]["units"] == reach["absolute-position"] // 2
    assert all(0 < row["margin"] <= 0.5 and row["heads"] >= 1 for row in rows.values())


def test_the_longest_member_is_the_last_that_is_certified_up_to_its_own_length(monkeypatch):
    monkeypatch.setattr(module, "MOST", 64)
    monkeypatch.setattr(limits_module, "on_platform", None)
    for limit in (2, 3, 31, 32, 33, 63, 64, 200):
        good = lambda claim, how, limit=limit: replace(MADE, T=min(int(claim.id), limit))  # noqa: E731
        monkeypatch.setattr(module, "certified", good)
        found, claim = module._longest(lambda T: Claim(str(T), SINK.claims[0].subject, SINK.claims[0].statement), arithmetic("float32"))
        assert found.T == int(claim.id) == min(limit, 64)


MADE = certified(grown(4), arithmetic("float32"))


@pytest.mark.parametrize("T", [2, 3, 8, 37])
def test_costs_of_a_family_are_those_of_its_members(T):
    for name, subject in (("absolute-position", "minimal"), ("absolute-position", "basis"), ("division-clock", "division")):
        family = load(name).subjects[subject]
        assert isinstance(family, Family) and cost(family, T) == cost(family.at(T))
    member = load("absolute-position").circuit("minimal", T=T)
    assert member.blocks[0].mlp and cost(member)["units"] == len(member.blocks[0].mlp.units) == cost(member)["width"]
