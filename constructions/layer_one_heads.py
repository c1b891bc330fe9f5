"""Diagonal and previous-token heads: impossible in layer 1, and exact up to a temperature in layer 2, by a quadratic look-up.

Layer 1 reads embeddings. With no positional encoding its scores are a function of the two tokens alone (`layer-1-score`:
arbitrary W_Q and W_K, every vocabulary, every length). On bos x x the keys 2 and 3 are equal, so position 3 gives its two
copies of x the same weight, at most 1/2 each: that is barbero2025's counterexample, and it is about layer 1.

With t in the stream (layer 1 and its FFN) and t^2 beside it (the same hidden units, see position-tables), layer 2 has

    score = ln B (2 (t - o) i - i^2) = ln B ((t - o)^2 - (i - (t - o))^2),       o = 0 diagonal, o = 1 previous token.

A key at distance m weighs B^(-m^2) of the target, so the target's weight is more than 1/(1 + 2/(B - 1)) = (B - 1)/(B + 1) for
every t and T: one temperature serves all lengths. B = 200 is the least whole number that makes this more than 99/100.
"""

from nopeproof.circuit import Block, Circuit, Embedding, Family, Head, Opaque
from nopeproof.claims import Attends, Claim, Fails, Scope, ScoreIs
from nopeproof.parts import clock_powers, look_up, uniform_head
from nopeproof.residual import Residual

kind = "correction"
uses = ["position-tables"]
SOURCE = "barbero2025, Prop. 5.2 (stated for NoPE heads; true of layer 1)"
BASE = 200
R = Residual(one=1, bos=1, recip=1, pos=1, square=1, content=2)
each_T = Scope(order="forall T exists weights", t_max="T")


def any_row(name):
    """A row of W_Q or W_K with every entry a free symbol."""
    return sum((s.free(f"{name}_{s.name}_") for s in R), R.zero)


tokens = Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x"))
any_head = Head(W_Q=[any_row("q0"), any_row("q1")], W_K=[any_row("k0"), any_row("k1")], W_V=[0], W_O=[R.content[0]], name="any")
first_layer = Circuit(
    R, tokens, blocks=[Block(heads=[any_head, Opaque([R.content], name="others")], shared=[R.content])], bos="<bos>", name="layer 1"
)

clock = Block(
    heads=[uniform_head([R.bos], [R.recip], name="1/t")],
    mlp=clock_powers(R.one, R.recip, R.pos, R.square),
)


def look_up_back(offset, name):
    """Attend to position t - offset."""
    return look_up(R.pos - offset * R.one, R.one, R.pos, R.square, BASE, name=name)


def two_layers(embedding, name):
    """Clock, then the two look-up heads."""
    return Family(
        Circuit(
            R, embedding, blocks=[clock, Block(heads=[look_up_back(0, "diagonal"), look_up_back(1, "previous")])], bos="<bos>", name=name
        ),
        T_min=2,
    )


stack = two_layers(tokens, "layer 2")


def claim(id, subject, statement, scope, note=""):
    return Claim(id, subject, statement, scope, SOURCE, note)


claims = [
    claim("layer-1-score", first_layer, ScoreIs(1, 0, "0", content=list(R)), Scope(), "a function of the two embeddings, position-free"),
    claim("not-diagonal", first_layer, Fails(Attends(1, 0, 0, "1/2")), Scope()),
    claim("not-previous", first_layer, Fails(Attends(1, 0, 1, "1/2")), Scope()),
    claim("diagonal-score", stack, ScoreIs(2, 0, "ln(200)*(2*t*i - i**2)"), each_T),
    claim("previous-score", stack, ScoreIs(2, 1, "ln(200)*(2*(t - 1)*i - i**2)"), each_T),
    claim("diagonal", stack, Attends(2, 0, 0, "99/100"), each_T),
    claim("previous", stack, Attends(2, 1, 1, "99/100"), each_T),
]
