"""The assumptions of a class of models, one at a time replaced: which of them does an impossibility need?

The prover runs again on the changed class. It proves the claim anew, refutes it with a witness, or declines and says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from nopeproof.checks.evaluate import Witness
from nopeproof.checks.without import Assumption
from nopeproof.claims import Claim, Shown, judge
from nopeproof.models import ModelClass

Drop = Callable[[Claim], Claim | None]
Result = Literal["needed", "not needed", "unsettled"]


def _changed(field: str, have: Any, new: Any) -> Drop:
    """A drop: the claim about the class with another value of a field; None where it has another already."""

    def drop(claim: Claim) -> Claim | None:
        models = claim.subject
        if not isinstance(models, ModelClass) or getattr(models, field) != have:
            return None
        scope = replace(claim.scope, words="any") if (field, new) == ("bos", False) else claim.scope
        return replace(claim, subject=replace(models, **{field: new}), scope=scope)

    return drop


def _depth(step: int) -> Drop:
    def drop(claim: Claim) -> Claim | None:
        models = claim.subject
        if not isinstance(models, ModelClass) or models.depth is None or models.depth + step < 1:
            return None
        return replace(claim, subject=replace(models, depth=models.depth + step))

    return drop


def _stream(claim: Claim) -> Claim | None:
    models = claim.subject
    return replace(claim, subject=replace(models, positions=("ape-sinusoidal",))) if isinstance(models, ModelClass) else None


ASSUMPTIONS = (
    Assumption("causal mask", "strict mask", _changed("mask", "causal", "strict")),
    Assumption("causal mask", "no mask", _changed("mask", "causal", "none")),
    Assumption("no mask", "causal mask", _changed("mask", "none", "causal")),
    Assumption("strict mask", "causal mask", _changed("mask", "strict", "causal")),
    Assumption("window", "the whole prefix visible", _changed("mask", "window", "causal")),
    Assumption("no BOS", "a BOS at t = 1", _changed("bos", False, True)),
    Assumption("BOS", "no BOS", _changed("bos", True, False)),
    Assumption("weights sum to 1", "softmax with 1 added below", _changed("attention", "softmax", "softmax+1")),
    Assumption("weights sum to 1", "weights not normalised", _changed("attention", "softmax", "linear")),
    Assumption("no positions", "ALiBi", _changed("positions", ("nope",), ("alibi",))),
    Assumption("no positions", "rotary positions", _changed("positions", ("nope",), ("rotary",))),
    Assumption("nothing in the stream", "sinusoids added to the stream", _stream),
    Assumption("depth", "one layer more", _depth(1)),
    Assumption("depth", "one layer fewer", _depth(-1)),
)


def settle(claim: Claim) -> tuple[Result, str, Witness | None]:
    """(result, by what or why not, the witness): the changed claim given to its prover."""
    assert isinstance(claim.statement, Shown)
    verdict = judge(claim, claim.statement.by(claim, False))
    by = next((e.reason or e.tool for e in verdict.evidence), "")
    if verdict.kind == "refuted":
        return "needed", "a witness against the changed class", dict(verdict.witness or {})
    return ("not needed", f"proved all the same by {by}", None) if verdict.stands else ("unsettled", f"the proof needs it: {by}", None)
