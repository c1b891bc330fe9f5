"""How much of a prefix NoPE can know: all of it, with two layers and BOS, or with three layers and no BOS unless it is constant.

What an l-layer NoPE model can distinguish is given exactly by colour refinement on the causal order,

    c^0(i) = x_i,    c^(l+1)(i) = (c^l(i), the shares of the colours c^l(j) among the visible j):

equal colours have equal states in every model (attention sees keys only through the shares of equal ones), and uniform
attention with one-hot codes separates all colours of any finite set of words. Real arithmetic, any norm and FFN.

With BOS, c^1(i) holds the share 1/i of BOS, so c^2(n) is the set of all (i, x_i). Under a strict mask position 1 sees
nothing and takes the place of BOS one layer later. Without either, let m be the first position with another token than
x_1: keys before m see one kind only (c^1), so c^2(i) holds the share (m - 1)/i of them, which tells the positions from m on
apart; c^3(n) then holds n, m and every x_i. A constant prefix stays unknown at every depth (no-bos-collapse).

The proofs are decoders: functions of the last colour that return the word. `depth-two-collides` shows that two layers are
not enough without BOS. Not a bound for leftmost or rightmost hard attention, dropout, rounded sums, or positional encodings.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.telling_apart import alike, told_apart

kind = "characterisation"
uses = ["one-layer-counts", "no-bos-collapse", "strict-mask"]
SOURCE = "irie2025 for two layers; the decoders and the cases without BOS are this project's"
ANY = Scope(order="forall weights forall T", words="any")
BOS_EACH_T = Scope(order="forall T exists weights", t_max="T")
EACH_T = Scope(order="forall T exists weights", t_max="T", words="any")

with_bos = ModelClass("two NoPE layers with BOS", depth=2, bos=True)
without = ModelClass("three NoPE layers without BOS", depth=3)
strict = ModelClass("three NoPE layers, strict mask", depth=3, mask="strict")
shallow = ModelClass("one NoPE layer without BOS", depth=1)
apart = "any two different prefixes end in different states in some member"

claims = [
    Claim("bos-two-layers", with_bos, Shown(apart, told_apart(constant_too=True)), BOS_EACH_T, SOURCE),
    Claim("no-bos-three-layers", without, Shown(f"{apart}, constant ones excepted", told_apart(constant_too=False)), EACH_T, SOURCE),
    Claim("strict-three-layers", strict, Shown(apart, told_apart(constant_too=True)), EACH_T, SOURCE, note="constant ones too"),
    Claim("one-layer-not-enough", shallow, Shown("a b and a a b b end in the same state", alike("ab", "aabb")), ANY, SOURCE),
]
