"""Not what was measured: the published distance between attention patterns is not the Jensen-Shannon divergence of its definition.

"NoPE resembles T5's relative encoding" rests on a distance D_AT, defined as the mean over positions of the Jensen-Shannon divergence
of two heads' rows, then the least over all pairs of heads. The true divergence, (KL(P|M) + KL(Q|M))/2 with M = (P + Q)/2, is at most
ln 2, since P <= 2M. The published code exchanges the arguments: (KL(M|P) + KL(M|Q))/2. That is unbounded, and infinite where a
weight underflows to 0; for P = (0.999, 0.001), Q = (0.001, 0.999) it is above 2.7, and published curves pass 1.3. Besides,
the code takes the least over 66 pairs of heads, i < j, not over all 144.

Corrected: nopeproof's comparison computes the divergence as defined over all pairs, and the code's variant under its own name.
The published order of encodings is not refuted by this; its numbers do not follow from its definition.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.printed import divergence

kind = "correction"
SOURCE = "kazemnejad2023, Sec. 5.2, eq. 2; lin1991"
rows = ModelClass("pairs of attention rows", depth=1, positions=("nope", "t5", "alibi", "rotary"), about="probability vectors P, Q")
says = "the code's divergence exceeds ln 2, the largest Jensen-Shannon divergence, and any other bound"

claims = [Claim("divergence", rows, Shown(says, divergence), Scope(order="forall weights forall T", words="any"), SOURCE)]
