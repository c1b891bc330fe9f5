"""Which layers carry no position: what the configuration says, and what the attention module does.

Behaviour decides. The states handed to an attention module are permuted except for the last, and the last query's output is
compared: without positional encoding the output is a function of the multiset of earlier states, so it does not change; with
a bias, a rotation or anything else that tells keys apart by where they stand, it does. What is left to the configuration: a window
or a temperature that sets in beyond the length tried. Position may also be added to the stream, as in GPT-2; then no layer is NoPE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int

SAME = 1e-5
"""Relative change of the last query's output below which the order of the prefix made no difference (float32 noise is about 1e-7)."""


@dataclass(frozen=True)
class Call:
    """One attention module's part in a forward pass."""

    layer: int
    """From 1, as the path of the module counts, which in a hybrid also counts layers without attention."""
    name: str
    kind: str
    module: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Float[torch.Tensor, "word t d"]
    weights: Float[torch.Tensor, "word head t t"] | None


@dataclass(frozen=True)
class Seen:
    """A forward pass: the attention calls in order, and the residual stream, embedding first."""

    calls: tuple[Call, ...]
    streams: tuple[Float[torch.Tensor, "word t d"], ...]


@torch.no_grad()
def observe(model: Any, ids: Int[torch.Tensor, "word t"]) -> Seen:
    """Run the model and keep what went in and out of each module that is called ...Attention."""
    calls: list[Call] = []
    handles = []

    def hook(name: str) -> Any:
        def keep(module: Any, args: Any, kwargs: Any, output: Any) -> None:
            parts = output if isinstance(output, tuple) else (output,)
            maps = [p for p in parts[1:] if isinstance(p, torch.Tensor) and p.ndim == 4 and p.shape[-1] == p.shape[-2] == ids.shape[1]]
            number = re.search(r"\.(\d+)\.", name + ".")
            layer = int(number[1]) + 1 if number else len(calls) + 1
            calls.append(Call(layer, name, type(module).__name__, module, args, kwargs, parts[0], maps[0] if maps else None))

        return keep

    for name, module in model.named_modules():
        if type(module).__name__.endswith("Attention"):
            handles.append(module.register_forward_hook(hook(name), with_kwargs=True))
    try:
        out = model(ids, use_cache=False, output_hidden_states=True)
    finally:
        for h in handles:
            h.remove()
    return Seen(tuple(calls), tuple(out.hidden_states))


@torch.no_grad()
def order_change(call: Call, seed: int = 0) -> float:
    """Relative change of the last query's output when the earlier states are permuted; 0 up to rounding without a position."""
    states = call.kwargs["hidden_states"] if "hidden_states" in call.kwargs else call.args[0]
    T = states.shape[1]
    order = torch.cat([torch.randperm(T - 1, generator=torch.Generator().manual_seed(seed)), torch.tensor([T - 1])])
    moved = states[:, order]
    args, kwargs = call.args, dict(call.kwargs)
    if "hidden_states" in kwargs:
        kwargs["hidden_states"] = moved
    else:
        args = (moved, *args[1:])
    out = call.module(*args, **kwargs)
    new, old = (out[0] if isinstance(out, tuple) else out)[:, -1], call.output[:, -1]
    return float((new - old).norm() / old.norm().clamp_min(torch.finfo(old.dtype).tiny))


@torch.no_grad()
def stream_change(model: Any, ids: Int[torch.Tensor, "word t"], seed: int = 0) -> float:
    """Relative change of the embedded stream, tokens matched, when the tokens are permuted: above 0 where a position is added to it."""
    order = torch.randperm(ids.shape[1], generator=torch.Generator().manual_seed(seed))
    straight, permuted = (observe(model, x).streams[0] for x in (ids, ids[:, order]))
    return float((permuted - straight[:, order]).norm() / straight.norm().clamp_min(torch.finfo(straight.dtype).tiny))


def declared(config: Any, layer: int) -> bool | None:
    """Whether the configuration says that this layer (from 1) has no position in its scores; None where it says nothing we can read."""
    text, n = config.get_text_config(), layer - 1
    kind = text.model_type
    rope = getattr(text, "no_rope_layers", None)
    if isinstance(rope, list) and n < len(rope):
        return not rope[n]  # 1 means that the layer HAS rotary embeddings, whatever the field is called
    if kind in ("cohere2", "cohere2_moe", "exaone4", "afmoe"):
        kinds = getattr(text, "layer_types", None) or []
        return kinds[n] == "full_attention" if n < len(kinds) and getattr(text, "sliding_window", None) else None
    if kind in ("jamba", "nemotron_h"):
        return True
    if kind.startswith("granitemoe"):
        return getattr(text, "position_embedding_type", None) not in ("rope", "rotary")
    if kind in ("gpt2", "opt"):
        return True  # the position is in the stream
    if kind in ("llama", "gpt_neox", "mistral", "qwen2", "qwen3", "gemma", "bloom", "mpt"):
        return False
    return None


def window(config: Any, layer: int) -> int | None:
    """How many keys a query of this layer sees, by the configuration; None for all."""
    text = config.get_text_config()
    kinds = getattr(text, "layer_types", None) or []
    kind = kinds[layer - 1] if layer - 1 < len(kinds) else "full_attention"
    size = {"sliding_attention": "sliding_window", "chunked_attention": "attention_chunk_size"}.get(kind)
    return getattr(text, size, None) if size else None
