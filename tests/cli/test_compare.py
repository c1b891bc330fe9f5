"""`nopeproof compare`: one document, one row, tables with the controls beside the figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from nopeproof import ledger
from nopeproof.cli import main
from nopeproof.learn import store
from nopeproof.learn.recipe import Preset, Recipe
from nopeproof.learn.sweep import run_sweep

TINY = Recipe(layers=2, d_model=16, heads=2, mlp=2, train_length=3, test_length=5, test_count=10, steps=4, batch=4, max_length=16)


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ledger.VARIABLE, str(tmp_path / "ledger"))


def trained(name: str, *pes: str) -> None:
    """A preset's runs, and their rows in the ledger as `train` writes them."""
    rows = run_sweep(Preset(name, "", pes, ("copy:symbols=4",), (0, 1), TINY), Path("runs/train") / name)
    writer = ledger.Writer(Path("ledger"), "train")
    for row in rows:
        writer.append(ledger.row("training", data=row))


def test_the_document_is_the_row_and_the_default_is_the_one_preset_there_is(capsys):
    trained("one", "nope", "t5")
    assert main(["compare", "--words", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (row,) = ledger.read_all(Path("ledger")).of("compare")
    (general,) = ledger.read_all(Path("ledger")).of("length-generalisation")
    assert [general["data"]] == found.pop("generalisation") and general["data"]["cells"] == 2
    assert row["data"] == found and [m["name"] for m in found["models"]] == ["nope/0", "nope/1", "t5/0", "t5/1"]
    assert [m["name"] for run in found["built"] for m in run["models"]] == ["nope/0", "nope/1", "t5/0", "t5/1"]
    assert main([*row["command"][1:], "--json"]) == 0
    assert {k: v for k, v in json.loads(capsys.readouterr().out).items() if k != "generalisation"} == found
    assert len(ledger.read_all(Path("ledger")).of("length-generalisation")) == 1  # it said nothing new


def test_tables_name_models_and_null_models(capsys):
    trained("one", "nope", "alibi")
    assert main(["compare", "runs/train/one", "--words", "4", "--lengths", "3"]) == 0
    shown = capsys.readouterr().out
    assert all(
        word in shown
        for word in ("alibi", "not learned", "other seed", "untrained", "uniform", "key-only", "verdict", "trained lengths", "0 of 2")
    )


def test_rows_alone_are_enough_without_any_run(capsys, tmp_path: Path):
    trained("one", "nope", "t5")
    shutil.rmtree("runs")
    assert main(["compare", "--rows", "--out", "tables", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["schema", "generalisation"] and found["generalisation"][0]["cells"] == 2
    assert not ledger.read_all(Path("ledger")).of("compare")
    written = {path.name: path.read_text() for path in Path("tables").iterdir()}
    assert set(written) >= {"accuracy.csv", "by-length.csv", "order.csv", "trends.csv", "copy_symbols4.svg"}
    lines = written["by-length.csv"].splitlines()
    assert len(lines) == 1 + 2 * TINY.test_length and lines[0].endswith("margin (nats)")
    assert main(["compare"]) == 0  # no folder of runs: the rows, and a word on what was not looked at
    assert "no weights were looked at" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rows", "nowhere"], "either --rows"),
        ([], "train first"),
        (["nowhere"], "train first"),
        (["nowhere"], "no such folder"),
        (["file"], "it is a file"),
        (["--rows"], "no row of a finished training in"),
        (["--rows", "--ledger", "nosuch"], "nosuch"),
        (["--seed", "-1"], "from 0 to"),
        (["--words", "0"], "from 1 to 4096"),
        (["--words", "1000000000"], "from 1 to 4096"),
        (["--lengths", "1000000000"], "from 1 to 1024"),
        (["--words", "1"], "train first"),
        (["--lengths", "0"], "2 on"),
    ],
)
def test_misuse_is_one_message(capsys, words: list[str], said: str):
    Path("file").touch()
    assert main(["compare", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_a_folder_of_one_preset_is_that_preset_and_of_several_these_are_named(capsys):
    trained("one", "nope")
    shutil.copytree("runs/train/one", "runs/train/one/search")  # a search's runs are no preset's
    assert main(["compare", "runs/train", "--words", "2", "--json"]) == 0
    assert {m["name"] for m in json.loads(capsys.readouterr().out)["models"]} == {"nope/0", "nope/1"}
    shutil.copytree("runs/train/one", "runs/train/two")
    for folder in ("runs/train", "runs"):
        assert main(["compare", folder]) == 2
        assert "runs/train/one, runs/train/two" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "content"),
    [
        *((store.RESULT, text) for text in ("{}", "[1]", None, '{"cell":0,"status":0,"digest":0,"config":[],"scores":[]}')),
        (store.RESULT, '{"cell":0,"status":0,"digest":0,"config":{},"scores":[{}]}'),
        *((store.CONFIG, text) for text in ("[]", "{}", None)),
        (store.WEIGHTS, None),
    ],
)
def test_a_run_with_a_file_that_is_not_ours_is_explained(capsys, place: str, content: str | None):
    trained("one", "nope")
    (path,) = Path("runs").rglob(place)
    path.unlink()
    path.mkdir() if content is None else path.write_text(content)
    assert main(["compare", "runs/train/one", "--words", "2"]) == 2
    error = capsys.readouterr().err
    assert "found:" in error and "try:" in error and "Traceback" not in error


@pytest.mark.parametrize(("weight", "said"), [(np.nan, "no numbers"), (1e30, "overflows")])
def test_weights_that_are_no_numbers_or_lead_to_none_are_explained(capsys, weight: float, said: str):
    trained("one", "nope")
    (path,) = Path("runs").rglob(store.WEIGHTS)
    tensors = load_file(path)
    save_file({name: value if name == "W_E" else np.full_like(value, weight) for name, value in tensors.items()}, path)
    assert main(["compare", "runs/train/one", "--words", "2"]) == 2
    assert said in capsys.readouterr().err


def test_more_attention_than_fits_is_refused(capsys):
    trained("one", "nope")
    assert main(["compare", "runs/train/one", "--words", "4096", "--lengths", "1000"]) == 2
    assert f"{2**30} are the most" in capsys.readouterr().err


def test_several_presets_are_named_and_not_mixed(capsys):
    trained("one", "nope")
    trained("two", "nope")
    for path in Path("ledger").iterdir():
        path.unlink()
    assert main(["compare"]) == 2
    assert "runs/train/one, runs/train/two" in capsys.readouterr().err
