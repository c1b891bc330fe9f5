"""T5's bias does not fit into a head: with d_head = 64 no NoPE head expresses any T5 table on 178 positions, nor a drawn one on 130.

T5 adds a number for each bucket of the distance: 32 buckets, the last from distance D = 113 on. To have it from <q_t, k_i>, up to
a term in t, takes a head whose dimension grows with T. Elementary: the bias changes from D - 1 to D and never after, so among
the differences those at t - i = D stand on the diagonal of a triangle of T - D rows. Rank T - D, so d_head >= T - 113 for every table
whose last two buckets differ: 64 dimensions are too few from T = 178 on. A drawn table, all neighbours different, is beyond them
from T = 130 on, and has dimension 143 at T = 256 (bias-dimensions).

So "NoPE learns something like T5's bias" can be true only approximately, or at bounded length: exact weights at T = 256 exist.
Ablation: if the last two buckets share a value the bound falls to the previous change, and a table constant throughout has rank 0.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.bias_claims import rank_is, t5_drawn_table, t5_every_table

kind = "impossibility"
uses = ["bias-dimensions"]
SOURCE = "raffel2020 for the buckets; kazemnejad2023, Sec. 5.2 for the resemblance; massey1969 for the rank"
EVERY = Scope(order="forall weights forall T", words="any")


def heads(T):
    """All heads of 64 dimensions on T positions."""
    about = "q_t and k_i are any functions of position; content constant"
    return ModelClass(f"heads of 64 dimensions on {T} positions", sizes={"T": T, "d_head": 64}, about=about)


claims = [
    Claim("every-table", heads(178), Shown("no q, k give a T5 bias whose last two buckets differ", t5_every_table), EVERY, SOURCE),
    Claim(
        "drawn-table",
        heads(130),
        Shown("none give the T5 bias drawn from seed 0, on one position fewer some do", t5_drawn_table),
        EVERY,
        SOURCE,
    ),
    Claim(
        "long",
        heads(1024),
        Shown("the least d_head of the T5 bias drawn from seed 0 is 911 on 1024 positions", rank_is("t5", 911)),
        EVERY,
        SOURCE,
    ),
]
