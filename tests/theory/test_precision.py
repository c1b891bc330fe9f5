"""Formats, exact rounding and the collision theorem, against torch's own rounding and against brute force."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nopeproof.errors import NopeproofError
from nopeproof.theory.precision import FORMATS, Format, exponent, first_collision, format_named, is_power_of_two, representable, round_to

TORCH = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16,
         "float8_e4m3": torch.float8_e4m3fn, "float8_e5m2": torch.float8_e5m2}  # fmt: skip


def brute(fmt: Format, end: int = 1 << 14) -> int:
    return next(t for t in range(1, end) if round_to(Fraction(1, t), fmt) == round_to(Fraction(1, t + 1), fmt))


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float8_e4m3", "float8_e5m2"])
def test_first_collision_is_the_one_a_scan_finds(name):
    assert first_collision(FORMATS[name]) == brute(FORMATS[name])


@pytest.mark.parametrize("p", range(3, 13))
def test_first_collision_of_every_small_significand(p):
    fmt = Format(f"p{p}", p, -60, 60, Fraction(2) ** 61)
    assert first_collision(fmt) == brute(fmt)


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_first_collision_of_wide_formats_collides_and_none_just_before(name):
    fmt = FORMATS[name]
    t = first_collision(fmt)
    rounded = [round_to(Fraction(1, s), fmt) for s in range(t - 500, t + 2)]
    assert rounded[-1] == rounded[-2]
    assert len(set(rounded)) == len(rounded) - 1


def test_float32_collision_in_one_torch_scan():
    t = torch.arange(1, first_collision(FORMATS["float32"]) + 2, dtype=torch.float64)
    x = (1 / t).float()  # 53 bits round to 24 as if exact: 1/t is never within 2^-53 of a midpoint unless it is one
    assert int((x[1:] == x[:-1]).nonzero()[0]) + 1 == first_collision(FORMATS["float32"])


@pytest.mark.parametrize("name", list(FORMATS))
@given(x=st.floats(min_value=-400, max_value=400))
def test_rounding_is_torchs(name, x):
    wide = Fraction(x)
    if name == "float64":
        assert round_to(wide, FORMATS[name]) == wide
        return
    single = torch.tensor(x, dtype=torch.float64).float()  # torch narrows to 8 and 16 bits by way of float32
    source = wide if name == "float32" else Fraction(single.item())
    assert round_to(source, FORMATS[name]) == Fraction(single.to(TORCH[name]).double().item())


@pytest.mark.parametrize("name", list(FORMATS))
def test_formats_are_torchs(name):
    info, fmt = torch.finfo(TORCH[name]), FORMATS[name]
    assert (info.eps, info.tiny, info.max) == (float(2 * fmt.u), float(fmt.tiny), float(fmt.top))


def test_overflow_and_unknown_names_are_misuse():
    with pytest.raises(NopeproofError, match="largest number"):
        round_to(Fraction(10**6), FORMATS["float16"])
    with pytest.raises(NopeproofError, match="known: float64"):
        format_named("float7")
    assert format_named("bf16") is FORMATS["bfloat16"]


def test_small_helpers():
    assert [exponent(Fraction(x)) for x in (1, 3, "1/3", "1/4")] == [0, 1, -2, -2]
    assert representable(Fraction(255), FORMATS["bfloat16"]) and not representable(Fraction(257), FORMATS["bfloat16"])
    assert is_power_of_two(Fraction(-1, 8)) and not is_power_of_two(Fraction(3, 8)) and not is_power_of_two(Fraction(0))
