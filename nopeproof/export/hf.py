"""A circuit as a Hugging Face model that `AutoModelForCausalLM.from_pretrained` loads without remote code.

The host is SmolLM3 with rotary embeddings off in every layer (`no_rope_layers` all 0), which carries more than its looks promise:

* Norm. RMSNorm divides by sqrt(mean x^2 + eps). With eps = 2^80 the sum rounds to eps for all states below 2^28, so the norm is a
  division by 2^40, and a gain of 2^40 undoes it: powers of two, nothing is lost. A norm is bypassed exactly, not "approximately".
* Gated FFN. down(act(gate x) * (up x)): with W_up = 0 and b_up = 1 it is W_2 sigma(W_1^T x + b_1) + b_2.
* Scale. Scores are divided by sqrt(head_dim). head_dim is padded to a power of 4, so W_Q is multiplied by a power of two.

Refused, with the reason: other masks, positional encodings, and circuits that have norms of their own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nopeproof.circuit import Circuit, Head
from nopeproof.claims import Claim, Equals, Site, Unchanged, Within
from nopeproof.errors import NopeproofError
from nopeproof.run.dtypes import nearest, torch_dtype
from nopeproof.run.floats import run as run_floats

GAIN = 40  # the norm's gain 2^GAIN, and eps = 2^(2 GAIN): states up to 2^(GAIN - 12) pass it unchanged in float32
MAPPING = "nopeproof.json"


def refuse(circuit: Circuit) -> None:
    """Raise NopeproofError, with the reason, for a circuit that the host cannot carry."""
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


def build(circuit: Circuit, dtype: str = "float32", longest: int = 4096) -> Any:
    """The host model with the circuit's weights, each rounded once to the dtype. Raises NopeproofError as `refuse` does."""
    from nopeproof.hf.load import library

    refuse(circuit)
    number, hf = torch_dtype(dtype), library()
    heads = max([1, *(len(b.heads) for b in circuit.blocks)])
    wide = max([1, *(max(len(h.W_Q), len(h.W_V)) for b in circuit.blocks for h in b.heads)])  # type: ignore[union-attr]
    size = 4 ** ((wide - 1).bit_length() + 1 >> 1)  # the least power of 4 that has room
    units = max([1, *(len(b.mlp.units) if b.mlp else 0 for b in circuit.blocks)])
    activations = {b.mlp.activation for b in circuit.blocks if b.mlp} or {"relu"}
    if len(activations) > 1:
        raise NopeproofError(f"an export of {circuit.name!r}", "FFNs with different activations", "one activation for all")
    tokens = vocabulary(circuit)
    config = hf.SmolLM3Config(
        vocab_size=len(tokens), hidden_size=circuit.d_model, intermediate_size=units, num_hidden_layers=len(circuit.blocks),
        num_attention_heads=heads, num_key_value_heads=heads, head_dim=size, hidden_act=activations.pop(), attention_bias=False,
        mlp_bias=True, no_rope_layers=[0] * len(circuit.blocks), rms_norm_eps=2.0 ** (2 * GAIN), tie_word_embeddings=False,
        max_position_embeddings=longest, bos_token_id=None if circuit.bos is None else tokens.index(circuit.bos),
        eos_token_id=None, pad_token_id=None,
    )  # fmt: skip
    model = hf.AutoModelForCausalLM.from_config(config, attn_implementation="eager").to(number).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        _fill(model, circuit, size, number)
    return model


def vocabulary(circuit: Circuit) -> list[str]:
    """Tokens by id: those embedded, then those that only the read-out has."""
    return list(dict.fromkeys([*circuit.tokens, *(circuit.unembedding or {})]))


