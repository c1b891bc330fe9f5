"""One token among n moves a softmax head by O(1/n): at most 2 C r/(n - 1 + r), and some head moves by just that.

Values bounded by C in norm, weights within a factor r. Exchanging one of n keys (not the query) changes its share, at most
S = r/(n - 1 + r), and its value. With m the average of the other keys the two outputs are m + s (v - m) and m + s' (v' - m);
their difference is affine in s and in s', so its norm is largest at a corner of [0, S]^2, where it is at most 2 C S. Equality:
the exchanged key has the largest weight, before and after, and values v = -v' of norm C.

Hahn's bound for a whole model multiplies this by Lipschitz constants, layer by layer. What escapes it: logits that grow
with n (temperature-and-length), and norms without a floor, which are not Lipschitz (long-prefixes-collapse). It is why a
single token's trace in `first-token` has a margin of 1/t, and why PARITY's margin vanishes.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.dilution import influence

kind = "impossibility"
uses = ["temperature-and-length"]
SOURCE = "hahn2020, influence of one position; the constant and its attainment are this project's"
EVERY = Scope(order="forall weights forall T", words="any")
bounded = ModelClass(
    "one bounded softmax head", depth=1, positions=("nope", "alibi", "t5", "rotary"), about="values of norm <= C, weights within a factor r"
)
says = "exchanging one of n keys moves the output by at most 2 C r/(n - 1 + r), which is reached"

claims = [Claim("one-over-n", bounded, Shown(says, influence), EVERY, SOURCE)]
