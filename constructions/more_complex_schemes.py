"""False as printed: "the MLP can write any function of position, enabling more complex relative schemes".

Theorem 2's head reads one scalar feature g(t) through (1, -g(t)) and (g(i), 1), so its score is g(i) - g(t). With g(t) = t^2
that is i^2 - t^2 = -(t - i)(t + i): not a function of t - i, not even up to a term in t that the softmax ignores.

The exact condition. For any score a + b g(t) + c g(i) + d g(t) g(i) on T >= 5 positions that is a non-constant function of
t - i up to a term in t: the difference over neighbouring keys, (c + d g(t)) (g(i+1) - g(i)), is a function of t - i, so
both factors are geometric, A r^t and B r^-i. If d = 0, r = 1 and g is affine: a linear bias and nothing else. If d is not
0, g(t) = (A r^t - c)/d has differences proportional to r^t, so r = 1/r and r = -1: g(t) = A (-1)^t + c', the parity of
t - i (`parity`). No other g exists.

Corrected: more complex schemes need more rows. With t and t^2 in two rows, -(t - i)^2 is exact with d_head = 3, and
with d_head = 2 up to a term in t, which is the least possible (nopeproof rank polynomial:degree=2).
"""

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Unit, Units
from nopeproof.claims import Claim, Fails, Holds, SameAttention, Scope, ScoreIs
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.algorithms import Number, Parity, scores

kind = "correction"
uses = ["relative-position", "position-tables"]
SOURCE = "kazemnejad2023, App. C.2, closing remark"
R = Residual(one=1, bos=1, recip=1, pos=1, square=1, content=2)
each_T = Scope(order="forall T exists weights", t_max="T")

clock = Block(
    heads=[uniform_head([R.bos], [R.recip], name="1/t")],
    mlp=MLP(
        [
            Unit(read=R.one, write=R.pos + R.square),
            Units(read=R.one - "k" * R.recip, write=2 * R.pos + "6*k" * R.square, first="1", last="T - 1"),
        ]
    ),
)
printed = Head(W_Q=[R.one, -R.square], W_K=[R.square, R.one], W_V=[0], W_O=[0 * R.one], name="printed, g = t^2")
quadratic = Head(W_Q=[2 * R.pos, -R.one, -R.square], W_K=[R.pos, R.square, R.one], W_V=[0], W_O=[0 * R.one], name="-(t-i)^2")
shorter = Head(W_Q=[2 * R.pos, -R.one], W_K=[R.pos, R.square], W_V=[0], W_O=[0 * R.one], name="-(t-i)^2 + t^2")
stack = Family(
    Circuit(
        R,
        Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x")),
        blocks=[clock, Block(heads=[printed, quadratic, shorter])],
        bos="<bos>",
        name="one row or two",
    ),
    T_min=2,
)

P = Residual(one=1, bos=1, recip=1, parity=1)
sign = MLP(
    [
        Unit(read=P.one, write=-1 * P.parity),
        Units(read=P.one - "2*k - 1" * P.recip, write="8*k - 4" * P.parity, first="1", last="T // 2"),
        Units(read=P.one - "2*k" * P.recip, write="-8*k" * P.parity, first="1", last="(T - 1) // 2"),
    ]
)
"""(-1)^t = -1 + sum_j w_j relu(1 - j/t), w_j = -4 j (-1)^j: odd j = 2 k - 1 and even j = 2 k."""
parity = Family(
    Circuit(
        P,
        Embedding({"<bos>": P.one + P.bos, "a": P.one}),
        blocks=[
            Block(heads=[uniform_head([P.bos], [P.recip], name="1/t")], mlp=sign),
            Block(heads=[Head(W_Q=[P.parity], W_K=[P.parity], W_V=[0], W_O=[0 * P.one], name="parity")]),
        ],
        bos="<bos>",
        name="parity",
    ),
    T_min=2,
)
odd = Parity(Number())


def relative(block, head):
    """score_ti = F(t - i) + G(t): the differences over neighbouring keys depend on t - i alone."""

    def check(trace):
        scores, first = trace.head(block, head).scores, {}
        steps = [(t - i, scores[t][i + 1] - scores[t][i]) for t in range(trace.T) for i in range(t)]
        return all(first.setdefault(d, x) == x for d, x in steps)

    return Holds("the score is F(t - i) + G(t)", check)


claims = [
    Claim("printed-score", stack, ScoreIs(2, 0, "i**2 - t**2"), each_T, SOURCE),
    Claim("printed-not-relative", stack, Fails(relative(2, 0)), each_T, SOURCE, note="the remark is false for this head"),
    Claim("two-rows", stack, ScoreIs(2, 1, "-(t - i)**2"), each_T, SOURCE, note="d_head = 3"),
    Claim("two-rows-shorter", stack, SameAttention(2, 1, 2), each_T, SOURCE, note="d_head = 2"),
    Claim(
        "parity",
        parity,
        scores(
            "score = (-1)^(t - i): (1 - 2 p)(1 - 2 q) for the parities p of t, q of i", 2, 0, "(1 - 2*p)*(1 - 2*q)", {"p": odd}, {"q": odd}
        ),
        Scope(order="forall T exists weights", t_max="T", vocabulary="given"),
        SOURCE,
        note="the one other relative g",
    ),
]
