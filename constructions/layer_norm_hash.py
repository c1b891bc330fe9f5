"""The layer-norm hash: an equality test for positions from 1/t alone, no FFN that counts, and its price in precision.

A LayerNorm of (x, y, -x, -y) is that vector over its length: it keeps the direction of (x, y) and nothing else. With x = 1/t, y = 1,

    hash(t) . hash(i) = (t i + 1)/sqrt((t^2 + 1)(i^2 + 1)),

which is 1 at i = t and smaller elsewhere, as (t^2 + 1)(i^2 + 1) - (t i + 1)^2 = (t - i)^2. So the uniform head's 1/t serves as a
key by itself, in constant width, for every length: a position that can be compared though it has never been computed.

The price is the gap to the neighbour, 1 - hash(t) . hash(t - 1) <= 1/(2 (t - 1)^4): an average-hard head picks the right key in real
arithmetic, a softmax needs a temperature that grows like T^4 ln T, and rounding flattens the peak: in float32 it is lost on
words of some dozens of positions, in bfloat16 on a handful. A quadratic look-up (look-up) has gap 1 at every length, but needs t.

The norm must see the hash alone. Here layer 1 clears the BOS flag, so that nothing else stands in the stream; with content beside
it the length follows the content, keys with less of it win, and the peak is not at t (`content`). Architectures that norm a
projection of the stream (merrill2024) do not have that limit.
"""

from dataclasses import replace
from fractions import Fraction

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head, Norm, Unit
from nopeproof.claims import Claim, Equals, Fails, Scope, after_attention, after_ffn
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.hashes import formula, gap, peak

uses = ["absolute-position"]
SOURCE = "merrill2024, layer-norm hash and Lemma 8"
R = Residual(bos=1, one=2, recip=2, content=2)
UNIT = Fraction(2, R.d_model)  # a normed stream has length sqrt(d_model), a hash of unit length occurs twice in it


def circuit(name, **contents):
    """Layer 1: 1/t as a pair, and the flag cleared. Layer 2, behind a LayerNorm: the diagonal head."""
    pair = R.one[0] - R.one[1]
    tokens = {"<bos>": pair + R.bos, **{token: pair + weight * (R.content[0] - R.content[1]) for token, weight in contents.items()}}
    layer_1 = Block([uniform_head([R.bos], [R.recip[0] - R.recip[1]], name="1/t")], MLP([Unit(read=R.bos, write=-1 * R.bos)]))
    diagonal = Head(W_Q=[UNIT * R.recip[0], UNIT * R.one[0]], W_K=[R.recip[0], R.one[0]], W_V=[0], W_O=[0 * R.bos], name="same position")
    blocks = [layer_1, Block([diagonal], norm_attention=Norm("layernorm"))]
    return Circuit(R, Embedding(tokens), blocks=blocks, bos="<bos>", name=name)


plain, content = circuit("hash", a=0), circuit("hash beside content", a=0, b=3)
layer_1 = replace(plain, blocks=plain.blocks[:1], name="its first layer, without a norm")
strict = peak("at every t, the key t has the largest score, strictly")


GAP, every = ("1/(2*t**4)", "1/(2*(t - 1)**4)"), Scope(vocabulary="given")


def words(T, arithmetic="real"):
    """Words up to length T."""
    return Scope(t_max=T, vocabulary="given", arithmetic=arithmetic)


claims = [
    Claim("recip", layer_1, Equals(after_attention(1), R.recip[0], "1/t"), every, SOURCE),
    Claim("cleared", layer_1, Equals(after_ffn(1), R.bos, "0"), every, SOURCE, note="nothing but the hash is left"),
    Claim("formula", plain, formula("score = (t i + 1)/sqrt((t^2 + 1)(i^2 + 1))", "t*i + 1", "(t**2 + 1)*(i**2 + 1)"), every, SOURCE),
    Claim("peak", plain, strict, every, SOURCE),
    Claim("gap", plain, gap("the gap to the neighbour is between 1/(2 t^4) and 1/(2 (t-1)^4)", *GAP), every, SOURCE),
    Claim("content", content, Fails(strict), words(4), SOURCE, note="a norm over content moves the peak"),
    Claim("float32-short", plain, strict, words(32, "float32"), SOURCE),
    Claim("float32", plain, Fails(strict), words(64, "float32"), SOURCE, note="rounding flattens the peak"),
    Claim("bfloat16", plain, Fails(strict), words(16, "bfloat16"), SOURCE),
]
