"""The comparison is complete, plain JSON, the same each time, and its null models behave as null models."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from nopeproof.errors import NopeproofError
from nopeproof.learn.compare import compare_runs, distances
from nopeproof.learn.recipe import Cell, Preset
from nopeproof.learn.summary import accuracy, ranking
from nopeproof.learn.sweep import run_sweep
from nopeproof.learn.train import train


@pytest.fixture
def runs(grid: Preset, tmp_path: Path) -> Path:
    run_sweep(grid, tmp_path)
    return tmp_path


def test_comparison(runs: Path):
    result = compare_runs([runs], words_per_length=6)
    assert json.loads(json.dumps(result, allow_nan=False)) == result == compare_runs([runs], words_per_length=6)
    assert [m["name"] for m in result["models"]] == ["nope/0", "nope/1", "t5/0", "t5/1"]
    assert result["lengths"] == [1, 3, 4]
    for model in result["models"]:
        inside = model["scores"]["exact_match"][:3]
        assert model["exact_match_in"] == pytest.approx(np.mean(inside)) and not model["learned"]
        distance = np.array(model["uniform"]["distance"])
        assert distance.shape == (2, 2) and distance.min() == model["uniform"]["nearest"]["nats"]
        assert sum(model["attended"]["share"]) == pytest.approx(1)
        if model["seed"] == 0:
            assert np.array(model["example"]["attention"]).shape == (2, 2, 4, 4) and len(model["example"]["tokens"]) == 4
        assert {(p["target"], p["layer"]) for p in model["probes"]} == {(y, n) for y in ("t", "1/t") for n in range(3)}
        assert all(p["r2"] <= 1 for p in model["probes"])
    for row in result["distances"]:
        assert row["reference"].startswith("nope/") and len(row["per_layer"]) == 2
        assert all(0 <= value <= math.log(2) for value in row["per_layer"])
        assert row["mean"] == pytest.approx(np.mean(row["per_layer"]))
        assert all(a <= b + 1e-12 for a, b in zip(row["per_layer"], row["matched_per_layer"], strict=True)) or row["kind"] != "encoding"
    assert {(r["other"], r["kind"], r["pairs"]) for r in result["summary"]} == {
        ("t5", "encoding", 2), ("other seed", "other seed", 1), ("untrained", "untrained", 2),
        ("uniform", "uniform", 2), ("key-only", "key-only", 2), ("t5", "encoding, other seed", 2),
    }  # fmt: skip
    assert result["ranking"] == {"ties": "mean", "rows": [], "left_out": [f"copy:symbols=4 {m['name']}" for m in result["models"]]}
    assert [(row["pe"], row["seeds"], row["learned"], row["beyond"]) for row in result["accuracy"]] == [
        ("nope", 2, 0, None),
        ("t5", 2, 0, None),
    ]
    keys = [(row["task"], row["length"], row["mean"]) for row in result["summary"]]
    assert keys == sorted(keys)


def test_distances_alone_are_those_of_the_comparison_and_cross_the_seeds(runs: Path):
    found, whole = distances([runs], words_per_length=4), compare_runs([runs], words_per_length=4)
    crossed = [row for row in found["summary"] if row["kind"] == "encoding, other seed"]
    assert found["summary"] == whole["summary"] and not any(row["kind"] == "encoding, other seed" for row in whole["distances"])
    assert {row["other"] for row in crossed} == {m["pe"] for m in whole["models"]} - {"nope"} and {row["pairs"] for row in crossed} == {2}
    assert {m["name"]: m["exact_match"] for m in found["models"]} == {m["name"]: m["exact_match_in"] for m in whole["models"]}
    assert distances([runs], words_per_length=4, answered=1.01)["summary"] == []


def test_distances_of_two_tasks_are_refused(runs: Path, grid: Preset, tmp_path: Path):
    other = Cell("nope", "reverse:symbols=4", (0,), dataclasses.replace(grid.recipe, steps=1))
    train(other, tmp_path / "other")
    with pytest.raises(NopeproofError, match="name runs of one of them"):
        distances([runs, tmp_path / "other"])


def test_without_positions_in_the_embedding_layer_zero_probes_know_almost_nothing(runs: Path):
    model = compare_runs([runs])["models"][0]
    (embedding,) = [p for p in model["probes"] if (p["target"], p["layer"]) == ("t", 0)]
    (after,) = [p for p in model["probes"] if (p["target"], p["layer"]) == ("t", 1)]
    assert embedding["r2"] < after["r2"]


def model(pe: str, seed: int, inside: float, beyond: float, task: str = "copy") -> dict:
    scores = {"length": [1, 2, 3], "exact_match": [inside, inside, beyond]}
    return {"task": task, "pe": pe, "seed": seed, "name": f"{pe}/{seed}", "train_length": 2, "test_count": 100, "scores": scores,
            "learned": inside >= 0.95, "exact_match_in": inside, "exact_match_beyond": beyond}  # fmt: skip


def test_what_was_not_learned_enters_no_ranking():
    models = [model("a", 0, 1.0, 0.2), model("b", 0, 0.9, 0.8), model("c", 0, 1.0, 0.1), model("a", 1, 1.0, 0.3), model("b", 1, 1.0, 0.4)]
    found = ranking(models)
    assert found["left_out"] == ["copy b/0"]
    assert {row["name"]: (row["mean"], row["rankings"]) for row in found["rows"]} == {"a": (0.75, 2), "b": (1.0, 1), "c": (0.5, 1)}
    rows = {row["pe"]: row for row in accuracy(models)}
    assert rows["b"]["learned"] == 1 and rows["b"]["beyond"]["mean"] == 0.4
    assert rows["a"]["beyond"]["low"] < 0.25 < rows["a"]["beyond"]["high"]
    assert rows["a"]["by_length"]["mean"] == [1.0, 1.0, 0.25] and rows["a"]["by_length"]["low"][0] == 1.0


def test_folders_without_runs_are_explained(tmp_path: Path):
    for paths in ([], [tmp_path], [tmp_path / "nowhere"]):
        with pytest.raises(NopeproofError) as caught:
            compare_runs(paths)
        assert caught.value.found and caught.value.todo
