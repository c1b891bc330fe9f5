"""A training step of the comparison Transformer, its seeds stacked, beside usual code of equal size in the same run.

All do forward, loss, backward, clip and AdamW in fp32 on one thread, on the same number of tokens a model. The unit is the time
of one step of one model; x-transformers and Hugging Face GPT-2 are measured where they are installed. Beside a step of ours stand its
matrix products alone: they bound from below what any other way of writing it can cost.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks._timing import best, in_turn
from nopeproof.analysis.attention_distance import layer_distance
from nopeproof.learn.recipe import Cell, Recipe
from nopeproof.learn.tensors import one_thread
from nopeproof.learn.train import _State

RECIPE = Recipe(train_length=10, max_length=64)
BATCH, LENGTH, VOCABULARY = RECIPE.batch_at(RECIPE.train_length), 22, 35
"""Examples, positions (copy at length 10 without its last token) and tokens of every step that is timed."""
ENCODINGS = ("nope", "t5", "alibi", "rotary", "rotary:fraction=0.25", "fire", "ape-sinusoidal", "ape-learned")


class PlainBlock(nn.Module):
    """A block as small readable GPT code writes it: LayerNorm, fused causal attention, GELU."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads, self.ln_1, self.ln_2 = heads, nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        q, k, v = (part.view(b, t, self.heads, -1).transpose(1, 2) for part in self.qkv(self.ln_1(x)).split(d, dim=-1))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, d))
        return x + self.mlp(self.ln_2(x))


class PlainGPT(nn.Module):
    """Token and position tables, blocks, a last norm, a read-out."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        d = recipe.d_model
        self.tokens, self.positions = nn.Embedding(VOCABULARY, d), nn.Embedding(recipe.max_length, d)
        self.blocks = nn.Sequential(*(PlainBlock(d, recipe.heads) for _ in range(recipe.layers)))
        self.norm, self.read = nn.LayerNorm(d), nn.Linear(d, VOCABULARY, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        return self.read(self.norm(self.blocks(x)))


def measure(quick: bool) -> Iterator[dict[str, Any]]:
    """Peers first, then stacks of NoPE, then every encoding three at a time, then the attention distance."""
    times = 20 if quick else 60
    with one_thread():
        peers = {name: timed(peer_step(make()), times) for name, make in makers().items()}
        for name, seconds in peers.items():
            yield {"what": name, "seconds": seconds}
        for name in sorted(set(PACKAGES) - set(peers)):
            yield {"what": name, "skipped": f"{PACKAGES[name]} is not installed: pip install 'nopeproof[benchmark]'"}
        fastest = min(peers, key=lambda name: peers[name])
        for models in (1, 3) if quick else (1, 3, 9):
            seconds = timed(stacked_step("nope", models), times) / models
            yield {
                "what": f"NoPE, {models} stacked",
                "seconds": seconds,
                "against": f"the speed of {fastest}",
                "ratio": peers[fastest] / seconds,
            }
        nope = timed(stacked_step("nope", 3), times)
        products = timed(products_of(3), times)
        what, against = "its matrix products alone, 3 stacked", "the time of NoPE"
        yield {"what": what, "seconds": products / 3, "against": against, "ratio": products / nope}
        for pe in ENCODINGS[1:]:
            seconds = timed(stacked_step(pe, 3), times)
            yield {"what": f"{pe}, 3 stacked", "seconds": seconds / 3, "against": "the time of NoPE", "ratio": seconds / nope}
        for width in (RECIPE.d_model, 96, 128):
            yield from distance_rows(f" at d_model {width}", dataclasses.replace(RECIPE, d_model=width), 32, 3 * times)
        if not quick:
            yield from distance_rows(" at the published size", dataclasses.replace(RECIPE, layers=12, d_model=768, heads=12), 4, 5)


def timed(act: Callable[[], Any], times: int) -> float:
    """Seconds of the fastest step, after a few to warm up."""
    for _ in range(3):
        act()
    return best(act, times, time.process_time)


PACKAGES = {"Hugging Face GPT-2": "transformers", "x-transformers": "x_transformers"}
"""Peers that are not written here, with the package each needs."""


def makers() -> dict[str, Callable[[], nn.Module]]:
    """The peers there are on this machine."""
    found: dict[str, Callable[[], nn.Module]] = {"nanoGPT-style code": lambda: PlainGPT(RECIPE)}
    made = {"Hugging Face GPT-2": hugging_face, "x-transformers": x_transformers}
    return found | {name: made[name] for name, package in PACKAGES.items() if importlib.util.find_spec(package)}


def hugging_face() -> nn.Module:
    """GPT-2 of the same sizes, without dropout."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes: dict[str, Any] = {"n_embd": RECIPE.d_model, "n_layer": RECIPE.layers, "n_head": RECIPE.heads, "n_positions": RECIPE.max_length}
    dropout: dict[str, Any] = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    config = GPT2Config(vocab_size=VOCABULARY, bos_token_id=None, eos_token_id=None, use_cache=False, **sizes, **dropout)
    return GPT2LMHeadModel(config)


