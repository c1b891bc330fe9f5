"""From which position on a float format cannot hold 1/t apart from 1/(t + 1), as a prover beside `theory.precision`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import fields
from fractions import Fraction

from nopeproof.claims import Claim, Evidence
from nopeproof.models import ModelClass
from nopeproof.theory.argument import Argument
from nopeproof.theory.precision import first_collision, format_named, round_to

BY_HAND, NEAR = 3000, 200


def first_at(t: int) -> Callable[[Claim, bool], Sequence[Evidence]]:
    """The prover of: in the class's format 1/t and 1/(t + 1) round to one number, and no earlier neighbours do."""

    def prover(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
        a = Argument(claim, "theory.precision: rounding to nearest even, in integers", floats=True)
        a.whatever(*(f.name for f in fields(ModelClass)))  # numbers alone are spoken of
        fmt = format_named(a.models.arithmetic)
        a.step(f"the theorem of first_collision gives t = {t} for {fmt}", first_collision(fmt) == t)
        a.step(f"fl(1/{t}) = fl(1/{t + 1})", round_to(Fraction(1, t), fmt) == round_to(Fraction(1, t + 1), fmt))
        low = 1 if t <= BY_HAND else t - NEAR
        near = [round_to(Fraction(1, i), fmt) for i in range(low, t + 1)]
        a.step(f"t = {low}..{t - 1}: all neighbours differ, by exact rounding", all(x > y for x, y in itertools.pairwise(near)))
        if fmt.name == "float32":
            a.step("every t below, by the processor's own division", _all_float32(t))
        return a.evidence("proved", {"t": t, "found": str(round_to(Fraction(1, t), fmt)), "expected": "two numbers"})

    return prover


def _all_float32(t: int) -> bool:
    import numpy as np

    inverse = np.float32(1) / np.arange(1, t + 2, dtype=np.float32)
    same = np.flatnonzero(inverse[:-1] == inverse[1:])
    return len(same) == 1 and int(same[0]) + 1 == t
