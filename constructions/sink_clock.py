"""A clock without an FFN: one head with a BOS logit ln B is an attention sink, and a linear code of the position.

Score ln B on BOS, 0 elsewhere; value 0 on BOS, B elsewhere. With s = t - 1 further keys,

    clock = B s / (B + s) = s - s^2 / (B + s).

So the clock is within 1/2 of t - 1 for all t <= T iff B > 2 S^2 - S with S = T - 1: the error s^2/(B + s) grows with s,
and S^2/(B + S) < 1/2 is that inequality. Here T = 6, S = 5, B = 46; B = 45 misses by exactly nothing: the error is 1/2.
A softmax with a growing sink logit ln B is thus a clock that a rounding FFN, or a later key, can read; B = 1 gives 1/t.

Several sinks are partial fractions: sum_k c_k s/(B_k + s) = s for s = 1..S has a solution for any S different B_k, because
the Cauchy matrix 1/(s + B_k) is invertible. So T - 1 heads give the position exactly with no FFN at all (`exact`, T = 4).
That needs exact arithmetic: the matrix is so ill-conditioned that the c_k overflow any float format for T of some dozens (cauchy-clock).
"""

from nopeproof.circuit import Block, Circuit, Embedding
from nopeproof.claims import Claim, Equals, Fails, Scope, Unchanged, Within, after_attention, after_ffn, embedding
from nopeproof.parts import cauchy_gains, sink_head
from nopeproof.residual import Residual

uses = ["selector-width"]
SOURCE = "barbero2025, attention sinks; chiang2022 for the count in a softmax; the clock and its threshold are this project's"
R = Residual(one=1, bos=1, clock=1, content=1)
T = 6
ENOUGH = 2 * (T - 1) ** 2 - (T - 1) + 1  # the least whole B beyond 2 S^2 - S


def sink(B, gain):
    """A head with BOS logit ln B that adds gain times the share of all other keys to the clock."""
    return sink_head(R.one, R.bos, R.clock, B, gain)


def circuit(name, *heads, generic=True):
    """One attention layer and nothing else."""
    tokens = {"<bos>": R.one + R.bos} if generic else {"<bos>": R.one + R.bos, "a": R.one + R.content, "b": R.one.vector}
    other = R.one + R.content.free("x") if generic else None
    return Circuit(R, Embedding(tokens, other), blocks=[Block(heads=heads, shared=[R.clock])], bos="<bos>", name=name)


def grown(T):
    """The claim for another length, with half the error left for rounding: the least power of two B >= 4 S^2, S = T - 1."""
    B = 1 << (4 * (T - 1) ** 2).bit_length()
    clock = circuit(f"B={B}", sink(B, B), generic=False)
    return Claim("rounds", clock, Within(after_attention(1), R.clock, "t - 1"), Scope(t_max=T, vocabulary="given"), SOURCE)


formula = circuit("sink", sink(100, 100))
enough = circuit(f"B={ENOUGH}", sink(ENOUGH, ENOUGH), generic=False)
short = circuit(f"B={ENOUGH - 1}", sink(ENOUGH - 1, ENOUGH - 1), generic=False)
SHIFTS = (2, 3, 4)
exact = circuit("three-sinks", *(sink(B, c) for B, c in zip(SHIFTS, cauchy_gains(SHIFTS), strict=True)), generic=False)

uniform = Scope()
short_words = Scope(t_max=T, vocabulary="given")

claims = [
    Claim("formula", formula, Equals(after_attention(1), R.clock, "100*(t - 1)/(t + 99)"), uniform, SOURCE, note="B = 100, every length"),
    Claim("frame", formula, Unchanged(embedding(), after_ffn(1), [R.one, R.bos, R.content]), uniform, SOURCE),
    Claim("rounds", enough, Within(after_attention(1), R.clock, "t - 1"), short_words, SOURCE, note=f"B = {ENOUGH}, T = {T}"),
    Claim("threshold", short, Fails(Within(after_attention(1), R.clock, "t - 1")), short_words, SOURCE, note="one less is not enough"),
    Claim(
        "saturates", formula, Fails(Within(after_attention(1), R.clock, "t - 1")), uniform, SOURCE, note="no fixed B serves every length"
    ),
    Claim(
        "exact",
        exact,
        Equals(after_attention(1), R.clock, "t - 1"),
        Scope(t_max=len(SHIFTS) + 1, vocabulary="given"),
        SOURCE,
        note="T - 1 heads",
    ),
    Claim("exact-ends", exact, Fails(Equals(after_attention(1), R.clock, "t - 1")), uniform, SOURCE, note="and no further than that T"),
]
