"""How many earlier tokens have a property: the selector width of RASP, from one BOS weight, with its exact threshold.

The head gives logit ln B to BOS and to the tokens with the property (here the token a), 0 to all others, and averages the
BOS flag. With c such tokens and r others among the first t = 1 + c + r,

    share = B / (B (1 + c) + r),      1/share - 1 = c + r/B.

So rounding 1/share - 1 gives c iff r/B < 1/2 (`error`, for every length). Up to length T at most T - 1 others occur, so
B > 2 (T - 1) is exactly enough: T = 6, B = 11 (`counts`, all words of that scope); B = 10 fails on BOS and five others. No fixed B
serves every length (`runs-out`). The compiler of lindner2023 takes a coldness of 100, with no bound. For c = all tokens but BOS this is
the clock again. 1/share is read off by an FFN on finitely many values (position-tables), or left to a later key.
"""

from fractions import Fraction

from nopeproof.circuit import Block, Circuit, Embedding, Head
from nopeproof.claims import Claim, Equals, Fails, Holds, Scope, after_attention
from nopeproof.laws import Case, Law
from nopeproof.residual import Residual

SOURCE = "weiss2021, selector_width; lindner2023 for its compilation"
R = Residual(one=1, bos=1, kind=1, share=1, content=1)
T = 6
B = 2 * (T - 1) + 1


def counter(B, name, tokens=None):
    """The head with sharpness ln B."""
    head = Head(W_Q=[R.one], W_K=[f"ln({B})" * (R.bos + R.kind)], W_V=[R.bos], W_O=[R.share], name="selector")
    small = Embedding({"<bos>": R.one + R.bos, "a": R.one + R.kind, "b": R.one})
    return Circuit(R, tokens or small, blocks=[Block(heads=[head])], bos="<bos>", name=name)


def error(trace):
    """The largest |1/share - 1 - c| over all positions."""
    share = trace.at(after_attention(1), "share")
    return max(abs(1 / share[t] - 1 - trace.word[: t + 1].count("a")) for t in range(trace.T))


enough, short = counter(B, f"B={B}"), counter(B - 1, f"B={B - 1}")
only_kind = counter(B, "only that kind", Embedding({"<bos>": R.one + R.bos, "a": R.one + R.kind}))
no_kind = counter(B, "none of that kind", Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x")))
counts = Holds("1/share - 1 rounds to the number of a's so far", lambda trace: error(trace) < Fraction(1, 2))
off = Law(
    cases=[Case("1/share - 1", f"c + (t - 1 - c)/{B}"), Case(f"(T - 1)/{B}", "1/share - 1 - c", relation=">=")],
    reads={"share": (after_attention(1), R.share)},
    counts={"c": "a"},
)
given = Scope(t_max=T, vocabulary="given")

claims = [
    Claim("error", enough, off, Scope(vocabulary="given"), SOURCE, note="c: the number of a's; below 1/2 up to T iff B > 2(T - 1)"),
    Claim("counts", enough, counts, given, SOURCE, note=f"B = {B} = 2(T - 1) + 1 at T = {T}"),
    Claim("threshold", short, Fails(counts), given, SOURCE, note=f"B = {B - 1} = 2(T - 1) is not enough"),
    Claim("runs-out", enough, Fails(counts), Scope(vocabulary="given"), SOURCE, note="fixed weights count to a fixed length only"),
    Claim(
        "all-of-the-kind",
        only_kind,
        Equals(after_attention(1), R.share, "1/t"),
        Scope(vocabulary="given"),
        SOURCE,
        note="c = t - 1: exact, any t",
    ),
    Claim(
        "none-of-the-kind",
        no_kind,
        Equals(after_attention(1), R.share, f"{B}/({B} + t - 1)"),
        Scope(),
        SOURCE,
        note="the worst case, any t",
    ),
]
