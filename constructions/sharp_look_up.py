"""One temperature for all lengths: a quadratic look-up gives its target (B - 1)/(B + 1) of the weight among any number of keys.

Let a head's scores be ln B (2 p i - i^2) + g(t), with p one of the keys, as in look-up, induction-head and copy-and-reverse. Then
key i has B^-(i - p)^2 of the weight of key p. There are at most two keys at each distance m >= 1, and m^2 >= m, so

    all the others together have less than 2 sum_{m >= 1} B^-m = 2/(B - 1) of the target's weight,

and the target more than 1/(1 + 2/(B - 1)) = (B - 1)/(B + 1): for every length, with no T in it. B = 200 is the least whole
number for 99/100. A value that moves by at most 1 from key to key is read with an error below 2/(B - 1): as m <= 2^(m-1), the
sum of m B^-m^2 obeys the same bound (window-average).

Squares are what makes it so. With linear scores, ln B times -|i - p| say, the bound would be the same, but no product q . k gives an
absolute value; scores that are 0 at the target and -ln B elsewhere need ln B > ln T (selector-width), a temperature that grows.
The scores themselves are proved where they are made (look-up, layer-one-heads); here is the step from scores to weights. The family
looks four positions back, at the first key while there is none so far: the bound at work for every T, at B = 200 and at B = 2, which is
too soft for 99/100.
"""

from fractions import Fraction

from nopeproof.circuit import Block, Circuit, Embedding, Family
from nopeproof.claims import Claim, Fails, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.parts import clock_powers, look_up, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.algorithms import looks
from nopeproof.theory.look_ups import sharp

SOURCE = "cookbook2025, look-up; the bound and its B are this project's"
kind = "characterisation"
uses = ["look-up", "position-tables"]
models = ModelClass(
    "a softmax head with scores ln B (2 p i - i^2) + g(t)",
    bos=True,
    ffn="any, in front of a head with scores ln B (2 p i - i^2) + g(t), p one of its keys",
    sizes={"base": 200, "percent": 99},
)
R = Residual(one=1, bos=1, recip=1, pos=1, square=1)


def reader(base):
    """Position and square from 1/t, and a head that looks up position t - 4."""
    layer_1 = Block([uniform_head([R.bos], [R.recip], name="1/t")], clock_powers(R.one, R.recip, R.pos, R.square))
    layer_2 = Block([look_up(R.pos - 4 * R.one, R.one, R.pos, R.square, base)])
    tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one})
    return Family(Circuit(R, tokens, blocks=[layer_1, layer_2], bos="<bos>", name=f"look-up of t - 4, B={base}"), T_min=2)


def above(least):
    """Key t - 4, or the first one, has more than that weight."""
    return looks(f"key t - 4, up to t = 5 key 1, has more than {least} of the weight", 2, 0, "t - 4", str(least))


each_T = Scope(order="forall T exists weights", t_max="T", vocabulary="given")
near_one = Fraction(99, 100)
claims = [
    Claim(
        "sharp",
        models,
        Shown("key p has more than (B - 1)/(B + 1) > 99/100 of the weight for B = 200, the least such B", sharp),
        Scope(order="forall weights forall T"),
        SOURCE,
    ),
    Claim("at-work", reader(200), above(near_one), each_T, SOURCE),
    Claim("bound-for-two", reader(2), above(Fraction(1, 3)), each_T, SOURCE, note="(B - 1)/(B + 1) at B = 2"),
    Claim("too-soft", reader(2), Fails(above(near_one)), each_T, SOURCE),
]
