"""T5's relative bias in a NoPE head: exact weights at the least head dimension there is, and why that dimension grows.

T5 adds b(bucket(t - i)): one bucket for each distance up to 15, then wider and wider ones, the last from distance 113 on. As a score
q_t . k_i + g(t), such a table has the rank of its differences read backwards (massey1969), 8 at T = 16: q and k of that
dimension are the states of the shift register that generates them,

    q_t = e_1^T A^(T - t),    k_i = u_1 + ... + u_(i-1),    q_t . k_i = f(t - i) - f(t - 1),

A the register's companion matrix and u_i its state. Here layer 1 writes these 2 x 8 numbers into the stream, for each
t, from 1/t alone, and layer 2 is the head: exact weights, run as they stand. One dimension fewer is impossible, for any weights
in any number of layers below (`least`: the certificate of both bounds, checked on this table).

So T5's bias is a NoPE head up to a length that its d_head sets, and not beyond: from T = 178 on, no head of dimension 64 has
it exactly, for any table whose last two buckets differ (nopeproof rank t5). NoPE that "resembles T5" can do so approximately.
The table is drawn once, with neighbours different; a trained table has no more structure.
"""

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head
from nopeproof.claims import Claim, Equals, Scope, after_attention
from nopeproof.parts import table, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.biases import T5Bias, t5_every_table_beyond
from nopeproof.theory.of_weights import of_weights
from nopeproof.theory.ranks import optimal_head, rank_proof
from nopeproof.theory.tables import bias_is

SOURCE = "raffel2020 for the bias; massey1969 for the rank; kazemnejad2023, Sec. 5.2 for the resemblance"
T = 16
uses = ["position-tables", "previous-token-bias"]
bias = [x / 10**6 for x in T5Bias().table(T)]  # between -1 and 1; a factor changes no rank


def circuit(f):
    """q_t and k_i of the least dimension for the table f, as rows of the stream; then the head."""
    queries, keys = optimal_head(f)
    D = len(queries[0])
    R = Residual(one=1, bos=1, recip=1, q=D, k=D)
    columns = [(row, [x[a] for x in rows]) for code, rows in ((R.q, queries), (R.k, keys)) for a, row in enumerate(code)]
    head = Head(W_Q=list(R.q), W_K=list(R.k), W_V=[0], W_O=[0 * R.one], name=f"T5, d_head = {D}")
    return Circuit(
        R,
        Embedding({"<bos>": R.one + R.bos, "a": R.one}),
        blocks=[Block([uniform_head([R.bos], [R.recip], name="1/t")], MLP(table(R.one, R.recip, columns))), Block([head])],
        bos="<bos>",
        name=f"T5 at T = {len(f)}, d_head = {D}",
    )


def least(circuit):
    """The head's dimension is the rank, both bounds certified; and 64 is too few from T = 178 on, for every such table."""
    proof = rank_proof(bias)
    return proof.check(bias) and circuit.blocks[1].heads[0].d_head == proof.rank and t5_every_table_beyond(64) == 178


small = circuit(bias)
given = Scope(t_max=T, vocabulary="given")
claims = [
    Claim("recip", small, Equals(after_attention(1), small.residual.recip, "1/t"), Scope(vocabulary="given"), SOURCE),
    Claim("bias", small, bias_is("score = T5's bias of t - i, plus g(t)", 2, 0, lambda d: bias[d]), given, SOURCE),
    Claim("least", small, of_weights("d_head is the least possible at this T, by both bounds", least), Scope(words="any"), SOURCE),
]
