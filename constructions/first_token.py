"""The first token, remembered for ever: NoPE with BOS knows x_2 at every later position, with one set of weights for all T.

FIRST asks whether the first token after BOS is an a. The head of Theorem 1 gives 1/t, and two hidden units of fixed size
single out t = 2, as 1/t leaves gaps there (1, 1/2, then at most 1/3):

    [t = 2] = relu(6/t - 2) - 4 relu(2/t - 1).

Three units give [t = 2 and x_t = a], since x is 0 or 1: relu([t = 2] + x - 1), spread over a second layer's FFN as here. A
uniform head then averages it: hit/t, where hit is what FIRST asks. Exact for every length, but the margin is 1/t: bounded
scores let a single key count for no more than that, which is why a trained FIRST fails on longer words unless scores grow
with the length. Without BOS nothing marks the beginning: see no-bos-collapse.
"""

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Unit
from nopeproof.claims import Claim, Fails, Holds, Scope, Unchanged, after_attention, after_ffn
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.algorithms import Number, reads

uses = ["absolute-position"]
SOURCE = "chiang2022, FIRST; the units are this project's"
R = Residual(one=1, bos=1, kind=1, recip=1, second=1, hit=1, first=1)
circuit = Circuit(
    R,
    Embedding({"<bos>": R.one + R.bos, "a": R.one + R.kind, "b": R.one}),
    blocks=[
        Block(
            heads=[uniform_head([R.bos], [R.recip], name="1/t")],
            mlp=MLP([Unit(read=6 * R.recip - 2 * R.one, write=R.second), Unit(read=2 * R.recip - R.one, write=-4 * R.second)]),
        ),
        Block(mlp=MLP([Unit(read=R.second + R.kind - R.one, write=R.hit)])),
        Block(heads=[uniform_head([R.hit], [R.first], name="hit/t")]),
    ],
    bos="<bos>",
    name="first",
)
given = Scope(vocabulary="given")

marks = reads("second = 1 at t = 2 and 0 elsewhere", after_ffn(1), R.second, "s", s=Number(at=2, here=True))
remembers = reads("first = [the token after BOS is an a]/t", after_ffn(3), R.first, "hit/t", hit=Number(("a",), at=2))
claims = [
    Claim("marks", circuit, marks, given, SOURCE),
    Claim("remembers", circuit, remembers, given, SOURCE),
    Claim("margin-shrinks", circuit, Fails(Holds("first is 0 or at least 1/3", lambda trace: remembers_by(trace, 3))), given, SOURCE),
    Claim("frame", circuit, Unchanged(after_attention(1), after_ffn(3), [R.one, R.bos, R.kind, R.recip]), given, SOURCE),
]


def remembers_by(trace, n):
    """`first` is 0 or at least 1/n."""
    return all(x == 0 or n * x >= 1 for x in trace.at(after_ffn(3), "first"))
