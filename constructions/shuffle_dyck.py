"""Balanced brackets of several kinds, freely interleaved: two uniform layers recognise Shuffle-Dyck, with one set of weights.

Kinds ( ) and [ ], each balanced by itself: ( [ ) ] is accepted, ) ( is not. No BOS, no positions, no temperature.
  1  uniform heads average +1 for an opening and -1 for a closing bracket of each kind: depth/t, in d0 and d1.
     The FFN writes the negative parts relu(-d0) and relu(-d1), above 0 exactly where a prefix has closed too much.
  2  a uniform head averages their sum over all prefixes: `under` is 0 iff no prefix ever went below 0.
A word is balanced iff at its end d0 = d1 = 0 and under = 0. All of it is exact for every length; what shrinks is the margin:
|d| >= 1/t and under >= 1/t^2 where they are not 0, so rounding sets a limit, and an FFN that turns them into a yes or no
needs slopes that grow with the length. Without the causal mask prefixes cannot be told apart: ) ( looks like ( ).
"""

from dataclasses import replace

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Unit
from nopeproof.claims import Claim, Fails, Scope, Unchanged, after_attention, after_ffn
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.brackets import margins, recognises

SOURCE = "bhattamishra2020, Shuffle-Dyck"
R = Residual(step=2, d=2, below=1, under=1)
KINDS = ("()", "[]")
circuit = Circuit(
    R,
    Embedding({token: (1 - 2 * closing) * R.step[n] for n, kind in enumerate(KINDS) for closing, token in enumerate(kind)}),
    blocks=[
        Block(heads=[uniform_head(list(R.step), list(R.d), name="depth/t")], mlp=MLP([Unit(read=-d, write=R.below) for d in R.d])),
        Block(heads=[uniform_head([R.below], [R.under], name="ever below")]),
    ],
    name="shuffle-dyck-2",
)
unmasked = replace(circuit, mask="none", name="without the mask")


statement = recognises("d = 0 and under = 0 exactly at the ends of balanced prefixes", KINDS)
every = Scope(words="any", vocabulary="given")
claims = [
    Claim("recognises", circuit, statement, every, SOURCE, note="weights do not depend on the length"),
    Claim("margins", circuit, margins("|d| >= 1/t and under >= 1/t^2, or 0", KINDS), every, SOURCE),
    Claim("frame", circuit, Unchanged(after_attention(1), after_ffn(2), [R.step, R.d]), every, SOURCE),
    Claim("needs-the-mask", unmasked, Fails(statement), every, SOURCE),
]
