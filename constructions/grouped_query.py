"""Grouped-query attention: all of NoPE's position heads share one key and one value.

In grouped-query attention several heads have a W_Q and a W_O of their own but one W_K and one W_V, to keep the cache small. A
relative bias of NoPE needs no more: the key is the position itself, and the slope is the query's.

    ALiBi with slopes m_1, ..., m_H      k_i = i,  q = m_h: score m_h i, any H slopes from one shared key of dimension 1
    sinks with BOS scores n ln 2         k = ln 2 [BOS], q = n, v = [not BOS]: shares s/(2^n + s), one for each query

The second line is the clock of sink-clock for several B at once, and the partial fractions of cauchy-clock from one key and one
value: below, three query heads with B = 2, 4, 8 write s = t - 1 exactly for t <= 4. So grouped queries cost position nothing:
`one-key` counts the different pairs (W_K, W_V), which is what a cache has to hold.
"""

from fractions import Fraction

from nopeproof.circuit import Block, Circuit, Embedding, Family
from nopeproof.claims import Claim, Equals, Fails, Scope, ScoreIs, Unchanged, after_attention, after_ffn
from nopeproof.parts import cauchy_gains, clock_minimal, grouped_heads, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.of_weights import of_weights

SOURCE = "ainslie2023, grouped queries; press2022, eq. 1; the shared sinks are this project's"
R = Residual(one=1, bos=1, pos=1, content=2)
SLOPES = (Fraction(1, 2), Fraction(1, 256))  # the first and the last of eight
each_T = Scope(order="forall T exists weights", t_max="T")
uses = ["alibi", "sink-clock", "cauchy-clock"]

group = grouped_heads([[m * R.one] for m in SLOPES], [R.pos], [R.content[0]], *([R.content.free(f"o{n}")] for n, _ in enumerate(SLOPES)))
alibi = Family(
    Circuit(
        R,
        Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x")),
        blocks=[
            Block([uniform_head([R.bos], [R.pos], name="1/t")], clock_minimal(R.one, R.pos)),
            Block(group, shared=[R.content]),
        ],
        bos="<bos>",
        name="two slopes, one key",
    ),
    T_min=2,
)

P = Residual(one=1, bos=1, clock=1)
SHIFTS = (2, 4, 8)
gains = cauchy_gains(SHIFTS)
sinks = Circuit(
    P,
    Embedding({"<bos>": P.one + P.bos, "a": P.one, "b": P.one}),
    blocks=[
        Block(
            grouped_heads([[n * P.one] for n in (1, 2, 3)], ["ln(2)" * P.bos], [P.one - P.bos], *([c * P.clock] for c in gains)),
            shared=[P.clock],
        )
    ],
    bos="<bos>",
    name="three sinks, one key",
)


def one_key(circuit):
    """The last block has several heads, several W_Q, and one pair (W_K, W_V)."""
    block = circuit.blocks[-1]
    return block.kv_heads == 1 < len(block.heads) == len({h.W_Q for h in block.heads})


short = Scope(t_max=4, vocabulary="given")
claims = [Claim(f"slope-{n}", alibi, ScoreIs(2, n - 1, f"i/{m.denominator}"), each_T, SOURCE) for n, m in enumerate(SLOPES, 1)]
claims += [
    Claim("position-kept", alibi, Unchanged(after_ffn(1), after_ffn(2), [R.one, R.bos, R.pos]), each_T, SOURCE),
    Claim("exact-clock", sinks, Equals(after_attention(1), P.clock, "t - 1"), short, SOURCE, note="three queries, one key"),
    Claim("exact-clock-ends", sinks, Fails(Equals(after_attention(1), P.clock, "t - 1")), Scope(vocabulary="given"), SOURCE),
    Claim("one-key", sinks, of_weights("one W_K and one W_V serve several W_Q", one_key), Scope(words="any"), SOURCE),
]
