"""Position from attention alone, exactly: T - 1 sink heads and no FFN. In exact arithmetic only.

A head with BOS score ln B gives s/(B + s), s = t - 1. Several of them, added up with gains c_k, give s itself for s = 1..S iff

    sum_k c_k / (B_k + s) = 1       for s = 1, ..., S.

The matrix 1/(B_k + s) is a Cauchy matrix, invertible for any S different B_k: S = T - 1 heads suffice. They are also the
fewest: with H heads the left side is P(s)/Q(s), Q of degree H and P of lower degree, and P - Q has at most H zeros. In closed
form, 1 - sum_k c_k/(s + B_k) = prod_j (s - j)/(s + B_j), as both sides have these zeros and poles and tend to 1; so

    c_k = prod_j (B_k + j) / prod_(j != k) (B_k - B_j),       j = 1..S.

What that costs. With B_k = k + 1 the gains alternate in sign and their sizes add up to more than 4^S: the heads cancel almost
completely. So no float format computes this clock beyond short words: 15 heads in float32 are off by more than 1/2, where one rounded
sink (sink-clock) or 8 hidden units (absolute-position) are safe. The identity is exact, its use is not.
"""

from itertools import pairwise

from nopeproof.circuit import Block, Circuit, Embedding
from nopeproof.claims import Claim, Equals, Fails, Scope, Within, after_attention
from nopeproof.parts import cauchy_gains, sink_head
from nopeproof.residual import Residual
from nopeproof.theory.of_weights import of_weights

SOURCE = "kazemnejad2023, Thm 1 by another route; the heads are this project's"
R = Residual(one=1, bos=1, clock=1)
uses = ["sink-clock"]


def clock(T):
    """T - 1 heads, position 1 to T."""
    heads = [sink_head(R.one, R.bos, R.clock, k + 1, c) for k, c in enumerate(cauchy_gains(range(2, T + 1)), 1)]
    tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one, "b": R.one})
    return Circuit(R, tokens, blocks=[Block(heads, shared=[R.clock])], bos="<bos>", name=f"{T - 1} heads")


def grows(circuit):
    """The sum of |gains| is at least 4^S, and the gains alternate in sign."""
    weights = [x for h in circuit.blocks[0].heads for column in h.W_O for _, x in column.entries]
    return sum(map(abs, weights)) >= 4 ** len(weights) and all(x * y < 0 for x, y in pairwise(weights))


T, long = 6, 16
exact, fewer, many = clock(T), clock(T - 1), clock(long)
position = Equals(after_attention(1), R.clock, "t - 1")
claims = [
    Claim("exact", exact, position, Scope(t_max=T, vocabulary="given"), SOURCE, note="five heads, six positions"),
    Claim("ends", exact, Fails(position), Scope(vocabulary="given"), SOURCE, note="H heads serve H + 1 positions and no more"),
    Claim("four-heads", fewer, position, Scope(t_max=T - 1, vocabulary="given"), SOURCE),
    Claim("one-head-fewer", fewer, Fails(position), Scope(t_max=T, vocabulary="given"), SOURCE),
    Claim(
        "amplitude",
        many,
        of_weights("the gains alternate in sign and their sizes sum to at least 4^S", grows),
        Scope(words="any"),
        SOURCE,
    ),
    Claim(
        "float32",
        many,
        Fails(Within(after_attention(1), R.clock, "t - 1")),
        Scope(t_max=long, vocabulary="given", arithmetic="float32"),
        SOURCE,
        note="15 heads in float32: the cancellation leaves nothing",
    ),
]
