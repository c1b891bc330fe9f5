"""The audit of a model: its layers without position, what their heads do, what follows for BOS, precision and head dimension."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from nopeproof.analysis.decompose import decompose
from nopeproof.analysis.heads import attention_to_bos, distance_to_uniform
from nopeproof.analysis.probes import TARGETS, position_probe
from nopeproof.errors import NopeproofError
from nopeproof.hf.layers import SAME, Call, Seen, declared, observe, order_change, stream_change, window
from nopeproof.hf.load import Loaded, load, untrained
from nopeproof.theory.biases import t5_every_table_beyond
from nopeproof.theory.precision import first_collision, format_named

LENGTHS, WORDS, TOKENS = (16, 24, 32), 8, 6
"""Positions of the words run, words of each length, and how many different tokens they are made of."""

Inputs = dict[int, torch.Tensor]
Tell = Callable[[str], None]


def audit(folder: str, *, seed: int = 0, tell: Tell = lambda what: None) -> dict[str, Any]:
    """All findings on the model in a folder, as plain data. Words are random ones of `TOKENS` tokens, after BOS where the model has one.

    tell: called with what is being done. Raises NopeproofError for a folder that cannot be loaded, or positions for too few tokens.
    """
    tell("loading")
    loaded = load(folder)
    fitted, held_out = inputs(loaded, seed), inputs(loaded, seed + 1)
    tell("layers")
    seen = {n: observe(loaded.model, ids) for n, ids in fitted.items()}
    longest = seen[max(seen)]
    if not longest.calls:
        raise NopeproofError(f"an audit of {folder}", "no module whose class is called ...Attention", "a model with softmax attention")
    if not all(x.isfinite().all() for found in seen.values() for x in found.streams):
        raise NopeproofError(f"an audit of {folder}", "states that are infinite or undefined in float32", "a model that runs in float32")
    added = stream_change(loaded.model, fitted[max(seen)], seed)
    layers = [layer(loaded, call, added, seed) for call in longest.calls]
    free = [x["layer"] for x in layers if x["nope"]]
    tell("heads")
    other = {n: observe(loaded.model, ids) for n, ids in held_out.items()}
    probed = probes(loaded, fitted, held_out, seen, other, seed, tell)
    tell("constant prompts")
    return {
        "model": shape(loaded, seed),
        "stream": {"change": added, "adds_position": added > SAME},
        "layers": layers,
        "nope_layers": free,
        "heads": heads(seen, other, fitted, held_out, free),
        "probes": probed,
        "bos": bos(loaded, seed),
        "precision": precision(loaded.dtype),
        "head_dimension": {"d_head": head_dim(loaded), "t5_beyond": t5_every_table_beyond(head_dim(loaded))},
    }


def shape(loaded: Loaded, seed: int) -> dict[str, Any]:
    """What was audited, and on what."""
    text = loaded.config.get_text_config()
    return {
        "folder": str(loaded.folder),
        "type": loaded.config.model_type,
        "layers": text.num_hidden_layers,
        "d_model": text.hidden_size,
        "heads": text.num_attention_heads,
        "dtype": loaded.dtype,
        "parameters": sum(p.numel() for p in loaded.model.parameters()),
        "words": {"lengths": sorted(inputs(loaded, seed)), "each": WORDS, "tokens": TOKENS, "seed": seed},
    }


def head_dim(loaded: Loaded) -> int:
    """d_head, by the configuration."""
    text = loaded.config.get_text_config()
    return getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads


def inputs(loaded: Loaded, seed: int) -> Inputs:
    """Words by length: ids, (word, t), all of a few tokens, with BOS in front where the model has one."""
    text = loaded.config.get_text_config()
    special = {getattr(text, f"{name}_token_id", None) for name in ("bos", "eos", "pad")}
    plain = [v for v in range(text.vocab_size) if v not in special]
    reach = getattr(text, "max_position_embeddings", None) or max(LENGTHS)
    lengths = [n for n in LENGTHS if n <= reach]
    if len(plain) < 2 or len(lengths) < 2:
        found = f"{len(plain)} ordinary tokens and room for {reach} positions"
        raise NopeproofError(f"an audit of {loaded.folder}", found, f"2 tokens or more, {LENGTHS[1]} positions or more")
    rng = np.random.default_rng([seed, 7])
    chosen = np.random.default_rng(0).choice(plain, size=min(TOKENS, len(plain)), replace=False)  # the same tokens for every seed
    words = {n: torch.from_numpy(rng.choice(chosen, size=(WORDS, n))) for n in lengths}
    for ids in words.values():
        if loaded.bos_id is not None:
            ids[:, 0] = loaded.bos_id
    return words


def layer(loaded: Loaded, call: Call, added: float, seed: int) -> dict[str, Any]:
    """One attention module: what the configuration says of it, and what it does."""
    change, says, seen = order_change(call, seed), declared(loaded.config, call.layer), window(loaded.config, call.layer)
    blind = change < SAME
    return {
        "layer": call.layer,
        "module": call.kind,
        "order_change": change,
        "order_blind": blind,
        "nope": blind and added < SAME,
        "declared": says,
        "agrees": None if says is None else says == blind,
        "window": seen,
    }


def heads(seen: dict[int, Seen], other: dict[int, Seen], fitted: Inputs, held_out: Inputs, layers: list[int]) -> list[dict[str, Any]]:
    """Every head of the NoPE layers: distance to the uniform 1/t pattern (nats), attention to key 1, score decomposition (R^2)."""
    found = []
    for at, call in enumerate(seen[max(seen)].calls):
        if call.layer not in layers:
            continue
        maps, others = ([_maps(s[n].calls[at]) for n in sorted(s)] for s in (seen, other))
        if any(m is None for m in (*maps, *others)):
            continue  # an implementation that keeps its weights to itself
        longest = maps[-1]
        parts = decompose(
            ([_logits(m) for m in maps], [fitted[n].numpy() for n in sorted(fitted)]),
            ([_logits(m) for m in others], [held_out[n].numpy() for n in sorted(held_out)]),
        )
        uniform, first = distance_to_uniform(longest).mean(0), attention_to_bos(longest).mean(0)
        even = float(np.mean(1 / np.arange(2, longest.shape[-1] + 1)))
        for h in range(longest.shape[1]):
            found.append(
                {
                    "layer": call.layer,
                    "head": h + 1,
                    "uniform_nats": float(uniform[h]),
                    "first_key": float(first[h]),
                    "first_key_uniform": even,
                    "r2_content": float(parts.content[h]),
                    "r2_distance": float(parts.distance[h]),
                    "r2_both": float(parts.both[h]),
                    "f_rel": [None if math.isnan(x) else round(float(x), 5) for x in parts.f_rel[h]],
                }
            )
    return found


def _maps(call: Call) -> Any:
    return None if call.weights is None else call.weights.double().numpy()


def _logits(maps: np.ndarray) -> np.ndarray:
    """Scores up to a row shift; a weight that underflowed is given the least float32 there is."""
    return np.log(np.maximum(maps, np.finfo(np.float32).tiny))


def probes(
    loaded: Loaded, fitted: Inputs, held_out: Inputs, seen: dict[int, Seen], other: dict[int, Seen], seed: int, tell: Tell
) -> list[dict[str, Any]]:
    """Held-out R^2 of linear probes for t and 1/t after each layer, beside the same on an untrained model of that shape."""
    tell("the untrained control")
    control = untrained(loaded, seed)
    control_fit, control_out = ({n: observe(control, ids) for n, ids in x.items()} for x in (fitted, held_out))
    depth = len(seen[max(seen)].streams)
    found = []
    for after in range(depth):
        for target in TARGETS:
            scores = [
                position_probe([_stream(a[n], after) for n in sorted(a)], [_stream(b[n], after) for n in sorted(b)], target)
                for a, b in ((seen, other), (control_fit, control_out))
            ]
            found.append({"after_layer": after, "target": target, "trained": scores[0], "untrained": scores[1]})
    return found


def _stream(seen: Seen, after: int) -> np.ndarray:
    return seen.streams[after].double().numpy()


def bos(loaded: Loaded, seed: int) -> dict[str, Any]:
    """Whether BOS is prepended, and the constant prompt: how far the last layer's states are apart, without and with BOS.

    spread: the largest distance to the first state, relative to its norm. Without BOS it is 0 up to rounding for every model whose
    position is not added to the stream, whatever its scores (constant-sequence barrier).
    """
    ids = inputs(loaded, seed)
    length = max(ids)
    token = int(ids[length][0, -1])
    constant = torch.full((1, length), token)
    spreads = {"without": _spread(observe(loaded.model, constant).streams[-1][0])}
    if loaded.bos_id is not None:
        constant[:, 0] = loaded.bos_id
        spreads["with"] = _spread(observe(loaded.model, constant).streams[-1][0, 1:])
    return {
        "id": loaded.bos_id,
        "prepended": loaded.prepends_bos,
        "length": length,
        "spread_without": spreads["without"],
        "spread_with": spreads.get("with"),
        "collapses_without": spreads["without"] < SAME,
    }


def _spread(states: torch.Tensor) -> float:
    return float((states - states[0]).norm(dim=-1).max() / states[0].norm().clamp_min(1e-30))


def precision(dtype: str) -> dict[str, Any]:
    """The first t at which 1/t and 1/(t + 1) are one number of this dtype: past it a uniform head cannot tell them apart."""
    try:
        return {"dtype": dtype, "first_collision": first_collision(format_named(dtype))}
    except NopeproofError:
        return {"dtype": dtype, "first_collision": None}
