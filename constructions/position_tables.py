"""Any function of position from the same T - 1 hidden units: t, t^2, t^3, a learned table, sinusoids, one-hot codes.

Once 1/t stands in the stream, every f on 1..T is an exact one-layer ReLU read-out of it:

    f(t) = f(1) + sum_{j=1}^{T-1} w_j relu(1 - j/t),    w_j = (j + 1) (f(j+1) - f(j)) - (j - 1) (f(j) - f(j-1)).

Proof: the right side is piecewise linear in x = 1/t with knots at 1/j, and w_j/j is the change of the slope of the
interpolation through (1/j, f(j)) at j. The hidden units relu(1 - j/t) do not depend on f: a table of D columns only has
wider writes. For f = t, t^2, t^3 the weights w_j are 2, 6j, 12j^2 + 2, so one formula serves every T.

A read-out into spare rows needs the constant f(1), here from the row `one`. Learned absolute position embeddings and
sinusoids are such tables, so NoPE with BOS computes whatever a model with absolute positions computes, up to length T.
"""

from fractions import Fraction

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Unit, Units
from nopeproof.claims import Claim, Equals, Scope, Unchanged, after_attention, after_ffn
from nopeproof.parts import table, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.tables import rows_are

uses = ["absolute-position"]
SOURCE = "kazemnejad2023, Thm 1 (App. C.1), the step from 1/t to t"
R = Residual(one=1, bos=1, recip=1, pos=1, square=1, cube=1, content=2)
each_T = Scope(order="forall T exists weights", t_max="T")

tokens = Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x"))
powers = Family(
    Circuit(
        R,
        tokens,
        blocks=[
            Block(
                heads=[uniform_head([R.bos], [R.recip], name="1/t")],
                mlp=MLP(
                    [
                        Unit(read=R.one, write=R.pos + R.square + R.cube),
                        Units(
                            read=R.one - "k" * R.recip,
                            write=2 * R.pos + "6*k" * R.square + "12*k**2 + 2" * R.cube,
                            first="1",
                            last="T - 1",
                        ),
                    ]
                ),
            )
        ],
        bos="<bos>",
        name="powers",
    ),
    T_min=2,
)

T = 6
LEARNED = [Fraction(x) for x in (3, -1, 4, Fraction(1, 5), -9, 2)]  # any numbers
WAVE = [(Fraction(3, 5), Fraction(4, 5))]  # (cos wt, sin wt), the angle with cosine 3/5 and sine 4/5: rational at every t
for _ in range(T - 1):
    WAVE.append((WAVE[-1][0] * 3 / 5 - WAVE[-1][1] * 4 / 5, WAVE[-1][1] * 3 / 5 + WAVE[-1][0] * 4 / 5))
S = Residual(one=1, bos=1, recip=1, learned=1, wave=2, hot=T)
columns = [(S.learned, LEARNED)] + [(S.hot[n], [int(t == n + 1) for t in range(1, T + 1)]) for n in range(T)]
columns += [(S.wave[part], [w[part] for w in WAVE]) for part in (0, 1)]
learned = Circuit(
    S,
    Embedding({"<bos>": S.one + S.bos, "a": S.one}),
    blocks=[
        Block(
            heads=[uniform_head([S.bos], [S.recip], name="1/t")],
            mlp=MLP(table(S.one, S.recip, columns)),
        )
    ],
    bos="<bos>",
    name=f"table[T={T}]",
)


def held(t):
    """The learned column holds the table, the wave a sinusoid, the one-hot columns the position."""
    return [LEARNED[t - 1], *WAVE[t - 1], *(int(n == t) for n in range(1, T + 1))]


exact = rows_are("the learned column, the sinusoid and the one-hot code are exact", after_ffn(1), [S.learned, S.wave, S.hot], held)
claims = [
    Claim("position", powers, Equals(after_ffn(1), R.pos, "t"), each_T, SOURCE),
    Claim("square", powers, Equals(after_ffn(1), R.square, "t**2"), each_T, SOURCE, note="the same T - 1 hidden units"),
    Claim("cube", powers, Equals(after_ffn(1), R.cube, "t**3"), each_T, SOURCE),
    Claim("frame", powers, Unchanged(after_attention(1), after_ffn(1), [R.one, R.bos, R.recip, R.content]), each_T, SOURCE),
    Claim(
        "learned-table",
        learned,
        exact,
        Scope(t_max=T, vocabulary="given"),
        SOURCE,
    ),
]
