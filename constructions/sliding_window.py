"""Sliding windows and attention sinks: what a head still knows of the position when old keys are gone.

A window of size W sees the last W keys. Theorem 1's head, in a window, gives 1/t for t <= W, and 0 as soon as BOS has left
(`clock`, `forgets`): there is no clock beyond t = W in one layer. A second layer sees W states, each of which saw W: L layers
reach back L (W - 1) positions and not further, so on BOS a a a ... all states are equal from t = L (W - 1) + 2 on.

A sink, BOS kept visible for ever, does not help: the head then averages over BOS and W others, 1/(W + 1) from t = W + 1 on,
again a constant (`sink-saturates`). What it keeps is the presence of BOS, not the distance to it. Inside the window
everything of the causal mask holds word for word, so a relative bias within W is no problem; absolute position is.
"""

from dataclasses import replace

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Unit, Window
from nopeproof.claims import Claim, Equals, Fails, Scope, after_attention
from nopeproof.laws import Case, EqualStates, Law
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual

SOURCE = "kazemnejad2023, Thm 1 under a window; beltagy2020 for windows, xiao2024 for sinks; the horizon is this project's"
R = Residual(one=1, bos=1, recip=1, second=1, content=1)
W = 3
uses = ["absolute-position"]

layer_1 = Block([uniform_head([R.bos], [R.recip], name="1/t")], MLP([Unit(read=2 * R.recip - R.one, write=R.second)]))
layer_2 = Block([uniform_head([R.recip + R.second], [R.second], name="one layer on")])
tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one})
one_layer = Circuit(R, tokens, blocks=[layer_1], bos="<bos>", mask=Window(W), name=f"window {W}")
two_layers = replace(one_layer, blocks=[layer_1, layer_2], name=f"window {W}, two layers")
with_sink = replace(one_layer, mask=Window(W, sinks=1), name=f"window {W} and a sink")
inside = replace(one_layer, mask="causal", name="causal")


x = {"recip": (after_attention(1), R.recip)}
clock = Law(cases=[Case("recip", "1/t", last=W), Case("recip", "0", first=W + 1)], reads=x)
saturates = Law(cases=[Case("recip", "1/t", last=W), Case("recip", f"1/{W + 1}", first=W + 1)], reads=x)


def horizon(layers):
    """All states are equal from t = L (W - 1) + 2 on, and the one before differs from them."""
    return EqualStates(first=layers * (W - 1) + 2, last_layer=True, sharp=True)


every = Scope(vocabulary="given")
recip = Equals(after_attention(1), R.recip, "1/t")
claims = [
    Claim("causal", inside, recip, every, SOURCE),
    Claim("clock", one_layer, clock, every, SOURCE),
    Claim("forgets", one_layer, Fails(recip), every, SOURCE, note="smallest: t = W + 1"),
    Claim("horizon-1", one_layer, horizon(1), every, SOURCE, note="L (W - 1) + 2 with L = 1"),
    Claim("horizon-2", two_layers, horizon(2), every, SOURCE, note="L (W - 1) + 2 with L = 2"),
    Claim("sink-saturates", with_sink, saturates, every, SOURCE),
    Claim("sink-forgets", with_sink, Fails(recip), every, SOURCE),
]
