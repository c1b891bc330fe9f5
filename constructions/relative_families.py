"""Relative biases of finite rank, exactly: polynomials, exponentials, cosines and their products, each at its least head dimension.

A head scores q_t . k_i. Once layer 1 has written a few functions of position (position-tables), these biases need no more than

    -(t - i)^3          q = (3 t^2, -3 t, 1), k = (i, i^2, i^3)             d_head = 3, up to a term in t (a degree n takes n)
    r^(t-i)             q = r^t, k = r^-i                                   d_head = 1
    cos w(t - i)        q = (cos wt, sin wt), k = (cos wi, sin wi)          d_head = 2
    r^(t-i) cos w(t-i)  the same, times r^t and r^-i                        d_head = 2

and sums of them the sum of the dimensions: all f that obey a linear recurrence, and only these, have a rank that does not grow
with T (nopeproof rank). The least dimension is the linear complexity of the differences of f, computed for each below.

Polynomials come with one rule for every T. For r = 1/2 and the angle with cosine 3/5 and sine 4/5, whose multiples all have
rational cosines, the tables are exact numbers for T = 8.
"""

from fractions import Fraction

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Unit, Units
from nopeproof.claims import Claim, SameAttention, Scope, ScoreIs
from nopeproof.parts import table, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.of_weights import of_weights
from nopeproof.theory.ranks import relative_bias_rank
from nopeproof.theory.tables import scores_are

SOURCE = "kazemnejad2023, App. C.2, closing remark, made true; massey1969 for the rank"
R = Residual(one=1, bos=1, recip=1, pos=1, square=1, cube=1, content=1)
each_T = Scope(order="forall T exists weights", t_max="T")
uses = ["position-tables", "more-complex-schemes"]

powers = MLP(
    [
        Unit(read=R.one, write=R.pos + R.square + R.cube),
        Units(read=R.one - "k" * R.recip, write=2 * R.pos + "6*k" * R.square + "12*k**2 + 2" * R.cube, first="1", last="T - 1"),
    ]
)
silent = {"W_V": [0], "W_O": [0 * R.one]}
cubic = Head(W_Q=[3 * R.square, -3 * R.pos, R.one], W_K=[R.pos, R.square, R.cube], **silent, name="-(t-i)^3 + t^3")
whole = Head(W_Q=[-1 * R.cube, 3 * R.square, -3 * R.pos, R.one], W_K=[R.one, R.pos, R.square, R.cube], **silent, name="-(t-i)^3")
polynomial = Family(
    Circuit(
        R,
        Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x")),
        blocks=[Block([uniform_head([R.bos], [R.recip], name="1/t")], powers), Block([cubic, whole])],
        bos="<bos>",
        name="cubic",
    ),
    T_min=2,
)

T, r, cosine, sine = 8, Fraction(1, 2), Fraction(3, 5), Fraction(4, 5)


def turns(n):
    """(cos, sin) of n times the angle."""
    c, s = Fraction(1), Fraction(0)
    for _ in range(n):
        c, s = c * cosine - s * sine, s * cosine + c * sine
    return c, s


cosines, sines = ([turns(n)[part] for n in range(T + 1)] for part in (0, 1))
BIASES = {  # name: (f, rows of q_t, rows of k_i)
    "exponential": (lambda d: r**d, [lambda t: r**t], [lambda i: r**-i]),
    "cosine": (lambda d: cosines[d], [lambda t: cosines[t], lambda t: sines[t]], [lambda i: cosines[i], lambda i: sines[i]]),
    "damped cosine": (
        lambda d: r**d * cosines[d],
        [lambda t: r**t * cosines[t], lambda t: r**t * sines[t]],
        [lambda i: r**-i * cosines[i], lambda i: r**-i * sines[i]],
    ),
}


def circuit(name):
    """Layer 1 writes the rows of q and k; layer 2 is the head."""
    _, q, k = BIASES[name]
    Q = Residual(one=1, bos=1, recip=1, q=len(q), k=len(k))
    columns = [(row, [f(t) for t in range(1, T + 1)]) for code, part in ((Q.q, q), (Q.k, k)) for row, f in zip(code, part, strict=True)]
    head = Head(W_Q=list(Q.q), W_K=list(Q.k), W_V=[0], W_O=[0 * Q.one], name=name)
    layer_1 = Block([uniform_head([Q.bos], [Q.recip], name="1/t")], MLP(table(Q.one, Q.recip, columns)))
    return Circuit(Q, Embedding({"<bos>": Q.one + Q.bos, "a": Q.one}), blocks=[layer_1, Block([head])], bos="<bos>", name=name)


def least(f):
    """The head has the least dimension that f allows on T positions."""
    return lambda circuit: circuit.blocks[1].heads[0].d_head == relative_bias_rank([f(d) for d in range(T)])


given = Scope(t_max=T, vocabulary="given")
claims = [
    Claim("cubic", polynomial, ScoreIs(2, 0, "3*t**2*i - 3*t*i**2 + i**3"), each_T, SOURCE, note="d_head = 3"),
    Claim("cubic-whole", polynomial, ScoreIs(2, 1, "-(t - i)**3"), each_T, SOURCE, note="d_head = 4"),
    Claim("cubic-same", polynomial, SameAttention(2, 0, 1), each_T, SOURCE),
]
for name, (f, *_) in BIASES.items():
    subject, label = circuit(name), name.replace(" ", "-")
    claims.append(Claim(label, subject, scores_are(f"score = f(t - i), {name}", 2, 0, lambda _, __, t, i, f=f: f(t - i)), given, SOURCE))
    claims.append(Claim(f"{label}-least", subject, of_weights("d_head is the least for f at this T", least(f)), Scope(words="any"), SOURCE))
