"""A circuit as a Hugging Face model that `AutoModelForCausalLM.from_pretrained` loads without remote code, and what becomes of its claims.

The hosts are in `nopeproof.export.hosts`, one file each. Refused, with the reason: other masks, positional encodings, circuits that have
norms of their own, dtypes that cannot hold the gain by which a host's norm is bypassed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Equals, Site, Unchanged, Within
from nopeproof.errors import NopeproofError
from nopeproof.export.hosts import host, refuse, vocabulary
from nopeproof.run.dtypes import torch_dtype
from nopeproof.run.floats import run as run_floats

MAPPING = "nopeproof.json"


def build(circuit: Circuit, dtype: str = "float32", longest: int = 4096, *, to: str = "smollm3") -> Any:
    """The host with the circuit's weights, each rounded once to the dtype. Raises NopeproofError as `refuse` and `host` do."""
    chosen = host(to)
    refuse(circuit, dtype)
    return chosen.build(circuit, dtype, longest)


def write(circuit: Circuit, out: str | Path, dtype: str = "float32", *, longest: int = 4096, to: str = "smollm3") -> Path:
    """Save the model, a word-level tokenizer, and what the coordinates are called. Raises NopeproofError if the folder has files in it."""
    where = Path(out)
    if where.exists() and (not where.is_dir() or any(where.iterdir())):
        raise NopeproofError(f"an export to {where}", "something is there already", "a folder that is empty or not there yet")
    model = build(circuit, dtype, longest, to=to)
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
    """One word through the loaded model; of a host that holds the stream more than once, the first copy."""
    ids = torch.tensor([[vocabulary(circuit).index(t) for t in circuit.check_word(word)]])
    chosen = host(model.config.model_type)
    between: list[torch.Tensor] = []
    states: list[torch.Tensor] = []
    keep = lambda _, args, out: states.append((out[0] if isinstance(out, tuple) else out)[0])  # noqa: E731
    hooks = []
    for layer in chosen.layers(model):
        hooks.append(chosen.between(layer).register_forward_pre_hook(lambda _, args: between.append(args[0][0])))
        hooks.append(layer.register_forward_hook(keep))
    try:
        found = model(ids, use_cache=False, output_hidden_states=True, output_attentions=True)
    finally:
        for h in hooks:
            h.remove()
    residuals = {Site(0): found.hidden_states[0][0]}
    for b, (middle, end) in enumerate(zip(between, states, strict=True), 1):
        residuals |= {Site(b, "attention"): middle, Site(b): end}
    return HostTrace({site: x[:, : circuit.d_model] for site, x in residuals.items()}, [a[0] for a in found.attentions])


def survives(
    model: Any, circuit: Circuit, claims: Sequence[Claim], words: Sequence[Sequence[str]], dtype: str = "float32"
) -> dict[str, Any]:
    """Which claims about the stream hold in the host as they do in our own float run, and to which length: largest errors, side by side.

    A claim survives on a word if the host's error is within 8 roundings of ours (of the largest number there is at that place), and to
    the length of the longest word below the first on which it does not. Claims about scores are left to `attention`, the largest
    difference of the two runs' attention weights; other kinds of claims are not looked at, and named.
    """
    u = torch.finfo(torch_dtype(dtype)).eps
    looked = [c for c in claims if isinstance(c.statement, Equals | Within | Unchanged)]
    new = {"host_error": 0.0, "own_error": 0.0, "largest": 0.0, "to": 0, "fails_at": None}
    rows: dict[str, dict[str, Any]] = {c.id: {"claim": c.id, "says": c.says, **new} for c in looked}
    apart, attention = 0.0, 0.0
    for word in sorted(words, key=len):
        host, own = run_host(model, circuit, word), run_floats(circuit, word, dtype)
        for site, x in own.residuals.items():
            apart = max(apart, float((host.residuals[site].double() - x.double()).abs().max()))
        for (b, h), trace in own.heads.items():
            attention = max(attention, float((host.weights[b - 1][h].double() - trace.weights.double()).abs().max()))
        for claim in looked:
            row = rows[claim.id]
            here, largest = _error(claim.statement, host.residuals, len(word))
            mine, _ = _error(claim.statement, own.residuals, len(word))
            good = here <= mine + 8 * u * largest  # false for an error that is no number
            row |= {"host_error": max(row["host_error"], here), "own_error": max(row["own_error"], mine)}
            row["largest"] = max(row["largest"], largest)
            row["fails_at"] = len(word) if row["fails_at"] is None and not good else row["fails_at"]
            row["to"] = len(word) if row["fails_at"] is None else row["to"]
    for row in rows.values():
        row["survives"] = row["fails_at"] is None
    said = {"host": model.config.model_type, "dtype": dtype, "words": len(words), "longest": max(map(len, words))}
    left = [c.id for c in claims if c not in looked]
    return {**said, "residual_difference": apart, "attention_difference": attention, "claims": list(rows.values()), "not_looked_at": left}


def report(folder: str | Path, circuit: Circuit, claims: Sequence[Claim], dtype: str = "float32", longest: int = 12) -> dict[str, Any]:
    """`survives` for the model as transformers loads it back, on words of one token and of all in turn: doubling lengths, to `longest`."""
    from nopeproof.hf.load import library

    model = library().AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, attn_implementation="eager", dtype=torch_dtype(dtype)
    )
    first = [] if circuit.bos is None else [circuit.bos]
    others = [t for t in circuit.tokens if t != circuit.bos] or list(circuit.tokens)
    lengths = sorted({*(2**k for k in range(longest.bit_length())), min(5, longest), longest})
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
