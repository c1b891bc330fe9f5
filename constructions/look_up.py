"""Look-up at a fixed offset and at a computed position: one quadratic head, one temperature for every length.

With t and t^2 in the stream (layer 1 and its FFN), and a whole number p in it, the head with scores

    ln B (2 p i - i^2) = ln B p^2 - ln B (i - p)^2

attends to the key nearest to p. A key at distance m has B^(-m^2) of the target's weight, so the target's own weight is

    w >= 1/(1 + 2 sum_{m >= 1} B^(-m^2)) > (B - 1)/(B + 1),       for every t, T and p within 1..t.

Offsets: p = t - o costs nothing, o is a constant in W_Q; here o = 2 and o = 5, for every length. Where t - o < 1 there is
no such key, and the head falls on BOS, the nearest. Computed positions: p may be any whole number an FFN has written. Here it is
1 + c, c the number of a's so far (counted exactly as in bounded-parity), so position 1 + c is read: a pointer that content moves,
which no relative bias does. T enters the widths alone; B = 200 makes w more than 99/100.
"""

from fractions import Fraction

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family
from nopeproof.claims import Attends, Claim, Fails, Holds, Scope, ScoreIs, Unchanged, after_attention, after_ffn
from nopeproof.parts import clock_powers, counter, look_up, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.algorithms import Number, looks

SOURCE = "cookbook2025, look-up; barbero2025 for offset heads; B and its bound are this project's"
BASE = 200
R = Residual(one=1, bos=1, kind=1, recip=1, share=1, pos=1, square=1, count=1)
each_T = Scope(order="forall T exists weights", t_max="T")
each_word = Scope(order="forall T exists weights", t_max="T", vocabulary="given")
uses = ["position-tables", "layer-one-heads", "bounded-parity"]
heads = [look_up(R.pos - o * R.one, R.one, R.pos, R.square, BASE, name=f"offset {o}") for o in (2, 5)]
clock = clock_powers(R.one, R.recip, R.pos, R.square)
every_word = Embedding({"<bos>": R.one + R.bos + R.kind * 0}, other=R.one + R.kind.free("x"))
letters = Embedding({"<bos>": R.one + R.bos, "a": R.one + R.kind, "b": R.one})

offsets = Family(
    Circuit(
        R, every_word, blocks=[Block([uniform_head([R.bos], [R.recip], name="1/t")], clock), Block(heads)], bos="<bos>", name="offsets"
    ),
    T_min=2,
)
pointer = Family(
    Circuit(
        R,
        letters,
        blocks=[
            Block(
                heads=[uniform_head([R.bos, R.kind], [R.recip, R.share], name="1/t and c/t")],
                mlp=MLP([*clock.units, *counter(R.one, R.share, R.recip, R.count)]),
            ),
            Block([look_up(R.count + R.one, R.one, R.pos, R.square, BASE, name="pointer")]),
        ],
        bos="<bos>",
        name="pointer",
    ),
    T_min=2,
)


def attends(head, target, least=Fraction(99, 100)):
    """At every t, the key at `target(word, t)`, but at least at 1, has more than that weight."""

    def check(trace):
        weights = trace.head(2, head).weights
        return all(weights[t - 1][max(target(trace.word, t), 1) - 1] > least for t in range(1, trace.T + 1))

    return check


a_keys = Number(("a",))
at_pointer = looks("the key at 1 + number of a's has more than 99/100 of the weight", 2, 0, "1 + c", "99/100", c=a_keys)
claims = [
    Claim("offset-2", offsets, ScoreIs(2, 0, "ln(200)*(2*(t - 2)*i - i**2)"), each_T, SOURCE),
    Claim("offset-5", offsets, ScoreIs(2, 1, "ln(200)*(2*(t - 5)*i - i**2)"), each_T, SOURCE),
    Claim("attends-2", offsets, Attends(2, 0, 2, "99/100"), each_T, SOURCE),
    Claim("attends-5", offsets, Attends(2, 1, 5, "99/100"), each_T, SOURCE),
    Claim("pointer", pointer, at_pointer, each_word, SOURCE),
    Claim(
        "frame",
        pointer,
        Unchanged(after_attention(1), after_ffn(2), [R.one, R.bos, R.kind]),
        each_word,
        SOURCE,
    ),
    Claim("no-offset", pointer, Fails(Holds("some fixed offset is always read", attends(0, lambda _, t: t))), each_word, SOURCE),
]
