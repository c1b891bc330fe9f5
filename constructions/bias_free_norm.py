"""Without biases no FFN behind RMSNorm writes the position: what it writes is divided by the norm of the content.

The paper's FFN has no biases, a row that is constantly 1 stands in for them; and it sets the norm aside. The two do not go
together. RMSNorm divides the stream by sigma, the constant row included, and a ReLU net without biases is positively homogeneous:

    FF(z/sigma) = FF(z)/sigma,       z the rows that carry the position.

Two contents with norms sigma_1 and sigma_2 at the same t make it write g/sigma_1 and g/sigma_2. Only one of these can be t - 1/t, for
t >= 2, whatever the widths and weights. (`scales-away`: for every such FFN. `basis-fails`: for the FFN of absolute-position; there
the products with sigma agree, `scale-law`.) With biases it is possible, and norm-robust does it; LayerNorm with a bias of its own is
the same thing. An FFN that also reads the content could undo sigma for a finite vocabulary, with a unit for each token at least.

What remains without biases are ratios: 1/t and 1 are divided by the same sigma, and a later norm or a key can compare them
(layer-norm-hash).
"""

from fractions import Fraction

from nopeproof.circuit import Block, Circuit, Embedding, Family, Norm
from nopeproof.claims import Claim, Equals, Fails, Scope, Shown, after_attention, after_ffn
from nopeproof.laws import Case, Law
from nopeproof.models import ModelClass
from nopeproof.parts import clock_basis, uniform_head
from nopeproof.residual import Residual, Vector
from nopeproof.theory.homogeneous import scales_away

SOURCE = "kazemnejad2023, Thm 1 (App. C.1), FFN without biases and layer norm set aside"
kind = "impossibility"
uses = ["pre-norm", "absolute-position"]
R = Residual(one=1, bos=1, pos=1, content=6)
tokens = {"<bos>": R.one + R.bos, "a": R.one + R.content[0], "b": R.one + 4 * R.content[1]}
each_T = Scope(order="forall T exists weights", t_max="T", vocabulary="given")


def clock(name, norm):
    """Theorem 1 with the basis FFN behind a norm; attention is not normed, so that 1/t is right."""
    block = Block([uniform_head([R.bos], [R.pos], name="1/t")], clock_basis(R.one, R.pos), norm_ffn=norm)
    return Family(Circuit(R, Embedding(tokens), blocks=[block], bos="<bos>", name=name), T_min=2)


normed, plain = clock("RMSNorm in front of the FFN", Norm("rmsnorm")), clock("no norm", None)
models = ModelClass(
    "a layer with a bias-free FFN behind RMSNorm",
    depth=1,
    bos=True,
    norms=("rmsnorm",),
    ffn="one layer of ReLU units without biases that read position rows alone",
)


stream = {f"x{n}": (after_attention(1), Vector.of(R, {n: Fraction(1)})) for n in range(R.d_model)}
mean_square = "(" + " + ".join(f"{x}**2" for x in stream) + f")/{R.d_model}"  # sigma^2
written = {"before": (after_attention(1), R.pos), "after": (after_ffn(1), R.pos)}
scale_law = Law(cases=[Case(f"(after - before)**2*{mean_square}", "(t - 1/t)**2")], reads={**stream, **written})

claims = [
    Claim(
        "scales-away",
        models,
        Shown("no such FFN writes t or t - 1/t at some t >= 2 for two contents of different norm", scales_away),
        Scope(order="forall weights forall T"),
        SOURCE,
    ),
    Claim("recip", normed, Equals(after_attention(1), R.pos, "1/t"), each_T, SOURCE),
    Claim("no-norm", plain, Equals(after_ffn(1), R.pos, "t"), each_T, SOURCE),
    Claim("basis-fails", normed, Fails(Equals(after_ffn(1), R.pos, "t")), each_T, SOURCE),
    Claim("scale-law", normed, scale_law, each_T, SOURCE, note="(what is written) sigma = t - 1/t, squared"),
]
