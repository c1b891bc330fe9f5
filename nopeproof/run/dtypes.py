"""Floating dtypes for torch runs: found by name, checked against the device, and exact weights rounded to them once.

A weight becomes the dtype's nearest number, ties to even, in integer arithmetic. A cast of its float64 value would round
twice (and torch's cast of a float64 to bfloat16 thrice, by way of float32), which can end at the wrong neighbour.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import flint
import torch

from nopeproof.errors import NopeproofError
from nopeproof.run.exact import ball_of
from nopeproof.scalars import Scalar, spell, to_poly

MOST_BITS = 1 << 14  # beyond it a weight is taken to sit exactly between two floats


def torch_dtype(dtype: torch.dtype | str) -> torch.dtype:
    """The floating torch dtype of that name. Raises NopeproofError for any other."""
    found = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    asked = f"the arithmetic {dtype!r}"
    if not isinstance(found, torch.dtype):
        raise NopeproofError(asked, "neither exact, symbolic or ball, nor a torch dtype", "'exact', 'float64', 'float32', 'bfloat16', ...")
    if not found.is_floating_point:
        raise NopeproofError(asked, "a torch dtype that is not floating", "'float64', 'float32', 'bfloat16' or 'float16'")
    return found


@lru_cache
def require_kernels(dtype: torch.dtype, device: str) -> None:
    """Raise NopeproofError if torch cannot multiply and take a softmax of matrices of this dtype on this device."""
    try:
        one = torch.ones(1, 1).to(device, dtype)
        (one @ one).softmax(-1)
    except (RuntimeError, AssertionError, NotImplementedError) as bad:  # AssertionError: a CPU build asked for CUDA
        raise NopeproofError(f"a run in {dtype} on {device!r}", str(bad).splitlines()[0], "another dtype or device") from None


def nearest(x: Scalar, dtype: torch.dtype) -> float:
    """The dtype's number nearest to an exact weight, ties to even, as a Python float (which holds it exactly).

    Raises NopeproofError beyond the dtype's largest number, and for a root or logarithm within 2^-MOST_BITS of a tie.

    >>> nearest(Fraction(1, 3), torch.bfloat16)
    0.333984375
    """
    return float(_round(x, dtype)) if isinstance(x, Fraction) else _nearest_irrational(x, dtype)


def _round(x: Fraction, dtype: torch.dtype) -> Fraction:
    if x == 0:
        return x
    info = torch.finfo(dtype)
    size = abs(x)
    e = size.numerator.bit_length() - size.denominator.bit_length()
    e -= size < Fraction(2) ** e  # now 2^e <= |x| < 2^(e+1)
    spacing = Fraction(info.eps) * max(Fraction(2) ** e, Fraction(info.smallest_normal))
    rounded = round(x / spacing) * spacing  # Fraction.__round__ is exact, ties to even
    if abs(rounded) > Fraction(info.max):
        raise NopeproofError(f"the weight {x} in {dtype}", f"the dtype ends at {info.max:g}", "a dtype with a wider range")
    return rounded


@lru_cache(maxsize=4096)
def _nearest_irrational(x: Any, dtype: torch.dtype) -> float:
    bits = 128
    while bits <= MOST_BITS:
        with flint.ctx.workprec(bits):
            ball = ball_of(to_poly(x))
            ends = [_fraction(end) for end in (ball.lower(), ball.upper())]
        low, high = (_round(end, dtype) for end in ends)
        if low == high:
            return float(low)
        bits *= 2
    found = "too near to the middle of two floats to be rounded"
    raise NopeproofError(f"the weight {spell(x)} in {dtype}", found, "the rational it equals, if it equals one")


def _fraction(x: flint.arb) -> Fraction:
    m, e = (int(v) for v in x.man_exp())
    return Fraction(m) * Fraction(2) ** e
