"""A strict mask is a free BOS: position 1 sees nothing, and that marks it.

Under the mask i < t the attention of position 1 is a sum over no keys, 0 by convention, and a head that averages the
constant 1 gives 0 there and 1 everywhere else. So layer 1 writes the flag [t = 1] without any BOS; a uniform head in
layer 2 averages it over the t - 1 earlier keys to 1/(t - 1) for t >= 2, and its FFN turns that into t:

    t = 1 + [t > 1] + sum_{j=1}^{T-2} relu(2 - 2j/(t-1) - 2 [t = 1])          (t - 1 = 1 + sum ..., from position-tables)

Constant words are no exception, unlike under the causal mask (see no-bos-collapse).
"""

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Unit, Units
from nopeproof.claims import Claim, Equals, Fails, Scope, after_attention, after_ffn
from nopeproof.laws import Case, Law
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual

uses = ["absolute-position"]
SOURCE = "yang2024, strict future masking; merrill2024, footnote 8, for the cost of one layer"
R = Residual(one=1, seen=1, first=1, recip=1, pos=1, content=1)
stack = Family(
    Circuit(
        R,
        Embedding({"a": R.one + R.content, "b": R.one.vector}),
        blocks=[
            Block(heads=[uniform_head([R.one], [R.seen], name="sees anything")], mlp=MLP([Unit(read=R.one - R.seen, write=R.first)])),
            Block(
                heads=[uniform_head([R.first], [R.recip], name="1/(t-1)")],
                mlp=MLP(
                    [
                        Unit(read=R.one, write=R.pos),
                        Unit(read=R.seen, write=R.pos),
                        Units(read=R.one - "k" * R.recip - R.first, write=2 * R.pos, first="1", last="T - 2"),
                    ]
                ),
            ),
        ],
        mask="strict",
        name="strict",
    ),
    T_min=2,
)
causal = Circuit(R, stack.symbolic.embedding, blocks=stack.symbolic.blocks[:1], name="the same weights, causal mask")
each_T = Scope(order="forall T exists weights", words="any", vocabulary="given", t_max="T")

marks_first = Law(cases=[Case("first", "1", last=1), Case("first", "0", first=2)], reads={"first": (after_ffn(1), R.first)})
recip = Law(cases=[Case("x", "0", last=1), Case("x", "1/(t - 1)", first=2)], reads={"x": (after_attention(2), R.recip)})
claims = [
    Claim("marks-first", stack, marks_first, each_T, SOURCE),
    Claim("recip", stack, recip, each_T, SOURCE),
    Claim("position", stack, Equals(after_ffn(2), R.pos, "t"), each_T, SOURCE),
    Claim("causal-sees-itself", causal, Equals(after_attention(1), R.seen, "1"), Scope(words="any", vocabulary="given"), SOURCE),
    Claim(
        "causal-no-mark",
        causal,
        Fails(marks_first),
        Scope(words="any", vocabulary="given"),
        SOURCE,
        note="what the strict mask adds",
    ),
]
