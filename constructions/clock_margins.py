"""How much noise the exact clocks bear: input, score and weight margins in closed form, each with its boundary case.

The clocks of absolute-position turn x = 1/t into t, and a reader rounds: noise is borne as long as the result stays within
1/2 of t. Write E for the largest even number up to T. The exact margins, for all t <= T at once, are

    noise                                    basis, T - 1 units (T >= 3)          minimal, floor(T/2) units (T >= 4)
    x (1 + d), |d| <                         1/(2 T)                              1/(2 (E + 1))
    scores +- d, e^(2 d) <                   1 + (T - 1)/((T - 2) (2 T - 1))      1 + E/(2 E^2 - 3)
    W_1 (1 + d), each entry its own, |d| <   (T - 1)/(2 (3 T^2 - 4 T + 2))        E/(2 (3 E^2 + 2 E + 1))
    W_2 (1 + d), each entry its own, |d| <   T/(2 (T^2 - 1))                      T/(2 (T^2 - 1))

Derivation. The basis read-out is the chord from (1/(t+1), t+1) to (1/t, t), of slope -t (t+1), between these points; its worst
position is T - 1, below which the last chord has slope -T (T - 1). The minimal one follows the chord from E to E + 1 past 1/E.
Scores move the weight of BOS between 1/(1 + (t-1) e^(2d)) and 1/(1 + (t-1) e^(-2d)), the extremes as it is monotone in each.
W_1: an active unit moves by d (|constant| + |slope|/t), which sums to 3 T - 1 + 1/(T-1) at T - 1 and to 3 E + 2 + 1/E at E. W_2:
the units' sum is t - 1/t. Each formula is shown for every T from the family's weights (nopeproof.theory.margin_forms), compared with the
margin that nopeproof.theory.margins finds at single T, and met at its boundary, here at T = 8: a hair inside all positions decode, on it
one is off by exactly 1/2.
"""

from dataclasses import replace
from fractions import Fraction

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family
from nopeproof.claims import Claim, Fails, Scope, Within, after_ffn
from nopeproof.laws import value
from nopeproof.parts import clock_basis, clock_minimal, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.margin_forms import KINDS, margin_forms

SOURCE = "kazemnejad2023, Thm 1 (App. C.1); the margins are this project's"
R = Residual(one=1, bos=1, pos=1)
one = R.one.start
T, INSIDE = 8, 1 - Fraction(1, 10**9)
uses = ["absolute-position"]


def clock(name, mlp):
    """One layer on words of a single token."""
    head = uniform_head([R.bos], [R.pos], name="1/t")
    return Family(Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one}), blocks=[Block([head], mlp)], bos="<bos>", name=name), T_min=2)


clocks = {"basis": clock("basis", clock_basis(R.one, R.pos)), "minimal": clock("minimal", clock_minimal(R.one, R.pos))}


FORMS = {
    "basis": {
        "input": "1/(2*T)",
        "scores": "1 + (T - 1)/((T - 2)*(2*T - 1))",
        "W_1": "(T - 1)/(2*(3*T**2 - 4*T + 2))",
        "W_2": "T/(2*(T**2 - 1))",
    },
    "minimal": {
        "input": "1/(2*(E + 1))",
        "scores": "1 + E/(2*E**2 - 3)",
        "W_1": "E/(2*(3*E**2 + 2*E + 1))",
        "W_2": "T/(2*(T**2 - 1))",
    },
}
UNITS = {"basis": "T - 1", "minimal": "T // 2"}
WORST = {"basis": dict.fromkeys(KINDS, "T - 1") | {"W_2": "T"}, "minimal": dict.fromkeys(KINDS, "E") | {"W_2": "T"}}


def noisy(name, kind, size):
    """The member T with the worst noise of that size (for scores e^(2d), else d)."""
    member = clocks[name].at(T)
    [head], units = member.blocks[0].heads, member.blocks[0].mlp.units  # type: ignore[union-attr]
    if kind == "input":
        head = replace(head, W_O=[(1 - size) * R.pos])
    elif kind == "scores":
        top, bottom = (size.numerator, size.denominator) if name == "minimal" else (size.denominator, size.numerator)
        head = replace(head, W_Q=[R.one], W_K=[f"ln({top}) - ln({bottom})" * R.bos])  # a difference of 2d between BOS and all others
    elif kind == "W_1":
        units = [replace(u, read=u.read + size * abs_row(u.read)) for u in units]
    else:
        units = [replace(u, write=(1 + size) * u.write) for u in units]
    return replace(member, blocks=[Block([head], MLP(units))], name=f"{member.name}, {kind} noise {float(size):.9f}")


def abs_row(row):
    """The direction of noise that raises a unit most: |constant| in `one`, |slope| in `pos`."""
    return sum((abs(x) * (R.one if i == one else R.pos) for i, x in row.entries), R.zero)


decodes = Within(after_ffn(1), R.pos, "t")
short = Scope(t_max=T, vocabulary="given")
SAYS = "noise does no harm up to |d| < {input} of 1/t, e^(2 d) < {scores} for scores +- d, |d| < {W_1} of W_1, {W_2} of W_2; no further"
claims = [
    Claim(
        f"{name}-closed-forms",
        clocks[name],
        margin_forms(SAYS.format(**FORMS[name]), R.one, R.pos, UNITS[name], FORMS[name], WORST[name], first, period),
        Scope(order="forall T exists weights", t_min=first, t_max="T", vocabulary="given"),
        SOURCE,
    )
    for name, first, period in (("basis", 3, 1), ("minimal", 4, 2))
]


def edge_claims(name, noise):
    """A hair inside the margin every position decodes; on it one is off by exactly 1/2."""
    edge = value(FORMS[name][noise], {"T": Fraction(T), "E": Fraction(T)})
    inside = 1 + (edge - 1) * INSIDE if noise == "scores" else edge * INSIDE
    fails = Claim(f"{name}-{noise}-edge", noisy(name, noise, edge), Fails(decodes), short, SOURCE, note=f"{edge}: off by exactly 1/2")
    return [
        Claim(f"{name}-{noise}-inside", noisy(name, noise, inside), decodes, short, SOURCE, note=f"{edge} less one part in 10^9"),
        fails,
    ]


claims += [claim for name in clocks for noise in KINDS for claim in edge_claims(name, noise)]
