"""Without the causal mask NoPE knows no order: equal tokens have equal states, and the clock of Theorem 1 stops at 1/T.

Unmasked attention is permutation equivariant: softmax(P Q (P K)^T) P V = P softmax(Q K^T) V for every permutation matrix
P, and norms and FFNs act on each position by itself. Swapping two equal tokens leaves the word as it is, so their states
are equal in every layer; in particular no position can be read off. The causal mask commutes with the identity alone.
The head of Theorem 1 averages its BOS flag over all T keys: it gives 1/T everywhere, the length and not the position.
"""

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head, Unit
from nopeproof.claims import Claim, Equals, Fails, Scope, Shown, after_attention
from nopeproof.laws import EqualStates
from nopeproof.models import ModelClass
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.collapse import permutation_equivariance

kind = "impossibility"
uses = ["absolute-position"]
SOURCE = "haviv2022, Sec. 6 (order from the causal mask); irie2025 for attention as a set operation"
R = Residual(one=1, bos=1, recip=1, content=2)
tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one + R.content[0], "b": R.one + 2 * R.content[1]})
sharp = Head(
    W_Q=[R.one + R.content[0]],
    W_K=[R.content[1] - R.bos + R.one],
    W_V=[R.content[0] + 3 * R.content[1], R.bos + R.one],
    W_O=[R.content[0], R.content[1]],
    name="any scores",
)
blocks = [
    Block(heads=[uniform_head([R.bos], [R.recip], name="position"), sharp], mlp=MLP([Unit(read=R.content[0] - R.one, write=R.content[1])]))
]


def circuit(mask):
    """The same weights under a mask."""
    return Circuit(R, tokens, blocks=blocks, bos="<bos>", mask=mask, name=f"mask {mask}")


open_mask, causal = circuit("none"), circuit("causal")
words = Scope(vocabulary="given")
symmetric = EqualStates(by_token=True)

every_model = ModelClass("every NoPE model without a mask", mask="none")
moved = Shown("a permutation of the tokens permutes the states, in every layer", permutation_equivariance)

claims = [
    Claim("equivariant", every_model, moved, Scope(order="forall weights forall T", words="any"), "tsai2019, Sec. 3; irie2025"),
    Claim("equal-tokens", open_mask, symmetric, words, SOURCE),
    Claim("length-only", open_mask, Equals(after_attention(1), R.recip, "1/T"), words, SOURCE, note="T is the length of the word"),
    Claim("no-clock", open_mask, Fails(Equals(after_attention(1), R.recip, "1/t")), words, SOURCE),
    Claim(
        "causal-clock",
        causal,
        Equals(after_attention(1), R.recip, "1/t"),
        words,
        SOURCE,
        note="the same weights with the mask",
    ),
    Claim("causal-order", causal, Fails(symmetric), words, SOURCE, note="the mask alone breaks the symmetry"),
]
