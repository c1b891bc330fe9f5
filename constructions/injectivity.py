"""Injective decoders need a BOS or an absolute position: without either the prompts a and a a have the same last state.

"Transformer language models are injective", as an abstract states it of prompts and hidden states, cannot hold of the last state
of every decoder. With softmax attention, a causal mask and positions in the scores alone (NoPE, ALiBi, T5, Rotary) constant
prompts of any two lengths end in the same state, whatever the weights, so not for a null set of them: `collision`. Only the
number of states tells the prompts apart. (Whether the theorem assumes an absolute encoding we have not read; its abstract
names none.)

Corrected: with one BOS two layers are enough for all prompts to end in different states (`with-bos`, by a decoder that reads the
prompt back), for suitable weights; with an encoding added to the stream the argument for the collision is refused.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.collapse import constant_words
from nopeproof.theory.telling_apart import told_apart

kind = "correction"
uses = ["no-bos-collapse", "prefix-colours"]
SOURCE = "nikolaou2025, abstract"
no_bos = ModelClass("decoders without BOS, positions in the scores", positions=("nope", "alibi", "t5", "rotary"))
with_bos = ModelClass("two NoPE layers with BOS", depth=2, bos=True)
collide = Shown("a and a a, and all longer constant prompts, end in the same state", constant_words)
apart = Shown("any two prompts end in different states in some member", told_apart(constant_too=True))

claims = [
    Claim("collision", no_bos, collide, Scope(order="forall weights forall T", words="any"), SOURCE),
    Claim("with-bos", with_bos, apart, Scope(order="forall T exists weights", t_max="T"), SOURCE),
]
