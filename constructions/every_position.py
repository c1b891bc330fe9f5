"""An objection answered: "only BOS's position is recovered, for only its embedding has an entry in the position rows".

Raised against the proof of Theorem 1: rows 2 and 3 are zero in every token but BOS, so how should other tokens come to know
where they stand? Through the average. At every query t the head averages the BOS flag over the t keys that t can see, among
which BOS is one: each position receives 1/t, whatever its own token. `every-token`: the row is 1/t at every t, for every
vocabulary and every W_Q, proved from the weights. `only-bos`, the objection as a claim, says the row stays 0 from t = 2 on; it
fails at once, at t = 2, where the row is 1/2. The value stays readable afterwards because the residual stream keeps it.

The objection would be right of a bidirectional model (every position gets 1/T, no-mask-no-position) and of a word without BOS.
"""

from nopeproof.circuit import Block, Circuit, Embedding, Head
from nopeproof.claims import Claim, Equals, Fails, Holds, Scope, after_attention, embedding
from nopeproof.residual import Residual

kind = "correction"
uses = ["absolute-position", "no-mask-no-position"]
SOURCE = "kazemnejad2023, Thm 1 (App. C.1), eqs. 13 to 20; an objection raised to its proof in the authors' repository"
R = Residual(one=1, bos=1, position=1, content=2)
any_query = sum((s.free(f"q_{s.name}_") for s in R), R.zero)
head = Head(W_Q=[any_query], W_K=[R.one], W_V=[R.bos], W_O=[R.position], name="position")
tokens = Embedding({"<bos>": R.one + R.bos}, other=R.one + R.content.free("x"))
layer = Circuit(R, tokens, [Block([head])], bos="<bos>", name="Theorem 1, its head")


def only_bos_knows(trace):
    """The position row is 0 at every t from 2 on."""
    return not any(trace.at(after_attention(1), R.position)[1:])


claims = [
    Claim("embedded-zero", layer, Equals(embedding(), R.position, "0"), Scope(), SOURCE, note="true: no token brings its position"),
    Claim("every-token", layer, Equals(after_attention(1), R.position, "1/t"), Scope(), SOURCE, note="and still each gets its position"),
    Claim("only-bos", layer, Fails(Holds("the row is 0 from t = 2 on", only_bos_knows)), Scope(), SOURCE, note="the objection"),
]
