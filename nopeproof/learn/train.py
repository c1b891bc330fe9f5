"""Train one cell: deterministic given its seeds, and the same bit for bit if killed at any moment and started again.

No random state needs saving: the examples of a step are drawn from a stream keyed by (seed, step), the length of a
step from one keyed by the step alone, which the stacked models share. So a checkpoint is weights, AdamW's moments
and the step, in one safetensors file.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from nopeproof import positions, tasks
from nopeproof.errors import NopeproofError
from nopeproof.learn import store
from nopeproof.learn.evaluate import LOOK_STREAM, evaluate
from nopeproof.learn.graphs import Replayed
from nopeproof.learn.model import Drop, Dropout, Transformer, keep
from nopeproof.learn.recipe import Cell, Listener, Progress, Recipe
from nopeproof.learn.start import write_construction
from nopeproof.learn.tensors import load_tensors, one_thread, save_tensors

LENGTH_STREAM = 1_000_000_009
CHECKPOINT_EVERY = 100  # steps: the work a kill can cost
LOG_EVERY = 50
LOOKS = 5
"""Into how many parts a training is divided: it is looked at, by length, after each but the last, when it is tested anyway."""
LOOK_COUNT = 16
"""Examples of each length in such a look."""


def build(cell: Cell) -> Transformer:
    """The cell's models before the first step: also the untrained control of every probe."""
    vocabulary = len(tasks.task(cell.task).vocabulary)
    model = Transformer(cell.recipe, positions.encoding(cell.pe), vocabulary, cell.seeds)
    if cell.recipe.start == "construction":
        write_construction(model, cell.recipe, cell.seeds)
    return model


def device() -> torch.device:
    """Where models are trained: the first GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load(run: Path) -> tuple[Cell, Transformer]:
    """A finished run's cell and trained models.

    Raises:
        NopeproofError: this is not the folder of a finished run, its files do not fit each other, or a weight is no number.
    """
    cell = Cell.from_config(store.read_json(run / store.CONFIG))
    weights, _ = load_tensors(run / store.WEIGHTS)
    model = build(cell)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise NopeproofError(f"load {run}", f"weights and config.json disagree: {error}", "train it again") from error
    if not all(weight.isfinite().all() for weight in weights.values()):
        raise NopeproofError(f"load {run / store.WEIGHTS}", "it holds weights that are no numbers", "train it again")
    return cell, model.eval()


def train(cell: Cell, run: Path, listen: Listener | None = None) -> dict[str, Any]:
    """Train a cell in the folder ``run``, going on from its checkpoint if there is one; a finished run whose weights load is left alone.

    Returns:
        The result row: configuration, its hash, one entry of scores a seed, CPU seconds spent, versions.

    Raises:
        NopeproofError: the loss is no number any more, or the folder holds another configuration's checkpoint, or a file that is not ours.
    """
    with store.exclusive(run), one_thread():
        if (run / store.RESULT).exists() and not store.spoiled(run, cell.digest):
            return store.read_result(run, cell.digest)
        store.write_json(run / store.CONFIG, cell.config())
        return _train(_State(cell, run), run, listen or (lambda progress: None))


def _train(state: _State, run: Path, tell: Listener) -> dict[str, Any]:
    cell, steps = state.cell, state.cell.recipe.steps
    for step in range(state.step, steps):
        state.advance(step)
        done = step + 1
        if done % LOG_EVERY == 0 or done == steps:
            loss = state.take_loss()
            _check_finite(cell, done, loss)
            seen = look(state) if looks_at(done, steps) else {}
            store.record({"step": done, "loss": loss, **seen}, run / store.METRICS)
            tell(Progress(cell.label, "training", done, steps, sum(loss) / len(loss), accuracy=_means(seen)))
        if done % CHECKPOINT_EVERY == 0 or done == steps:
            state.save()
    tell(Progress(cell.label, "testing", steps, steps))
    return _finish(cell, run, state)


def looks_at(done: int, steps: int) -> bool:
    """Whether one of the `LOOKS` parts of a training has ended since the last log line, but not all of it."""
    part = lambda n: n * LOOKS // steps  # noqa: E731
    return part(done) > part(max(0, done - LOG_EVERY)) and done < steps


@torch.no_grad()
def look(state: _State) -> dict[str, Any]:
    """Exact match of each model by length, on examples that are neither trained nor tested on: {look: {length, exact_match}}.

    It draws from a stream of its own and changes nothing, so a training goes the same way whether or not it is looked at.
    """
    lengths = look_lengths(state.cell, state.task)
    scores = evaluate(state.model, state.task, lengths, LOOK_COUNT, LOOK_STREAM)
    return {"look": {"length": lengths, "exact_match": [score["exact_match"] for score in scores]}}


def look_lengths(cell: Cell, task: tasks.Task) -> list[int]:
    """The task's lengths nearest from below to half, all, one and a half and twice the length trained to."""
    there, recipe = task.lengths(cell.recipe.test_length), cell.recipe
    wanted = (recipe.train_length / 2, recipe.train_length, (recipe.train_length + recipe.test_length) / 2, recipe.test_length)
    return sorted({max((n for n in there if n <= most), default=there[0]) for most in wanted})


