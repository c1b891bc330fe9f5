"""Division clock: the exact position from 1/t, by long division in plain blocks, as far as a float format carries 1/t at all.

A NoPE head writes x = 1/t (absolute-position). One FFN that decodes it exactly takes floor(T/2) hidden units, and rounding ends
it at a few thousand positions in float32. Here T costs 4 (floor(log2 T) + 2) hidden units, at most three to an FFN, in
2 (floor(log2 T) + 2) blocks of which only the first has a head: restoring division of 1 by x in base 2, one bit of t a step.
Gains are powers of two, every sum that matters has two terms and is a number of the format, and gates close to exactly 0. So there
is no rounding error anywhere after x, whatever the order of summation, and the quotient is floor(1/x + 1/2).

    real numbers    for every T there are weights: t at every t <= T. K = 1, N = 2 T, M = c (see nopeproof.division)
    floats          the same weights hold t up to the last T at which 1/t, rounded to nearest, is nearer to t's reciprocal than to
                    a neighbour's middle: that is where two positions first share one reciprocal, or one position before it

Past that pair no decoder can go on, of whatever size: it would be a function with two values at one number. So in its format each of
these clocks is the best there is, up to one position. What the float claims rest on (exp(0) = 1, a quotient rounded to
nearest, no flush to zero) is probed on the machine and listed with the verdict.
"""

from nopeproof.claims import Claim, Equals, Fails, Scope, Shown, Unchanged, after_ffn, after_last, embedding
from nopeproof.division import STORED, R, bits_for, division_clock, every_T
from nopeproof.models import ModelClass
from nopeproof.theory.costs import cost
from nopeproof.theory.no_decoder import no_decoder
from nopeproof.theory.precision import FORMATS, first_collision, last_decoded

SOURCE = "kazemnejad2023, Thm 1 (App. C.1), the step from 1/t to t; the division and its certificate are this project's"
uses = ["absolute-position"]

each_T = Scope(order="forall T exists weights", t_max="T")
family = every_T()
clocks = {dtype: division_clock(bits_for(last_decoded(FORMATS[dtype])), dtype) for dtype in STORED}


def t_after(circuit):
    """The quotient is t after the last block of this circuit."""
    return Equals(after_ffn(len(circuit.blocks)), R.pos, "t")


def kept(circuit):
    """What the division reads, and the mark that the head reads, stay as embedded."""
    return Unchanged(embedding(), after_ffn(len(circuit.blocks)), [R.one, R.bos])


def reciprocal_only(dtype):
    """Models whose rows know their position as fl(1/t) and in no other way."""
    about = "a row is a function of its token and of fl(1/t), the average of a mark at BOS by a uniform head; what reads it is any function"
    return ModelClass(
        f"readers of 1/t in {dtype}", depth=1, bos=True, ffn="any function of one position's state", arithmetic=dtype, about=about
    )


def undecodable(dtype):
    """In words, with the pair of positions."""
    t = first_collision(FORMATS[dtype])
    return Shown(f"no function of fl(1/t) tells t = {t} from t = {t + 1}", no_decoder)


claims = [
    Claim("every-T", family, Equals(after_last(), R.pos, "t"), each_T, SOURCE, note="O(log T) hidden units, exact in real numbers"),
    Claim("every-T-frame", family, Unchanged(embedding(), after_last(), [R.one, R.bos]), each_T, SOURCE),
]
for dtype, circuit in clocks.items():
    T = last_decoded(FORMATS[dtype])
    to_T, whole = Scope(t_max=T, arithmetic=dtype), Scope(arithmetic=dtype)
    claims += [
        Claim(dtype, circuit, t_after(circuit), to_T, SOURCE, note=f"{cost(circuit)['units']} hidden units"),
        Claim(f"{dtype}-frame", circuit, kept(circuit), to_T, SOURCE),
        Claim(f"{dtype}-ends", circuit, Fails(t_after(circuit)), whole, SOURCE, note="and no further: the next position is wrong"),
    ]
for dtype in FORMATS:
    every = Scope(order="forall weights forall T", arithmetic=dtype)
    claims.append(Claim(f"no-decoder-{dtype}", reciprocal_only(dtype), undecodable(dtype), every, SOURCE, note="whatever its size"))
