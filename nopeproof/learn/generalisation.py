"""Length generalisation, from the rows of trained cells alone: tables by length, the order of the encodings, and the paper beside it.

Cells trained alike (one recipe but for the learning rate, which is searched for each encoding, and the lengths, which are each
task's own) make one comparison. A model that did not learn its task on the lengths trained on is named and judged no further.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nopeproof.analysis.intervals import clustered, share_difference
from nopeproof.analysis.ranking import mean_reciprocal_rank, ranks
from nopeproof.learn import published
from nopeproof.learn.summary import LEARNED, Models, accuracy, models_of, ranking, rankings

OWN = ("lr", "train_length", "test_length")
"""Fields of a recipe that may differ within one comparison."""


def comparisons(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each recipe among the data of training rows, the one with most cells first; plain JSON.

    Of rows with one digest the last counts; failed cells are left out, and so are those that start from the construction. An entry:
        ``recipe``: what its cells share. ``cells``: how many. ``missing``: [task, encoding] not there, of the tasks and encodings
        of which there are several.
        ``learned_at``: the exact match on trained lengths below which a model is judged no further.
        ``accuracy``: see `summary.accuracy`. ``ranking``: see `summary.ranking`, over all encodings.
        ``pairs``: for each task and two encodings, the difference beyond the lengths trained on: {task, one, other, difference, low,
        high, seeds, order}, over the seeds in which both learned; ``order`` is "ahead", "behind" or, where the interval has 0, "undecided".
        ``beside``: the paper's five encodings: {ranking: rows of mean reciprocal rank by group, as `trends` reads them; agreement: see
        `agreement`; trends: see `trends`; source}.
    """
    newest = {row["digest"]: row for row in rows if row["status"] == "finished"}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in newest.values():
        recipe = row["config"]["recipe"]
        if recipe.get("start", "random") == "random":
            groups.setdefault(json.dumps({k: v for k, v in recipe.items() if k not in OWN}, sort_keys=True), []).append(row)
    found = [_comparison(json.loads(recipe), cells) for recipe, cells in groups.items()]
    return sorted(found, key=lambda entry: -entry["cells"])


