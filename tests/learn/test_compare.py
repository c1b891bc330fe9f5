"""The comparison is complete, plain JSON, the same each time, and its null models behave as null models."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from nopeproof.errors import NopeproofError
from nopeproof.learn.compare import compare_runs
from nopeproof.learn.recipe import Preset
from nopeproof.learn.sweep import run_sweep


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
        if model["seed"] == 0:
            assert np.array(model["example"]["attention"]).shape == (2, 2, 4, 4) and len(model["example"]["tokens"]) == 4
        assert {(p["target"], p["layer"]) for p in model["probes"]} == {(y, n) for y in ("t", "1/t") for n in range(3)}
        assert all(p["r2"] <= 1 for p in model["probes"])
    for row in result["distances"]:
        assert row["reference"].startswith("nope/") and len(row["per_layer"]) == 2
        assert all(0 <= value <= math.log(2) for value in row["per_layer"])
        assert row["mean"] == pytest.approx(np.mean(row["per_layer"]))
    assert {(r["other"], r["kind"], r["pairs"]) for r in result["summary"]} == {
        ("t5", "encoding", 2), ("other seed", "other seed", 1), ("untrained", "untrained", 2),
        ("uniform", "uniform", 2),
    }  # fmt: skip
    keys = [(row["task"], row["length"], row["mean"]) for row in result["summary"]]
    assert keys == sorted(keys)


def test_without_positions_in_the_embedding_layer_zero_probes_know_almost_nothing(runs: Path):
    model = compare_runs([runs])["models"][0]
    (embedding,) = [p for p in model["probes"] if (p["target"], p["layer"]) == ("t", 0)]
    (after,) = [p for p in model["probes"] if (p["target"], p["layer"]) == ("t", 1)]
    assert embedding["r2"] < after["r2"]


def test_folders_without_runs_are_explained(tmp_path: Path):
    for paths in ([], [tmp_path], [tmp_path / "nowhere"]):
        with pytest.raises(NopeproofError) as caught:
            compare_runs(paths)
        assert caught.value.found and caught.value.todo
