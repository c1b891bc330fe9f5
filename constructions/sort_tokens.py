"""Sort as a complete circuit: w | -> w in order, duplicates and all, without BOS, without positions, from counts alone.

Tokens 0, ..., V - 1 (V = 2 is checked) and the mark |. Two layers of uniform attention, so exact from tokens to read-out.
  1  a uniform head averages the mark: s = [| seen]/t, 0 or at least 1/T, and after = relu(T s) - relu(T s - 1) is the flag
     "| has been seen". The next FFN writes below_v = relu([x <= v] - after): this is a token of w, and at most v.
  2  uniform heads average these: k/t, k the number of positions from | on, so the answer's k-th token is due; C_v/t, C_v the
     number of tokens of w that are at most v. The k-th smallest token of w is the number of v with C_v < k, and
     [C_v < k] = relu(T (k - C_v)/t) - relu(T (k - C_v)/t - 1), as k - C_v is at most 0 or at least 1.
The read-out is 2 v y - v^2 for y that number: the right token leads by at least 1. Sorting needs counts only, which a
causal mean gives without any position; copying needs positions (copy-and-reverse). T enters as a gain, not as a width. Its price:
an error d in k/t raises each of the V comparisons by up to T d, so the right token still leads iff d < 1/(2 V T): a hair inside it does
for every T (`noise-inside`, d T added where the gain has made it a number), and at the edge it ties (`noise-edge`).
"""

from dataclasses import replace
from fractions import Fraction

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Unit
from nopeproof.claims import Claim, Fails, Scope, Unchanged, after_ffn, embedding
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.algorithms import answers

SOURCE = "chiang2022 and yang2024 for counting in uniform attention; kazemnejad2023, Sec. 4 for sort as a task"
V = 2
R = Residual(one=1, sep=1, le=V, seen=1, after=1, below=V, k=1, count=V, y=1)
gain = "T" * R.seen
gaps = ["T" * R.k - "T" * c for c in R.count]
stack = Family(
    Circuit(
        R,
        Embedding({**{str(x): sum((R.le[v] for v in range(x, V)), R.one.vector) for x in range(V)}, "|": R.one + R.sep}),
        blocks=[
            Block(
                heads=[uniform_head([R.sep], [R.seen], name="[| seen]/t")],
                mlp=MLP([Unit(read=gain, write=R.after), Unit(read=gain - R.one, write=-R.after)]),
            ),
            Block(mlp=MLP([Unit(read=le - R.after, write=below) for le, below in zip(R.le, R.below, strict=True)])),
            Block(
                heads=[uniform_head([R.after, *R.below], [R.k, *R.count], name="k/t and C_v/t")],
                mlp=MLP([Unit(read=g, write=R.y) for g in gaps] + [Unit(read=g - R.one, write=-R.y) for g in gaps]),
            ),
        ],
        unembedding={str(v): 2 * v * R.y - v * v * R.one for v in range(V)},
        name="sort",
    ),
    T_min=1,
)


def noisy(size):
    """The stack with an error size/T in k/t, the same at every t: behind the gain T it is `size`, in each of the comparisons."""
    circuit = stack.symbolic
    last = circuit.blocks[2]
    units = [replace(u, read=u.read + size * R.one) for u in last.mlp.units]  # type: ignore[union-attr]
    blocks = [*circuit.blocks[:2], replace(last, mlp=MLP(units))]
    return Family(replace(circuit, blocks=blocks, name=f"sort, k/t + {float(size):.9f}/T"), T_min=1)


edge = Fraction(1, 2 * V)
each_T = Scope(order="forall T exists weights", words="any", vocabulary="given", t_max="T")
right = answers("from | on, the next token of the sorted word leads", "|", "sorted", "0")
statement = answers("from | on, the next token of the sorted word leads by at least 1", "|", "sorted", "1", strict=False)
claims = [
    Claim("sorts", stack, statement, each_T, SOURCE),
    Claim(
        "frame",
        stack,
        Unchanged(embedding(), after_ffn(3), [R.one, R.sep, R.le]),
        each_T,
        SOURCE,
    ),
    Claim("noise-inside", noisy(edge * (1 - Fraction(1, 10**9))), right, each_T, SOURCE, note="k/t too large by almost 1/(2 V T)"),
    Claim("noise-edge", noisy(edge), Fails(right), each_T, SOURCE, note="a tie"),
    Claim(
        "runs-out", stack.at(2), Fails(statement), Scope(words="any", vocabulary="given"), SOURCE, note="the gain for T = 2 on longer words"
    ),
]
