"""Where a float format stops telling positions apart: the first t with fl(1/t) = fl(1/(t + 1)), for six formats.

Past it no reader of the row 1/t, of any kind or size, can return t: the two states are the same numbers. With p bits of
significand the spacing near 1/t is about 2^-p/t and the gap is 1/t^2, so the collision comes near t = 2^(p - 1/2); the exact value
is found by integer comparisons (`theory.precision`), with round to nearest, ties to even, and checked by exact rounding of all
neighbours below it (for float32 by the processor's division over all of them, for float64 over the last few hundred).

The row must hold 1/t by itself. If it shares a coordinate with a constant its precision is absolute, and the collision comes at
about 2^(p/2); an accumulated average errs besides, so that real kernels fail earlier (`nopeproof limits`).
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.collisions import first_at

kind = "impossibility"
uses = ["absolute-position"]
SOURCE = "kazemnejad2023, Thm 1 assumes real numbers; the collisions are this project's"
FIRST = {
    "float8_e5m2": 6,
    "float8_e4m3": 14,
    "bfloat16": 190,
    "float16": 1464,
    "float32": 11864338,
    "float64": 6369051721119404,
}


def claim(arithmetic, t):
    """1/t and 1/(t + 1) are one number, for the first time."""
    models = ModelClass(f"1/t in {arithmetic}", bos=True, arithmetic=arithmetic, about="the row holds 1/t, correctly rounded")
    scope = Scope(order="forall weights forall T", arithmetic=arithmetic)
    return Claim(arithmetic, models, Shown(f"fl(1/t) = fl(1/(t + 1)) for the first time at t = {t}", first_at(t)), scope, SOURCE)


claims = [claim(arithmetic, t) for arithmetic, t in FIRST.items()]
