"""ALiBi without any FFN: a sink clock in layer 1 and a key-only head in layer 2, with its error in closed form.

Layer 1 is one head with BOS score ln B (sink-clock): it writes c_t = B s/(B + s), s = t - 1, in place of the position. Layer 2
scores m c_i, with d_head = 1. ALiBi, up to a term in t which no softmax sees, scores m s: the difference is

    m (i - 1) - m c_i = m (i - 1)^2/(B + i - 1),       at most m S^2/(B + S) for i - 1 <= S = T - 1,

so B >= m S^2/d is enough for an error below d in every score, hence weights within a factor e^d of ALiBi's. Two layers of
attention, no FFN, no width that grows with T: what grows is ln B. With B fixed the bias saturates, the steps of the score fall
from m to 0, and far keys are not told apart (`saturates`). An FFN gives the same bias exactly (alibi).
"""

from fractions import Fraction

from nopeproof.circuit import Block, Circuit, Embedding, Head
from nopeproof.claims import Claim, Equals, Fails, Holds, Scope, ScoreIs, Unchanged, after_attention, after_ffn, embedding
from nopeproof.laws import Case, Law
from nopeproof.parts import sink_head
from nopeproof.residual import Residual

SOURCE = "press2022, eq. 1; kazemnejad2023, Thm 2, by attention alone: this project's"
R = Residual(one=1, bos=1, clock=1, content=2)
B, SLOPE = 1000, Fraction(1, 2)
uses = ["sink-clock", "alibi"]

tokens = Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x"))
score_head = Head(W_Q=[SLOPE * R.one], W_K=[R.clock], W_V=[R.content.free("v")], W_O=[R.content.free("o")], name="ALiBi by keys")
circuit = Circuit(
    R, tokens, blocks=[Block([sink_head(R.one, R.bos, R.clock, B, B)]), Block([score_head])], bos="<bos>", name="attention only"
)
small = Circuit(
    R,
    Embedding({"<bos>": R.one + R.bos, "a": R.one}),
    blocks=[circuit.blocks[0], Block([Head(W_Q=[SLOPE * R.one], W_K=[R.clock], W_V=[0], W_O=[0 * R.one], name="ALiBi by keys")])],
    bos="<bos>",
    name="attention only, one token",
)


lag = Law(
    cases=[
        Case("t - 1 - c", f"(t - 1)**2/(t + {B - 1})"),
        Case(f"(T - 1)**2/(T + {B - 1})", "t - 1 - c", relation=">="),
    ],
    reads={"c": (after_attention(1), R.clock)},
)
"""What a key's score, m c by `score`, is below ALiBi's, less the factor m: s^2/(B + s), at most S^2/(B + S), which is met at i = T."""


def close(bound):
    """The weights are ALiBi's within a factor that the bound on the scores allows: steps of the score within `bound` of m."""

    def check(trace):
        scores = trace.head(2, 0).scores[trace.T - 1]
        return all(abs(scores[i + 1] - scores[i] - SLOPE) < bound for i in range(trace.T - 1))

    return check


uniform = Scope()
claims = [
    Claim("clock", circuit, Equals(after_attention(1), R.clock, f"{B}*(t - 1)/(t + {B - 1})"), uniform, SOURCE),
    Claim("score", circuit, ScoreIs(2, 0, f"({B}/2)*(i - 1)/(i + {B - 1})"), uniform, SOURCE, note="every vocabulary, every length"),
    Claim("frame", circuit, Unchanged(embedding(), after_ffn(2), [R.one, R.bos]), uniform, SOURCE),
    Claim("clock-kept", circuit, Unchanged(after_attention(1), after_ffn(2), [R.clock]), uniform, SOURCE),
    Claim("error", small, lag, Scope(vocabulary="given"), SOURCE, note="times m: how far scores are below ALiBi's"),
    Claim(
        "saturates",
        small,
        Fails(Holds("every step of the score is within 1/100 of the slope", close(Fraction(1, 100)))),
        Scope(vocabulary="given"),
        SOURCE,
        note="a fixed B serves a fixed length",
    ),
]
