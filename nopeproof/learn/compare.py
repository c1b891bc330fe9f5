"""Hold trained runs beside the construction, and against each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nopeproof import tasks
from nopeproof.analysis.attended import attended_distance, distance_histogram
from nopeproof.analysis.attention_distance import (
    attention_distance,
    legacy_layer_distance,
    matched_distance,
    slope_map,
    uniform_map,
)
from nopeproof.analysis.heads import attention_to_bos, distance_to_uniform, nearest
from nopeproof.analysis.leak import decodable, horizon, spread
from nopeproof.analysis.probes import TARGETS, position_probe
from nopeproof.errors import NopeproofError
from nopeproof.learn import store
from nopeproof.learn.observe import Observed, View, views, words
from nopeproof.learn.recipe import MOST_SEED, Cell
from nopeproof.learn.summary import accuracy, models_of, ranking
from nopeproof.learn.sweep import SEARCH
from nopeproof.learn.tensors import one_thread
from nopeproof.learn.train import build, load

UNITS = {
    "distance": "nats, 0 to ln 2 (Jensen-Shannon)",
    "legacy_distance": "nats, unbounded (KL from the mixture, head pairs i < j only: the published code's variant)",
    "attention_to_bos": "share of attention, mean over queries 2..T",
    "r2": "held-out coefficient of determination, at most 1",
    "exact_match": "share of answers wholly right",
    "length": "the task's measure of length",
}
REFERENCE = "nope"
CROSSED = "encoding, other seed"
MOST_LENGTH, MOST_WORDS, MOST_WEIGHTS = 1024, 4096, 2**30
"""Of one length of words: the longest, how many, and how many attention weights of a run's models on all of them (8 GB)."""
NULL_HEADS = {"uniform": uniform_map, "key-only": slope_map}
"""Patterns that depend on nothing but T, each as the only head of every layer."""


