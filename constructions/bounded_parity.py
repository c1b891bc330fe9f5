"""Counting and parity exactly, up to any length T: NoPE with BOS, one layer, 2 (T - 1) hidden units, no clock needed.

Two uniform heads give 1/t and c/t, c the number of a's so far. For a threshold k, with M = T,

    [c >= k] = relu(1 + M (c - k)/t) - relu(M (c - k)/t),

exactly: if c >= k both are on and their difference is 1; if c <= k - 1 then M (c - k)/t <= -M/t <= -1 and both are off. So
count = sum_k [c >= k] and parity = sum_k (-1)^(k+1) [c >= k], and every other function of c from the same hidden units.

The margin 1/t shrinks with the length, so M has to grow: weights for T are wrong beyond it (`runs-out`). An error d in c/t comes
out as T d, from one threshold alone, so counts and parities round correctly iff |d| < 1/(2 T) (`noise-inside`, `noise-edge`): the
precision needed grows with the length. Nothing here speaks of parity at every length with one set of weights.
"""

from dataclasses import replace
from fractions import Fraction

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Units
from nopeproof.claims import Claim, Fails, Scope, Unchanged, after_attention, after_ffn
from nopeproof.parts import counter, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.algorithms import Number, Parity, reads

SOURCE = "chiang2022 for parity; weiss2021 for counting; the exact thresholds are this project's"
R = Residual(one=1, bos=1, kind=1, recip=1, share=1, count=1, content=1)
each_T = Scope(order="forall T exists weights", t_max="T", vocabulary="given")

counts_a = Family(
    Circuit(
        R,
        Embedding({"<bos>": R.one + R.bos, "a": R.one + R.kind, "b": R.one}),
        blocks=[
            Block(
                heads=[uniform_head([R.bos, R.kind], [R.recip, R.share], name="1/t and c/t")],
                mlp=MLP(counter(R.one, R.share, R.recip, R.count)),
            )
        ],
        bos="<bos>",
        name="count",
    ),
    T_min=2,
)

T = 6


def thresholds(noise=0):
    """The counter's hidden units, odd thresholds adding and even ones taking away; `noise` on what each reads of T c/t."""
    units = []
    for sign, k, last in ((1, "2*k - 1", "T // 2"), (-1, "2*k", "(T - 1) // 2")):
        distance = "T" * R.share - f"T*({k})" * R.recip + noise * R.one
        for bias, way in ((R.one, sign), (R.zero, -sign)):
            units.append(Units(read=bias + distance, write=way * R.count, first="1", last=last))
    return MLP(units)


def signed(noise, name):
    """The family that writes a parity."""
    member = counts_a.symbolic
    return Family(replace(member, blocks=[replace(member.blocks[0], mlp=thresholds(noise))], name=name), T_min=2)


hair = Fraction(1, 10**9)
parity = signed(0, "parity")
above, below = (signed(way * (1 - hair) / 2, f"parity, c/t {'+' if way > 0 else '-'} almost 1/(2 T)") for way in (1, -1))


def noisy(error):
    """The member for T with an error in c/t, the same at every t."""
    head = uniform_head([R.bos, R.kind + error * R.one], [R.recip, R.share], name="1/t and c/t + error")
    member = parity.at(T)
    return replace(member, blocks=[replace(member.blocks[0], heads=[head])], name=f"parity[T={T}], c/t + {float(error):.9f}")


of_a, after = Parity(Number(("a",))), after_ffn(1)
exact = reads("count = parity of the number of a's so far", after, R.count, "p", p=of_a)
rounds = reads("count is within 1/2 of the parity of the a's so far", after, R.count, "p", "1/2", p=of_a)
edge = Fraction(1, 2 * T)
given = Scope(t_max=T, vocabulary="given")
counts = reads("count = number of a's so far", after_ffn(1), R.count, "c", c=Number(("a",)))
claims = [
    Claim("count", counts_a, counts, each_T, SOURCE),
    Claim("frame", counts_a, Unchanged(after_attention(1), after_ffn(1), [R.one, R.bos, R.kind, R.recip, R.share]), each_T, SOURCE),
    Claim("parity", parity, exact, each_T, SOURCE),
    Claim("noise-inside", above, rounds, each_T, SOURCE, note="c/t too large by almost 1/(2 T); what is read of it T times as much"),
    Claim("noise-below", below, rounds, each_T, SOURCE, note="too small by as much"),
    Claim("noise-edge", noisy(edge), Fails(rounds), given, SOURCE, note="off by exactly 1/2"),
    Claim("runs-out", counts_a.at(3), Fails(counts), Scope(vocabulary="given"), SOURCE, note="the weights for T = 3 on longer words"),
]
