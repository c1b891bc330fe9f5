"""Copy and reverse as complete circuits, from tokens to the next-token read-out: BOS w | w and BOS w | w backwards.

Three layers, no positional encoding, all exact up to the last softmax.
  1  uniform heads give 1/t and [| seen]/t. The FFN writes t and t^2 (position-tables) and the flag
     after = [| seen so far] = relu(T s) - relu(T s - 1), s = [| seen]/t, as s is 0 or at least 1/T.
  2  a uniform head gives n/t, n the number of positions from | on. The FFN counts them exactly, n = sum_k [n >= k] with
     [n >= k] = relu(1 + T (n - k)/t) - relu(T (n - k)/t), as in bounded-parity.
  3  the quadratic look-up of layer-one-heads at the target: ln 400 (2 target i - i^2), target = n + 1 for copy (from | on, the
     next token to say is at positions 2, 3, ...) and t + 1 - 2 n for reverse (from | backwards). It reads the token.
The target's weight w is more than (B - 1)/(B + 1) (see there), so the right token leads by 2 w - 1 > (B - 3)/(B + 1), and B = 400
is the least whole number for which that is more than 99/100, whatever the length. What grows with T is the width, 5 (T - 1) or so.
Constant-width weights would have to compare contents, not positions.
"""

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Unit, Units
from nopeproof.claims import Claim, Fails, Scope, Unchanged, after_attention, after_ffn
from nopeproof.parts import counter, look_up, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.algorithms import Number, answers, reads

uses = ["position-tables", "look-up"]
SOURCE = "cookbook2025, look-up; kazemnejad2023, Sec. 4 for copy and reverse as tasks"
R = Residual(one=1, bos=1, sep=1, token=2, recip=1, seen=1, pos=1, square=1, after=1, share=1, n=1, out=2)
each_T = Scope(order="forall T exists weights", t_max="T", vocabulary="given")

layer_1 = Block(
    heads=[uniform_head([R.bos, R.sep], [R.recip, R.seen], name="1/t and [| seen]/t")],
    mlp=MLP(
        [
            Unit(read=R.one, write=R.pos + R.square),
            Units(read=R.one - "k" * R.recip, write=2 * R.pos + "6*k" * R.square, first="1", last="T - 1"),
            Unit(read="T" * R.seen, write=R.after),
            Unit(read="T" * R.seen - R.one, write=-R.after),
        ]
    ),
)
layer_2 = Block(heads=[uniform_head([R.after], [R.share], name="n/t")], mlp=MLP(counter(R.one, R.share, R.recip, R.n)))


def task(name, target, base=400):
    """The stack with a look-up at `target`, written in the stream's coordinates."""
    head = look_up(target, R.one, R.pos, R.square, base, W_V=list(R.token), W_O=list(R.out))
    return Family(
        Circuit(
            R,
            Embedding({"<bos>": R.one + R.bos, "a": R.one + R.token[0], "b": R.one + R.token[1], "|": R.one + R.sep}),
            blocks=[layer_1, layer_2, Block(heads=[head])],
            bos="<bos>",
            unembedding={"a": R.out[0], "b": R.out[1]},
            name=name,
        ),
        T_min=2,
    )


copy, reverse = task("copy", R.n + R.one), task("reverse", R.pos + R.one - 2 * R.n)
softer = task("copy, B = 100", R.n + R.one, 100)


def says(how):
    """From the one | on, the next token of the answer leads by more than 99/100, whatever has been said so far."""
    return answers("from | on, the next token of the answer leads by more than 99/100", "|", how, "99/100")


claims = [
    Claim("counts", copy, reads("n = positions from | on", after_ffn(2), R.n, "n", n=Number(mark="|")), each_T, SOURCE),
    Claim("copies", copy, says("copied"), each_T, SOURCE),
    Claim("reverses", reverse, says("reversed"), each_T, SOURCE),
    Claim("softer", softer, Fails(says("copied")), each_T, SOURCE, note="B = 100 leaks more than that"),
    Claim("frame", copy, Unchanged(after_attention(1), after_ffn(2), [R.one, R.bos, R.sep, R.token]), each_T, SOURCE),
]
