"""Theorem 2 needs t itself: with 1/t in its place the score is no function of t - i, and no slope mends it.

The uniform head alone writes 1/t. Read by Theorem 2's head it gives 1/i - 1/t, which weighs early keys by their absolute
position: near the start a step counts 1/2, later 1/i^2. By the classification in more-complex-schemes, a single row gives
a relative score only if it is affine in t or alternates, and 1/t is neither; so the FFN (or a sink, see sink-clock) that
turns 1/t into t is not a convenience. With the inverse in place the same head is exact.
"""

from nopeproof.circuit import Block, Circuit, Embedding, Family, Head
from nopeproof.claims import Claim, Fails, Holds, Scope, ScoreIs
from nopeproof.parts import clock_basis, uniform_head
from nopeproof.residual import Residual

uses = ["relative-position"]
SOURCE = "kazemnejad2023, Thm 2 (App. C.2), hypothesis: the row holds t"
R = Residual(one=1, bos=1, pos=1, content=2)
tokens = Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x"))
score_head = Head(W_Q=[R.one, -R.pos], W_K=[R.pos, R.one], W_V=[R.content[0]], W_O=[R.content[1]], name="Theorem 2")
head = uniform_head([R.bos], [R.pos], name="position")


def circuit(name, mlp):
    """Block 1 with or without its FFN, then the head of Theorem 2."""
    return Circuit(R, tokens, blocks=[Block(heads=[head], mlp=mlp), Block(heads=[score_head])], bos="<bos>", name=name)


without = circuit("1/t", None)
inverse = Family(circuit("t", clock_basis(R.one, R.pos)), T_min=2)


def relative(trace):
    """The differences of the score over neighbouring keys depend on t - i alone."""
    scores, first = trace.head(2, 0).scores, {}
    steps = [(t - i, scores[t][i + 1] - scores[t][i]) for t in range(trace.T) for i in range(t)]
    return all(first.setdefault(d, x) == x for d, x in steps)


claims = [
    Claim("score", without, ScoreIs(2, 0, "1/i - 1/t"), Scope(), SOURCE),
    Claim("not-relative", without, Fails(Holds("the score is F(t - i) + G(t)", relative)), Scope(), SOURCE),
    Claim("with-inverse", inverse, ScoreIs(2, 0, "i - t"), Scope(order="forall T exists weights", t_max="T"), SOURCE),
]
