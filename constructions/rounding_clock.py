"""A clock of floor(sqrt T) hidden units: t to within 1/2, for a later layer, or a reader, that rounds.

Exact t from 1/t takes floor(T/2) units. To come within 1/2, one line per run k^2 <= t <= (k + 1)^2 - 1 is enough: the chord
of the run, y = a + b - a b/t with a = k^2 and b = k^2 + 2k, is above the curve by (t - a)(b - t)/t inside the run, which is
less than 1 as j (2k - j) <= k^2 < k^2 + j. Moved down by half its largest gap it is within 1/2 on its run, and outside it is
below the curve, so the maximum of all the lines is within 1/2 everywhere. One more position in a run, t = k^2 + k would be off
by exactly 1/2: no line follows k^2 .. (k + 1)^2, and floor(sqrt T) pieces are the fewest (nopeproof.theory.widths).

In the paper's block the row holds 1/t already and there are no biases: the first unit is relu(line_1 - 1/t), 0 at t = 1,
where the row is 1 and right; each further unit is the next line minus the one before. T = 24: 4 units in place of 12.
"""

from nopeproof.circuit import Block, Circuit, Embedding
from nopeproof.claims import Claim, Fails, Scope, Unchanged, Within, after_attention, after_ffn
from nopeproof.parts import clock_rounding, uniform_head
from nopeproof.residual import Residual

uses = ["absolute-position"]
SOURCE = "kazemnejad2023, Thm 1 (App. C.1), the step from 1/t to t, rounded"
R = Residual(one=1, bos=1, pos=1)


def clock(T):
    """The circuit with floor(sqrt T) hidden units."""
    mlp = clock_rounding(R.one, R.pos, T)
    return Circuit(
        R,
        Embedding({"<bos>": R.one + R.bos, "a": R.one}),
        blocks=[Block(heads=[uniform_head([R.bos], [R.pos], name="position")], mlp=mlp)],
        bos="<bos>",
        name=f"{len(mlp.units)} units",
    )


def grown(T):
    """The claim for another length."""
    return Claim("rounds", clock(T), within, Scope(t_max=T, vocabulary="given"), SOURCE)


four = clock(24)
within = Within(after_ffn(1), R.pos, "t")
given = Scope(vocabulary="given")
claims = [
    Claim("rounds", four, within, Scope(t_max=24, vocabulary="given"), SOURCE, note="T = 24 with 4 hidden units"),
    Claim("runs-out", four, Fails(within), given, SOURCE, note="at T = 25 = 5^2 a fifth unit is due"),
    Claim("three", clock(15), within, Scope(t_max=15, vocabulary="given"), SOURCE, note="T = 15 with 3"),
    Claim("frame", four, Unchanged(after_attention(1), after_ffn(1), [R.one, R.bos]), given, SOURCE),
]
