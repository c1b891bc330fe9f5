"""A circuit's weights as one safetensors file: named matrices in a dtype, and the exact weights beside them as text.

Tensors: `embed` [tokens, d_model]; `blocks.B.heads.H.W_Q`, `.W_K` [d_head, d_model], `.W_V`, `.W_O` [rows, d_model] (row n of W_O is
the column that row n of W_V is written to); `blocks.B.mlp.W_1`, `.W_2` [units, d_model], `.b_1` [units], `.b_2` [d_model];
`unembed`. The metadata hold the circuit's canonical JSON and its SHA-256, so what was rounded can be compared with what was meant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from nopeproof.circuit import Circuit, Head
from nopeproof.errors import NopeproofError
from nopeproof.ledger import write_atomic
from nopeproof.run.dtypes import nearest, torch_dtype

SCHEMA = "nopeproof-weights/1"


def write(circuit: Circuit, out: str | Path, dtype: str = "float32") -> Path:
    """Save the weights, each rounded once to the dtype. Raises NopeproofError for weights left open, or a file that cannot be written."""
    from safetensors.torch import save

    if not circuit.concrete:
        asked = f"an export of {circuit.name!r} to safetensors"
        raise NopeproofError(asked, "weights that are left open", "circuit.instance() (and .at(T) for a family)")
    text = json.dumps(circuit.as_json(), sort_keys=True, separators=(",", ":"))
    metadata = {
        "schema": SCHEMA,
        "name": circuit.name,
        "weights_sha256": circuit.weights_sha256,
        "circuit": text,
        "residual": json.dumps(circuit.residual.widths),
        "tokens": json.dumps(list(circuit.tokens)),
    }
    return write_atomic(Path(out), save(tensors(circuit, dtype), metadata))


def tensors(circuit: Circuit, dtype: str = "float32") -> dict[str, torch.Tensor]:
    """{name: matrix}, as the module says."""
    number = torch_dtype(dtype)

    def matrix(vectors: Sequence[Any]) -> torch.Tensor:
        rows = torch.zeros(len(vectors), circuit.d_model, dtype=torch.float64)
        for n, v in enumerate(vectors):
            for i, x in v.entries:
                rows[n, i] = nearest(x, number)
        return rows.to(number)

    found = {"embed": matrix(list(circuit.embedding.tokens.values()))}
    for b, block in enumerate(circuit.blocks, 1):
        for h, head in enumerate(block.heads, 1):
            assert isinstance(head, Head)  # concrete circuits have no opaque heads
            found |= {f"blocks.{b}.heads.{h}.{k}": matrix(getattr(head, k)) for k in ("W_Q", "W_K", "W_V", "W_O")}
        if block.mlp is not None:
            units = block.mlp.units
            biases = torch.tensor([nearest(u.bias, number) for u in units], dtype=torch.float64)  # type: ignore[arg-type]
            part = {"W_1": matrix([u.read for u in units]), "W_2": matrix([u.write for u in units]), "b_1": biases.to(number)}
            found |= {f"blocks.{b}.mlp.{k}": x for k, x in {**part, "b_2": matrix([block.mlp.b_2])[0]}.items()}
    if circuit.unembedding:
        found["unembed"] = matrix(list(circuit.unembedding.values()))
    return found


def read(path: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The tensors and the metadata, the exact circuit under "circuit" as data.

    Raises NopeproofError for a file that is not one of these, or whose exact weights are not those the hash names.
    """
    from safetensors import SafetensorError, safe_open

    asked = f"the weights in {path}"
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = dict(file.metadata() or {})
            found = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118  # not a dict
    except (OSError, SafetensorError) as bad:
        raise NopeproofError(asked, str(bad), "a file written by `nopeproof export --to safetensors`") from None
    if metadata.get("schema") != SCHEMA:
        raise NopeproofError(asked, f"schema {metadata.get('schema')!r}", f"a file of schema {SCHEMA}")
    if hashlib.sha256(metadata["circuit"].encode()).hexdigest() != metadata["weights_sha256"]:
        raise NopeproofError(asked, "exact weights that are not those the hash names", "the file as it was exported")
    return found, {**metadata, "circuit": json.loads(metadata["circuit"])}
