"""What Rotary needs that Theorem 2 does not give: products of content and position, exact for a finite vocabulary.

Theorem 2 adds: score = f_cnt(content_t, content_i) + f_rel(t - i), because its rows read either content or position. A rotary
score multiplies: q^T R^(i-t) k, R a rotation, q and k functions of content. On a word where content pairs and distances mix,
it is no sum of such two terms (`not-a-sum`), so no head of Theorem 2's kind has it, whatever f_cnt and f_rel are.

What is missing are the products o c of a one-hot entry o and a table c of position, |c| <= 1, and those an FFN can make:

    o c = relu(c + 2 o - 1) - o,          o = 0: relu(c - 1) = 0;    o = 1: relu(c + 1) - 1 = c.

So, for V tokens, layer 1 writes cos and sin of w t (position-tables), layer 2 the 2 V products, and layer 3 scores with

    q_t = R^t q(x_t),    k_i = R^i k(x_i),    q_t . k_i = q(x_t)^T R^(i-t) k(x_i),

linear in the products: Rotary, exactly, with d_head = 2 for each frequency. The angle here has cosine 3/5 and sine 4/5, so all
of it is rational. For content from a continuum the product is not piecewise linear, and an FFN only approximates it.
"""

from fractions import Fraction

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head, Unit
from nopeproof.claims import Claim, Fails, Scope, Unchanged, after_attention, after_ffn
from nopeproof.parts import table, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.tables import is_sum, scores_are

SOURCE = "su2021, eq. 16; kazemnejad2023, Thm 2 (App. C.2), as far as it reaches"
T = 7
TOKENS = ("a", "b")
QUERY, KEY = {"a": (1, 0), "b": (1, 2)}, {"a": (0, 1), "b": (3, -1)}  # q(x) and k(x); 0 at BOS
R = Residual(one=1, bos=1, recip=1, token=2, pos=2, product=4, flat=1)  # pos: cos, sin; product: cos, sin of each token
uses = ["position-tables", "relative-position", "relative-families"]


def turn(v, n):
    """R^n v, the rotation by n times the angle; n may be negative."""
    x, y = Fraction(v[0]), Fraction(v[1])
    c, s = Fraction(3, 5), Fraction(4 if n > 0 else -4, 5)
    for _ in range(abs(n)):
        x, y = c * x - s * y, s * x + c * y
    return x, y


waves = [(R.pos[part], [turn((1, 0), t)[part] for t in range(1, T + 1)]) for part in (0, 1)]
products = MLP(
    [
        unit
        for v, o in enumerate(R.token)
        for part in (0, 1)
        for unit in (
            Unit(read=R.pos[part] + 2 * o - R.one, write=R.product[2 * v + part]),
            Unit(read=o, write=-1 * R.product[2 * v + part]),
        )
    ]
)


def rotated(vectors):
    """The two rows that read R^t v(x_t) off the products: (c x - s y, s x + c y)."""
    pairs = [(vectors[token], R.product[2 * n], R.product[2 * n + 1]) for n, token in enumerate(TOKENS)]
    return [sum((v[0] * c - v[1] * s for v, c, s in pairs), R.zero), sum((v[0] * s + v[1] * c for v, c, s in pairs), R.zero)]


rotary = Head(W_Q=rotated(QUERY), W_K=rotated(KEY), W_V=[0], W_O=[0 * R.one], name="rotary")
theorem_2 = Head(W_Q=[*R.token, *R.pos], W_K=[3 * R.token[1], R.token[0], *R.pos], W_V=[0], W_O=[0 * R.one], name="content + cos(t - i)")
circuit = Circuit(
    R,
    Embedding({"<bos>": R.one + R.bos, **{token: R.one + o for token, o in zip(TOKENS, R.token, strict=True)}}),
    blocks=[
        Block([uniform_head([R.bos], [R.recip], name="1/t")], MLP(table(R.one, R.recip, waves))),
        Block(mlp=products),
        Block([rotary, theorem_2]),
    ],
    bos="<bos>",
    name=f"rotary[T={T}]",
)


def product(x, y, t, i):
    """q(x)^T R^(i - t) k(y)."""
    q, k = QUERY.get(x, (0, 0)), turn(KEY.get(y, (0, 0)), i - t)
    return q[0] * k[0] + q[1] * k[1]


given, summed = Scope(t_max=T, vocabulary="given"), "score = f_cnt(x_t, x_i) + f_rel(t - i)"
claims = [
    Claim("rotary", circuit, scores_are("score = q(x_t)^T R^(i - t) k(x_i)", 3, 0, product), given, SOURCE),
    Claim("not-a-sum", circuit, Fails(is_sum(summed, 3, 0)), given, SOURCE, note="so no head of Theorem 2's kind has it"),
    Claim("theorem-2-is-a-sum", circuit, is_sum(summed, 3, 1), given, SOURCE, note="content and position in separate rows"),
    Claim(
        "frame", circuit, Unchanged(after_attention(1), after_ffn(3), [R.one, R.bos, R.recip, R.token]), Scope(vocabulary="given"), SOURCE
    ),
]
