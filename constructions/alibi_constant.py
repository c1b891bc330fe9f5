"""False as printed: ALiBi's slope constant C = 2^(-2^(-log2(#heads + 3))), "1/2, 1/4, ... for 8 heads".

As printed, 2^(-log2(8 + 3)) = 1/11 and C = 2^(-1/11), about 0.939: the first slope would be 0.939 and not 1/2, and the eighth 0.6.
A bracket has moved: with C = 2^(-2^(-(log2 #heads - 3))) the exponent is 8/#heads, and slopes C^m, m = 1..H, are 1/2, ..., 1/2^8 for
eight heads, as Press et al. have it and as the paper's own code computes. Where the number of heads is no power of two the
code takes the slopes of the power below, then every second one of the power above; nopeproof.positions does the same.
The error touches no theorem: Theorem 2 gives any slope (alibi).
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.printed import alibi_constant

kind = "correction"
uses = ["alibi"]
SOURCE = "kazemnejad2023, App. B.2, ALiBi; press2022 for the constant"
eight = ModelClass("ALiBi with 8 heads", positions=("alibi",), sizes={"heads": 8})
says = "the printed constant gives other slopes than 1/2, ..., 1/2^8; C = 2^(-8/heads) gives these"

claims = [Claim("constant", eight, Shown(says, alibi_constant), Scope(order="forall weights forall T", words="any"), SOURCE)]
