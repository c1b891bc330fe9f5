"""The exact head dimension of a relative bias: its differences' linear complexity, 1 for ALiBi and growing with T for T5.

A NoPE head can add f(t - i) to its scores, up to a term in t that the softmax does not see, if <q_t, k_i> = f(t - i) + g(t) for
some vectors q_t, k_i: functions of position alone, however deep the layers that make them. The least dimension is the length
of the shortest linear recurrence of the differences f(d - 1) - f(d), read backwards from T - 1 (massey1969): proved both ways in
`theory.ranks`, with explicit q and k, and checked here from scratch for each table. So exactly the biases that satisfy a
linear recurrence (sums of polynomial times exponential times sinusoid) have a dimension that does not grow with T.

    ALiBi 1, polynomial of degree n: n, r^d and (-1)^d: 1, cos 2, a window of w: T - w, one offset T - 2, no structure: T/2

Woerdeman's theorem on minimal-rank completions gives the same numbers by another formula; those claims say that they assume it.
`nopeproof rank` answers for any table. T5: see t5-dimension.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.bias_claims import rank_is, woerdeman_is

kind = "characterisation"
uses = ["relative-position", "alibi"]
EVERY = Scope(order="forall weights forall T", words="any")
CASES = [
    ("alibi", "alibi", 256, 1),
    ("quadratic", "polynomial", 256, 2),
    ("cubic", "polynomial:degree=3", 256, 3),
    ("exponential", "exponential", 128, 1),
    ("parity", "exponential:percent=-100", 256, 1),
    ("cosine", "cosine", 128, 2),
    ("window", "window", 256, 252),
    ("previous-token", "offset", 256, 254),
    ("random", "random", 64, 32),
    ("t5", "t5", 256, 143),
]


def heads(T):
    """All heads of any layer, on words without content."""
    return ModelClass(f"any head on {T} positions", sizes={"T": T}, about="q_t and k_i are any functions of position; content constant")


def says(r, T):
    """The number."""
    return f"the least d_head is {r} on {T} positions"


claims = [
    *(Claim(id, heads(T), Shown(f"{spec}: {says(r, T)}", rank_is(spec, r)), EVERY, "massey1969") for id, spec, T, r in CASES),
    Claim("woerdeman-t5", heads(64), Shown(f"t5: {says(32, 64)}", woerdeman_is("t5", 32)), EVERY, "woerdeman1989"),
    Claim("woerdeman-window", heads(40), Shown(f"window: {says(36, 40)}", woerdeman_is("window", 36)), EVERY, "woerdeman1989"),
]
