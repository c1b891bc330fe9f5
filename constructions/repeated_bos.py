"""If BOS recurs, the clock of Theorem 1 counts it: the head gives m/t, m the number of BOS tokens among the first t.

The proof averages the BOS flag over t keys. It is 1/t only if exactly one key carries the flag; with m of them it is m/t.
So packed documents, or a prompt of m soft tokens with the flag, slow the clock down by a factor m: t/m is still recovered
where m is known. `one-bos` is the statement with its hypothesis, for every length; `counts` the corrected form.
"""

from nopeproof.circuit import Block, Circuit, Embedding
from nopeproof.claims import Claim, Equals, Fails, Scope, after_attention
from nopeproof.laws import Case, Law
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual

uses = ["absolute-position"]
SOURCE = "kazemnejad2023, Thm 1 (App. C.1), hypothesis: one BOS, at position 1"
R = Residual(one=1, bos=1, recip=1)
clock = Circuit(
    R,
    Embedding({"<bos>": R.one + R.bos, "a": R.one}),
    blocks=[Block(heads=[uniform_head([R.bos], [R.recip], name="position")])],
    bos="<bos>",
    name="clock",
)
any_word = Scope(words="any", vocabulary="given")

recip = (after_attention(1), R.recip)
counts = Law(cases=[Case("recip", "m/t")], reads={"recip": recip}, counts={"m": "<bos>"})

claims = [
    Claim("one-bos", clock, Equals(*recip, "1/t"), Scope(vocabulary="given"), SOURCE),
    Claim("repeated", clock, Fails(Equals(*recip, "1/t")), any_word, SOURCE, note="smallest counterexample: BOS BOS"),
    Claim("counts", clock, counts, any_word, SOURCE),
]
