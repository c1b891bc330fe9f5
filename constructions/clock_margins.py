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
the units' sum is t - 1/t. Each formula is compared with the margin that nopeproof.theory.margins finds from the weights
themselves, for every T in the scope, and met at its boundary: a hair inside all positions decode, on it one is off by exactly 1/2.
"""

from dataclasses import replace
from fractions import Fraction

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family
from nopeproof.claims import Claim, Fails, Holds, Scope, Within, after_ffn
from nopeproof.parts import clock_basis, clock_minimal, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory import margins

SOURCE = "kazemnejad2023, Thm 1 (App. C.1); the margins are this project's"
R = Residual(one=1, bos=1, pos=1)
one, pos = R.one.start, R.pos.start
ALWAYS = {one: Fraction(1)}
T, INSIDE = 8, 1 - Fraction(1, 10**9)
uses = ["absolute-position"]


def clock(name, mlp):
    """One layer on words of a single token."""
    head = uniform_head([R.bos], [R.pos], name="1/t")
    return Family(Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one}), blocks=[Block([head], mlp)], bos="<bos>", name=name), T_min=2)


clocks = {"basis": clock("basis", clock_basis(R.one, R.pos)), "minimal": clock("minimal", clock_minimal(R.one, R.pos))}


def input_form(name, T):
    """Relative noise on 1/t."""
    return Fraction(1, 2 * T) if name == "basis" else Fraction(1, 2 * (T // 2 * 2 + 1))


def score_form(name, T):
    """e^(2d) for score noise d."""
    E = T // 2 * 2
    return 1 + (Fraction(T - 1, (T - 2) * (2 * T - 1)) if name == "basis" else Fraction(E, 2 * E * E - 3))


def read_form(name, T):
    """Relative noise on W_1."""
    E = T // 2 * 2
    return Fraction(T - 1, 2 * (3 * T * T - 4 * T + 2)) if name == "basis" else Fraction(E, 2 * (3 * E * E + 2 * E + 1))


def write_form(name, T):
    """Relative noise on W_2."""
    return Fraction(T, 2 * (T * T - 1))


def from_weights(name, trace):
    """The four margins of the member, computed from its weights."""
    g = margins.read_out(trace.circuit, 1, pos, pos, ALWAYS)
    read = margins.weight_margin(trace.circuit, 1, pos, pos, ALWAYS, trace.T)
    return (margins.input_margin(g, trace.T), margins.logit_margin(g, trace.T), read, margins.write_margin(g, trace.T))


def as_stated(name):
    """The closed forms are the margins of the weights, at T = the length of the word."""
    forms = (input_form, score_form, read_form, write_form)
    return Holds("the four margins are those stated", lambda trace: from_weights(name, trace) == tuple(f(name, trace.T) for f in forms))


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
KINDS = {"input": input_form, "scores": score_form, "W_1": read_form, "W_2": write_form}
short = Scope(t_max=T, vocabulary="given")
claims = [
    Claim(
        f"{name}-closed-forms",
        clocks[name],
        as_stated(name),
        Scope(order="forall T exists weights", t_min=first, t_max=10, vocabulary="given"),
        SOURCE,
    )
    for name, first in (("basis", 3), ("minimal", 4))
]


def edge_claims(name, noise, form):
    """A hair inside the margin every position decodes; on it one is off by exactly 1/2."""
    edge = form(name, T)
    inside = 1 + (edge - 1) * INSIDE if noise == "scores" else edge * INSIDE
    fails = Claim(f"{name}-{noise}-edge", noisy(name, noise, edge), Fails(decodes), short, SOURCE, note=f"{edge}: off by exactly 1/2")
    return [
        Claim(f"{name}-{noise}-inside", noisy(name, noise, inside), decodes, short, SOURCE, note=f"{edge} less one part in 10^9"),
        fails,
    ]


claims += [claim for name in clocks for noise, form in KINDS.items() for claim in edge_claims(name, noise, form)]
