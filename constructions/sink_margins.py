"""How much noise a sink clock bears: input and score margins in closed form, each with its boundary case.

The clock of sink-clock is B s/(B + s), s = t - 1, for one head with BOS score ln B and no FFN; rounding it gives s up to S if
B > 2 S^2 - S. What the head still bears then, for all s <= S at once:

    noise                        margin                                          as B grows
    clock (1 + d), |d| <         (B + S - 2 S^2)/(2 B S)                         1/(2 S)
    scores +- d, e^(2 d) <       1 + (B + S - 2 S^2)/(B (2 S - 1))               1 + 1/(2 S - 1)
    gain (1 + d), |d| <          the same as the clock: the clock is linear in its gain

Derivation. The clock is below s, by s^2/(B + s). A factor 1 - d adds d B s/(B + s), and the sum is below 1/2 iff
d < (B + s - 2 s^2)/(2 B s), which falls with s. Scores that differ by 2d more turn B in the softmax, but not in the gain, into B c,
c = e^(2d): s - B s/(B c + s) < 1/2 iff c < (2 B s + s - 2 s^2)/(B (2 s - 1)), which falls with s too. The other signs bear more.

So a sink with the least B = 2 S^2 - S + 1 has next to no margin, and a larger B buys it back: with B = 2 S^3 the margin is
(2 S^3 + S - 2 S^2)/(4 S^4), about as much as the FFN clocks of clock-margins have. The price is a larger sink score, ln B.
Met at the boundary, below, for S = 5 and B = 100: a hair inside all positions decode, on it t = 6 is off by exactly 1/2.
"""

from fractions import Fraction

from nopeproof.circuit import Block, Circuit, Embedding, Head
from nopeproof.claims import Claim, Fails, Scope, Within, after_attention
from nopeproof.laws import Case, Law
from nopeproof.parts import sink_head
from nopeproof.residual import Residual

SOURCE = "kazemnejad2023, Thm 1 by another route; the clock and its margins are this project's"
R = Residual(one=1, bos=1, clock=1)
S, B, INSIDE = 5, 100, 1 - Fraction(1, 10**9)
uses = ["sink-clock"]


def circuit(name, head):
    """One attention layer on words of a single token."""
    return Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one}), blocks=[Block([head])], bos="<bos>", name=name)


def scaled(size):
    """The gain times 1 - size."""
    return circuit(f"gain less {float(size):.9f}", sink_head(R.one, R.bos, R.clock, B, B * (1 - size)))


def shifted(factor):
    """Scores so much further apart that the softmax sees B times the factor."""
    key = f"ln({B}) + ln({factor.numerator}) - ln({factor.denominator})" * R.bos
    return circuit(f"e^2d = {float(factor):.9f}", Head(W_Q=[R.one], W_K=[key], W_V=[R.one - R.bos], W_O=[B * R.clock], name="sink"))


gain_edge = Fraction(B + S - 2 * S * S, 2 * B * S)
score_edge = 1 + Fraction(B + S - 2 * S * S, B * (2 * S - 1))
plain = circuit(f"B={B}", sink_head(R.one, R.bos, R.clock, B, B))
decodes = Within(after_attention(1), R.clock, "t - 1")
short = Scope(t_max=S + 1, vocabulary="given")


def of_gain(s):
    """The margin of the gain at s, as a text."""
    return f"({B} + {s} - 2*({s})**2)/({2 * B}*({s}))"


def of_scores(s):
    """The margin of the scores at s, as a text."""
    return f"({2 * B}*({s}) + {s} - 2*({s})**2)/({B}*(2*({s}) - 1))"


# From the clock's own value c at s = t - 1: d with (1 - d) c = s - 1/2; e^(2d) with B/(1 + e^(2d) odds) = s - 1/2, odds = (B - c)/c.
gain, scores = "(c - t + 3/2)/c", f"({B}/(t - 3/2) - 1)*c/({B} - c)"
last_decides = Law(
    cases=[
        Case(here, form(s), first=2, relation=relation)  # type: ignore[arg-type]
        for here, form in ((gain, of_gain), (scores, of_scores))
        for s, relation in (("t - 1", "="), ("T - 1", ">="))
    ],
    reads={"c": (after_attention(1), R.clock)},
)
claims = [
    Claim("no-noise", plain, decodes, short, SOURCE),
    Claim("last-decides", plain, last_decides, Scope(vocabulary="given"), SOURCE, note="gain and scores: no t <= T bears less than T"),
    Claim("gain-inside", scaled(gain_edge * INSIDE), decodes, short, SOURCE, note=f"d = {gain_edge} less one part in 10^9"),
    Claim("gain-edge", scaled(gain_edge), Fails(decodes), short, SOURCE, note=f"d = {gain_edge}: off by exactly 1/2"),
    Claim("gain-more", scaled(-gain_edge), decodes, short, SOURCE, note="the other sign bears more"),
    Claim("scores-inside", shifted(1 + (score_edge - 1) * INSIDE), decodes, short, SOURCE, note=f"e^2d = {score_edge}, nearly"),
    Claim("scores-edge", shifted(score_edge), Fails(decodes), short, SOURCE, note=f"e^2d = {score_edge}: off by exactly 1/2"),
    Claim("scores-closer", shifted(1 / score_edge), decodes, short, SOURCE, note="the other sign bears more"),
]
