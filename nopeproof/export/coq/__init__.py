"""A claim and its circuit as a Coq file, and coqc as a second kernel that shares no code and no proof with the first.

`Model.v` says what a Transformer computes and what a claim means; a generated file holds one circuit's own weights and one
claim about them as a theorem. The other files prove, once, that a checker written in Coq accepts only what holds; a generated
proof is one run of that checker, so its whole content is `check subject the_hints ... = true`, computed by Coq itself. No
axiom is used: the numbers are those of any ordered field with an exponential (`Real.v` shows that the reals are one).
"""

from __future__ import annotations

from nopeproof.export.coq.coqc import Checked, available, check, version
from nopeproof.export.coq.export import Outside, decide, evidence, second, text, write
from nopeproof.export.coq.spell import identifier

__all__ = ["Checked", "Outside", "available", "check", "decide", "evidence", "identifier", "second", "text", "version", "write"]