def x_transformers() -> nn.Module:
    """Its decoder of the same sizes."""
    from x_transformers import Decoder, TransformerWrapper  # pyright: ignore[reportMissingImports]

    layers = Decoder(dim=RECIPE.d_model, depth=RECIPE.layers, heads=RECIPE.heads, attn_dim_head=RECIPE.d_model // RECIPE.heads)
    return TransformerWrapper(num_tokens=VOCABULARY, max_seq_len=RECIPE.max_length, attn_layers=layers)


def peer_step(model: nn.Module) -> Callable[[], None]:
    """One step of a model by itself, on tokens that are there already."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    tokens = torch.randint(0, VOCABULARY, (BATCH, LENGTH + 1))

    def step() -> None:
        found = model(tokens[:, :-1])
        logits = getattr(found, "logits", found)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def stacked_step(pe: str, models: int) -> Callable[[], None]:
    """One step of stacked models, the drawing of its examples included: the step of `train` itself, at length 10."""
    state = _State(Cell(pe, "copy", tuple(range(models)), RECIPE), Path(tempfile.mkdtemp()))
    step = next(n for n in range(1000) if _length(n) == RECIPE.train_length)
    return lambda: state.advance(step)


def products_of(models: int) -> Callable[[], None]:
    """Only the matrix products of a stacked step, forward and for both gradients: what no other way of writing it can save."""
    d, h, n = RECIPE.d_model, RECIPE.heads, BATCH * LENGTH
    shapes = [(models, n, i, o) for i, o in ((d, 3 * d), (d, d), (d, RECIPE.mlp * d), (RECIPE.mlp * d, d))] * RECIPE.layers
    shapes += [(models, n, d, VOCABULARY)]
    heads = models * BATCH * h
    shapes += [(heads, LENGTH, d // h, LENGTH), (heads, LENGTH, LENGTH, d // h)] * RECIPE.layers
    made = {shape: tuple(torch.randn(shape[0], *size) for size in (shape[1:3], shape[2:], (shape[1], shape[3]))) for shape in set(shapes)}

    def step() -> None:
        for shape in shapes:
            x, weight, gradient = made[shape]
            torch.bmm(x, weight)
            torch.bmm(x.transpose(1, 2), gradient)
            torch.bmm(gradient, weight.transpose(1, 2))

    return step


def _length(step: int) -> int:
    from nopeproof import tasks
    from nopeproof.learn.train import batch

    return (batch(tasks.task("copy"), RECIPE, (0,), step)[0].shape[-1] - 3) // 2


def distance_rows(size: str, recipe: Recipe, words: int, times: int) -> Iterator[dict[str, Any]]:
    """D_AT of all pairs of heads, all layers, of two models on the same words, against the forward passes that made the maps.

    Beside it its logarithms alone, one for each entry of a head or a pair of heads: no other way of writing it saves them.
    """
    cells = (Cell(pe, "copy", (0,), recipe) for pe in ("nope", "t5"))
    one, other = (_State(cell, Path(tempfile.mkdtemp())).model for cell in cells)
    tokens = torch.randint(0, VOCABULARY, (1, words, LENGTH))
    entries = torch.rand(recipe.layers * words * (LENGTH + 1) * LENGTH // 2, recipe.heads * (recipe.heads + 2))
    room = torch.empty_like(entries)
    with torch.no_grad():
        maps = [torch.stack(model.trace(tokens).attention)[:, 0].numpy() for model in (one, other)]
        acts = [lambda: (one(tokens), other(tokens)), lambda: layer_distance(*maps), lambda: torch.log(entries, out=room)]
        forward, distance, logarithms = in_turn(acts, times)
    what, against = f"D_AT, {words} words, all layers and pairs{size}", "both forward passes"
    yield {"what": what, "seconds": distance, "against": against, "ratio": distance / forward}
    yield {"what": f"its logarithms alone{size}", "seconds": logarithms, "against": against, "ratio": logarithms / forward}