def _fill(model: Any, circuit: Circuit, size: int, dtype: torch.dtype) -> None:
    def put(parameter: torch.Tensor, row: int, vector: Any, factor: float = 1.0, column: bool = False) -> None:
        target = parameter[:, row] if column else parameter[row]
        for i, x in vector.entries:
            target[i] = nearest(x, dtype) * factor

    tokens = vocabulary(circuit)
    for token, v in circuit.embedding.tokens.items():
        put(model.model.embed_tokens.weight, tokens.index(token), v)
    for token, v in (circuit.unembedding or {}).items():
        put(model.lm_head.weight, tokens.index(token), v)
    model.model.norm.weight.fill_(2.0**GAIN)
    for layer, block in zip(model.model.layers, circuit.blocks, strict=True):
        layer.input_layernorm.weight.fill_(2.0**GAIN)
        layer.post_attention_layernorm.weight.fill_(2.0**GAIN)
        attention, mlp = layer.self_attn, layer.mlp
        for h, head in enumerate(block.heads):
            assert isinstance(head, Head)  # concrete circuits have no opaque heads
            factor = math.sqrt(size) if head.scale == "1" else math.sqrt(size / head.d_head)
            for n in range(head.d_head):
                put(attention.q_proj.weight, h * size + n, head.W_Q[n], factor)
                put(attention.k_proj.weight, h * size + n, head.W_K[n])
            for n in range(len(head.W_V)):
                put(attention.v_proj.weight, h * size + n, head.W_V[n])
                put(attention.o_proj.weight, h * size + n, head.W_O[n], column=True)
        mlp.up_proj.bias.fill_(1)
        if block.mlp is not None:
            for n, unit in enumerate(block.mlp.units):
                put(mlp.gate_proj.weight, n, unit.read)
                mlp.gate_proj.bias[n] = nearest(unit.bias, dtype)  # type: ignore[arg-type]
                put(mlp.down_proj.weight, n, unit.write, column=True)
            for i, x in block.mlp.b_2.entries:  # type: ignore[union-attr]
                mlp.down_proj.bias[i] = nearest(x, dtype)


def write(circuit: Circuit, out: str | Path, dtype: str = "float32", *, longest: int = 4096) -> Path:
    """Save the model, a word-level tokenizer, and what the coordinates are called. Raises NopeproofError if the folder has files in it."""
    where = Path(out)
    if where.exists() and (not where.is_dir() or any(where.iterdir())):
        raise NopeproofError(f"an export to {where}", "something is there already", "a folder that is empty or not there yet")
    model = build(circuit, dtype, longest)
    try:
        model.save_pretrained(where)
    except OSError as bad:
        raise NopeproofError(f"an export to {where}", bad.strerror or str(bad), "a folder you may write to") from None
    tokens = vocabulary(circuit)
    names = {"tokens": tokens, "residual": circuit.residual.widths, "weights_sha256": circuit.weights_sha256, "circuit": circuit.name}
    (where / MAPPING).write_text(json.dumps(names, indent=2) + "\n", encoding="utf-8")
    if not any(c.isspace() for t in tokens for c in t):
        _tokenizer(tokens, circuit.bos).save_pretrained(where)
    return where


