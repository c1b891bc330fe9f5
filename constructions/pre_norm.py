"""Theorem 1 under a norm: the printed weights fail behind RMSNorm and LayerNorm; W_Q = 0 and paired codes repair them.

The paper sets norms aside. In its own code they stand before each sub-layer, and there (1) keys are no longer equal: each
row of W_K reads `one`, which a norm scales by 1/sigma of that position, so with an arbitrary W_Q attention follows the
content; (2) LayerNorm subtracts the mean, so `bos` is not 0 at other tokens. Both are seen below, in exact arithmetic.

Repair. W_Q = 0 makes the softmax uniform under any norm. RMSNorm keeps zeros, so the average of the flag is 1/t times
the flag's normed value at BOS, one known number: W_V divides by it. For LayerNorm the flag is a pair (1, -1) and W_V reads
their difference, which the mean does not touch. Attention then gives 1/t for all content. (Here BOS has content 0, so
its normed flag is rational.) The FFN is another matter, as its own norm scales 1/t by the content: norm-robust has one with biases.
"""

from nopeproof.circuit import Block, Circuit, Embedding, Head, Norm
from nopeproof.claims import Claim, Equals, Fails, Scope, after_attention
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual

uses = ["absolute-position"]
SOURCE = "kazemnejad2023, Thm 1 (App. C.1), layer norm set aside"
R = Residual(one=1, bos=2, recip=1, content=4)  # bos: the printed construction uses bos[0] alone
given = Scope(vocabulary="given")

# Root mean squares of one + content over 8 coordinates are rational here: a (1 + 1)/8 -> 1/2, b (1 + 17)/8 -> 3/2.
words = {"a": R.one + R.content[0], "b": R.one + 4 * R.content[0] + R.content[1]}
printed_head = Head(W_Q=[R.one], W_K=[R.one], W_V=[R.bos[0]], W_O=[R.recip], name="printed, one choice of W_Q")


def printed(kind):
    """Theorem 1's head on the printed flag, behind a norm. BOS: mean square (1 + 1)/8, root 1/2."""
    tokens = {"<bos>": R.one + R.bos[0], **words}
    norm = None if kind is None else Norm(kind)
    return Circuit(R, Embedding(tokens), blocks=[Block(heads=[printed_head], norm_attention=norm)], bos="<bos>", name=f"printed, {kind}")


def repaired(kind):
    """W_Q = 0 and the flag as a pair (z, -z), divided by its normed size.

    <bos> = z (1, -1): mean 0, mean square 2 z^2/8 = (z/2)^2, so the normed pair is (2, -2) and its difference 4.
    """
    tokens = {"<bos>": R.bos[0] - R.bos[1], **words}
    head = uniform_head(["1/4" * (R.bos[0] - R.bos[1])], [R.recip], name="position")
    return Circuit(R, Embedding(tokens), blocks=[Block(heads=[head], norm_attention=Norm(kind))], bos="<bos>", name=f"repaired, {kind}")


def centred_only():
    """W_Q = 0, but the printed flag: LayerNorm's mean leaks into it."""
    tokens = {"<bos>": R.one + R.bos[0], **words}
    head = uniform_head([R.bos[0]], [R.recip], name="position")
    return Circuit(R, Embedding(tokens), blocks=[Block(heads=[head], norm_attention=Norm("layernorm"))], bos="<bos>", name="W_Q = 0 alone")


recip = Equals(after_attention(1), R.recip, "1/t")
claims = [
    Claim("no-norm", printed(None), recip, given, SOURCE, note="the theorem as printed"),
    Claim("rmsnorm", printed("rmsnorm"), Fails(recip), given, SOURCE),
    Claim("layernorm", centred_only(), Fails(recip), given, SOURCE, note="even with W_Q = 0: the flag's mean"),
    Claim("repaired-rmsnorm", repaired("rmsnorm"), recip, given, SOURCE),
    Claim("repaired-layernorm", repaired("layernorm"), recip, given, SOURCE),
]
