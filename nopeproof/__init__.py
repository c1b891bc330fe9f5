"""nopeproof: what a Transformer without positional encoding (NoPE) can and cannot compute, with proofs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Norm, Opaque, Unit, Units
    from nopeproof.claims import (
        Claim,
        Equals,
        Evidence,
        Fails,
        Holds,
        SameAttention,
        Scope,
        ScoreIs,
        Site,
        Unchanged,
        Verdict,
        Within,
        after_attention,
        after_ffn,
        embedding,
    )
    from nopeproof.errors import NopeproofError
    from nopeproof.library import Construction, load
    from nopeproof.residual import Residual
    from nopeproof.run import run

__version__ = "0.1.0"

_EXPORTS = {
    "circuit": "MLP Block Circuit Embedding Family Head Norm Opaque Unit Units",
    "claims": "Claim Equals Evidence Fails Holds SameAttention Scope ScoreIs Site Unchanged Verdict Within after_attention after_ffn embedding",
    "errors": "NopeproofError",
    "library": "Construction load",
    "residual": "Residual",
    "run": "run",
}
_HOME = {name: module for module, names in _EXPORTS.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that `import nopeproof` stays light (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'nopeproof' has no attribute {name!r}")
    return getattr(import_module(f"nopeproof.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
