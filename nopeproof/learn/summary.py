"""What a comparison says of encodings, from the figures of its models: intervals by length, and who generalises best."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from nopeproof.analysis.intervals import score_intervals, share_interval
from nopeproof.analysis.ranking import mean_reciprocal_rank

Models = Sequence[dict[str, Any]]
"""Entries ``models`` of a comparison."""


def accuracy(models: Models) -> list[dict[str, Any]]:
    """One entry a task and encoding: {task, pe, seeds, learned, by_length, beyond}.

    ``learned`` counts the seeds that did; ``by_length`` is {length, mean, low, high} of exact match over all seeds; ``beyond``
    {mean, low, high} of its mean beyond the lengths trained on, over the seeds that learned, or None if there are none.
    Intervals are bootstraps over seeds and test examples. Of one seed they speak of the examples alone.
    """
    rows = []
    for (task, pe), group in groupby(sorted(models, key=_cell), key=_cell):
        mine = list(group)
        learned = [m for m in mine if m["learned"] and m["exact_match_beyond"] is not None]
        rows.append({
            "task": task,
            "pe": pe,
            "seeds": len(mine),
            "learned": sum(m["learned"] for m in mine),
            "by_length": score_intervals([m["scores"] for m in mine], mine[0]["test_count"]),
            "beyond": _beyond(learned) if learned else None,
        })  # fmt: skip
    return rows


def ranking(models: Models) -> dict[str, Any]:
    """Mean reciprocal rank over tasks and seeds, by exact match beyond the lengths trained on.

    A model that did not learn its task is left out of that ranking, and named. Rankings of one encoding say nothing and are not
    counted. {ties, rows, left_out}; rows as `mean_reciprocal_rank` gives them.
    """
    rankings, left_out = [], []
    for _, group in groupby(sorted(models, key=_ranking), key=_ranking):
        mine = list(group)
        left_out += [f"{m['task']} {m['name']}" for m in mine if not m["learned"]]
        scores = {m["pe"]: m["exact_match_beyond"] for m in mine if m["learned"] and m["exact_match_beyond"] is not None}
        if len(scores) > 1:
            rankings.append(scores)
    return {"ties": "mean", "rows": mean_reciprocal_rank(rankings), "left_out": sorted(left_out)}


def _beyond(models: Models) -> dict[str, float]:
    table = np.array([m["scores"]["exact_match"] for m in models])
    longer = table[:, np.array(models[0]["scores"]["length"]) > models[0]["train_length"]]
    low, high = share_interval(longer, models[0]["test_count"])
    return {"mean": float(longer.mean()), "low": low, "high": high}


def _cell(model: dict[str, Any]) -> tuple[str, str]:
    return model["task"], model["pe"]


def _ranking(model: dict[str, Any]) -> tuple[str, int]:
    return model["task"], model["seed"]