@one_thread()
def compare_runs(
    runs: Sequence[Path],
    *,
    lengths: Sequence[int] | None = None,
    seed: int = 0,
    words_per_length: int = 32,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Compare finished runs, each a run's folder or a folder of runs; all figures are plain JSON.

    Args:
        runs: folders.
        lengths: lengths of the words looked at; None takes half, all and one and a half of the training length.
        seed: of the words; they are the same for every model.
        words_per_length: how many of each length.
        progress: called with the run being looked at, how many are done, and how many there are.

    Returns:
        ``units``: what each figure is in. ``lengths``, ``words_per_length``, ``seed``: what was looked at.
        ``models``: one entry a seed of a run, with
            ``name`` (pe/seed), ``pe``, ``task``, ``seed``, ``digest``, ``train_length``, ``test_count``;
            ``scores`` (lists along ``length``: ``exact_match``, ``token_accuracy``, ``cross_entropy``) and their
            means ``exact_match_in`` and ``exact_match_beyond`` the training length; ``learned``, whether the first
            reaches `summary.LEARNED`;
            ``uniform``: ``distance`` [layer][head] to the 1/t pattern of kazemnejad2023 Thm 1, ``nearest``
            {layer, head, nats}, and ``untrained_nearest`` the same of the untrained model;
            ``attention_to_bos`` [layer][head];
            ``attended``: histogram {left, share} of how far back the answer's queries look most, a share of the prefix;
            ``probes``: {target, layer (0 is the embedding), r2, r2_untrained, r2_longer}: fitted and tested on
            positions 2..T of mixed training lengths, with other words; ``r2_longer`` scores the same fit beyond them;
            ``leak``: for NoPE {layer, head, delta, delta_most, t_max, horizon, longest}: of the head nearest to 1/t the median and the
            largest spread of its logits on lengths trained on, the T up to which the median leaves t decodable (null if there is
            no limit), and how far t can be read off the stream after it, in positions (see `analysis.leak`); null for others;
            ``example``: {tokens, attention [layer][head][t][i]} of one word of the shortest length, for the first
            seed of each run; null for the others.
        ``accuracy``: exact match with intervals, one entry a task and encoding; ``ranking``: mean reciprocal rank with
            intervals, without the models that did not learn. See `summary`.
        ``distances``: D^(l) of kazemnejad2023 eq. 2 from each NoPE model to others on the same task, one entry a
            length: {task, length, reference, other, kind, per_layer, mean, matched_per_layer, matched_mean,
            legacy_per_layer, legacy_mean}. ``kind`` is "encoding" (same seed, another encoding), "other recipe" (NoPE
            trained otherwise) or a null model: "other seed" (NoPE, same recipe), "untrained" (its own start), "uniform"
            (one head, 1/t) or "key-only" (one head, softmax of i). A matched figure gives every head a partner of its
            own. A legacy figure is null where it is infinite, or undefined for want of a pair i < j.
        ``summary``: mean of these over pairs of models, nearest first: {task, length, other, kind, mean, least, most,
            matched, per_layer, pairs}. Two NoPE models are one pair, not two. There is one kind more, "encoding, other seed",
            and it is the one to go by: an encoding without weights of its own starts, at the same seed, from the very weights that
            NoPE starts from, one with weights does not, and what is left of that after training is no likeness of encodings.

    Raises:
        NopeproofError: no finished run is there or one is broken, there are fewer than 2 words or more than is reasonable, or runs on one
        task differ in depth.
    """
    if words_per_length < 2:
        found = "probes are fitted on half of the words and tested on the other"
        raise NopeproofError(f"compare on {words_per_length} words of each length", found, "ask for 2 at least")
    check_looked_at(lengths or (), words_per_length, seed)
    folders = find_runs(runs)
    looked_at = _looked_at(folders, lengths)
    models: list[Observed] = []
    for done, folder in enumerate(folders):
        if progress:
            progress(folder.name, done, len(folders))
        models += observe(folder, looked_at, words_per_length, seed)
    pairs = _from_reference(models, looked_at)
    found = [_model(m, looked_at) for m in models]
    return {
        "schema": 1,
        "units": UNITS,
        "lengths": list(looked_at),
        "words_per_length": words_per_length,
        "seed": seed,
        "models": found,
        "accuracy": accuracy(found),
        "ranking": ranking(found),
        "distances": [row for row in pairs if row["kind"] != CROSSED],
        "summary": _summary(pairs),
    }


@one_thread()
def distances(
    runs: Sequence[Path], *, lengths: Sequence[int] | None = None, seed: int = 0, words_per_length: int = 32, answered: float = 0.0
) -> dict[str, Any]:
    """The attention distances alone, of runs of one task: {task, lengths, words_per_length, seed, models, summary}, as `compare_runs`.
    ``models`` names those that took part: {name, digest, exact_match}, the last on the lengths trained on. Those with less than
    ``answered`` of it take no part. Raises NopeproofError as `compare_runs`, or if runs are of several tasks.
    """
    check_looked_at(lengths or (), words_per_length, seed)
    folders = find_runs(runs)
    looked_at, tasks_of = _looked_at(folders, lengths), sorted({_cell_of(folder).task for folder in folders})
    if len(tasks_of) > 1:
        raise NopeproofError("attention distances of one task", f"the runs are of {', '.join(tasks_of)}", "name runs of one of them")
    models = [m for folder in folders for m in observe(folder, looked_at, words_per_length, seed, probed=False)]
    inside = {id(m): float(np.mean([x for n, x in _scored(m) if n <= m.cell.recipe.train_length])) for m in models}
    models = [m for m in models if inside[id(m)] >= answered]
    return {
        "task": tasks_of[0],
        "lengths": list(looked_at),
        "words_per_length": words_per_length,
        "seed": seed,
        "models": [{"name": m.name, "digest": m.cell.digest, "exact_match": inside[id(m)]} for m in models],
        "summary": _summary(_from_reference(models, looked_at)),
    }


def _scored(model: Observed) -> Iterable[tuple[int, float]]:
    return zip(model.scores["length"], model.scores["exact_match"], strict=True)


def _cell_of(folder: Path) -> Cell:
    return Cell.from_config(store.read_json(folder / store.CONFIG))


def _looked_at(folders: Sequence[Path], lengths: Sequence[int] | None) -> tuple[int, ...]:
    return tuple(lengths or default_lengths(_cell_of(folders[0])))


def _from_reference(models: Sequence[Observed], lengths: Sequence[int]) -> list[dict[str, Any]]:
    return [
        row
        for index, model in enumerate(models)
        if model.cell.pe == REFERENCE
        for row in _distances(model, _partners(index, models), lengths)
    ]


def default_lengths(cell: Cell) -> tuple[int, ...]:
    """Half, all and one and a half of the training length, or the nearest below that the task has."""
    n = cell.recipe.train_length
    there = tasks.task(cell.task).lengths(cell.recipe.test_length)
    return tuple(sorted({max((m for m in there if m <= wanted), default=there[0]) for wanted in (n // 2, n, n + n // 2)}))


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """The finished runs at or right below the given folders, or in the only folder further below that holds some.

    Raises:
        NopeproofError: a folder holds none, or several of the folders below it do: runs of several presets are not mixed.
    """
    found: list[Path] = []
    for path in paths:
        found += [run for run in _runs_in(path) or _runs_in(_further_below(path)) if run not in found]
    if not found:
        raise NopeproofError("compare runs", "no folder was given", "name a run's folder, or a folder of runs")
    return found


def _runs_in(path: Path) -> list[Path]:
    return [path] if (path / store.RESULT).exists() else sorted(p.parent for p in path.glob(f"*/{store.RESULT}"))


def _further_below(path: Path) -> Path:
    """The folder of runs below ``path``: that of `train` holds one for each preset. A search's runs are no preset's."""
    asked, train = f"compare the runs in {path}", "train first: nopeproof train"
    if not path.is_dir():
        found = "it is a file, not a folder, and holds no finished run" if path.exists() else "there is no such folder, so no finished run"
        raise NopeproofError(asked, found, f"name the folder of a run or of several; or {train}")
    deeper = {run.parent.parent for below in ("*/*", "*/*/*") for run in path.glob(f"{below}/{store.RESULT}")}
    folders = sorted(folder for folder in deeper if folder.name != SEARCH)
    if not folders:
        raise NopeproofError(asked, "there is no finished run", train)
    if len(folders) > 1:
        raise NopeproofError(asked, f"there are several folders of runs: {', '.join(map(str, folders))}", "name those to be compared")
    return folders[0]


def check_looked_at(lengths: Iterable[int], words_per_length: int, seed: int) -> None:
    """Refuse words that cannot be drawn, or not in any reasonable time and memory.

    Raises:
        NopeproofError: a length, their number or the seed is out of its range.
    """
    if out := [n for n in lengths if not 1 <= n <= MOST_LENGTH]:
        raise NopeproofError(f"words of the lengths {out}", f"lengths are from 1 to {MOST_LENGTH}", "other lengths")
    if not 1 <= words_per_length <= MOST_WORDS:
        raise NopeproofError(f"{words_per_length} words of each length", f"from 1 to {MOST_WORDS} are looked at", "another number of words")
    if not 0 <= seed <= MOST_SEED:
        raise NopeproofError(f"words drawn from the seed {seed}", f"a seed is a whole number from 0 to {MOST_SEED}", "another seed")


def observe(run: Path, lengths: Iterable[int], count: int, seed: int, probed: bool = True) -> list[Observed]:
    """Each seed of a finished run on ``count`` words of each length, and, if ``probed``, of each length its probes need."""
    cell, model = load(run)
    task = tasks.task(cell.task)
    wanted = sorted({*lengths, *(task.lengths(cell.recipe.test_length) if probed else ())})
    for n in wanted:
        weights = len(cell.seeds) * cell.recipe.layers * cell.recipe.heads * count * words(task, n, 1, seed).shape[1] ** 2
        if weights > MOST_WEIGHTS:
            asked, found = f"{count} words of length {n} in {run}", f"{weights} attention weights, and {MOST_WEIGHTS} are the most"
            raise NopeproofError(asked, found, "fewer words, or shorter ones")
    inputs = {n: words(task, n, count, seed) for n in wanted}
    scores = store.read_result(run)["scores"]
    pairs = zip(
        cell.seeds,
        scores,
        views(model, inputs, len(cell.seeds)),
        views(build(cell), inputs, len(cell.seeds)),
        strict=True,
    )
    seen = [Observed(cell, s, score, trained, untrained) for s, score, trained, untrained in pairs]
    for model in seen:
        if not all(np.isfinite(stream).all() for stream in model.trained.streams.values()):
            found = f"the stream of seed {model.seed} overflows: training leaves no such weights"
            raise NopeproofError(f"look at {run}", found, "move its folder away, and train it again")
    return seen


def _model(model: Observed, lengths: Sequence[int]) -> dict[str, Any]:
    cell = model.cell
    row = {
        "status": "finished",
        "digest": cell.digest,
        "config": dataclasses.asdict(cell),
        "scores": [{**model.scores, "seed": model.seed}],
    }
    uniform = _per_head(model.trained, lengths, distance_to_uniform)
    return {
        **models_of([row])[0],
        "uniform": {
            "distance": uniform.tolist(),
            "nearest": nearest(uniform),
            "untrained_nearest": nearest(_per_head(model.untrained, lengths, distance_to_uniform)),
        },
        "attention_to_bos": _per_head(model.trained, lengths, attention_to_bos).tolist(),
        "attended": _attended(model.trained, lengths),
        "probes": _probes(model),
        "leak": _leak(model, nearest(uniform)) if cell.pe == REFERENCE else None,
        "example": _example(model, min(lengths)) if model.seed == cell.seeds[0] else None,
    }


def _per_head(view: View, lengths: Sequence[int], measure: Any) -> np.ndarray:
    """Mean over words, then over lengths: layer by head."""
    return np.mean([measure(view.maps[n]).mean(axis=1) for n in lengths], axis=0)


def _attended(view: View, lengths: Sequence[int]) -> dict[str, list[float]]:
    """How far back the answer's queries look most, all heads and words together: {left: ends of the bins, share}."""
    seen = []
    for n in lengths:
        queries = np.arange(view.inputs[n].shape[1]) >= (view.inputs[n] == tasks.SEP).argmax(axis=1)[:, None]
        seen.append(np.moveaxis(attended_distance(view.maps[n]), 2, 1)[..., queries].ravel())
    left, share = distance_histogram(np.concatenate(seen))
    return {"left": left, "share": share}


def _probes(model: Observed) -> list[dict[str, Any]]:
    recipe = model.cell.recipe
    inside = [n for n in sorted(model.trained.inputs) if n <= recipe.train_length]
    beyond = [n for n in sorted(model.trained.inputs) if recipe.train_length < n <= recipe.test_length]
    rows = []
    for layer in range(recipe.layers + 1):
        fitted, held, longer = (_part(model.trained, layer, n, half) for n, half in ((inside, 0), (inside, 1), (beyond, 1)))
        start, start_held = (_part(model.untrained, layer, inside, half) for half in (0, 1))
        for target in TARGETS:
            rows.append({
                "target": target,
                "layer": layer,
                "r2": position_probe(fitted, held, target),
                "r2_untrained": position_probe(start, start_held, target),
                "r2_longer": position_probe(fitted, longer, target) if longer else None,
            })  # fmt: skip
    return rows


def _leak(model: Observed, head: dict[str, float | int]) -> dict[str, Any]:
    view, limit = model.trained, model.cell.recipe.train_length
    layer, index, inside = int(head["layer"]), int(head["head"]) - 1, [n for n in sorted(view.maps) if n <= limit]
    rows = np.concatenate([spread(view.maps[n][layer - 1, :, index]).ravel() for n in inside])
    delta, most = float(np.median(rows)), float(rows.max())
    told, longest = horizon(_part(view, layer, inside, 0), _part(view, layer, sorted(view.maps), 1))
    figures = {"delta": _finite(delta), "delta_most": _finite(most), "t_max": _finite(decodable(delta))}
    return {"layer": layer, "head": index + 1, **figures, "horizon": told, "longest": longest}


def _part(view: View, layer: int, lengths: Iterable[int], half: int) -> list[np.ndarray]:
    """Streams after one layer; ``half`` 0 takes every other word, 1 the words between."""
    return [view.streams[n][layer][half::2] for n in lengths]


def _example(model: Observed, length: int) -> dict[str, Any]:
    vocabulary, view = tasks.task(model.cell.task).vocabulary, model.trained
    return {
        "tokens": [vocabulary[token] for token in view.inputs[length][0]],
        "attention": np.round(view.maps[length][:, 0], 3).tolist(),
    }


def _distances(reference: Observed, partners: Sequence[tuple[Observed, str]], lengths: Sequence[int]) -> list[dict[str, Any]]:
    others = [(m.name, kind, m.trained) for m, kind in partners]
    others.append((f"untrained {reference.name}", "untrained", reference.untrained))
    rows = []
    for n in lengths:
        mine = reference.trained.maps[n]
        nulls = [(kind, kind, _spread(head(mine.shape[-1]), mine)) for kind, head in NULL_HEADS.items()]
        for name, kind, maps in [*((a, b, view.maps[n]) for a, b, view in others), *nulls]:
            if len(maps) != len(mine):
                found = f"they have {len(mine)} and {len(maps)} layers"
                raise NopeproofError(f"compare {reference.name} with {name}", found, "compare runs of one depth")
            ends = {"task": reference.cell.task, "length": n, "reference": reference.name, "other": name, "kind": kind}
            rows.append(ends | _layers(mine, maps))
    return rows


def _spread(head: np.ndarray, like: np.ndarray) -> np.ndarray:
    """One head's map as that of every layer and word."""
    return np.broadcast_to(head, (*like.shape[:2], 1, *like.shape[-2:]))


def _partners(index: int, models: Sequence[Observed]) -> list[tuple[Observed, str]]:
    """The models a NoPE model is compared with, and in what respect; of two NoPE models the first is the reference."""
    reference = models[index]
    found = []
    for place, other in enumerate(models):
        if other.cell.task != reference.cell.task:
            continue
        if other.cell.pe == REFERENCE and place > index:
            found.append((other, "other seed" if other.cell.recipe == reference.cell.recipe else "other recipe"))
        elif other.cell.pe != REFERENCE and other.seed == reference.seed:
            found.append((other, "encoding"))
        elif other.cell.pe != REFERENCE:
            found.append((other, CROSSED))
    return found


def _layers(a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """D^(l) for each layer, mean over words; the legacy variant beside it where it exists."""
    pairs = attention_distance(a, b)
    per_layer = pairs.min(axis=(-1, -2)).mean(axis=1)
    matched = [matched_distance(layer) for layer in pairs.mean(axis=1)]
    legacy = legacy_layer_distance(a, b).mean(axis=1) if b.shape[2] > 1 else np.full(len(a), np.nan)
    return {
        "per_layer": per_layer.tolist(),
        "mean": float(per_layer.mean()),
        "matched_per_layer": matched,
        "matched_mean": float(np.mean(matched)),
        "legacy_per_layer": [_finite(value) for value in legacy],
        "legacy_mean": _finite(legacy.mean()),
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _summary(distances: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, int, str, str], list[dict[str, Any]]] = {}
    for row in distances:
        label = row["other"].rpartition("/")[0] if row["kind"] in ("encoding", CROSSED) else row["kind"]
        groups.setdefault((row["task"], row["length"], label, row["kind"]), []).append(row)
    rows = []
    for (task, length, other, kind), group in groups.items():
        values = [row["mean"] for row in group]
        figures = {"mean": float(np.mean(values)), "least": min(values), "most": max(values), "pairs": len(values)}
        figures["matched"] = float(np.mean([row["matched_mean"] for row in group]))
        figures["per_layer"] = np.mean([row["per_layer"] for row in group], axis=0).tolist()
        rows.append({"task": task, "length": length, "other": other, "kind": kind, **figures})
    return sorted(rows, key=lambda row: (row["task"], row["length"], row["mean"]))
