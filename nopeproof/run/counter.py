"""Torch runs of a division clock that keep one coordinate: millions of rows, no T x T and no T-wide matrix.

Its FFNs act on each row alone, at most three hidden units each, so rows go through in chunks of `CHUNK`. The head's 1/t comes
from the streaming route for every t <= T (linear in T), or, for chosen t, from that row alone of the materialised or fused
route: one query against t keys. Cost a row: 2 (J + 2) matrix products of d_model x 3 at most, and O(t) for a single row's head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from nopeproof.circuit import MLP, Circuit
from nopeproof.claims import after_attention
from nopeproof.counter_kernel import Reject, read_division
from nopeproof.errors import NopeproofError
from nopeproof.run.dtypes import nearest, require_kernels, torch_dtype
from nopeproof.run.floats import run

CHUNK = 1 << 18


def roles_of(circuit: Circuit, block: int, index: int) -> dict[str, int]:
    """The coordinates {one, x, r, q, a} of a division clock. Raises NopeproofError for another circuit."""
    try:
        return read_division(circuit.as_json(), block, index)[0]
    except (Reject, TypeError, KeyError) as why:
        raise NopeproofError(f"the division in {circuit.name!r}", str(why), "a circuit of nopeproof.division.division_clock") from None


def streamed(circuit: Circuit, T: int, dtype: torch.dtype | str, x: int, device: str = "cpu") -> Float[Tensor, " T"]:
    """The head's output in coordinate x at t = 1..T, by the streaming route."""
    head = replace(circuit, blocks=[replace(circuit.blocks[0], mlp=None)])
    head = head if head.concrete else head.instance(vocabulary=("a",))
    other = next(t for t in head.tokens if t != head.bos)
    word = [str(head.bos)] + [other] * (T - 1)
    return run(head, word, dtype, route="streaming", device=device).at(after_attention(1))[:, x]


def single(ts: Sequence[int], dtype: torch.dtype | str, route: str, device: str = "cpu") -> Float[Tensor, " n"]:
    """The head's 1/t at chosen t: one query, t keys with score 0, a 1 at BOS. Route "materialised" or "sdpa"; "sum": ones added
    one by one in float32 blocks, and one division.

    Raises NopeproofError for another route.
    """
    number = torch_dtype(dtype)
    require_kernels(number, device)
    out = []
    for t in ts:
        value = torch.zeros(t, 1, dtype=number, device=device)
        value[0] = 1
        zero = torch.zeros_like(value)
        if route == "materialised":
            out.append(((zero[:1] @ zero.T).softmax(-1) @ value)[0, 0])
        elif route == "sdpa":
            out.append(F.scaled_dot_product_attention(zero[None, None, :1], zero[None, None], value[None, None], scale=1.0)[0, 0, 0, 0])
        elif route == "sum":
            wide = torch.promote_types(number, torch.float32)
            out.append((value[0, 0].to(wide) / zero.to(wide).exp().sum()).to(number))
        else:
            raise NopeproofError(f"the route {route!r} for single rows", "no such route", "'materialised', 'sdpa' or 'sum'")
    return torch.stack(out)


def divide(circuit: Circuit, x: Tensor, block: int, index: int, chunk: int = CHUNK) -> Float[Tensor, " n"]:
    """The quotient that blocks 1..`block` make of each x, in x's dtype, on x's device; everything else as embedded, content 0."""
    at = roles_of(circuit, block, index)
    ffns = [_matrices(b.mlp, circuit.d_model, x) for b in circuit.blocks[:block] if b.mlp is not None]
    out = torch.empty_like(x)
    for start in range(0, len(x), chunk):
        part = x[start : start + chunk]
        rows = torch.zeros(len(part), circuit.d_model, dtype=x.dtype, device=x.device)
        rows[:, [at["one"], at["r"]]] = 1
        rows[:, at["x"]] = part
        for read, write in ffns:
            rows = rows + (rows @ read).relu() @ write
        if bool((rows[:, at["a"]] != 0).any()):
            raise NopeproofError(f"a division in {x.dtype}", "a gate that did not close", "reporting this as a bug")
        out[start : start + chunk] = rows[:, index]
    return out


def _matrices(mlp: MLP, d_model: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """(W_1, W_2) rounded once to the dtype, [d_model, units] and [units, d_model]."""
    read, write = (torch.zeros(d_model, len(mlp.units), dtype=torch.float64) for _ in range(2))
    for n, u in enumerate(mlp.units):
        for matrix, vector in ((read, u.read), (write, u.write)):
            for i, w in vector.entries:  # type: ignore[union-attr]
                matrix[i, n] = nearest(w, like.dtype)
    return read.to(like), write.T.contiguous().to(like)


def wrong_rows(circuit: Circuit, x: Tensor, ts: Sequence[int] | Tensor, block: int, index: int) -> list[dict[str, Any]]:
    """Every row whose quotient is not exactly t, in order: t, x and what came out, as Python numbers."""
    want = torch.as_tensor(ts, dtype=torch.float64)
    found = divide(circuit, x, block, index).double().cpu()
    bad = (found != want).nonzero().flatten().tolist()
    return [{"t": int(want[n]), "x": float(x[n]), "found": float(found[n])} for n in bad]