def _means(seen: dict[str, Any]) -> tuple[tuple[int, float], ...]:
    if not seen:
        return ()
    return tuple(zip(seen["look"]["length"], np.mean(seen["look"]["exact_match"], axis=0).tolist(), strict=True))


def _check_finite(cell: Cell, step: int, loss: list[float]) -> None:
    if lost := [str(seed) for seed, value in zip(cell.seeds, loss, strict=True) if not math.isfinite(value)]:
        raise NopeproofError(f"train {cell.label}", f"the loss of seed {', '.join(lost)} is no number at step {step}",
                             "lower the learning rate")  # fmt: skip


def _finish(cell: Cell, run: Path, state: _State) -> dict[str, Any]:
    lengths = state.task.lengths(cell.recipe.test_length)
    scores = evaluate(state.model.eval(), state.task, lengths, cell.recipe.test_count)
    save_tensors(run / store.WEIGHTS, state.model.state_dict(), {"digest": cell.digest})
    row = {
        "cell": cell.label,
        "status": "finished",
        "digest": cell.digest,
        "config": cell.config(),
        "scores": [{"seed": seed, **score} for seed, score in zip(cell.seeds, scores, strict=True)],
        "cpu_seconds": round(state.cpu_seconds(), 2),
        "device": state.device.type,
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
    }
    store.write_json(run / store.RESULT, row)
    (run / store.CHECKPOINT).unlink(missing_ok=True)
    return row


class _State:
    """Models and optimizer at one step of the training."""

    def __init__(self, cell: Cell, run: Path) -> None:
        self.cell, self.path = cell, run / store.CHECKPOINT
        self.device = device()
        self.task, self.model = tasks.task(cell.task), build(cell).to(self.device)
        self.optimizer = _optimizer(self.model, cell.recipe, self.device)
        replayed = self.device.type == "cuda" and not cell.recipe.dropout  # masks are drawn anew in each step
        self._take = Replayed(self._one, self.model.constants, self.device) if replayed else None
        self.step, self._spent, self._since = 0, 0.0, time.process_time()
        self.recent: list[Tensor] = []
        if self.path.exists():
            self._load()
        kept = [row for row in store.read_rows(run / store.METRICS, "step") if row["step"] <= self.step]
        store.write_rows(run / store.METRICS, kept)

    def advance(self, step: int) -> None:
        """One optimizer step; notes each model's loss."""
        recipe = self.cell.recipe
        for group in self.optimizer.param_groups:
            _set(group, recipe.lr_at(step))
        tokens, scored = batch(self.task, recipe, self.cell.seeds, step)
        if self._take is not None:
            self.recent.append(self._take(tokens, scored))
        else:
            drop = Dropout(recipe.dropout, self.cell.seeds, step, self.device) if recipe.dropout else keep
            self.recent.append(self._one(tokens.to(self.device), scored.to(self.device), drop=drop))
        self.step = step + 1

    def _one(self, tokens: Tensor, scored: Tensor, constants: Mapping[str, Tensor] | None = None, drop: Drop = keep) -> Tensor:
        recipe = self.cell.recipe
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
            logits = self.model(tokens[:, :, :-1], constants, drop)
        loss = _loss(logits.float(), tokens[:, :, 1:], scored[:, :, 1:])
        self.optimizer.zero_grad()
        loss.sum().backward()
        clip_each(list(self.model.parameters()), recipe.clip)
        self.optimizer.step()
        return loss.detach()

    def take_loss(self) -> list[float]:
        """Each model's loss, nats per scored token, averaged over the steps since last asked."""
        mean = np.mean([loss.tolist() for loss in self.recent], axis=0).tolist()
        self.recent = []
        return mean

    def cpu_seconds(self) -> float:
        """CPU time spent on this cell, earlier sittings included."""
        return self._spent + time.process_time() - self._since

    def save(self) -> None:
        tensors = {f"model/{name}": p for name, p in self.model.named_parameters()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"{key}/{name}"] = value
        metadata = {
            "step": self.step,
            "digest": self.cell.digest,
            "recent": [loss.tolist() for loss in self.recent],
            "cpu_seconds": self.cpu_seconds(),
        }
        save_tensors(self.path, tensors, metadata)

    def _load(self) -> None:
        tensors, metadata = load_tensors(self.path, f"remove {self.path}: the cell then starts from its first step")
        if metadata.get("digest") != self.cell.digest:
            raise NopeproofError(f"go on with {self.path}", "it belongs to another configuration", "use another folder")
        self.step, self._spent = metadata["step"], metadata["cpu_seconds"]
        self.recent = [torch.tensor(loss) for loss in metadata["recent"]]
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(tensors.pop(f"model/{name}"))
        named = dict(self.model.named_parameters())
        for full, value in tensors.items():
            key, name = full.split("/", 1)
            self.optimizer.state[named[name]][key] = value.to(self.device)


