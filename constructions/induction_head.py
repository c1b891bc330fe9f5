"""The induction head: what came after the last earlier occurrence of this token, with the exact condition on its match score.

  1  layer 1 writes t and t^2 (position-tables).
  2  the look-up of look-up at t - 1 reads the previous token, soft; its FFN makes it exact, relu(4 x - 2) - relu(4 x - 3), as a soft
     entry is below 1/100 or above 99/100. Each key then carries its own token and the one before.
  3  query x_t, key (the token before i, i):   score = M [x_(i-1) = x_t] + s i,   value x_i.

The match makes the head find occurrences of x_t, the key-only slope s i the last of them. Both are needed and they compete: a match
at i must beat every later key j without one, M > s (j - i). The first possible match is i = 3, so up to length T

    the head is right for every word    iff    M > s (T - 3).

At M = s (T - 3) there is a tie, on BOS x y z z ... x. With s = ln B and M = (T - 2) ln B each rival has at most B^-1, B^-2, ... of the
weight, twice over, so the right token leads by more than (B - 3)/(B + 1), more than 97/100 for B = 200, at every length. Trained
induction heads that lean on recency fail on long words for the same reason: M is fixed and T grows (`fixed-match`).
"""

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Unit
from nopeproof.claims import Claim, Fails, Scope, Unchanged, after_attention, after_ffn
from nopeproof.parts import clock_powers, look_up, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.algorithms import Previous, reads
from nopeproof.theory.induction import completes

SOURCE = "olsson2022, induction heads; cookbook2025, look-up; the condition is this project's"
BASE = 200
R = Residual(one=1, bos=1, token=2, recip=1, pos=1, square=1, seen=2, prev=2, out=2)
uses = ["look-up", "position-tables"]

clock = Block([uniform_head([R.bos], [R.recip], name="1/t")], clock_powers(R.one, R.recip, R.pos, R.square))
sharpen = MLP(
    [
        unit
        for seen, prev in zip(R.seen, R.prev, strict=True)
        for unit in (Unit(read=4 * seen - 2 * R.one, write=prev), Unit(read=4 * seen - 3 * R.one, write=-1 * prev))
    ]
)
back = look_up(R.pos - R.one, R.one, R.pos, R.square, BASE, W_V=list(R.token), W_O=list(R.seen), name="previous token")


def induction(match, name):
    """The stack with M = match times ln B and s = ln B."""
    queries = [*(f"ln({BASE})*({match})" * x for x in R.token), f"ln({BASE})" * R.one]
    head = Head(W_Q=queries, W_K=[*R.prev, R.pos], W_V=list(R.token), W_O=list(R.out), name="induction")
    return Family(
        Circuit(
            R,
            Embedding({"<bos>": R.one + R.bos, "a": R.one + R.token[0], "b": R.one + R.token[1]}),
            blocks=[clock, Block([back], sharpen), Block([head])],
            bos="<bos>",
            unembedding={"a": R.out[0], "b": R.out[1]},
            name=name,
        ),
        T_min=3,
    )


enough, short, fixed = induction("T - 2", "M = (T-2) s"), induction("T - 3", "M = (T-3) s"), induction("2", "M = 2 s")


def before(n, x):
    """`prev` is the one-hot code of the previous token, exactly; 0 after BOS."""
    return reads(f"prev[{n}] = [the previous token is {x}]", after_ffn(2), R.prev[n], "p", p=Previous(x))


rule = completes("the token after the last earlier occurrence of this one leads by more than 97/100", 3, 0, "97/100")
each_T = Scope(order="forall T exists weights", t_max="T", vocabulary="given")
claims = [
    *(Claim(f"previous-{x}", enough, before(n, x), each_T, SOURCE) for n, x in enumerate("ab")),
    Claim("completes", enough, rule, each_T, SOURCE),
    Claim("threshold", short, Fails(rule), each_T, SOURCE, note="M = (T - 3) s: a tie"),
    Claim("fixed-match", fixed, Fails(rule), each_T, SOURCE, note="M = 2 s whatever the length"),
    Claim("frame", enough, Unchanged(after_attention(1), after_ffn(3), [R.one, R.bos, R.token]), each_T, SOURCE),
]
