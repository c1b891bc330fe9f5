"""ALiBi exactly, with any slope and under either score scale: Theorem 2 with W_Q multiplied.

With t in the stream, W_Q = m (1, -t) and W_K = (i, 1) give the score -m (t - i). Where scores are divided by
sqrt(d_head) = sqrt(2), W_Q takes the factor m sqrt(2): without it the slope of Theorem 2 is 1/sqrt(2) and not 1, a slip
that changes the attention (`scale-left-out`). A softmax does not see the part that is the same for all keys, so the
key-only head with score m i, d_head = 1, attends exactly alike; d_head = 1 is also the least possible, as the bias is not
constant (nopeproof rank alibi). The slope here is 1/2, the first of press2022's for 8 heads; any rational does.
"""

from nopeproof.circuit import Block, Circuit, Embedding, Family, Head
from nopeproof.claims import Claim, Fails, SameAttention, Scope, ScoreIs, Unchanged, after_ffn
from nopeproof.parts import clock_basis, uniform_head
from nopeproof.residual import Residual

uses = ["relative-position"]
SOURCE = "press2022, eq. 1; kazemnejad2023, Thm 2 (App. C.2)"
R = Residual(one=1, bos=1, pos=1, content=2)
each_T = Scope(order="forall T exists weights", t_max="T")


def writes(name):
    """Any value that leaves the position alone."""
    return {"W_V": [R.content.free(f"v_{name}")], "W_O": [R.content.free(f"o_{name}")], "name": name}


def alibi(slope, factor="1"):
    """<m (1, -t), (i, 1)> = -m (t - i); factor: what undoes the score scale."""
    gain = f"({slope})*{factor}"
    return {"W_Q": [gain * R.one, f"-({gain})" * R.pos], "W_K": [R.pos, R.one]}


def family(name, *heads):
    """Layer 1 writes t; layer 2 has the heads."""
    return Family(
        Circuit(
            R,
            Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x")),
            blocks=[
                Block(heads=[uniform_head([R.bos], [R.pos], name="position")], mlp=clock_basis(R.one, R.pos)),
                Block(heads=heads, shared=[R.content]),
            ],
            bos="<bos>",
            name=name,
        ),
        T_min=2,
    )


plain = Head(**alibi("1/2"), **writes("plain"))
key = Head(W_Q=["1/2" * R.one], W_K=[R.pos], **writes("key"))
unscaled = family("score scale 1", plain, key)
with_factor = Head(**alibi("1/2", "sqrt(2)"), scale="1/sqrt(d_head)", **writes("factor"))
without = Head(**alibi("1/2"), scale="1/sqrt(d_head)", **writes("without"))
scaled = family("score scale 1/sqrt(d_head)", with_factor, without)

claims = [
    Claim("slope", unscaled, ScoreIs(2, 0, "-(t - i)/2"), each_T, SOURCE),
    Claim("key-only-attends-alike", unscaled, SameAttention(2, 0, 1), each_T, SOURCE),
    Claim("position-kept", unscaled, Unchanged(after_ffn(1), after_ffn(2), [R.one, R.bos, R.pos]), each_T, SOURCE),
    Claim("scaled", scaled, ScoreIs(2, 0, "-(t - i)/2"), each_T, SOURCE, note="W_Q times sqrt(2) under 1/sqrt(d_head)"),
    Claim("scale-left-out", scaled, ScoreIs(2, 1, "-(sqrt(2)/4)*(t - i)"), each_T, SOURCE, note="the slope is off by sqrt(2)"),
    Claim("scale-matters", scaled, Fails(SameAttention(2, 0, 1)), each_T, SOURCE),
]
