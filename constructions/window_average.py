"""The count, and so the average, over the last w tokens: two prefix counts and one look-up, with an error free of the length.

A causal mean sees the whole prefix; a window of fixed size is the difference of two prefixes. With c_t the number of a's up
to t, C = c_t - c_(t-w) is what the last w tokens hold, and C/w their average: w-gram features without a positional encoding.
  1  uniform heads give 1/t and c/t; the FFN writes t, t^2 and c exactly (position-tables, bounded-parity).
  2  the look-up of look-up at p = t - w reads c there. It leaks, but by little: c moves by at most 1 a position, so a key at
     distance m is off by at most m, and has B^(-m^2) of the weight. The whole error is at most

         2 sum_{m >= 1} m B^(-m^2) <= 2/(B - 1),       the same for every t, T and w.

So with B = 200 the window's count comes out within 1/50 of a whole number, to be rounded where it matters; with B = 4 it is off
by more than 1/5 on a short word (`soft`). Where t <= w the head falls on BOS, where c = 0.
The formula with means, (t m_t - (t-w) m_(t-w))/w, is the same after multiplying by positions; with counts no product is needed.
"""

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Unit
from nopeproof.claims import Claim, Fails, Scope, Unchanged, after_attention, after_ffn
from nopeproof.parts import clock_powers, counter, look_up, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.algorithms import Recent, reads

SOURCE = "cookbook2025, look-up; yang2024 for counting; the error bound is this project's"
R = Residual(one=1, bos=1, kind=1, recip=1, share=1, pos=1, square=1, count=1, window=1)
W = 2
uses = ["look-up", "bounded-parity", "position-tables"]


def windowed(base):
    """window = c_t - c_(t - W), up to the leak: the head writes minus what it reads, and the FFN adds c_t."""
    head = look_up(R.pos - W * R.one, R.one, R.pos, R.square, base, W_V=[R.count], W_O=[-1 * R.window])
    units = [*clock_powers(R.one, R.recip, R.pos, R.square).units, *counter(R.one, R.share, R.recip, R.count)]
    return Family(
        Circuit(
            R,
            Embedding({"<bos>": R.one + R.bos, "a": R.one + R.kind, "b": R.one}),
            blocks=[
                Block([uniform_head([R.bos, R.kind], [R.recip, R.share], name="1/t and c/t")], MLP(units)),
                Block([head], MLP([Unit(read=R.count, write=R.window)])),
            ],
            bos="<bos>",
            name=f"window {W}, B={base}",
        ),
        T_min=2,
    )


sharp, soft = windowed(200), windowed(4)


def counts(error):
    """`window` is within `error` of the number of a's among the last W tokens."""
    says = f"window is within {error} of the number of a's among the last {W} tokens"
    return reads(says, after_ffn(2), R.window, "c", error, c=Recent("a", W))


each_T = Scope(order="forall T exists weights", t_max="T", vocabulary="given")
claims = [
    Claim("counts", sharp, counts("1/50"), each_T, SOURCE),
    Claim("soft", soft, Fails(counts("1/5")), each_T, SOURCE, note="B = 4 leaks more"),
    Claim("frame", sharp, Unchanged(after_attention(1), after_ffn(2), [R.one, R.bos, R.kind, R.recip, R.share]), each_T, SOURCE),
]
