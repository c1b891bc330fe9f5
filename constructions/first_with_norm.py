"""FIRST with a margin that does not shrink: a norm without epsilon lifts 1/t to 1, and an epsilon above 0 sets a horizon.

In first-token the answer is hit/t: right at every length, with a margin of 1/t. A norm undoes the division, if nothing else is left
in the stream. Layer 2 codes the first token after BOS as a sign, hit = [t = 2 and x = a] and miss = [t = 2 and x != a]. Layer 3 averages

    lead = ([BOS] + 2 hit - 2 miss)/t = 3/t, -1/t, or 1/t at BOS itself,

and its FFN clears everything else (each row is at least 0, so relu(x) = x, and minus that is written). Behind an RMSNorm the stream is
then lead/|lead| in one row, of length sqrt(d_model): a sign, and relu of it is the answer, 1 or 0, at every t, with one set of weights.
Cross-entropy can so be made as small as one likes at every length, which bounded scores alone cannot do (influence).

It rests on epsilon = 0. With epsilon > 0 the norm only divides by what is larger than its root: here the answer has fallen below
1/2 at t = 6 for epsilon = 1/10 (`epsilon`), and for any epsilon at some t, as lead^2 falls like 1/t^2.
"""

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Norm, Unit
from nopeproof.claims import Claim, Equals, Fails, Scope, after_attention, after_ffn
from nopeproof.laws import Case, Law
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual

SOURCE = "chiang2022, FIRST and layer norm; the circuit is this project's"
uses = ["first-token"]
R = Residual(one=1, bos=1, kind=1, recip=1, second=1, hit=1, miss=1, lead=1, answer=1, spare=7)
SIZE = 4  # the square root of d_model

clear = MLP([Unit(read=row, write=-1 * row) for row in (R.one, R.bos, R.kind, R.recip, R.second, R.hit, R.miss)])
read_sign = MLP([Unit(read=R.lead, write="1/4" * R.answer)])


def circuit(epsilon, name):
    """Four layers; the last FFN stands behind an RMSNorm."""
    return Circuit(
        R,
        Embedding({"<bos>": R.one + R.bos, "a": R.one + R.kind, "b": R.one}),
        blocks=[
            Block(
                [uniform_head([R.bos], [R.recip], name="1/t")],
                MLP([Unit(read=6 * R.recip - 2 * R.one, write=R.second), Unit(read=2 * R.recip - R.one, write=-4 * R.second)]),
            ),
            Block(mlp=MLP([Unit(read=R.second + R.kind - R.one, write=R.hit), Unit(read=R.second - R.kind, write=R.miss)])),
            Block([uniform_head([R.bos + 2 * R.hit - 2 * R.miss], [R.lead], name="lead")], clear),
            Block(mlp=read_sign, norm_ffn=Norm("rmsnorm", epsilon)),
        ],
        bos="<bos>",
        name=name,
    )


exact, soft = circuit(0, "epsilon = 0"), circuit("1/10", "epsilon = 1/10")

a, b = {2: "a"}, {2: "b"}  # the token after BOS
lead = Law(
    cases=[Case("lead", "1", last=1), Case("lead", "3/t", first=2, tokens=a), Case("lead", "-1/t", first=2, tokens=b)],
    reads={"lead": (after_attention(3), R.lead)},
)
answer = {"answer": (after_ffn(4), R.answer)}
answers = Law(cases=[Case("answer", "1", first=2, tokens=a), Case("answer", "0", first=2, tokens=b)], reads=answer)
half = Law(cases=[Case("answer", "1/2", first=2, tokens=a, relation=">=")], reads=answer)

every = Scope(vocabulary="given")
claims = [
    Claim("lead", exact, lead, every, SOURCE),
    Claim("cleared", exact, Equals(after_ffn(3), R.one, "0"), every, SOURCE),
    Claim("answers", exact, answers, every, SOURCE),
    Claim("half", exact, half, every, SOURCE),
    Claim("epsilon", soft, Fails(half), every, SOURCE, note="at t = 6"),
]
