"""The previous-token bias: exact, as a T5-like table would have it, it needs d_head = T - 2; a sharp look-up needs 2.

As an additive bias, f(1) = 1 and f(d) = 0 elsewhere. In a NoPE head it must come out of <q_t, k_i> = f(t - i) + g(t), and
the least d_head for that is the linear complexity of the differences of f read backwards (nopeproof.theory.ranks), T - 2
here: exact finite-range biases cost a dimension for each further position. Below are q_t and k_i of that dimension for
T = 5, read off the recurrence, written into the stream by the table units of position-tables, with 1 at the previous token.

If not the bias itself but a sharp head is wanted, two dimensions do at every length (layer-one-heads): the score
6 (2 (t - 1) i - i^2) has its largest value at the previous token. T5's bias is of the first kind: r >= T - 113 for every
table whose last two buckets differ, so a head of dimension 64 cannot express it from T = 178 on (nopeproof rank t5).
"""

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head
from nopeproof.claims import Claim, Scope, Unchanged, after_attention, after_ffn
from nopeproof.parts import table, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.tables import bias_is

uses = ["bias-dimensions"]
SOURCE = "raffel2020 for biases by table; woerdeman1989 and massey1969 for the rank"
T, D = 5, 3
QUERY = [(-1, 1, 1), (1, 0, -1), (0, 0, 1), (0, 1, 0), (1, 0, 0)]  # q_1, ..., q_5
KEY = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 1), (0, 1, 1)]  # k_1, ..., k_5
R = Residual(one=1, bos=1, recip=1, q=D, k=D, content=1)


columns = [(R.q[a], [q[a] for q in QUERY]) for a in range(D)] + [(R.k[a], [k[a] for k in KEY]) for a in range(D)]
bias_head = Head(W_Q=list(R.q), W_K=list(R.k), W_V=[0], W_O=[0 * R.one], name="previous-token bias")
tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one + R.content, "b": R.one})
circuit = Circuit(
    R,
    tokens,
    blocks=[Block(heads=[uniform_head([R.bos], [R.recip], name="1/t")], mlp=MLP(table(R.one, R.recip, columns))), Block(heads=[bias_head])],
    bos="<bos>",
    name=f"d_head={D}, T={T}",
)


given = Scope(t_max=T, vocabulary="given")
claims = [
    Claim(
        "bias",
        circuit,
        bias_is("score = [t - i = 1] + g(t)", 2, 0, lambda d: int(d == 1)),
        given,
        SOURCE,
        note="d_head = T - 2, the least possible",
    ),
    Claim(
        "frame", circuit, Unchanged(after_attention(1), after_ffn(2), [R.one, R.bos, R.recip, R.content]), Scope(vocabulary="given"), SOURCE
    ),
]
