"""`nopeproof train`: rows in the ledger, nothing trained or stored twice, failures and misuse in one message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nopeproof import ledger
from nopeproof.cli import main
from nopeproof.learn import recipe
from nopeproof.learn import train as training
from nopeproof.learn.recipe import Preset, Recipe, Search

TINY = Recipe(layers=2, d_model=16, heads=2, mlp=2, train_length=3, test_length=5, test_count=10, steps=4, batch=4, max_length=16)
GRID = Preset("tiny", "two encodings", ("nope", "t5"), ("copy:symbols=4",), (0, 1), TINY, Search((1e-3, 1e-2), "copy:symbols=4", 9, 3))


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ledger.VARIABLE, str(tmp_path / "ledger"))
    monkeypatch.setitem(recipe.PRESETS, "tiny", GRID)


def stored(kind: str) -> list[dict]:
    return [row["data"] for row in ledger.read_all(Path("ledger")).of(kind)]


def test_a_grid_is_trained_once_and_each_cell_has_a_row(capsys, monkeypatch):
    assert main(["train", "--preset", "tiny", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [cell["config"]["pe"] for cell in found["cells"]] == ["nope", "t5"]
    assert stored("training") == found["cells"] and stored("learning-rate") == [{"preset": "tiny", **r} for r in found["learning_rates"]]
    for searched, cell in zip(found["learning_rates"], found["cells"], strict=True):
        best = min(searched["tried"], key=lambda run: run["cross_entropy"])
        assert len(searched["tried"]) == 2 and cell["config"]["recipe"]["lr"] == searched["lr"] == best["lr"]
    monkeypatch.setattr(training, "_train", None)
    assert main(["train", "--preset", "tiny", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found
    assert stored("training") == found["cells"]


def test_options_replace_parts_of_the_grid_and_the_command_repeats_them(capsys):
    words = ["train", "--preset", "tiny", "--task", "sort:symbols=4", "--positions", "alibi", "--seeds", "3", "--steps", "2"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "sort:symbols=4" in shown and "alibi" in shown
    (row,) = ledger.read_all(Path("ledger")).of("training")
    config = row["data"]["config"]
    assert (config["pe"], config["task"], config["seeds"], config["recipe"]["steps"]) == ("alibi", "sort:symbols=4", [3], 2)
    assert row["command"] == ["nopeproof", *words]


def test_a_failed_cell_ends_with_exit_code_one_and_a_row(capsys, monkeypatch):
    whole = training._train

    def failing(state, *rest):
        if state.cell.pe == "t5":
            raise RuntimeError("out of luck with [/such] a [red] file")
        return whole(state, *rest)

    monkeypatch.setattr(training, "_train", failing)
    assert main(["train", "--preset", "tiny"]) == 1
    assert "out of luck with [/such] a [red] file" in capsys.readouterr().out
    assert [row["status"] for row in stored("training")] == ["finished", "failed"]


def test_an_interrupted_grid_has_the_rows_of_its_search(monkeypatch):
    class Killed(BaseException):
        """As abrupt as a kill."""

    whole = training._train

    def dying(state, *rest):
        if state.cell.pe == "t5" and state.cell.recipe.steps == GRID.recipe.steps:
            raise Killed
        return whole(state, *rest)

    monkeypatch.setattr(training, "_train", dying)
    with pytest.raises(Killed):
        main(["train", "--preset", "tiny"])
    assert [row["pe"] for row in stored("learning-rate")] == ["nope", "t5"] and len(stored("training")) == 1
    monkeypatch.setattr(training, "_train", whole)
    assert main(["train", "--preset", "tiny"]) == 0
    assert len(stored("learning-rate")) == 2 and len(stored("training")) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--preset", "tyni"], "demo"),
        (["--preset", "tiny", "--task", "copie"], "copy"),
        (["--preset", "tiny", "--positions", "rope"], "rotary"),
        (["--preset", "tiny", "--positions", "nope", "nope"], "twice"),
        (["--preset", "tiny", "--workers", "0"], "at least one"),
        (["--preset", "tiny", "--steps", "0"], "below 1"),
        (["--preset", "tiny", "--seeds", "1", "1"], "each once"),
        (["--preset", "tiny", "--seeds", "-1"], "from 0"),
        (["--preset", "tiny", "--seeds", str(10**21)], "from 0"),
        (["--preset", "tiny", "--positions", "rotary:fraction=2"], "from 0 to 1"),
        (["--preset", "tiny", "--positions", "t5:buckets=0"], "from 2 to"),
        (["--preset", "tiny", "--task", "copy:symbols="], "a whole number"),
        (["--preset", "tiny", "--task", "copy:symbols=1000000000"], "65536 are the most"),
        (["--preset", "tiny", "--engine", "cloud"], "local"),
    ],
)
def test_misuse_is_one_message(capsys, words: list[str], said: str):
    assert main(["train", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
    assert not Path("runs").exists()


def test_fresh_refuses_a_used_folder(capsys):
    assert main(["train", "--preset", "tiny", "--positions", "nope"]) == 0
    assert main(["train", "--preset", "tiny", "--positions", "nope", "--fresh"]) == 2
    assert "resume" in capsys.readouterr().err
