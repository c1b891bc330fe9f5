"""`nopeproof compare`: one document, one row, tables with the controls beside the figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nopeproof import ledger
from nopeproof.cli import main
from nopeproof.learn.recipe import Preset, Recipe
from nopeproof.learn.sweep import run_sweep

TINY = Recipe(layers=2, d_model=16, heads=2, mlp=2, train_length=3, test_length=5, test_count=10, steps=4, batch=4, max_length=16)


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ledger.VARIABLE, str(tmp_path / "ledger"))


def trained(name: str, *pes: str) -> None:
    run_sweep(Preset(name, "", pes, ("copy:symbols=4",), (0, 1), TINY), Path("runs/train") / name)


def test_the_document_is_the_row_and_the_default_is_the_one_preset_there_is(capsys):
    trained("one", "nope", "t5")
    assert main(["compare", "--words", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (row,) = ledger.read_all(Path("ledger")).of("compare")
    assert row["data"] == found and [m["name"] for m in found["models"]] == ["nope/0", "nope/1", "t5/0", "t5/1"]
    assert [m["name"] for run in found["built"] for m in run["models"]] == ["nope/0", "nope/1", "t5/0", "t5/1"]
    assert main([*row["command"][1:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found


def test_tables_name_models_and_null_models(capsys):
    trained("one", "nope", "alibi")
    assert main(["compare", "runs/train/one", "--words", "4", "--lengths", "3"]) == 0
    shown = capsys.readouterr().out
    assert all(
        word in shown for word in ("alibi", "not learned", "other seed", "untrained", "uniform", "key-only", "verdict", "reciprocal")
    )


@pytest.mark.parametrize(
    ("words", "said"), [([], "train first"), (["nowhere"], "train first"), (["--words", "1"], "train first"), (["--lengths", "0"], "2 on")]
)
def test_misuse_is_one_message(capsys, words: list[str], said: str):
    assert main(["compare", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_several_presets_are_named_and_not_mixed(capsys):
    trained("one", "nope")
    trained("two", "nope")
    assert main(["compare"]) == 2
    assert "runs/train/one, runs/train/two" in capsys.readouterr().err
