"""Loading a causal language model from a local folder: safetensors only, no remote code, no network."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nopeproof.errors import NopeproofError

WHOLE = "the checkpoint's own config.json and weights, whole: these are broken or do not fit each other"


@dataclass(frozen=True)
class Loaded:
    """A model in float32 in evaluation mode, with what its files say. dtype: as stored, the dtype it is meant to run in."""

    model: Any
    config: Any
    folder: Path
    dtype: str
    bos_id: int | None
    prepends_bos: bool | None
    """Whether the folder's tokenizer puts BOS in front; None without a readable tokenizer."""


def library() -> Any:
    """The module `transformers`. Raises NopeproofError if the extra is missing."""
    try:
        import transformers
    except ImportError:
        raise NopeproofError("a Hugging Face model", "transformers is not installed", "pip install 'nopeproof[hf]'") from None
    transformers.logging.set_verbosity_error()
    return transformers


def load(folder: str | Path) -> Loaded:
    """The model in a folder.

    Raises NopeproofError for a missing folder or config, a model that brings its own code, weights in pickles only, weights that do
    not fill the model, and anything that is no causal language model.
    """
    where, asked = Path(folder), f"the model folder {folder}"
    if not where.is_dir():
        raise NopeproofError(
            asked, "no such folder" if not where.exists() else "not a folder", "a folder with config.json and *.safetensors"
        )
    raw = _config_json(where, asked)
    shards = sorted(where.glob("*.safetensors"))
    if not shards:
        pickles = [p.name for p in (*where.glob("*.bin"), *where.glob("*.pt"), *where.glob("*.pth"))]
        found = f"weights as pickles only ({pickles[0]}), which can run code when they are opened" if pickles else "no *.safetensors"
        raise NopeproofError(asked, found, "weights saved with save_pretrained(..., safe_serialization=True)")
    dtype, hf = _stored_dtype(shards, asked), library()
    try:
        config = hf.AutoConfig.from_pretrained(where, local_files_only=True, trust_remote_code=False)
        model, report = hf.AutoModelForCausalLM.from_pretrained(
            where, local_files_only=True, trust_remote_code=False, use_safetensors=True, attn_implementation="eager",
            dtype=torch.float32, output_loading_info=True,
        )  # fmt: skip
    except Exception as bad:  # the library raises whatever it meets: OSError, ValueError, KeyError, SafetensorError, ...
        own = "its config names code of its own (auto_map), which is not run; " if "auto_map" in raw else ""
        known = raw["model_type"] in hf.models.auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
        todo = WHOLE if known else "a causal language model that transformers knows itself"
        raise NopeproofError(asked, f"{own}{type(bad).__name__}: {' '.join(str(bad).split())[:300]}", todo) from None
    missing = sorted(set(report["missing_keys"]) | {k for k, *_ in report.get("mismatched_keys", ())})
    if missing:
        found = f"no weights of the right shape for {missing[0]} and {len(missing) - 1} others: they would be random"
        raise NopeproofError(asked, found, WHOLE)
    odd = [name for name, x in model.named_parameters() if not x.isfinite().all()]
    if odd:
        found = f"infinite or undefined weights in {odd[0]} and {len(odd) - 1} others: no run of it says anything"
        raise NopeproofError(asked, found, "a checkpoint of finite weights")
    text = config.get_text_config()
    bos = getattr(text, "bos_token_id", None)
    if isinstance(bos, int) and not 0 <= bos < text.vocab_size:
        found = f"bos_token_id {bos} in its config.json, and a vocabulary of 0 to {text.vocab_size - 1}"
        raise NopeproofError(asked, found, "a bos_token_id of the vocabulary, or null")
    return Loaded(model.eval(), config, where, dtype, bos if isinstance(bos, int) else None, _prepends(where, bos))


def untrained(loaded: Loaded, seed: int = 0) -> Any:
    """A model of the same shape with the library's own random start: the control for every probe."""
    torch.manual_seed(seed)
    control = library().AutoModelForCausalLM.from_config(loaded.config, attn_implementation="eager")
    return control.float().eval()


def _config_json(where: Path, asked: str) -> dict[str, Any]:
    try:
        raw = json.loads((where / "config.json").read_text(encoding="utf-8"))
    except OSError:
        raise NopeproofError(asked, "no readable config.json", "a folder written by save_pretrained") from None
    except ValueError as bad:
        raise NopeproofError(asked, f"a config.json that is not JSON: {bad}", "a folder written by save_pretrained") from None
    if not isinstance(raw, dict) or "model_type" not in raw:
        raise NopeproofError(asked, "a config.json without model_type", "a folder written by save_pretrained")
    return raw


def _stored_dtype(shards: list[Path], asked: str) -> str:
    """The dtype most of the stored numbers have, as torch names it. Raises NopeproofError for a file that is cut short or none."""
    from safetensors import SafetensorError, safe_open

    sizes: dict[str, int] = {}
    for shard in shards:
        try:
            with safe_open(shard, framework="pt") as file:
                for key in file.keys():  # noqa: SIM118  # not a dict
                    part = file.get_slice(key)
                    sizes[part.get_dtype()] = sizes.get(part.get_dtype(), 0) + math.prod(part.get_shape())
        except (SafetensorError, OSError) as bad:
            raise NopeproofError(asked, f"{shard.name} is broken, cut short, or no safetensors file: {bad}", WHOLE) from None
    names = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3", "F8_E5M2": "float8_e5m2"}
    most = max(sizes, key=lambda k: sizes[k], default="F32")
    return names.get(most, most)


def _prepends(where: Path, bos: Any) -> bool | None:
    """Whether the tokenizer in the folder puts BOS in front of a plain text."""
    path = where / "tokenizer.json"
    if bos is None or not path.is_file():
        return None
    try:
        from tokenizers import Tokenizer

        ids = Tokenizer.from_file(str(path)).encode("a").ids
    except Exception:  # an unreadable tokenizer is reported as unknown, not as a failed audit
        return None
    return bool(ids) and ids[0] == bos
