"""An exact clock behind any norm: paired codes, W_Q = 0, and an FFN with biases that counts thresholds.

Pre-norm blocks divide the stream by sigma, its root mean square (LayerNorm first takes away the mean), which follows the content.
Nothing can be read at its true size any more; what survives is the sign of a difference. So everything is coded as a pair
(z, -z), read as a difference, which no mean touches:

  attention   W_Q = 0 is uniform under any norm. BOS is one fixed vector, so its normed flag is a known number, W_V divides by it,
              and all other tokens have flag 0: the head writes x = 1/t exactly, whatever the content.
  FFN         2 - (2 k + 1) x is at least 1/(k + 1) if t >= k + 1, and at most -1/k if t <= k. Behind the norm it is divided by
              sigma; with M = S T and sigma <= S, M (2 - (2 k + 1) x)/sigma is at least 1 or below 0, so that

                  [t >= k + 1] = relu(M (2 - (2 k + 1) x)/sigma) - relu(M (2 - (2 k + 1) x)/sigma - 1),

              and t = 1 + sum_{k=1}^{T-1} [t >= k + 1]. The 1 that is taken away is a bias: it is not divided by sigma.

So 2 T - 1 hidden units write t into the stream, exactly, under no norm, LayerNorm and RMSNorm alike, for all content with
sigma <= S; here S = 4. Beyond S the last thresholds come out as fractions (`too-large`). Without biases nothing of the kind is
possible (bias-free-norm). The printed weights fail behind a norm from the start (pre-norm).
"""

from fractions import Fraction
from functools import partial

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Norm, Unit, Units
from nopeproof.claims import Claim, Equals, Fails, Scope, Shown, Unchanged, after_attention, after_ffn
from nopeproof.models import ModelClass
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.thresholds import counts_behind_a_norm

SOURCE = "kazemnejad2023, Thm 1 (App. C.1), layer norm set aside; cookbook2025 for paired codes"
R = Residual(flag=2, one=2, recip=2, pos=2, content=8)
S = 4
uses = ["pre-norm", "bounded-parity"]


def pair(code):
    """z at the first coordinate of a code and -z at the second."""
    return code[0] - code[1]


read = Fraction(1, 2)  # <pair/2, (z, -z)> = z
one, x = read * pair(R.one), read * pair(R.recip)
above = f"{S}*T*2" * one - f"{S}*T*(2*k + 1)" * x
thresholds = MLP(
    [
        Units(read=above, write=pair(R.pos), first="1", last="T - 1"),
        Units(read=above, write=-1 * pair(R.pos), bias=-1, first="1", last="T - 1"),
        Unit(read=0 * R.one[0], write=pair(R.pos), bias=1),
    ]
)
tokens = {
    "<bos>": pair(R.flag) + pair(R.one),  # mean 0, mean square 4/16: sigma = 1/2
    "a": pair(R.one) + 3 * R.content[0],
    "b": pair(R.one) - 5 * R.content[1] + 7 * R.content[2],  # mean not 0
}
large = {**tokens, "a": pair(R.one) + 60 * R.content[0]}


def clock(norm, embedding=None):
    """The block behind a norm; W_V divides the flag by its normed size, 1/sigma = 2 behind a norm."""
    kind = None if norm is None else Norm(norm)
    head = uniform_head([(read if norm is None else read / 2) * pair(R.flag)], [pair(R.recip)], name="1/t")
    block = Block([head], thresholds, norm_attention=kind, norm_ffn=kind)
    name = (norm or "no norm") + (", large content" if embedding else "")
    return Family(Circuit(R, Embedding(embedding or tokens), blocks=[block], bos="<bos>", name=name), T_min=2)


each_T = Scope(order="forall T exists weights", t_max="T", vocabulary="given")
position = Equals(after_ffn(1), R.pos[0], "t")
models = ModelClass(
    "this block behind no norm, LayerNorm or RMSNorm, content of any size up to S",
    depth=1,
    bos=True,
    ffn="the units of this file",
    sizes={"S": S},
)
families = [clock(norm) for norm in (None, "layernorm", "rmsnorm")]
says = "pos = t for every T, every t <= T and all content with sigma <= S, behind each of the norms"
every_T = Shown(says, partial(counts_behind_a_norm, families=families))
claims = [Claim("every-length", models, every_T, Scope(order="forall T exists weights", t_max="T"), SOURCE)]
for norm in (None, "layernorm", "rmsnorm"):
    label, family = norm or "no-norm", clock(norm)
    claims.append(Claim(f"position-{label}", family, position, each_T, SOURCE, note=f"content with sigma <= {S}"))
claims += [
    Claim("recip", clock("layernorm"), Equals(after_attention(1), R.recip[0], "1/t"), each_T, SOURCE),
    Claim("negative-code", clock("layernorm"), Equals(after_ffn(1), R.pos[1], "-t"), each_T, SOURCE, note="the other half of the pair"),
    Claim("frame", clock("layernorm"), Unchanged(after_attention(1), after_ffn(1), [R.flag, R.one, R.recip, R.content]), each_T, SOURCE),
    Claim("too-large", clock("rmsnorm", large), Fails(position), each_T, SOURCE, note="content with sigma > S"),
    Claim("too-large-no-norm", clock(None, large), position, each_T, SOURCE, note="without a norm its size does not matter"),
]
