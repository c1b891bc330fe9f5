"""Eight-bit weights: the clock survives quantisation exactly up to T = 65, and not at T = 129.

Weights quantised to integers of 8 bits are s n with |n| <= 127 and one scale s for a matrix. The clock in integers is

    t = 1 + sum_{k=1}^{floor(T/2)} 2 relu(2 - (4 k - 1)/t):

all its weights are whole numbers, the largest 4 floor(T/2) - 1. Up to T = 65 that is at most 127, so s = 1 and nothing changes:
quantised weights are exact weights. Beyond, one scale must serve both the 2 and the largest slope, s > 1, and the 2 becomes a
multiple of s that is not 2. At T = 129 the scale is 255/127, the constant is read as s, and the clock is wrong from t = 2 on.

What breaks is the common scale of the matrix, not the 8 bits of each entry. Activations stay in real arithmetic here.
"""

from fractions import Fraction

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Unit
from nopeproof.claims import Claim, Equals, Fails, Scope, Within, after_attention, after_ffn
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.of_weights import of_weights

SOURCE = "dettmers2022 for absmax quantisation; the clock and its limit are this project's"
R = Residual(one=1, bos=1, recip=1, pos=1)
LARGEST = 127
uses = ["absolute-position"]


def integer_clock(T):
    """(reads, writes) as whole numbers: rows (constant, slope) of W_1, entries of W_2; the first unit adds 1."""
    slopes = range(1, T // 2 + 1)
    return [(1, 0)] + [(2, 1 - 4 * k) for k in slopes], [1] + [2 for _ in slopes]


def quantise(weights):
    """Absmax: the least scale of at least 1 that brings all weights to |n| <= 127, and s n with n to nearest, ties to even."""
    scale = max(Fraction(1), Fraction(max(abs(x) for x in weights), LARGEST))
    return [scale * round(x / scale) for x in weights]


def clock(T):
    """The circuit whose W_1 and W_2 have gone through `quantise`, each as one matrix."""
    reads, writes = integer_clock(T)
    flat, out = quantise([x for row in reads for x in row]), quantise(writes)
    units = [Unit(read=c * R.one + m * R.recip, write=w * R.pos) for c, m, w in zip(flat[::2], flat[1::2], out, strict=True)]
    return Circuit(
        R,
        Embedding({"<bos>": R.one + R.bos, "a": R.one}),
        blocks=[Block([uniform_head([R.bos], [R.recip], name="1/t")], MLP(units))],
        bos="<bos>",
        name=f"int8, T={T}",
    )


def eight_bits(circuit):
    """All weights of the FFN are whole numbers of at most 127."""
    weights = [x for u in circuit.blocks[0].mlp.units for v in (u.read, u.write) for _, x in v.entries]
    return all(x.denominator == 1 and abs(x) <= LARGEST for x in weights)


fits, too_long = clock(65), clock(129)
position = Equals(after_ffn(1), R.pos, "t")
every = Scope(words="any")
claims = [
    Claim("recip", fits, Equals(after_attention(1), R.recip, "1/t"), Scope(vocabulary="given"), SOURCE),
    Claim("eight-bits", fits, of_weights("every weight of the FFN is a whole number of at most 127", eight_bits), every, SOURCE),
    Claim("exact", fits, position, Scope(t_max=65, vocabulary="given"), SOURCE),
    Claim("ends", clock(66), Fails(position), Scope(t_max=66, vocabulary="given"), SOURCE, note="131 > 127: the scale is no longer 1"),
    Claim("wrong-at-129", too_long, Fails(Within(after_ffn(1), R.pos, "t")), Scope(t_max=129, vocabulary="given"), SOURCE, note="at t = 2"),
]
