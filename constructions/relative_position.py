"""Relative position: once t stands in the stream, a head scores by i - t (Theorem 2), in any layer l >= 2.

Block 1 is Theorem 1 with its FFN: the row `pos` holds t. Block 2 stands for any number of layers, about which only the
frame is assumed: they write content alone. Block 3 is layer l with the paper's head (its eq. 29 prints W_V for W_K):

    q_t = (1, -t, content)      k_i = (i, 1, content)      <q_t, k_i> = i - t + f(content_t, content_i)

Three heads beside it make the result sharper. `bare` has no content rows. `key` reads no position at the query: a row
shift -t cannot change a softmax, so d_head = 1 and the score i do all that Theorem 2 does. `key+content` is the same
beside content rows. What the content rows may read matters: if one of them reads `pos`, the content term is not a
function of the contents any more, and the decomposition is lost (claim `content-reads-position`).
"""

from nopeproof.circuit import Block, Circuit, Embedding, Family, Head, Opaque
from nopeproof.claims import Claim, Equals, Fails, SameAttention, Scope, ScoreIs, Unchanged, after_ffn
from nopeproof.parts import clock_minimal, uniform_head
from nopeproof.residual import Residual

R = Residual(one=1, bos=1, pos=1, content=2)
uses = ["absolute-position"]
SOURCE = "kazemnejad2023, Thm 2 (App. C.2)"
each_T = Scope(order="forall T exists weights", t_max="T")

position = Block(heads=[uniform_head([R.bos], [R.pos], name="position")], mlp=clock_minimal(R.one, R.pos))
layers_between = Block(heads=[Opaque([R.content], name="layers 2 to l-1")])

content_q = [R.content.free("w0_"), R.content.free("w1_")]  # rows 3..h of W_Q and W_K: arbitrary, on content alone
content_k = [R.content.free("u0_"), R.content.free("u1_")]


def head(name, W_Q, W_K):
    """A head with the given scores; what it reads is arbitrary, and it writes content only."""
    reads = sum((s.free(f"v_{s.name}_") for s in R), R.zero)
    return Head(W_Q=W_Q, W_K=W_K, W_V=[reads], W_O=[R.content.free("o")], name=name)


printed = head("printed", [R.one, -R.pos, *content_q], [R.pos, R.one, *content_k])
bare = head("bare", [R.one, -R.pos], [R.pos, R.one])
key = head("key", [R.one], [R.pos])
key_content = head("key+content", [R.one, *content_q], [R.pos, *content_k])
reads_position = head("reads position", [R.one, -R.pos, R.content[0] + R.pos], [R.pos, R.one, R.content[0]])


def family(name, *blocks):
    """The stack on any vocabulary, for every T."""
    tokens = Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x"))
    return Family(Circuit(R, tokens, blocks=blocks, bos="<bos>", name=name), T_min=2)


layer_l = Block(heads=[printed, bare, key, key_content], shared=[R.content])
stack = family("theorem-2", position, layers_between, layer_l)
leaky = family("leaky-content", position, Block(heads=[reads_position]))

claims = [
    Claim("score", stack, ScoreIs(3, 0, "i - t", content=[R.content]), each_T, SOURCE),
    Claim("bare-score", stack, ScoreIs(3, 1, "i - t"), each_T, SOURCE),
    Claim("key-score", stack, ScoreIs(3, 2, "i"), each_T, SOURCE, note="d_head = 1, no query position"),
    Claim("same-softmax", stack, SameAttention(3, 1, 2), each_T, SOURCE, note="the paper's head and the key-only one"),
    Claim("same-softmax-content", stack, SameAttention(3, 0, 3), each_T, SOURCE, note="the same beside content rows"),
    Claim("position-kept", stack, Equals(after_ffn(3), R.pos, "t"), each_T, SOURCE),
    Claim("frame", stack, Unchanged(after_ffn(1), after_ffn(3), [R.one, R.bos, R.pos]), each_T, SOURCE),
    Claim(
        "content-reads-position",
        leaky,
        Fails(ScoreIs(2, 0, "i - t", content=[R.content])),
        each_T,
        SOURCE,
        note="rows 3..h arbitrary, as printed, is too much: they must not read the position",
    ),
]
