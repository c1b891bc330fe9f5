"""Torch held against the division clock's certificate: every row of every route, as far as each can go on this machine."""

from __future__ import annotations

import random
from functools import lru_cache

import numpy as np
import pytest
import torch

from nopeproof.checks.counter import Clock, certify_counter, longest, on_platform
from nopeproof.claims import Claim, Equals, Scope, after_ffn
from nopeproof.division import R, bits_for, division_clock
from nopeproof.errors import NopeproofError
from nopeproof.run import run
from nopeproof.run.counter import divide, roles_of, single, streamed, wrong_rows
from nopeproof.theory.precision import FORMATS, first_collision, last_decoded
from nopeproof.theory.rounding import arithmetic

POS, X = R.pos.start, R.recip.start


@lru_cache
def clock(dtype):
    return division_clock(bits_for(last_decoded(FORMATS[dtype])), dtype)


def block(circuit):
    return len(circuit.blocks)


def certified(text):
    """How far the certificate reaches on this machine."""
    platform, how = on_platform(arithmetic(text)), arithmetic(text)
    assert platform.how is not None
    circuit = clock(how.storage.name)
    return longest(Clock(circuit, block(circuit), POS), platform.how, platform.ulps)


def hardest(p, first, last, n):
    """The n rows of first..last at which 1/t, rounded to p bits, uses up most of what Lemma 3 allows: in int64, exact for p <= 24."""
    t = np.arange(first, last + 1, dtype=np.int64)
    e = np.frexp(t.astype(float))[1].astype(np.int64) - 1
    k = p + e - (t == 1 << e)  # 2^(p-1) <= 2^k / t < 2^p
    m = ((1 << (k + 1)) + t) // (2 * t)
    off = np.abs((1 << k) - m * t) * (2.0 * t + 1) / (1 << k).astype(float)  # |x - 1/t| t (2 t + 1)
    return sorted(t[np.argsort(-off)[:n]].tolist())


@pytest.mark.parametrize("text", ["float16", "bfloat16", "float16/float32/sdpa", "bfloat16/float32/sdpa", "float16/float32/streaming",
                                  "bfloat16/float32/streaming"])  # fmt: skip
def test_half_formats_hold_t_at_every_row_of_their_certificates(text):
    how, T = arithmetic(text), certified(text)
    circuit = clock(how.storage.name).instance(vocabulary=("a", "b"))
    rng = random.Random(0)
    trace = run(circuit, ["<bos>"] + [rng.choice("ab") for _ in range(T - 1)], how.storage.name, route=how.route)
    assert T > 100 and trace.at(after_ffn(block(circuit)), R.pos).double().tolist() == list(range(1, T + 1))


@pytest.mark.parametrize("route", ["materialised", "sdpa", "streaming"])
def test_float32_holds_t_at_every_row_of_a_whole_run(route):
    circuit = clock("float32").instance(vocabulary=("a",))
    rows = run(circuit, ["<bos>"] + ["a"] * 511, "float32", route=route).at(after_ffn(block(circuit)), R.pos)
    assert rows.tolist() == list(range(1, 513))


def test_float32_holds_t_at_every_row_up_to_a_hundred_thousand():
    T = 10**5
    circuit = clock("float32")
    assert wrong_rows(circuit, streamed(circuit, T, "float32", X), range(1, T + 1), block(circuit), POS) == []


@pytest.mark.parametrize("route", ["materialised", "sdpa", "sum"])
def test_random_and_hardest_rows_further_on_in_each_route(route):
    rng, circuit, T = random.Random(7), clock("float32"), 10**6
    ts = sorted({*(rng.randrange(10**5, T) for _ in range(6)), *hardest(24, 10**5, T, 6), T})
    assert wrong_rows(circuit, single(ts, "float32", route), ts, block(circuit), POS) == []


