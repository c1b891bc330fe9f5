"""From tokens to relative scores: Theorems 1 and 2 stacked into one two-layer circuit, nothing assumed in between.

Block 1 averages the BOS flag to 1/t and its FFN (floor(T/2) hidden units) turns that into t. Block 2 has the paper's
head with d_head = 2, <(1, -t), (i, 1)> = i - t, and the key-only head with d_head = 1, which attends exactly alike.
Both read the position that block 1 wrote, copy it forward to `seen`, and leave everything else as it was.
"""

from nopeproof.circuit import Block, Circuit, Embedding, Family, Head
from nopeproof.claims import Claim, Equals, SameAttention, Scope, ScoreIs, Unchanged, after_attention, after_ffn, embedding
from nopeproof.parts import clock_minimal, uniform_head
from nopeproof.residual import Residual

R = Residual(one=1, bos=1, pos=1, content=2, seen=2)
uses = ["absolute-position", "relative-position"]
SOURCE = "kazemnejad2023, Thm 1 and Thm 2"
each_T = Scope(order="forall T exists weights", t_max="T")

layer_1 = Block(heads=[uniform_head([R.bos], [R.pos], name="position")], mlp=clock_minimal(R.one, R.pos))
layer_2 = Block(
    heads=[
        Head(W_Q=[R.one, -R.pos], W_K=[R.pos, R.one], W_V=[R.pos, 0], W_O=[R.seen[0], 0], name="i - t"),
        Head(W_Q=[R.one], W_K=[R.pos], W_V=[R.pos], W_O=[R.seen[1]], name="i"),
    ]
)
stack = Family(
    Circuit(
        R,
        Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x")),
        blocks=[layer_1, layer_2],
        bos="<bos>",
        name="two-layers",
    ),
    T_min=2,
)

claims = [
    Claim("recip", stack, Equals(after_attention(1), R.pos, "1/t"), each_T, SOURCE),
    Claim("position", stack, Equals(after_ffn(1), R.pos, "t"), each_T, SOURCE),
    Claim("score", stack, ScoreIs(2, 0, "i - t"), each_T, SOURCE),
    Claim("key-score", stack, ScoreIs(2, 1, "i"), each_T, SOURCE),
    Claim("same-softmax", stack, SameAttention(2, 0, 1), each_T, SOURCE),
    Claim("frame", stack, Unchanged(embedding(), after_ffn(2), [R.one, R.bos, R.content]), each_T, SOURCE),
    Claim("position-kept", stack, Unchanged(after_ffn(1), after_ffn(2), [R.pos]), each_T, SOURCE),
]
