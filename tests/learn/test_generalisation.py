"""What rows say of length generalisation: by hand where it can be, and never more than the runs carry."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nopeproof.analysis.intervals import clustered, share_difference
from nopeproof.learn import published
from nopeproof.learn.generalisation import comparisons
from nopeproof.learn.recipe import BATTERY, Cell, Recipe
from nopeproof.report.generalised import order, sentences, shown, tables

SHORT = Recipe(train_length=2, test_length=4, test_count=400)


def row(pe: str, task: str, *beyond: float, inside: float = 1.0, recipe: Recipe = SHORT, margin: bool = True) -> dict:
    """A finished cell, one seed for each figure."""
    cell = Cell(pe, task, tuple(range(len(beyond))), recipe)
    scores = [
        {"seed": n, "length": [1, 2, 3, 4], "exact_match": [inside, inside, x, x], "token_accuracy": [1.0, 1.0, 0.9, 0.8],
         "cross_entropy": [0.0, 0.0, 0.5 + n, 1.0]} | ({"margin": [9.0, 8.0, 1.0, -1.0]} if margin else {})
        for n, x in enumerate(beyond)
    ]  # fmt: skip
    return {"digest": cell.digest, "status": "finished", "config": cell.config(), "scores": scores}


def only(*rows: dict) -> dict:
    (found,) = comparisons(rows)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def test_tables_by_hand():
    found = only(
        row("nope", "copy", 0.2, 0.3), row("t5", "copy", 0.5, 0.7), row("alibi", "copy", 0.24, 0.26), row("nope", "sort", 0.9, 0.9)
    )
    assert found["cells"] == 4 and found["missing"] == [] and "lr" not in found["recipe"]
    nope = next(r for r in found["accuracy"] if (r["task"], r["pe"]) == ("copy", "nope"))
    assert nope["learned"] == nope["seeds"] == 2 and nope["inside"] == 1 and nope["beyond"]["mean"] == pytest.approx(0.25)
    assert nope["also"]["cross_entropy"] == {"mean": [0, 0, 1, 1], "least": [0, 0, 0.5, 1], "most": [0, 0, 1.5, 1]}
    told = {(r["one"], r["other"]): r["order"] for r in found["pairs"]}
    assert told == {("alibi", "nope"): "undecided", ("alibi", "t5"): "behind", ("nope", "t5"): "behind"}
    assert order("copy", found) == "t5 0.60 > alibi 0.25 ~ nope 0.25"
    ranked = {r["name"]: r["mean"] for r in found["ranking"]["rows"]}
    assert ranked == pytest.approx({"t5": 1.0, "alibi": 5 / 12, "nope": 5 / 12})


def test_the_papers_differences_are_judged_one_by_one():
    found = only(
        row("nope", "copy", 0.2, 0.3), row("t5", "copy", 0.5, 0.7), row("alibi", "copy", 0.24, 0.26), row("rotary", "copy", 0.9, 0.9)
    )
    told = {(r["better"], r["worse"]): (r["published"], r["order"]) for r in found["beside"]["agreement"]}
    assert told == {("t5", "nope"): (0.115, "same"), ("t5", "alibi"): (0.089, "same"), ("alibi", "nope"): (0.026, "undecided")}
    assert "2 have the same sign, 0 the other, and 1" in sentences(found)[0]
    swapped = only(row("nope", "copy", 0.9, 0.9), row("t5", "copy", 0.1, 0.1))
    assert [(r["better"], r["order"]) for r in swapped["beside"]["agreement"]] == [("t5", "other")]


def test_a_model_that_did_not_learn_is_named_and_judged_no_further():
    found = only(row("nope", "copy", 0.2, 0.3), row("t5", "copy", 0.9, 0.9, inside=0.94))
    assert found["pairs"] == [] and found["ranking"] == {"ties": "mean", "rows": [], "left_out": ["copy t5/0", "copy t5/1"]}
    assert all(r["outcome"] == "too few tasks" and r["rankings"] == 0 for r in found["beside"]["trends"])
    cells = {r[1]: r for r in tables(found)[0][2]}
    assert cells["t5"][3:6] == ["0 of 2", "0.940", "–"]


@pytest.mark.parametrize(("nope", "t5", "outcome"), [(0.9, 0.1, "holds"), (0.1, 0.9, "fails"), (0.5, 0.5, "undecided")])
def test_a_trend_needs_half_of_its_tasks(nope: float, t5: float, outcome: str):
    primitive = published.GROUPS["primitive"]
    for count, wanted in ((4, outcome), (3, "too few tasks")):
        rows = [row(pe, task, x, x) for task in primitive[:count] for pe, x in (("nope", nope), ("t5", t5))]
        found = only(*rows)
        trend = {(r["group"], r["better"], r["worse"]): r for r in found["beside"]["trends"]}["primitive", "nope", "t5"]
        assert trend["outcome"] == wanted and trend["tasks"] == [count, 8] and trend["rankings"] == 2 * count
        assert any(said.startswith(wanted.capitalize()) for said in sentences(found)) == (wanted in ("holds", "fails"))


def test_one_task_of_its_own_way_leaves_a_trend_undecided():
    rows = [
        row(pe, task, x if n else 1 - x)
        for n, task in enumerate(published.GROUPS["primitive"][:4])
        for pe, x in (("nope", 0.9), ("t5", 0.1))
    ]
    (trend,) = [r for r in only(*rows)["beside"]["trends"] if (r["group"], r["better"]) == ("primitive", "nope")]
    assert trend["outcome"] == "undecided" and trend["ours"] > 0 > trend["low"]


def test_recipes_are_not_mixed_and_a_partial_grid_says_what_is_missing():
    shallow = Recipe(train_length=2, test_length=4, test_count=400, layers=1)
    rows = [row("nope", "copy", 0.2), row("t5", "copy", 0.3), row("nope", "sort", 0.9), row("alibi", "sort", 0.9),
            row("nope", "majority", 1.0), row("nope", "copy", 0.0, recipe=shallow)]  # fmt: skip
    deep, one = comparisons(rows)
    assert (deep["cells"], one["cells"]) == (5, 1)
    assert deep["missing"] == [["copy", "alibi"], ["sort", "t5"]] and one["missing"] == []
    failed = {"digest": "x", "status": "failed", "config": rows[0]["config"]}
    started = row("nope", "copy", 0.9, recipe=Recipe(start="construction"))
    assert comparisons([*rows, failed, started]) == [deep, one]


def test_of_a_cell_trained_twice_the_last_counts_and_lengths_are_not_mixed():
    again = row("nope", "copy", 0.6, recipe=Recipe(train_length=2, test_length=4, test_count=400, lr=1e-3))
    found = only(row("nope", "copy", 0.2), again)
    assert [r["beyond"]["mean"] for r in found["accuracy"]] == [0.6]
    longer = row("t5", "copy", 0.6, recipe=Recipe(train_length=3, test_length=4, test_count=400))
    found = only(row("nope", "copy", 0.2), longer)
    assert len(found["accuracy"]) == 2 and found["pairs"] == [] and found["ranking"]["rows"] == []


def test_rows_without_margins_are_read():
    found = only(row("nope", "copy", 0.2, margin=False), row("t5", "copy", 0.4))
    assert ["margin" in r["also"] for r in found["accuracy"]] == [False, True]
    entry = {"data": found, "command": ["nopeproof", "compare"]}
    (arranged,) = shown([entry, {"data": {"layers": 4}, "command": []}])
    assert next(title for title, _ in arranged["figures"]).startswith("copy") and all("<svg" in drawn for _, drawn in arranged["figures"])
    rows = arranged["by_length"][2]
    assert len(rows) == 8 and rows[0][-1] == "–" and rows[4][-1] == "9"


def test_published_figures_name_tasks_and_encodings_that_there_are():
    assert sorted(itertools.chain(*published.GROUPS.values())) == sorted(BATTERY)
    assert set(published.EXACT_MATCH) == set(BATTERY) - {"lego"} and set(published.READ_OFF_A_PLOT) < set(published.EXACT_MATCH)
    for pe in published.FIVE:
        Cell(pe, "copy", (0,))
    weighted = {
        pe: sum(len(published.GROUPS[g]) * published.RECIPROCAL_RANK[g][pe] for g in published.GROUPS) / 17 for pe in published.FIVE
    }
    assert weighted == pytest.approx(published.RECIPROCAL_RANK["all"], abs=0.01)


@given(seed=st.integers(0, 50))
@settings(max_examples=10)
def test_a_difference_of_equals_is_undecided_and_of_unequals_is_not(seed: int):
    a, b = np.full((3, 4), 0.5), np.full((3, 4), 0.8)
    low, high = share_difference(a, a, 50, seed=seed)
    assert low < 0 < high
    assert share_difference(b, a, 400, seed=seed)[0] > 0 > share_difference(a, b, 400, seed=seed)[1]
    spread = np.array([[0.1], [0.5], [0.9]])
    assert share_difference(spread + 0.05, spread, 10_000, seed=seed)[0] > 0  # the seeds are paired


def test_clusters_are_drawn_whole():
    assert clustered([[1.0, 1.0, 1.0]]) == (1.0, 1.0)
    low, high = clustered([[1.0] * 100, [0.0] * 100])
    assert (low, high) == (0.0, 1.0)
