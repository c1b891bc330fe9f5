"""SmolLM3 with rotary embeddings off in every layer (`no_rope_layers` all 0), which carries more than its looks promise.

* Norm. RMSNorm divides by sqrt(mean x^2 + eps), bypassed exactly: nothing is lost in powers of two.
* Gated FFN. down(act(gate x) * (up x)): with W_up = 0 and b_up = 1 it is W_2 sigma(W_1^T x + b_1) + b_2.
* Scale. Scores are divided by sqrt(head_dim). head_dim is padded to a power of 4, so W_Q is multiplied by a power of two.
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
    head_dim = 4 ** ((sizes.wide - 1).bit_length() + 1 >> 1)  # the least power of 4 that has room
    config = library().SmolLM3Config(
        vocab_size=len(tokens), hidden_size=circuit.d_model, intermediate_size=sizes.units, num_hidden_layers=len(circuit.blocks),
        num_attention_heads=sizes.heads, num_key_value_heads=sizes.heads, head_dim=head_dim, hidden_act=sizes.activation,
        attention_bias=False, mlp_bias=True, no_rope_layers=[0] * len(circuit.blocks), rms_norm_eps=EPSILON, tie_word_embeddings=False,
        max_position_embeddings=longest, bos_token_id=None if circuit.bos is None else tokens.index(circuit.bos),
        eos_token_id=None, pad_token_id=None,
    )  # fmt: skip
    model = empty(config, torch_dtype(dtype))
    with torch.no_grad():
        _fill(model, circuit, head_dim, torch_dtype(dtype))
    return model


def layers(model: Any) -> Any:
    """Its blocks."""
    return model.model.layers


def between(layer: Any) -> Any:
    """The module that reads the stream after attention."""
    return layer.post_attention_layernorm


def _fill(model: Any, circuit: Circuit, size: int, dtype: torch.dtype) -> None:
    tokens = vocabulary(circuit)
    for token, v in circuit.embedding.tokens.items():
        model.model.embed_tokens.weight[tokens.index(token)] = dense(v, circuit, dtype)
    for token, v in (circuit.unembedding or {}).items():
        model.lm_head.weight[tokens.index(token)] = dense(v, circuit, dtype)
    model.model.norm.weight.fill_(2.0**GAIN)
    for layer, block in zip(model.model.layers, circuit.blocks, strict=True):
        layer.input_layernorm.weight.fill_(2.0**GAIN)
        layer.post_attention_layernorm.weight.fill_(2.0**GAIN)
        attention, mlp = layer.self_attn, layer.mlp
        for h, head in enumerate(block.heads):
            assert isinstance(head, Head)  # concrete circuits have no opaque heads
            factor = math.sqrt(size) if head.scale == "1" else math.sqrt(size / head.d_head)
            for n in range(head.d_head):
                attention.q_proj.weight[h * size + n] = dense(head.W_Q[n], circuit, dtype, factor)
                attention.k_proj.weight[h * size + n] = dense(head.W_K[n], circuit, dtype)
            for n in range(len(head.W_V)):
                attention.v_proj.weight[h * size + n] = dense(head.W_V[n], circuit, dtype)
                attention.o_proj.weight[:, h * size + n] = dense(head.W_O[n], circuit, dtype)
        mlp.up_proj.bias.fill_(1)
        if block.mlp is not None:
            for n, unit in enumerate(block.mlp.units):
                mlp.gate_proj.weight[n] = dense(unit.read, circuit, dtype)
                mlp.gate_proj.bias[n] = nearest(unit.bias, dtype)  # type: ignore[arg-type]
                mlp.down_proj.weight[:, n] = dense(unit.write, circuit, dtype)
            mlp.down_proj.bias.copy_(dense(block.mlp.b_2, circuit, dtype))
