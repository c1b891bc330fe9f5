"""How wide an FFN must be to turn 1/t into t: floor(T/2) hidden units exactly, floor(sqrt T) affine pieces within 1/2, and no fewer.

The paper says "sufficient width". One hidden layer of w ReLU units on the scalar 1/t is continuous with at most w + 1 affine
pieces. The points (1/t, t) lie on a strictly convex curve, so a piece meets at most two of them: ceil(T/2) pieces, and
as many as there are units plus one. If the read-out may not use 1/t itself and T is even, one unit more is needed: all bends go
upwards, and with them the slope to the right of the last kink is at least 0, not the -2 that t = 2, 1 ask for. Both bounds
are reached (`absolute-position` has the circuit of floor(T/2) units).

To come within 1/2 of t, so that a reader may round, a line can follow exactly k^2 <= t <= (k + 1)^2 - 1: floor(sqrt T) pieces
(`rounding-clock`). For d_ff = 3072 that is exact t up to T = 6145 and rounded t up to more than nine million. The bounds are
for an FFN that sees the position through this one scalar; several heads' outputs form a curve that can be cut better.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.fewest_units import SCALAR, SKIP, exact_units, rounding_pieces

kind = "impossibility"
uses = ["absolute-position", "rounding-clock"]
SOURCE = 'kazemnejad2023, Thm 1 (App. C.1), "sufficient" width; park2021 is cited there for it'
EVERY = Scope(order="forall weights forall T")

plain = ModelClass("an FFN on 1/t", depth=1, bos=True, ffn=SCALAR)
skip = ModelClass("an FFN on 1/t with a skip", depth=1, bos=True, ffn=SKIP)

claims = [
    Claim("exact", plain, Shown("t on 1..T takes floor(T/2) units, and no fewer", exact_units(skip=False)), EVERY, SOURCE),
    Claim("exact-with-skip", skip, Shown("t on 1..T takes ceil(T/2) - 1 units, and no fewer", exact_units(skip=True)), EVERY, SOURCE),
    Claim("rounded", skip, Shown("t within 1/2 on 1..T takes floor(sqrt T) affine pieces, and no fewer", rounding_pieces), EVERY, SOURCE),
]
