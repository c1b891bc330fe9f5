"""Trained models held against the construction: has SGD found the head of kazemnejad2023, Thm 1, and does it need it?

A head is *near* if its attention is nearer to the 1/t pattern than any head of any untrained control: there is no other
threshold. Whether near heads matter is found by interventions on the weights, each judged by exact match on the lengths
trained on, against the same share that decides whether a task was learned:

* swap: W_Q is set to 0, which makes a head's attention exactly 1/t under any norm, as the construction's is: the nearest
  head, the two nearest, and so on. Those that can be swapped together without harm are *the construction's heads*;
* ablate: their rows of W_O are set to 0: one of them at a time, all of them, and as a control as many of the farthest heads.

The verdict on a NoPE model: *found*, if one of the construction's heads cannot be spared; *found redundantly*, if each can be
spared but not all of them; *something else*, if there are none, or all can be spared; *not learned*, if there was nothing to
explain.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Collection, Iterable
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nopeproof import tasks
from nopeproof.analysis.heads import distance_to_uniform
from nopeproof.learn.compare import REFERENCE, check_looked_at, default_lengths
from nopeproof.learn.evaluate import evaluate
from nopeproof.learn.model import Attention, Transformer
from nopeproof.learn.observe import views, words
from nopeproof.learn.recipe import Cell
from nopeproof.learn.summary import LEARNED
from nopeproof.learn.tensors import one_thread
from nopeproof.learn.train import build, load
from nopeproof.tasks import Task

Head = tuple[int, int]
"""Layer and head, both from 1."""
UNITS = {
    "nats": "D_AT to the 1/t pattern, 0 to ln 2",
    "exact_match": "share of answers wholly right, mean over the lengths trained on",
    "token_accuracy": "share of scored tokens, the same",
    "constant_without_bos": "largest difference of a logit between positions of a constant prompt without <bos>",
}


@one_thread()
def hold_beside(run: Path, *, words_per_length: int = 32, count: int = 50, seed: int = 0) -> dict[str, Any]:
    """Every seed of a finished run beside the construction.

    Args:
        run: folder of the run.
        words_per_length: words looked at for attention, of each of `default_lengths`.
        count: test examples per length for each intervention.
        seed: of the words.

    Returns:
        ``units``; ``floor``: the least distance to 1/t of a head of drawn weights, over all seeds; ``models``: one entry a seed,
        {name, pe, task, seed, digest, exact_match, token_accuracy, near_heads: [{layer, head, nats}] (nearest first), cut_bos,
        constant_without_bos} and for NoPE {verdict, swaps, heads, ablate: {each, all, others}}: ``swaps`` what is left after
        swapping the 1, 2, ... nearest heads, ``heads`` how many of them are the construction's. An intervention's figures
        are {exact_match, token_accuracy}.

    Raises:
        NopeproofError: this is not the folder of a finished run, or words or seed are out of range.
    """
    check_looked_at((), words_per_length, seed)
    cell, trained = load(run)
    task = tasks.task(cell.task)
    inputs = {n: words(task, n, words_per_length, seed) for n in default_lengths(cell) if n in task.lengths(n)}
    drawn = dataclasses.replace(cell, recipe=dataclasses.replace(cell.recipe, start="random", disturbed=0.0))
    floor = min(float(distances.min()) for distances in _to_uniform(build(drawn), inputs, len(cell.seeds)))
    distances = _to_uniform(trained, inputs, len(cell.seeds))
    models = [_model(cell, index, single(trained, cell, index), task, distances[index], floor, count) for index in range(len(cell.seeds))]
    return {"schema": 1, "units": UNITS, "floor": floor, "models": models}


def single(model: Transformer, cell: Cell, index: int) -> Transformer:
    """One of the stacked models, by itself."""
    alone = build(Cell(cell.pe, cell.task, (cell.seeds[index],), cell.recipe))
    alone.load_state_dict({name: value[index : index + 1] for name, value in model.state_dict().items()})
    return alone.eval()


@torch.no_grad()
def uniform(model: Transformer, heads: Iterable[Head]) -> Transformer:
    """A copy in which these heads attend as the construction's: W_Q = 0, so every visible key gets 1/t (without an encoding)."""
    changed = copy.deepcopy(model)
    for layer, head in heads:
        attention, columns = _head(changed, layer, head)
        attention.W_QKV[:, :, columns] = 0  # the queries come first
    return changed


