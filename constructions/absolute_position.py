"""Absolute position: a NoPE layer writes t into the stream (Theorem 1, with the FFN the paper leaves out).

The head is the paper's. All embeddings have a 1 in `one`, only BOS has a 1 in `bos`, and every row of W_K reads `one`,
so each key is (1, ..., 1): whatever W_Q is, all scores of a query are equal and the causal softmax is uniform over the
t visible keys. Averaging `bos` gives 1/t. Other heads are arbitrary as long as they write content only.

The paper then says that an MLP can approximate any function. Here is one, exact, in the paper's own block: no biases,
and since the residual already holds 1/t, the FFN writes t - 1/t. Two forms:

    basis     t - 1/t = relu(3 - 3/t) + sum_{j=2}^{T-1} relu(2 - 2j/t)                    T - 1 hidden units
    minimal   t - 1/t = relu(5 - 7/t) + sum_{k=2}^{floor(T/2)} relu(4 - (8k-2)/t)         floor(T/2) hidden units

The order of quantifiers differs between the two halves. 1/t: there are weights for all lengths. t: for every T there
are weights, and no fixed ones will do, because a ReLU net is bounded on [0, 1] and t is not.
"""

from nopeproof.circuit import Block, Circuit, Embedding, Family, Head, Opaque
from nopeproof.claims import Claim, Equals, Fails, Scope, Unchanged, after_attention, after_ffn, embedding
from nopeproof.parts import clock_basis, clock_minimal
from nopeproof.residual import Residual

R = Residual(one=1, bos=1, recip=1, content=3)
SOURCE = "kazemnejad2023, Thm 1 (App. C.1)"

position_head = Head(
    W_Q=[sum((s.free(f"q{row}_{s.name}_") for s in R), R.zero) for row in range(2)],  # arbitrary: every entry a free symbol
    W_K=[R.one, R.one],
    W_V=[R.bos, 0],
    W_O=[R.recip, 0],
    name="position",
)


def circuit(name, mlp=None):
    """One layer; any embedding of content, any further heads that keep off the reserved rows."""
    return Circuit(
        R,
        Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x")),
        blocks=[Block(heads=[position_head, Opaque([R.content], name="any other head")], mlp=mlp)],
        bos="<bos>",
        name=name,
    )


head = circuit("head")
basis = Family(circuit("basis", clock_basis(R.one, R.recip)), T_min=2)
minimal = Family(circuit("minimal", clock_minimal(R.one, R.recip)), T_min=2)

uniform = Scope(order="exists weights forall T")
each_T = Scope(order="forall T exists weights", t_max="T")
to_attention = Unchanged(embedding(), after_attention(1), [R.one, R.bos])
to_ffn = Unchanged(after_attention(1), after_ffn(1), [R.one, R.bos, R.content])

claims = [
    Claim("recip", head, Equals(after_attention(1), R.recip, "1/t"), uniform, SOURCE),
    Claim("recip-frame", head, to_attention, uniform, SOURCE, note="the reserved rows that the head reads stay as embedded"),
    Claim("basis", basis, Equals(after_ffn(1), R.recip, "t"), each_T, SOURCE, note="T - 1 hidden units"),
    Claim("basis-frame", basis, to_ffn, each_T, SOURCE),
    Claim("minimal", minimal, Equals(after_ffn(1), R.recip, "t"), each_T, SOURCE, note="floor(T/2) hidden units"),
    Claim("minimal-frame", minimal, to_ffn, each_T, SOURCE),
    Claim(
        "one-ffn-for-all-T",
        minimal.at(4),
        Fails(Equals(after_ffn(1), R.recip, "t")),
        uniform,
        SOURCE,
        note="the quantifiers cannot be swapped: the weights for T = 4 are wrong soon after",
    ),
]