def _comparison(recipe: dict[str, Any], cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    models = _one_each(models_of(cells))
    there = {(m["task"], m["pe"]) for m in models}
    compared = {task for task, pe in there for other, others in there if (task, pe) != (other, others) and task == other}
    pes = {pe for task, pe in there if task in compared}
    table = pairs(models)
    return {
        "recipe": recipe,
        "cells": len(there),
        "missing": sorted([task, pe] for task in compared for pe in pes if (task, pe) not in there),
        "learned_at": LEARNED,
        "accuracy": accuracy(models),
        "ranking": ranking(models),
        "pairs": table,
        "beside": beside(models, table),
    }


def _one_each(models: Models) -> list[dict[str, Any]]:
    """One model an encoding, task and seed: of cells that were trained again with another rate, the last."""
    return list({(m["task"], m["train_length"], m["pe"], m["seed"]): m for m in models}.values())


def pairs(models: Models) -> list[dict[str, Any]]:
    """Every two encodings on every task: see `comparisons`."""
    by_cell: dict[tuple[str, int, str], dict[int, dict[str, Any]]] = {}
    for m in models:
        if m["learned"] and m["exact_match_beyond"] is not None:
            by_cell.setdefault((m["task"], m["train_length"], m["pe"]), {})[m["seed"]] = m
    rows = []
    for (one, mine), (other, theirs) in itertools.combinations(sorted(by_cell.items()), 2):
        seeds = sorted(set(mine) & set(theirs))
        if one[:2] != other[:2] or not seeds:
            continue
        a, b = (np.array([_longer(found[seed]) for seed in seeds]) for found in (mine, theirs))
        low, high = share_difference(a, b, mine[seeds[0]]["test_count"])
        order = "ahead" if low > 0 else "behind" if high < 0 else "undecided"
        difference = {"difference": float(a.mean() - b.mean()), "low": low, "high": high, "seeds": len(seeds), "order": order}
        rows.append({"task": one[0], "one": one[2], "other": other[2], **difference})
    return rows


def _longer(model: Mapping[str, Any]) -> list[float]:
    scores = model["scores"]
    return [x for n, x in zip(scores["length"], scores["exact_match"], strict=True) if n > model["train_length"]]


def beside(models: Models, table: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The paper's encodings and tasks alone, beside its figures."""
    five = [m for m in models if m["pe"] in published.FIVE and published.group(m["task"])]
    groups = {"all": five, **{name: [m for m in five if m["task"] in tasks] for name, tasks in published.GROUPS.items()}}
    ranked = {name: mean_reciprocal_rank(list(rankings(mine).values())) for name, mine in groups.items()}
    return {
        "source": published.SOURCE,
        "ranking": [
            {"group": name, **row, "published": published.RECIPROCAL_RANK[name][row["name"]]}
            for name, rows in ranked.items()
            for row in rows
        ],
        "agreement": agreement(table),
        "trends": [row for name, mine in groups.items() for row in trends(name, rankings(mine))],
        "figures": published.EXACT_MATCH,
        "read_off_a_plot": list(published.READ_OFF_A_PLOT),
    }


def agreement(table: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each published difference of two encodings on a task beside ours: {task, better, worse, published, ours, low, high, order}.

    ``better`` is the one that is better in the paper. ``order`` is "same" or "other" where our interval leaves 0 out, else
    "undecided"; where one of the two did not learn the task here, or was not trained, the row is not there. Equal figures show no order.
    """
    ours = {}
    for row in table:
        ours[row["task"], row["one"], row["other"]] = (row["difference"], row["low"], row["high"])
        ours[row["task"], row["other"], row["one"]] = (-row["difference"], -row["high"], -row["low"])
    rows = []
    for task, figures in published.EXACT_MATCH.items():
        for better, worse in itertools.permutations(figures, 2):
            found = ours.get((task, better, worse))
            if found and figures[better] > figures[worse]:
                difference, low, high = found
                order = "same" if low > 0 else "other" if high < 0 else "undecided"
                said = {"published": round(figures[better] - figures[worse], 3), "ours": difference, "low": low, "high": high}
                rows.append({"task": task, "better": better, "worse": worse, **said, "order": order})
    return rows


def trends(group: str, found: Mapping[tuple[str, int, int], Mapping[str, float]]) -> list[dict[str, Any]]:
    """The paper's order of mean reciprocal ranks in a group of tasks, neighbour by neighbour, in our rankings.

    {group, better, worse, published, ours, low, high, tasks, rankings, outcome}: the mean difference of 1/rank over the rankings both are
    in, with a bootstrap interval over tasks. "holds" or "fails" where that leaves 0 out, "undecided" where it does not; "too few tasks"
    where less than half of the group's tasks are there, whatever the figures.
    """
    figures, rows = published.RECIPROCAL_RANK[group], []
    of = sum(len(tasks) for name, tasks in published.GROUPS.items() if group in (name, "all"))
    for better, worse in itertools.pairwise(sorted(figures, key=lambda pe: -figures[pe])):
        gaps: dict[str, list[float]] = {}
        for (task, _, _), scores in found.items():
            if better in scores and worse in scores:
                rank = ranks(scores)
                gaps.setdefault(task, []).append(1 / rank[better] - 1 / rank[worse])
        row = {"group": group, "better": better, "worse": worse, "published": round(figures[better] - figures[worse], 3)}
        row |= {"ours": None, "low": None, "high": None, "tasks": [len(gaps), of], "rankings": sum(map(len, gaps.values()))}
        if gaps:
            low, high = clustered(list(gaps.values()))
            row |= {"ours": float(np.mean([x for values in gaps.values() for x in values])), "low": low, "high": high}
        few = 2 * len(gaps) < of
        outcome = "too few tasks" if few else "holds" if row["low"] > 0 else "fails" if row["high"] < 0 else "undecided"
        rows.append({**row, "outcome": outcome})
    return rows