@torch.no_grad()
def ablated(model: Transformer, heads: Iterable[Head]) -> Transformer:
    """A copy in which these heads write nothing."""
    changed = copy.deepcopy(model)
    for layer, head in heads:
        attention, rows = _head(changed, layer, head)
        attention.W_O[:, rows] = 0
    return changed


@torch.no_grad()
def constant_spread(model: Transformer, symbol: Int[Tensor, ""] | int, length: int = 16) -> float:
    """Largest difference of a logit between two positions of a prompt that is one token over and over, without <bos>."""
    logits = model(torch.full((1, 1, length), int(symbol)))[0, 0]
    return float((logits.amax(0) - logits.amin(0)).max())


class CutBos(nn.Module):
    """A model whose queries after the first do not see key 1, where <bos> is, in some layers."""

    def __init__(self, model: Transformer, layers: Collection[int]) -> None:
        super().__init__()
        self.model, self.layers, self.W_E = model, layers, model.W_E

    def forward(self, tokens: Int[Tensor, "s b t"]) -> Float[Tensor, "s b t v"]:
        return self.model.trace(tokens, cut_first=self.layers).logits


def scored(model: nn.Module, task: Task, cell: Cell, count: int) -> dict[str, float]:
    """Exact match and token accuracy on the lengths trained on, of one model."""
    (score,) = evaluate(model, task, task.lengths(cell.recipe.train_length), count)  # type: ignore[arg-type]
    return {key: float(np.mean(score[key])) for key in ("exact_match", "token_accuracy")}


def breaks(score: dict[str, float]) -> bool:
    """Whether a model with this score would not count as one that learned its task."""
    return score["exact_match"] < LEARNED


def verdict(plain: dict[str, float], heads: int, ablate: dict[str, Any]) -> str:
    """The rule of the module's first lines."""
    if breaks(plain):
        return "not learned"
    if not heads or not breaks(ablate["all"]):
        return "something else"
    return "found" if any(map(breaks, ablate["each"])) else "found redundantly"


def _model(cell: Cell, index: int, model: Transformer, task: Task, distance: np.ndarray, floor: float, count: int) -> dict[str, Any]:
    def score(changed: nn.Module) -> dict[str, float]:
        return scored(changed, task, cell, count)

    order = [
        (int(layer) + 1, int(head) + 1) for layer, head in zip(*np.unravel_index(np.argsort(distance, None), distance.shape), strict=True)
    ]
    near = [head for head in order if distance[head[0] - 1, head[1] - 1] < floor]
    plain = score(model)
    row = {
        "name": f"{cell.pe}/{cell.seeds[index]}",
        "pe": cell.pe,
        "task": cell.task,
        "seed": cell.seeds[index],
        "digest": cell.digest,
        **plain,
        "near_heads": [{"layer": layer, "head": head, "nats": float(distance[layer - 1, head - 1])} for layer, head in near],
        "cut_bos": score(CutBos(model, (1,))),
        "constant_without_bos": constant_spread(model, len(tasks.SPECIAL)),
    }
    if cell.pe != REFERENCE:
        return row
    swaps = [score(uniform(model, near[:k])) for k in range(1, len(near) + 1)]
    heads = sum(1 for _ in takewhile(lambda swapped: not breaks(swapped), swaps))
    ablate = {
        "each": [score(ablated(model, [head])) for head in near[:heads]],
        "all": score(ablated(model, near[:heads])),
        "others": score(ablated(model, order[::-1][:heads])),
    }
    return row | {"verdict": verdict(plain, heads, ablate), "swaps": swaps, "heads": heads, "ablate": ablate}


def _to_uniform(model: Transformer, inputs: dict[int, np.ndarray], models: int) -> list[Float[np.ndarray, "layer h"]]:
    """Each stacked model's distance of every head to 1/t, mean over words and lengths."""
    return [
        np.mean([distance_to_uniform(maps).mean(axis=1) for maps in view.maps.values()], axis=0) for view in views(model, inputs, models)
    ]


def _head(model: Transformer, layer: int, head: int) -> tuple[Attention, slice]:
    attention, e = model.blocks[layer - 1].attention, model.geometry.d_head
    return attention, slice((head - 1) * e, head * e)  # type: ignore[return-value]