def batch(task: tasks.Task, recipe: Recipe, seeds: tuple[int, ...], step: int) -> tuple[Int[Tensor, "s b t"], Bool[Tensor, "s b t"]]:
    """The examples of one step: token ids and which are scored. All models share the length, none the examples."""
    there = task.lengths(recipe.train_length)
    length = there[int(np.random.default_rng([LENGTH_STREAM, step]).integers(len(there)))]
    drawn = [task.examples(np.random.default_rng([seed, step]), length, recipe.batch_at(length)) for seed in seeds]
    longest = max(e.tokens.shape[1] for e in drawn)  # models may draw examples of different lengths in tokens
    filled = [(_fill(e.tokens, longest, tasks.EOS), _fill(e.scored, longest, False)) for e in drawn]
    return tuple(torch.from_numpy(np.stack(part)) for part in zip(*filled, strict=True))  # type: ignore[return-value]


def _fill(rows: np.ndarray, longest: int, value: int | bool) -> np.ndarray:
    return np.pad(rows, ((0, 0), (0, longest - rows.shape[1])), constant_values=value)


def clip_each(parameters: list[nn.Parameter], limit: float) -> None:
    """Scale each stacked model's gradient down to norm ``limit`` at most; one clip over the stack would couple them."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()
    factor = (limit / norm.clamp_min(1e-12)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.ndim - 1)))


def _loss(logits: Float[Tensor, "s b t v"], target: Int[Tensor, "s b t"], scored: Bool[Tensor, "s b t"]) -> Float[Tensor, " s"]:
    nats = nn.functional.cross_entropy(logits.flatten(0, 2), target.flatten(), reduction="none").view(target.shape)
    return (nats * scored).sum((1, 2)) / scored.sum((1, 2))


def _set(group: dict[str, Any], lr: float) -> None:
    """A group's learning rate: a number, or where steps are replayed a tensor that they read."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(lr)
    else:
        group["lr"] = lr


def _optimizer(model: Transformer, recipe: Recipe, where: torch.device) -> torch.optim.AdamW:
    gains = [p for n, p in model.named_parameters() if n.endswith("gain")]
    rest = [p for n, p in model.named_parameters() if not n.endswith("gain")]
    groups = [{"params": rest, "weight_decay": recipe.weight_decay}, {"params": gains, "weight_decay": 0.0}]
    on_gpu = where.type == "cuda"
    lr = torch.tensor(recipe.lr, device=where) if on_gpu else recipe.lr
    return torch.optim.AdamW(groups, lr=lr, betas=recipe.betas, fused=True, capturable=on_gpu)
