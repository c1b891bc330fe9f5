"""No fixed FFN turns 1/t into t for every t: an FFN with Lipschitz constant L is exact up to T only if L >= T (T - 1).

The quantifiers of Theorem 1. Between x = 1/t and 1/(t + 1), 1/(t (t + 1)) apart, t changes by 1; so the slope somewhere is at
least t (t + 1). Any FFN with weights in a bounded set has a horizon, about sqrt(L), and any continuous one is bounded on
[0, 1], where t is not. "There are weights that do for every T" is therefore false for the step from 1/t to t, whatever the
FFN's width, depth or activation; "for every T there are weights" is true (absolute-position). T (T - 1) is also enough: the
minimal network with 1/t in the read-out has just this slope for even T.

For a trained model the product of spectral norms of the first FFN bounds L, so it bounds the position that the FFN can
have decoded from 1/t; rounding, to within e, needs (1 - 2e) T (T - 1). What lies beyond must come another way (sink-clock:
logits instead of slopes, division-clock: many layers of bounded slope).
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.fewest_units import LIPSCHITZ, steepness

kind = "impossibility"
uses = ["minimal-width", "absolute-position"]
SOURCE = "kazemnejad2023, Thm 1 (App. C.1), the order of its quantifiers"
models = ModelClass("any FFN of Lipschitz constant L on 1/t", depth=1, bos=True, ffn=LIPSCHITZ)
says = "exact t on 1..T needs L >= T (T - 1), which is enough for even T; so no FFN is exact for every T"

claims = [Claim("lipschitz", models, Shown(says, steepness), Scope(order="forall weights forall T"), SOURCE)]