def _tokenizer(tokens: Sequence[str], bos: str | None) -> Any:
    """Words separated by spaces, BOS put in front."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    from nopeproof.hf.load import library

    inner = Tokenizer(models.WordLevel({t: n for n, t in enumerate(tokens)}, unk_token=None))  # type: ignore[arg-type]
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    if bos is not None:
        special = [(bos, tokens.index(bos))]
        inner.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=special)  # type: ignore[assignment]
    return library().PreTrainedTokenizerFast(tokenizer_object=inner, bos_token=bos)


# --- what the host computes ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HostTrace:
    """A word run in the host: the residual [T][d_model] at each site, and the attention weights [head][T][T] of each block."""

    residuals: dict[Site, torch.Tensor]
    weights: list[torch.Tensor]


@torch.no_grad()
def run_host(model: Any, circuit: Circuit, word: Sequence[str]) -> HostTrace:
    """One word through the loaded model."""
    ids = torch.tensor([[vocabulary(circuit).index(t) for t in circuit.check_word(word)]])
    between: list[torch.Tensor] = []
    hooks = [
        layer.post_attention_layernorm.register_forward_pre_hook(lambda _, args: between.append(args[0][0])) for layer in model.model.layers
    ]
    states: list[torch.Tensor] = []
    keep = lambda _, args, out: states.append((out[0] if isinstance(out, tuple) else out)[0])  # noqa: E731
    hooks += [layer.register_forward_hook(keep) for layer in model.model.layers]
    try:
        found = model(ids, use_cache=False, output_hidden_states=True, output_attentions=True)
    finally:
        for h in hooks:
            h.remove()
    residuals = {Site(0): found.hidden_states[0][0]}
    for b, (middle, end) in enumerate(zip(between, states, strict=True), 1):
        residuals |= {Site(b, "attention"): middle, Site(b): end}
    return HostTrace(residuals, [a[0] for a in found.attentions])


def survives(
    model: Any, circuit: Circuit, claims: Sequence[Claim], words: Sequence[Sequence[str]], dtype: str = "float32"
) -> dict[str, Any]:
    """Which claims about the stream hold in the host as they do in our own float run: largest errors over the words, side by side.

    A claim survives if the host's error is within 8 roundings of ours (of the largest number there is at that place); claims about
    scores are left to `attention`, the largest difference of the two runs' attention weights.
    """
    u = torch.finfo(torch_dtype(dtype)).eps
    rows: dict[str, dict[str, Any]] = {}
    apart, attention = 0.0, 0.0
    for word in words:
        host, own = run_host(model, circuit, word), run_floats(circuit, word, dtype)
        for site, x in own.residuals.items():
            apart = max(apart, float((host.residuals[site].double() - x.double()).abs().max()))
        for (b, h), trace in own.heads.items():
            attention = max(attention, float((host.weights[b - 1][h].double() - trace.weights.double()).abs().max()))
        for claim in claims:
            s = claim.statement
            if not isinstance(s, Equals | Within | Unchanged):
                continue
            new = {"claim": claim.id, "says": claim.says, "host_error": 0.0, "own_error": 0.0, "largest": 0.0}
            row = rows.setdefault(claim.id, new)
            for key, residuals in (("host_error", host.residuals), ("own_error", own.residuals)):
                error, largest = _error(s, residuals, len(word))
                row[key], row["largest"] = max(row[key], error), max(row["largest"], largest)
    for row in rows.values():
        row["survives"] = row["host_error"] <= row["own_error"] + 8 * u * row["largest"]
    said = {"dtype": dtype, "words": len(words), "residual_difference": apart, "attention_difference": attention}
    return {**said, "claims": list(rows.values())}


def report(folder: str | Path, circuit: Circuit, claims: Sequence[Claim], dtype: str = "float32", longest: int = 12) -> dict[str, Any]:
    """`survives` for the model as transformers loads it back, on words of one token and of all in turn, up to `longest` positions."""
    from nopeproof.hf.load import library

    model = library().AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, attn_implementation="eager", dtype=torch_dtype(dtype)
    )
    first = [] if circuit.bos is None else [circuit.bos]
    others = [t for t in circuit.tokens if t != circuit.bos] or list(circuit.tokens)
    lengths = sorted({1, 2, 5, longest} & set(range(1, longest + 1)))
    words = [(first + [others[n * step % len(others)] for n in range(length)])[:length] for length in lengths for step in (0, 1)]
    return survives(model.eval(), circuit, claims, words, dtype)


def _error(statement: Any, residuals: Any, T: int) -> tuple[float, float]:
    """The largest error of the claim over the positions, and the largest number looked at."""
    from nopeproof.checks.evaluate import value_of

    if isinstance(statement, Unchanged):
        start, end = (residuals[s].double()[:, statement.indices] for s in (statement.start, statement.end))
        return float((end - start).abs().max()), float(start.abs().max())
    have = residuals[statement.site].double()[:, statement.index]
    want = torch.tensor([float(value_of(statement.value, t=t, T=T)) for t in range(1, T + 1)], dtype=torch.float64)
    return float((have - want).abs().max()), float(want.abs().max())