def test_the_row_past_the_certificate_is_wrong_in_every_half_format_and_in_float32():
    for dtype in ("float16", "bfloat16", "float32"):
        T = last_decoded(FORMATS[dtype])
        circuit = clock(dtype)
        (wrong,) = wrong_rows(circuit, single([T, T + 1], dtype, "materialised"), [T, T + 1], block(circuit), POS)
        assert wrong["t"] == T + 1 and wrong["found"] in (T, T + 2)


def test_float64_divides_exactly_at_random_and_extreme_reciprocals():
    rng, T = random.Random(3), last_decoded(FORMATS["float64"])
    ts = sorted(
        {
            T,
            T - 1,
            2**52,
            2**52 + 1,
            2**52 - 1,
            *(rng.randrange(1, T) for _ in range(2000)),
            *(rng.randrange(T - 10**8, T) for _ in range(2000)),
        }
    )
    x = torch.tensor([1 / t for t in ts], dtype=torch.float64)  # Python's quotient of whole numbers is rounded to nearest
    circuit = clock("float64")
    found = divide(circuit, x, block(circuit), POS).tolist()
    assert [int(q) for q in found] == ts


def test_a_clock_one_bit_short_is_wrong_from_its_power_of_two_on():
    circuit = division_clock(9, "float32")
    x = torch.tensor([1 / t for t in range(1, 1100)], dtype=torch.float32)
    wrong = wrong_rows(circuit, x, range(1, 1100), block(circuit), POS)
    assert [w["t"] for w in wrong] == list(range(1025, 1100)) and {w["found"] for w in wrong} == {1024}


def test_a_row_that_is_no_number_is_noticed():
    with pytest.raises(NopeproofError, match="did not close"):
        divide(clock("float32"), torch.tensor([float("nan")]), block(clock("float32")), POS)


def test_misuse_says_what_to_do():
    with pytest.raises(NopeproofError, match="not an even number of blocks"):
        roles_of(clock("float32"), 3, POS)
    with pytest.raises(NopeproofError, match="materialised"):
        single([3], "float32", "fast")


# --- as far as it goes -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_float32_holds_t_at_every_row_of_its_certificate():
    """All 11,864,338 rows, and the next one is wrong."""
    circuit, T = clock("float32"), last_decoded(FORMATS["float32"])
    x = streamed(circuit, T + 1, "float32", X)
    wrong = wrong_rows(circuit, x, range(1, T + 2), block(circuit), POS)
    assert [w["t"] for w in wrong] == [T + 1] and first_collision(FORMATS["float32"]) == T


@pytest.mark.slow
@pytest.mark.parametrize("route", ["materialised", "sdpa", "sum"])
def test_random_and_hardest_rows_up_to_the_end_in_each_route(route):
    rng, circuit, T = random.Random(1), clock("float32"), last_decoded(FORMATS["float32"])
    ts = sorted({*(rng.randrange(10**5, T) for _ in range(12)), *hardest(24, T - 10**6, T, 12), T})
    assert wrong_rows(circuit, single(ts, "float32", route), ts, block(circuit), POS) == []


@pytest.mark.slow
@pytest.mark.parametrize("route", ["materialised", "sdpa"])
def test_float32_holds_t_at_every_row_of_long_whole_runs(route):
    circuit = clock("float32").instance(vocabulary=("a",))
    rows = run(circuit, ["<bos>"] + ["a"] * 4095, "float32", route=route).at(after_ffn(block(circuit)), R.pos)
    assert rows.tolist() == list(range(1, 4097))


@pytest.mark.slow
def test_evidence_on_this_platform_reaches_beyond_a_million_in_every_route_of_float32():
    circuit = clock("float32")
    for route in ("materialised", "sdpa", "streaming"):
        c = Claim("c", circuit, Equals(after_ffn(block(circuit)), R.pos, "t"), Scope(arithmetic=f"float32/float32/{route}"))
        found = certify_counter(c)
        assert found is not None and found.kind == "certified" and isinstance(found.scope.t_max, int) and found.scope.t_max > 10**6
