"""What trained models do on given words: attention maps and residual streams, beside an untrained control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from nopeproof.learn.model import Transformer
from nopeproof.learn.recipe import Cell
from nopeproof.tasks import Task

WORD_STREAM = 1_000_000_021
"""Leads the key of the words that are looked at, so that they are neither training nor test examples."""

SPARE = 8
"""How many times as many examples are drawn where they differ in length."""

Words = dict[int, Int[np.ndarray, "word t"]]
"""Inputs by length, in the task's measure."""


@dataclass(frozen=True)
class View:
    """One model on some words; the keys are lengths in the task's measure."""

    inputs: Words
    """Token ids."""
    maps: dict[int, Float[np.ndarray, "layer word h t t"]]
    """Attention weights."""
    streams: dict[int, Float[np.ndarray, "layer_plus_1 word t d"]]
    """The residual stream: the embedding, then after each layer."""


@dataclass(frozen=True)
class Observed:
    """One seed of a run, trained and, as its control, untrained from the same start."""

    cell: Cell
    seed: int
    scores: dict[str, Any]
    trained: View
    untrained: View

    @property
    def name(self) -> str:
        return f"{self.cell.pe}/{self.seed}"


def words(task: Task, length: int, count: int, seed: int) -> Int[np.ndarray, "count t"]:
    """Whole inputs, source and right answer, without the closing token no position predicts from.

    Where examples of one length differ in tokens, these are examples of the most frequent number of tokens, ``count`` at
    most: a padded word would be counted in every mean over positions.
    """
    rng = np.random.default_rng([WORD_STREAM, seed, length])
    examples = task.examples(rng, length, count if task.even else SPARE * count)
    ends = examples.scored.shape[1] - examples.scored[:, ::-1].argmax(1)
    sizes, times = np.unique(ends, return_counts=True)
    size = sizes[times.argmax()]
    return examples.tokens[ends == size][:count, : size - 1]


@torch.no_grad()
def views(model: Transformer, inputs: Words, models: int) -> list[View]:
    """Each stacked model's view of the same words."""
    traces = {n: model.trace(torch.from_numpy(tokens).expand(models, -1, -1)) for n, tokens in inputs.items()}
    return [
        View(
            inputs,
            {n: torch.stack(trace.attention)[:, m].double().numpy() for n, trace in traces.items()},
            {n: torch.stack(trace.stream)[:, m].double().numpy() for n, trace in traces.items()},
        )
        for m in range(models)
    ]
