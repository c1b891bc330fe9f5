"""Long prefixes collapse, but not under every norm: w a and w a a come together like 1/n, unless a norm has no floor.

One layer. The last states of w a and w a a have the same query, and the second sees one key more, an a. With values bounded
by C and weights within a factor r the head's outputs differ by at most 2 C r/(n + r), n the length of w a (`head-collapse`).
Layers above keep the order 1/n if they are Lipschitz; so in any fixed format the two are one from some n on.

The published induction over layers (barbero2024, Thm B.3) passes through norms, and LayerNorm with epsilon = 0 is not
Lipschitz where the stream vanishes. Counterexample (`no-floor`): values -3/2 on BOS, 1 on a, 0 on z, averaged into x, the row
cleared, (x, -x) normed. With c a's so far x = (c - 3/2)/t: on BOS z ... z a and BOS z ... z a a the averages are -1/(2n) and
1/(2(n + 1)). Both go to 0, and the norm sees the sign alone: the row `sign` is -2 up to the first a and 2 from the second on, in every
word (`no-floor`: y^2 = 4 and y (2c - 3) >= 2). `together` says that the last two states differ by less than 4; it fails.

Corrected: with epsilon > 0 a norm has Lipschitz constant at most 1/sqrt(epsilon), so the collapse goes through (`with-floor`);
without one, a lower bound on what is normed has to be assumed.
"""

from fractions import Fraction

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Norm, Unit
from nopeproof.claims import Claim, Fails, Holds, Scope, Shown, after_ffn
from nopeproof.laws import Case, Law
from nopeproof.models import ModelClass
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.dilution import norm_floor, repeated_last

kind = "correction"
uses = ["influence"]
SOURCE = "barbero2024, Thm B.3 (the induction over layers)"
EVERY = Scope(order="forall weights forall T", words="any")
head = ModelClass("one bounded NoPE head", depth=1, about="values of norm <= C, weights within a factor r; n tokens in w a")
normed = ModelClass(
    "one bounded NoPE head and a norm", depth=1, norms=("layernorm", "rmsnorm"), about="epsilon > 0, added to the mean square"
)

R = Residual(value=1, up=1, down=1, sign=1, rest=4)  # eight rows, so that the root mean square of (x, -x, 0, ...) is |x|/2
tokens = {"<bos>": Fraction(-3, 2) * R.value, "a": R.value, "z": 0 * R.value}
clear = [Unit(read=R.value, write=-1 * R.value), Unit(read=-1 * R.value, write=R.value)]
signs = [Unit(read=R.up, write=R.sign), Unit(read=R.down, write=-1 * R.sign)]
blocks = [
    Block([uniform_head([R.value, R.value], [R.up, -1 * R.down])], MLP(clear)),
    Block(mlp=MLP(signs), norm_ffn=Norm("layernorm", 0)),
]
stack = Circuit(R, Embedding(tokens), blocks, bos="<bos>", name="a norm without a floor")


def ends(trace):
    """The rows `sign` at the last two positions of BOS z ... z a a; None for other words."""
    word = trace.word
    if len(word) < 3 or set(word[1:-2]) - {"z"} or word[-2:] != ("a", "a"):
        return None
    return tuple(trace.at(after_ffn(2), R.sign)[-2:])


def come_together(trace):
    """The distance is less than 4."""
    found = ends(trace)
    return found is None or found[1] - found[0] < 4


apart = Law(
    cases=[Case("y**2", "4"), Case("y*(2*c - 3)", "2", relation=">=")],
    reads={"y": (after_ffn(2), R.sign)},
    counts={"c": "a"},
)
claims = [
    Claim(
        "head-collapse", head, Shown("the head's outputs on w a and w a a differ by at most 2 C r/(n + r)", repeated_last), EVERY, SOURCE
    ),
    Claim("with-floor", normed, Shown("after the norm by at most 2 C r/((n + r) sqrt(epsilon))", norm_floor), EVERY, SOURCE),
    Claim("no-floor", stack, apart, Scope(vocabulary="given"), SOURCE, note="-2 while c <= 1, then 2"),
    Claim(
        "together", stack, Fails(Holds("on BOS z ... z a a they differ by less than 4", come_together)), Scope(vocabulary="given"), SOURCE
    ),
]
