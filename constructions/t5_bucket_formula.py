"""False as printed: T5's bucket formula, for an odd number of buckets, as in the example it is printed with.

The paper prints bucket(n) = n for n < B/2, then B/2 + floor(log(n/(B/2))/log(D/(B/2)) B/2) up to D, then B - 1, and an example with
B = 5 and D = 6: 0 1 2 3 3 4 4 4 4 4. With B/2 = 5/2 the formula gives 5/2 at distance 3, no bucket at all. T5's own code works with
e = B // 2 exact buckets and B - e wide ones, e + floor(log(n/e)/log(D/e) (B - e)), which gives the example. For an even B, such as the
32 buckets that everyone uses, B/2 = e = B - e and the two agree.

Floors of logarithms are compared as powers of rationals, n^(B-e) e^k against D^k e^(B-e), so no rounding enters: a bucket boundary
is where floating-point logarithms go wrong.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.printed import t5_formula

kind = "correction"
SOURCE = "kazemnejad2023, App. B.2, T5 relative bias; raffel2020"
example = ModelClass("T5 bias, 5 buckets, distance 6", positions=("t5:buckets=5,max_distance=6",), sizes={"buckets": 5, "max_distance": 6})
says = "the printed formula misses the printed example, whole-number buckets give it; for 32 buckets both agree"

claims = [Claim("buckets", example, Shown(says, t5_formula), Scope(order="forall weights forall T", words="any"), SOURCE)]
