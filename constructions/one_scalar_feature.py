"""What relative scores one scalar feature of position can give: linear ones and the parity of the distance, and no others.

A head that reads position through one row g has scores a + b g(t) + c g(i) + d g(t) g(i). When is that F(t - i) + G(t) with F not
constant? The difference over neighbouring keys, (c + d g(t)) (g(i + 1) - g(i)), must depend on t - i alone: a product of a function of
t and one of i that is constant along diagonals, so both are geometric, A r^t and B r^-i. If d = 0 then r = 1 and g is affine: ALiBi.
If not, g(t) = (A r^t - c)/d has differences proportional to r^t, so r = 1/r, r = -1, and g(t) = A (-1)^t + c': the parity of t - i.
This holds from T = 5 positions on.

It is why the paper's remark that the MLP may write "any function" of position into the one row of Theorem 2 gives no other scheme
(more-complex-schemes). `every-g` decides the equations by Groebner bases; `affine-or-parity` solves for the coefficients for every g
with values in {-1, 0, 1, 2} on six positions.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.bias_claims import one_scalar, one_scalar_every_g

kind = "characterisation"
uses = ["more-complex-schemes", "bias-dimensions"]
SOURCE = "kazemnejad2023, App. C.2, closing remark; the classification is this project's"
heads = ModelClass("heads that read one row g", sizes={"T": 6}, about="score a + b g(t) + c g(i) + d g(t) g(i), g with values -1, 0, 1, 2")
says = "for g not constant the score is F(t - i) + G(t), F not constant, for some a, b, c, d iff g is affine or a parity"

any_g = ModelClass("heads that read one row of any values", about="score a + b g(t) + c g(i) + d g(t) g(i), five positions or more")
SIX = Scope(order="forall weights forall T", t_min=6, t_max=6, words="any")
EVERY = Scope(order="forall weights forall T", t_min=5, words="any")

claims = [
    Claim("every-g", any_g, Shown(f"{says}, on T >= 5 positions", one_scalar_every_g), EVERY, SOURCE),
    Claim("affine-or-parity", heads, Shown(says, one_scalar), SIX, SOURCE, note="by brute force"),
]
