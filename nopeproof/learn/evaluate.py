"""How well stacked models answer, by length: one teacher-forced pass scores a length.

If every scored token is the most likely one given the right tokens before it, greedy decoding writes exactly these
tokens; and if one is not, greedy decoding goes wrong there. So exact match needs no decoding loop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from nopeproof.learn.model import Transformer
from nopeproof.tasks import Examples, Task

TEST_STREAM = 1_000_000_007
"""Leads the key of every test draw, so that no test example is drawn from a training step's stream."""
LOOK_STREAM = 1_000_000_033
"""Leads the key of the examples that a training is looked at with: they are not test examples either."""


@torch.no_grad()
def evaluate(model: Transformer, task: Task, lengths: Sequence[int], count: int, stream: int = TEST_STREAM) -> list[dict[str, list]]:
    """Score each stacked model on ``count`` examples of each length; all models see the same examples, those of ``stream``.

    Returns:
        One dict a model, each with lists along ``length``: ``exact_match`` (share of answers wholly right),
        ``token_accuracy`` (share of scored tokens), ``cross_entropy`` (nats per scored token), ``margin`` (nats by which the
        right token leads the best wrong one, at the scored token where that is least; mean over examples).
    """
    per_length = [_score(model, task, length, count, stream) for length in lengths]
    models = range(len(per_length[0]["exact_match"]))
    return [{"length": list(lengths), **{key: [row[key][m] for row in per_length] for key in per_length[0]}} for m in models]


def test_examples(task: Task, length: int, count: int, stream: int = TEST_STREAM) -> Examples:
    """The test examples of one length: the same for every model, encoding and seed."""
    return task.examples(np.random.default_rng([stream, length]), length, count)


def _score(model: Transformer, task: Task, length: int, count: int, stream: int) -> dict[str, list[float]]:
    examples = test_examples(task, length, count, stream)
    tokens = torch.from_numpy(examples.tokens).to(model.W_E.device)
    scored = torch.from_numpy(examples.scored[:, 1:].copy()).to(tokens.device)
    log_p = model(tokens[:, :-1].expand(model.W_E.shape[0], -1, -1)).log_softmax(-1)
    right = log_p.argmax(-1) == tokens[:, 1:]
    wanted = tokens[:, 1:].expand(right.shape)[..., None]
    nats = -log_p.gather(-1, wanted)[..., 0]
    lead = -nats - log_p.scatter(-1, wanted, -torch.inf).amax(-1)
    return {
        "exact_match": (right | ~scored).all(-1).double().mean(-1).tolist(),
        "token_accuracy": (right & scored).sum((-1, -2)).div(scored.sum()).tolist(),
        "cross_entropy": (nats * scored).sum((-1, -2)).div(scored.sum()).tolist(),
        "margin": lead.masked_fill(~scored, torch.inf).amin(-1).double().mean(-1).tolist(),
    }


@torch.no_grad()
def greedy(model: Transformer, prompt: Int[Tensor, "s b t"], new: int) -> Int[Tensor, "s b new"]:
    """Decode ``new`` tokens, each the most likely one."""
    tokens = prompt
    for _ in range(new):
        tokens = torch.cat([tokens, model(tokens)[:, :, -1:].argmax(-1)], dim=-1)
    return tokens[:, :, prompt.shape[-1] :]
