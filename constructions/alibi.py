"""ALiBi exactly, with any slope and under either score scale: Theorem 2 with W_Q multiplied.

With t in the stream, W_Q = m (1, -t) and W_K = (i, 1) give the score -m (t - i). Where scores are divided by
sqrt(d_head) = sqrt(2), W_Q takes the factor m sqrt(2): without it the slope of Theorem 2 is 1/sqrt(2) and not 1, a slip
that changes the attention (`scale-left-out`). A softmax does not see the part that is the same for all keys, so the
key-only head with score m i, d_head = 1, attends exactly alike; d_head = 1 is also the least possible, as the bias is not
constant (nopeproof rank alibi). Slopes 1/2, 1/4, 1/8, ... are those of press2022 for 8 heads; two of them stand here.
"""

from nopeproof.circuit import Block, Circuit, Embedding, Family, Head
from nopeproof.claims import Claim, Fails, SameAttention, Scope, ScoreIs, Unchanged, after_ffn
from nopeproof.parts import clock_basis, uniform_head
from nopeproof.residual import Residual

SOURCE = "press2022, eq. 1; kazemnejad2023, Thm 2 (App. C.2)"
R = Residual(one=1, bos=1, pos=1, content=2)
each_T = Scope(order="forall T exists weights", t_max="T")
SLOPES = ("1/2", "1/4")


def writes(name):
    """Any value that leaves the position alone."""
    return {"W_V": [R.content.free(f"v_{name}")], "W_O": [R.content.free(f"o_{name}")], "name": name}


def alibi(slope, factor="1"):
    """<m (1, -t), (i, 1)> = -m (t - i); factor: what undoes the score scale."""
    gain = f"({slope})*{factor}"
    return {"W_Q": [gain * R.one, f"-({gain})" * R.pos], "W_K": [R.pos, R.one]}


heads = [Head(**alibi(m), **writes(f"m{n}")) for n, m in enumerate(SLOPES)]
heads.append(Head(W_Q=["1/2" * R.one], W_K=[R.pos], **writes("key")))
heads.append(Head(**alibi("1/2", "sqrt(2)"), scale="1/sqrt(d_head)", **writes("scaled")))
heads.append(Head(**alibi("1/2"), scale="1/sqrt(d_head)", **writes("unscaled")))
KEY, SCALED, UNSCALED = range(len(SLOPES), len(heads))

stack = Family(
    Circuit(
        R,
        Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x")),
        blocks=[
            Block(heads=[uniform_head([R.bos], [R.pos], name="position")], mlp=clock_basis(R.one, R.pos)),
            Block(heads=heads, shared=[R.content]),
        ],
        bos="<bos>",
        name="alibi",
    ),
    T_min=2,
)

claims = [Claim(f"slope-{m.replace('/', '-')}", stack, ScoreIs(2, n, f"-({m})*(t - i)"), each_T, SOURCE) for n, m in enumerate(SLOPES)]
claims += [
    Claim("key-only", stack, ScoreIs(2, KEY, "i/2"), each_T, SOURCE, note="d_head = 1, no query position"),
    Claim("key-only-attends-alike", stack, SameAttention(2, 0, KEY), each_T, SOURCE),
    Claim("scaled", stack, ScoreIs(2, SCALED, "-(1/2)*(t - i)"), each_T, SOURCE, note="W_Q times sqrt(2) under 1/sqrt(d_head)"),
    Claim("scale-left-out", stack, ScoreIs(2, UNSCALED, "-(sqrt(2)/4)*(t - i)"), each_T, SOURCE, note="the slope is off by sqrt(2)"),
    Claim("scale-matters", stack, Fails(SameAttention(2, 0, UNSCALED)), each_T, SOURCE),
    Claim("position-kept", stack, Unchanged(after_ffn(1), after_ffn(2), [R.one, R.bos, R.pos]), each_T, SOURCE),
]
