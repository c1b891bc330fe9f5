"""Classes of models as data: what an impossibility or an exact characterisation speaks of.

A circuit is one set of weights. "No NoPE model of two layers tells these words apart" speaks of all of them, so its subject
is a `ModelClass`: every convention that the result depends on is a field, and a prover (in `nopeproof.theory`) reads its
hypotheses off these fields. Change a field and the prover has to prove the claim anew, or refuse.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from nopeproof.errors import NopeproofError

Mask = Literal["causal", "strict", "none", "window"]
Attention = Literal["softmax", "softmax+1", "linear", "any"]
ANY_FFN = "any function of one position's state"
MASKS = {
    "causal": "key i is visible from t iff i <= t",
    "strict": "key i is visible from t iff i < t; the empty sum is 0",
    "none": "every key is visible",
    "window": "key i is visible from t iff t - window < i <= t",
}
ATTENTION = {
    "softmax": "softmax attention: weights e^s / (sum of e^s)",
    "softmax+1": "attention weights e^s / (1 + sum of e^s)",
    "linear": "attention weights e^s, not normalised",
    "any": "any attention",
}


@dataclass(frozen=True)
class ModelClass:
    """All models with these conventions, whatever their weights, widths and heads. Tuples list alternatives: all are meant.

    depth: the number of layers, None for every depth. positions: specs of `nopeproof.positions`. sizes: whole numbers the
    class fixes, by name (window, width, d_head, T, ...). arithmetic: "real", or a float format. about: what else a member
    has, in words. Raises NopeproofError for an unknown mask or attention, a negative size, or a window without its size.
    """

    name: str
    depth: int | None = None
    mask: Mask = "causal"
    bos: bool = False
    positions: Sequence[str] = ("nope",)
    attention: Attention = "softmax"
    norms: Sequence[str] = ("none", "layernorm", "rmsnorm")
    ffn: str = ANY_FFN
    sizes: Mapping[str, int] = field(default_factory=dict)
    arithmetic: str = "real"
    about: str = ""

    def __post_init__(self) -> None:
        where = f"the class of models {self.name!r}"
        for what, value, known in (("mask", self.mask, MASKS), ("attention", self.attention, ATTENTION)):
            if value not in known:
                raise NopeproofError(f"{where}, its {what}", repr(value), "one of " + ", ".join(map(repr, known)))
        object.__setattr__(self, "positions", tuple(self.positions))
        object.__setattr__(self, "norms", tuple(self.norms))
        if not self.positions or not self.norms:
            raise NopeproofError(where, "no alternative for its positions or its norms", "'nope', or 'none', where there is none")
        numbers = {**self.sizes, **({} if self.depth is None else {"depth": self.depth})}
        bad = next((n for n, x in numbers.items() if isinstance(x, bool) or not isinstance(x, int) or x < 0), None)
        if bad:
            raise NopeproofError(f"{where}, its {bad}", repr(numbers[bad]), "a whole number, 0 or more")
        if self.mask == "window" and not self.sizes.get("window"):
            raise NopeproofError(where, "a windowed mask without a width", "sizes={'window': 4}")

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the definition, name and prose apart; stands where a circuit has the hash of its weights."""
        data = {k: v for k, v in self.as_json().items() if k not in ("name", "about")}
        return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def as_json(self) -> dict:
        """Plain data."""
        return {**vars(self), "positions": list(self.positions), "norms": list(self.norms), "sizes": dict(self.sizes)}

    def hypotheses(self) -> list[str]:
        """What is assumed of a member, one line each."""
        lines = ["every depth" if self.depth is None else f"{self.depth} layer{'' if self.depth == 1 else 's'}"]
        lines += [f"mask {self.mask}: {MASKS[self.mask]}", "one BOS, at t = 1" if self.bos else "no BOS"]
        lines += [f"positions: {' | '.join(self.positions)}", ATTENTION[self.attention], f"norms: {' | '.join(self.norms)}"]
        lines += [f"FFN: {self.ffn}", *(f"{name} = {size}" for name, size in self.sizes.items())]
        return [*lines, f"{self.arithmetic} arithmetic", *([self.about] if self.about else [])]

    def __str__(self) -> str:
        return f"{self.name}: {'; '.join(self.hypotheses())}"
