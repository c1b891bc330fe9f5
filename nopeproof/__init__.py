"""nopeproof: what a Transformer without positional encoding (NoPE) can and cannot compute, with proofs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `as` marks a public name: type checkers take a plain import for a private one
    from nopeproof.circuit import MLP as MLP
    from nopeproof.circuit import Block as Block
    from nopeproof.circuit import Circuit as Circuit
    from nopeproof.circuit import Embedding as Embedding
    from nopeproof.circuit import Family as Family
    from nopeproof.circuit import Head as Head
    from nopeproof.circuit import Norm as Norm
    from nopeproof.circuit import Opaque as Opaque
    from nopeproof.circuit import Unit as Unit
    from nopeproof.circuit import Units as Units
    from nopeproof.claims import Claim as Claim
    from nopeproof.claims import Equals as Equals
    from nopeproof.claims import Evidence as Evidence
    from nopeproof.claims import Fails as Fails
    from nopeproof.claims import Holds as Holds
    from nopeproof.claims import SameAttention as SameAttention
    from nopeproof.claims import Scope as Scope
    from nopeproof.claims import ScoreIs as ScoreIs
    from nopeproof.claims import Site as Site
    from nopeproof.claims import Unchanged as Unchanged
    from nopeproof.claims import Verdict as Verdict
    from nopeproof.claims import Within as Within
    from nopeproof.claims import after_attention as after_attention
    from nopeproof.claims import after_ffn as after_ffn
    from nopeproof.claims import embedding as embedding
    from nopeproof.errors import NopeproofError as NopeproofError
    from nopeproof.library import Construction as Construction
    from nopeproof.library import load as load
    from nopeproof.residual import Residual as Residual
    from nopeproof.run import run as run

__version__ = "0.1.0"

_EXPORTS = {
    "circuit": "MLP Block Circuit Embedding Family Head Norm Opaque Unit Units",
    "claims": "Claim Equals Evidence Fails Holds SameAttention Scope "
    "ScoreIs Site Unchanged Verdict Within after_attention after_ffn embedding",
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
