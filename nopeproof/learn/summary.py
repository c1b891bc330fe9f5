"""What a comparison says of encodings, from the figures of its models: intervals by length, and who generalises best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from nopeproof.analysis.intervals import score_intervals, share_interval
from nopeproof.analysis.ranking import mean_reciprocal_rank

LEARNED = 0.95
"""Exact match within the training lengths below which a model enters no ranking (it is marked, not dropped)."""

Models = Sequence[dict[str, Any]]
"""Entries ``models`` of a comparison."""


def models_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What `accuracy` and `ranking` read of each model, from the rows of trained cells; failed cells have none.

    A model has ``learned`` its task if its exact match, mean over the lengths trained on, reaches `LEARNED`.
    """
    found = []
    for row in rows:
        if row["status"] != "finished":
            continue
        config, recipe = row["config"], row["config"]["recipe"]
        for score in row["scores"]:
            exact, inside = np.array(score["exact_match"]), np.array(score["length"]) <= recipe["train_length"]
            found.append({
                "name": f"{config['pe']}/{score['seed']}",
                "pe": config["pe"],
                "task": config["task"],
                "seed": score["seed"],
                "digest": row["digest"],
                "lr": recipe["lr"],
                "train_length": recipe["train_length"],
                "test_count": recipe["test_count"],
                "scores": {key: value for key, value in score.items() if key != "seed"},
                "exact_match_in": float(exact[inside].mean()),
                "learned": bool(exact[inside].mean() >= LEARNED),
                "exact_match_beyond": float(exact[~inside].mean()) if not inside.all() else None,
            })  # fmt: skip
    return found


def accuracy(models: Models) -> list[dict[str, Any]]:
    """One entry a task and encoding: {task, pe, lr, train_length, seeds, learned, inside, by_length, also, beyond}.

    ``learned`` counts the seeds that did, ``inside`` is exact match on the lengths trained on; ``by_length`` is {length, mean, low,
    high} of exact match over all seeds; ``also`` the other measures along ``length``, {measure: {mean, least, most}} over seeds (their
    examples are not kept, so there is no interval); ``beyond`` {mean, low, high} of exact match beyond the lengths trained on, over the
    seeds that learned, or None if there are none. Intervals are bootstraps over seeds and test examples. Of one seed they speak of the
    examples alone, and of three seeds they are on the narrow side.
    """
    rows = []
    for (task, train_length, pe), group in groupby(sorted(models, key=_cell), key=_cell):
        mine = list(group)
        learned = [m for m in mine if m["learned"] and m["exact_match_beyond"] is not None]
        rows.append({
            "task": task,
            "pe": pe,
            "lr": mine[0].get("lr"),
            "train_length": train_length,
            "seeds": len(mine),
            "learned": sum(m["learned"] for m in mine),
            "inside": float(np.mean([m["exact_match_in"] for m in mine])),
            "by_length": score_intervals([m["scores"] for m in mine], mine[0]["test_count"]),
            "also": also([m["scores"] for m in mine]),
            "beyond": _beyond(learned) if learned else None,
        })  # fmt: skip
    return rows


MEASURES = ("token_accuracy", "cross_entropy", "margin")
"""What is known of a model along ``length`` besides exact match; rows written by older versions lack the last."""


def also(scores: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """{measure: {mean, least, most}}, lists along ``length`` over the seeds of one cell, to six digits."""
    found = {}
    for measure in MEASURES:
        if all(measure in score for score in scores):
            table = np.array([score[measure] for score in scores])
            figures = {"mean": table.mean(axis=0), "least": table.min(axis=0), "most": table.max(axis=0)}
            found[measure] = {name: [float(f"{x:.6g}") for x in column] for name, column in figures.items()}
    return found


def rankings(models: Models) -> dict[tuple[str, int, int], dict[str, float]]:
    """(task, length trained to, seed) -> {encoding: exact match beyond that length}, of the models that learned; two at least."""
    found = {}
    for key, group in groupby(sorted(models, key=_ranking), key=_ranking):
        scores = {m["pe"]: m["exact_match_beyond"] for m in group if m["learned"] and m["exact_match_beyond"] is not None}
        if len(scores) > 1:
            found[key] = scores
    return found


def ranking(models: Models) -> dict[str, Any]:
    """Mean reciprocal rank over tasks and seeds, by exact match beyond the lengths trained on.

    A model that did not learn its task is left out of that ranking, and named. Rankings of one encoding say nothing and are not
    counted. {ties, rows, left_out}; rows as `mean_reciprocal_rank` gives them.
    """
    left_out = sorted(f"{m['task']} {m['name']}" for m in models if not m["learned"])
    return {"ties": "mean", "rows": mean_reciprocal_rank(list(rankings(models).values())), "left_out": left_out}


def _beyond(models: Models) -> dict[str, float]:
    table = np.array([m["scores"]["exact_match"] for m in models])
    longer = table[:, np.array(models[0]["scores"]["length"]) > models[0]["train_length"]]
    low, high = share_interval(longer, models[0]["test_count"])
    return {"mean": float(longer.mean()), "low": low, "high": high}


def _cell(model: dict[str, Any]) -> tuple[str, int, str]:
    return model["task"], model["train_length"], model["pe"]


def _ranking(model: dict[str, Any]) -> tuple[str, int, int]:
    return model["task"], model["train_length"], model["seed"]
