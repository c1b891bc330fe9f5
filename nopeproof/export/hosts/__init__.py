"""Models of other people that can carry a circuit, one file each, and what they share.

A host's file has `build`, the model with the circuit's weights; `layers`, its blocks; `between`, the module in front of a block's FFN.
The norm of a host is bypassed by powers of two: eps = 2^80 is so large that the divisor rounds to 2^40, and a gain of 2^40 undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch

from nopeproof.circuit import Circuit
from nopeproof.errors import NopeproofError
from nopeproof.run.dtypes import nearest, torch_dtype

HOSTS = ("smollm3", "gpt2")
GAIN = 40  # the norm's gain 2^GAIN, and eps = 2^(2 GAIN): states up to 2^(GAIN - 12) pass it unchanged in float32
EPSILON = 2.0 ** (2 * GAIN)


def host(name: str) -> Any:
    """The module of a host. Raises NopeproofError for one there is none of."""
    if name not in HOSTS:
        raise NopeproofError(f"the host {name!r}", f"there are: {', '.join(HOSTS)}", "one of these")
    return import_module(f"{__name__}.{name}")


def refuse(circuit: Circuit, dtype: str = "float32") -> None:
    """Raise NopeproofError, with the reason, for a circuit or a dtype that no host can carry."""
    asked = f"an export of {circuit.name!r} to a Hugging Face model"
    if not circuit.concrete:
        raise NopeproofError(asked, "weights that are left open", "circuit.instance() (and .at(T) for a family)")
    if circuit.mask != "causal":
        raise NopeproofError(asked, f"the mask {circuit.mask!s}", "a causal circuit: a decoder has no other mask")
    if circuit.positions.kind != "none":
        raise NopeproofError(asked, f"the positional encoding {circuit.positions!r}", "a circuit without positional encoding")
    for b, block in enumerate(circuit.blocks, 1):
        if block.norm_attention is not None or block.norm_ffn is not None:
            raise NopeproofError(asked, f"a norm of its own in block {b}", "one without: the host's norm is off in every layer")
    if not circuit.blocks:
        raise NopeproofError(asked, "no block", "a circuit with one block at least")
    largest = torch.finfo(torch_dtype(dtype)).max
    if largest < 2.0**GAIN:
        found = f"{dtype}, whose largest number is {largest:g}: the norm is bypassed by a gain of 2^{GAIN}"
        raise NopeproofError(asked, found, "float32, float64 or bfloat16")
    if len({b.mlp.activation for b in circuit.blocks if b.mlp}) > 1:
        raise NopeproofError(asked, "FFNs with different activations", "one activation for all")


@dataclass(frozen=True)
class Sizes:
    """What a host has to have room for: heads in a block, rows of W_Q or W_V in a head, hidden units in an FFN."""

    heads: int
    wide: int
    units: int
    activation: str

    @staticmethod
    def of(circuit: Circuit) -> Sizes:
        """The largest in any block, at least 1 each."""
        blocks = circuit.blocks
        wide = max([1, *(max(len(h.W_Q), len(h.W_V)) for b in blocks for h in b.heads)])  # type: ignore[union-attr]
        units = max([1, *(len(b.mlp.units) if b.mlp else 0 for b in blocks)])
        activations = {b.mlp.activation for b in blocks if b.mlp} or {"relu"}
        return Sizes(max([1, *(len(b.heads) for b in blocks)]), wide, units, min(activations))


def vocabulary(circuit: Circuit) -> list[str]:
    """Tokens by id: those embedded, then those that only the read-out has."""
    return list(dict.fromkeys([*circuit.tokens, *(circuit.unembedding or {})]))


def dense(vector: Any, circuit: Circuit, dtype: torch.dtype, factor: float = 1.0) -> torch.Tensor:
    """A vector of the stream as a tensor [d_model], each number rounded once to the dtype; the factor is best a power of two."""
    out = torch.zeros(circuit.d_model, dtype=dtype)
    for i, x in vector.entries:
        out[i] = nearest(x, dtype) * factor
    return out


def empty(config: Any, dtype: torch.dtype) -> Any:
    """A model of that configuration without any weight but zero, on whose attention one can look."""
    from nopeproof.hf.load import library

    model = library().AutoModelForCausalLM.from_config(config, attn_implementation="eager").to(dtype).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    return model
