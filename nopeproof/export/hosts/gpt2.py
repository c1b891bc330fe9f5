"""GPT-2 with its table of positions at zero. Its FFN is the circuit's as it stands: biases, and ReLU in place of GELU.

* Norm. LayerNorm subtracts the mean first. The stream is therefore held twice, as (x, -x): its mean is 0 up to rounding, whatever
  eps and gain do. What reads the stream reads half of the one minus half of the other, so that a mean which rounding leaves behind
  cancels. Not bit for bit: each number that passes the norm may be off by a rounding, and `survives` says what becomes of claims.
* Width. GPT-2 has n_embd = n_head head_dim; what the circuit leaves over stays zero.
* Scale. `scale_attn_weights` is off, so scores are the circuit's own.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from nopeproof.circuit import Circuit, Head
from nopeproof.export.hosts import EPSILON, GAIN, Sizes, dense, empty, vocabulary
from nopeproof.run.dtypes import nearest, torch_dtype


def build(circuit: Circuit, dtype: str, longest: int) -> Any:
    """The model, each weight rounded once to the dtype. The circuit is one that `refuse` lets pass."""
    from nopeproof.hf.load import library

    sizes, tokens = Sizes.of(circuit), vocabulary(circuit)
    head_dim = max(sizes.wide, -(-2 * circuit.d_model // sizes.heads))
    bos = None if circuit.bos is None else tokens.index(circuit.bos)
    config = library().GPT2Config(
        vocab_size=len(tokens), n_embd=sizes.heads * head_dim, n_inner=sizes.units, n_layer=len(circuit.blocks), n_head=sizes.heads,
        n_positions=longest, activation_function=sizes.activation, layer_norm_epsilon=EPSILON, scale_attn_weights=False,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, tie_word_embeddings=False, bos_token_id=bos, eos_token_id=None, pad_token_id=None,
    )  # fmt: skip
    model = empty(config, torch_dtype(dtype))
    with torch.no_grad():
        _fill(model, circuit, head_dim, torch_dtype(dtype))
    return model


def layers(model: Any) -> Any:
    """Its blocks."""
    return model.transformer.h


def between(layer: Any) -> Any:
    """The module that reads the stream after attention."""
    return layer.ln_2


def _fill(model: Any, circuit: Circuit, head_dim: int, dtype: torch.dtype) -> None:
    tokens, n_embd = vocabulary(circuit), model.config.n_embd

    def read(v: Any, factor: float = 1.0) -> torch.Tensor:
        """What reads x: v/2 on it and -v/2 on its mirror."""
        half = dense(v, circuit, dtype, factor) / 2
        return _both(half, n_embd)

    def write(v: Any) -> torch.Tensor:
        """What adds v to x, and -v to its mirror."""
        return _both(dense(v, circuit, dtype), n_embd)

    for token, v in circuit.embedding.tokens.items():
        model.transformer.wte.weight[tokens.index(token)] = write(v)
    for token, v in (circuit.unembedding or {}).items():
        model.lm_head.weight[tokens.index(token)] = read(v)
    model.transformer.ln_f.weight.fill_(2.0**GAIN)
    for layer, block in zip(model.transformer.h, circuit.blocks, strict=True):
        layer.ln_1.weight.fill_(2.0**GAIN)
        layer.ln_2.weight.fill_(2.0**GAIN)
        for h, head in enumerate(block.heads):
            assert isinstance(head, Head)  # concrete circuits have no opaque heads
            factor, at = (1.0 if head.scale == "1" else 1 / math.sqrt(head.d_head)), h * head_dim
            for n in range(head.d_head):
                layer.attn.c_attn.weight[:, at + n] = read(head.W_Q[n], factor)
                layer.attn.c_attn.weight[:, n_embd + at + n] = read(head.W_K[n])
            for n in range(len(head.W_V)):
                layer.attn.c_attn.weight[:, 2 * n_embd + at + n] = read(head.W_V[n])
                layer.attn.c_proj.weight[at + n] = write(head.W_O[n])
        if block.mlp is not None:
            for n, unit in enumerate(block.mlp.units):
                layer.mlp.c_fc.weight[:, n] = read(unit.read)
                layer.mlp.c_fc.bias[n] = nearest(unit.bias, dtype)  # type: ignore[arg-type]
                layer.mlp.c_proj.weight[n] = write(unit.write)
            layer.mlp.c_proj.bias.copy_(write(block.mlp.b_2))


def _both(x: torch.Tensor, n_embd: int) -> torch.Tensor:
    return torch.cat([x, -x, x.new_zeros(n_embd - 2 * len(x))])
