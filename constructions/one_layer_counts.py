"""One layer knows counts and no order: a NoPE state after one layer is a function of the last token and of how often each occurred.

With BOS, one layer, causal mask. The scores are functions of the two tokens, so an attention average is a function of the
query's token and of the shares of the tokens among the first t; BOS has count 1, so the shares are the counts. Whatever
the head, norm or FFN: bos a b a and bos b a a end in the same state. Conversely uniform attention to one-hot codes gives
all shares, and an FFN any function of them. So the classes are exact: (x_t, counts), the Parikh vector with the last token.

This is the precise form of "one layer cannot discern permuted histories, two can" (irie2025): `counts-exactly` for one,
`prefix-colours` for two. The layer need not be wide for that, nor the model trained.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.telling_apart import alike, one_layer_counts

kind = "characterisation"
SOURCE = "irie2025, one layer and permuted histories; the exact form is this project's"
EVERY = Scope(order="forall weights forall T")
one = ModelClass("one NoPE layer with BOS", depth=1, bos=True)
exact = Shown("two prefixes end in the same state in every member iff last token and counts agree", one_layer_counts)
permuted = Shown("BOS a b c b a and BOS b a b c a end in the same state", alike("abcba", "babca"))

claims = [
    Claim("counts-exactly", one, exact, EVERY, SOURCE),
    Claim("permuted-history", one, permuted, EVERY, SOURCE),
]
