"""A grid of cells: finished ones are kept, failed ones reported, and starting it again changes no row."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from nopeproof import ledger
from nopeproof.errors import NopeproofError
from nopeproof.learn import store
from nopeproof.learn import train as training
from nopeproof.learn.recipe import PRESETS, Cell, Preset, Recipe
from nopeproof.learn.sweep import run_sweep
from nopeproof.learn.train import load


def test_every_preset_is_a_grid_of_different_cells():
    for name, preset in PRESETS.items():
        cells = preset.cells()
        assert name == preset.name and len({cell.digest for cell in cells}) == len(cells)
        assert all(Cell.from_config(cell.config()) == cell for cell in cells)


def test_presets_load_no_torch():
    code = "import sys, nopeproof.learn.recipe, nopeproof.learn.sweep; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_digest_follows_the_configuration(cell: Cell):
    assert cell.digest == Cell("nope", "copy:symbols=4", cell.seeds, cell.recipe).digest
    others = [
        dataclasses.replace(cell, pe="t5"),
        dataclasses.replace(cell, seeds=(0, 2)),
        dataclasses.replace(cell, recipe=dataclasses.replace(cell.recipe, lr=1e-3)),
    ]
    assert len({cell.digest, *(other.digest for other in others)}) == 4


def test_a_second_sweep_trains_nothing_and_says_the_same(grid: Preset, tmp_path: Path, monkeypatch):
    first = run_sweep(grid, tmp_path)
    assert [row["status"] for row in first] == ["finished", "finished"]
    monkeypatch.setattr(training, "train", None)
    states = []
    assert run_sweep(grid, tmp_path, progress=lambda p: states.append(p.state)) == first
    assert states == ["kept", "kept"]
    assert store.read_rows(tmp_path / store.RESULTS) == first


def test_a_row_lost_between_the_end_of_a_cell_and_the_table_is_written_later(grid: Preset, tmp_path: Path):
    rows = run_sweep(grid, tmp_path)
    (tmp_path / store.RESULTS).unlink()
    run_sweep(grid, tmp_path)
    assert store.read_rows(tmp_path / store.RESULTS) == rows


@pytest.mark.parametrize("damage", ["missing", "garbage", "cut", "another's", "no numbers"])
def test_a_finished_cell_whose_weights_are_broken_is_trained_again_and_that_is_said(grid: Preset, tmp_path: Path, damage: str):
    first = run_sweep(grid, tmp_path)
    weights, other = (tmp_path / row["cell"] / store.WEIGHTS for row in first)
    whole = weights.read_bytes()
    if damage == "no numbers":
        tensors = {name: np.full_like(value, np.nan) for name, value in load_file(weights).items()}
        save_file(tensors, weights, {"digest": json.dumps(first[0]["digest"])})
    else:
        weights.unlink()
        if damage != "missing":
            weights.write_bytes({"garbage": b"none", "cut": whole[:-1], "another's": other.read_bytes()}[damage])
    messages = []
    again = run_sweep(grid, tmp_path, progress=messages.append)
    assert [m.state for m in messages if m.cell == first[1]["cell"]] == ["kept"] and weights.read_bytes() == whole
    (said,) = [m.note for m in messages if m.cell == first[0]["cell"] and m.state == "waiting"]
    assert "trained again" in said and str(weights) in said
    assert [row["scores"] for row in again] == [row["scores"] for row in first] and load(weights.parent)[0] == grid.cells()[0]
    messages.clear()
    run_sweep(grid, tmp_path, progress=messages.append)
    assert [m.state for m in messages] == ["kept", "kept"]


@pytest.mark.parametrize("text", [None, "[]", "{", '{"schema": 1}'])
def test_the_configuration_of_a_kept_cell_is_mended_without_training(grid: Preset, tmp_path: Path, monkeypatch, text: str | None):
    (row, _) = run_sweep(grid, tmp_path)
    config = tmp_path / row["cell"] / store.CONFIG
    config.unlink()
    if text is not None:
        config.write_text(text)
    monkeypatch.setattr(training, "train", None)
    messages = []
    run_sweep(grid, tmp_path, progress=messages.append)
    assert [m.state for m in messages] == ["kept", "kept"] and str(config) in messages[0].note and not messages[1].note
    assert load(config.parent)[0] == grid.cells()[0]


def test_an_unreadable_checkpoint_is_named_with_what_to_remove(grid: Preset, tmp_path: Path):
    checkpoint = tmp_path / grid.cells()[0].label / store.CHECKPOINT
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"not safetensors")
    messages = []
    rows = run_sweep(grid, tmp_path, progress=messages.append)
    assert [row["status"] for row in rows] == ["failed", "finished"] and checkpoint.read_bytes() == b"not safetensors"
    (said,) = [m.note for m in messages if m.state == "failed"]
    assert f"load {checkpoint}" in said and "cannot be read" in said and f"remove {checkpoint}" in said and "Traceback" not in said
    checkpoint.unlink()
    assert [row["status"] for row in run_sweep(grid, tmp_path)] == ["finished", "finished"]


def test_the_reason_of_a_failure_is_whole(grid: Preset, tmp_path: Path, monkeypatch):
    def failing(cell, *rest):
        raise RuntimeError("weights do not fit:\n\tmissing: W_E")

    monkeypatch.setattr(training, "train", failing)
    messages = []
    assert all("Traceback" in row["error"] for row in run_sweep(grid, tmp_path, progress=messages.append))
    assert {m.note for m in messages if m.state == "failed"} == {"RuntimeError: weights do not fit:; missing: W_E"}


FOREIGN = (None, b"{}\n", b"[1]\n", b'"x\n', b"\xff\xfe\n")  # None is a folder


@pytest.mark.parametrize(
    ("place", "content"), [(store.WEIGHTS, None), *((p, c) for p in (store.RESULT, store.RESULTS, store.METRICS) for c in FOREIGN)]
)
def test_a_file_that_is_not_ours_is_named(grid: Preset, tmp_path: Path, place: str, content: bytes | None):
    (row, _) = run_sweep(grid, tmp_path)
    path = tmp_path / place if place == store.RESULTS else tmp_path / row["cell"] / place
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    if place == store.METRICS:  # only a run that is not over reads it
        (path.parent / store.RESULT).unlink()
    said = ""
    try:
        said = run_sweep(grid, tmp_path)[0]["error"]
    except NopeproofError as error:
        said = error.message
    assert str(path) in said and "try:" in said and "Traceback" not in said
    assert path.is_dir() if content is None else path.read_bytes() == content


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config": {}}, "its configuration is none"),
        ({}, "another configuration's"),  # the row of the other cell
        ({"digest": []}, "another configuration's"),
        ({"status": "failed"}, "its status is 'failed'"),
        ({"cpu_seconds": "x"}, "'x' seconds"),
        ({"scores": None}, "of its seeds"),
        ({"scores": [1]}, "it holds 1"),
        ({"scores": [{"seed": 0}]}, "it lacks length"),
        ({"scores": [{"seed": n, **{key: [None] for key in store.SCORE}} for n in (0, 1)]}, "no numbers"),
        ({"scores": [{"seed": n, **{key: [1] for key in store.SCORE}, "length": [1, 2]} for n in (0, 1)]}, "no numbers"),
    ],
)
def test_a_result_that_no_training_ended_with_is_refused(grid: Preset, tmp_path: Path, changes: dict, said: str):
    grid = dataclasses.replace(grid, recipe=dataclasses.replace(grid.recipe, steps=1))
    row, other = run_sweep(grid, tmp_path)
    result = tmp_path / row["cell"] / store.RESULT
    result.write_text(json.dumps({**(row if changes else other), **changes}))
    with pytest.raises(NopeproofError) as caught:
        run_sweep(grid, tmp_path)
    assert str(result) in caught.value.asked and said in caught.value.found and str(result) in caught.value.todo


def test_a_failed_cell_is_reported_and_the_others_go_on(grid: Preset, tmp_path: Path, monkeypatch):
    whole = training.train

    def failing(cell, *rest):
        if cell.pe == "nope":
            raise RuntimeError("out of luck")
        return whole(cell, *rest)

    monkeypatch.setattr(training, "train", failing)
    rows = run_sweep(grid, tmp_path)
    assert [row["status"] for row in rows] == ["failed", "finished"]
    assert "out of luck" in rows[0]["error"]
    monkeypatch.setattr(training, "train", whole)
    again = run_sweep(grid, tmp_path)
    assert [row["status"] for row in again] == ["finished", "finished"] and again[1] == rows[1]


@pytest.mark.slow
def test_a_killed_process_takes_only_its_cell_and_the_next_sweep_goes_on_from_its_checkpoint(grid: Preset, tmp_path: Path):
    grid = dataclasses.replace(grid, recipe=dataclasses.replace(grid.recipe, steps=400))  # far more than are made before the kill comes
    victim, messages = grid.cells()[0].label, []

    def kill(message):
        messages.append(message)
        if message.cell == victim and message.step == 150:
            next(p for p in multiprocessing.active_children() if p.name == victim).kill()

    first = run_sweep(grid, tmp_path / "killed", workers=2, progress=kill)
    assert [row["status"] for row in first] == ["failed", "finished"]
    assert "-9" in first[0]["error"]
    assert {message.state for message in messages} == {"waiting", "training", "testing", "finished", "failed"}
    assert (tmp_path / "killed" / victim / store.CHECKPOINT).exists()
    again, whole = run_sweep(grid, tmp_path / "killed"), run_sweep(grid, tmp_path / "whole")
    assert [row["scores"] for row in again] == [row["scores"] for row in whole]
    for label in (row["cell"] for row in whole):
        killed, uninterrupted = (tmp_path / name / label / store.WEIGHTS for name in ("killed", "whole"))
        assert killed.read_bytes() == uninterrupted.read_bytes()


def test_two_sweeps_in_one_folder_train_each_cell_once(grid: Preset, tmp_path: Path, monkeypatch):
    """The second waits for the lock and then finds the cell finished."""
    whole, trained = training._State.advance, []

    def counting(state, step):
        trained.append(step)
        return whole(state, step)

    monkeypatch.setattr(training._State, "advance", counting)
    one = dataclasses.replace(grid, pes=("nope",))
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda _: run_sweep(one, tmp_path), range(2))
    assert first == second and sorted(trained) == list(range(one.recipe.steps))


@pytest.mark.parametrize(
    ("ask", "found"),
    [
        (lambda out, grid: run_sweep("dmo", out), "demo"),
        (lambda out, grid: run_sweep(grid, out, workers=0), "at least one"),
        (lambda out, grid: Cell("rope", "copy", (0,)), "rotary"),
        (lambda out, grid: Cell("nope", "copie", (0,)), "copy"),
        (lambda out, grid: Cell("nope", "copy", ()), "at least one"),
        (lambda out, grid: Cell("nope", "copy", (1, 1)), "each once"),
        (lambda out, grid: Cell("nope", "copy", (-1,)), "from 0"),
        (lambda out, grid: Cell("nope", "copy", (10**21,)), "from 0"),
        (lambda out, grid: Cell.from_config([]), "[]"),  # type: ignore[arg-type]
        (lambda out, grid: Cell.from_config({**grid.cells()[0].config(), "pe": 5}), "other values"),
        (lambda out, grid: Recipe(heads=0), "counts"),
        (lambda out, grid: Recipe(d_model=10, heads=4), "do not divide"),
        (lambda out, grid: Recipe(steps=0), "counts"),
    ],
)
def test_misuse_is_explained(ask, found: str, grid: Preset, tmp_path: Path):
    with pytest.raises(NopeproofError) as caught:
        ask(tmp_path, grid)
    assert found in caught.value.found and caught.value.todo


def test_a_fresh_sweep_refuses_a_used_folder(grid: Preset, tmp_path: Path):
    run_sweep(grid, tmp_path)
    with pytest.raises(NopeproofError, match="resume"):
        run_sweep(grid, tmp_path, resume=False)


@pytest.mark.parametrize("name", ["scan-small", "scratchpad", "c-rasp"])
def test_every_cell_of_the_narrow_presets_trains_a_step_and_is_tested_at_every_length(name: str, tmp_path: Path):
    """Sequences fit, the longest test included; a small model, and one step, say so in no time."""
    grid = PRESETS[name]
    small = dataclasses.replace(grid.recipe, layers=1, d_model=8, heads=2, mlp=1, steps=1, test_count=2, batch=2)
    search = grid.search and dataclasses.replace(grid.search, lrs=grid.search.lrs[:1], steps=1)
    rows = run_sweep(dataclasses.replace(grid, recipe=small, seeds=(0,), pes=grid.pes[-1:], search=search), tmp_path)
    assert [row["status"] for row in rows] == ["finished"] * len(grid.tasks)
    for row in rows:
        recipe, (score,) = row["config"]["recipe"], row["scores"]
        assert score["length"][-1] == recipe["test_length"] > recipe["train_length"]


def test_the_scratchpads_are_the_papers():
    grid = PRESETS["scratchpad"]
    formats = [task.partition("=")[2] for task in grid.tasks]
    full = set("icovr")
    assert [set(f) for f in formats[:3]] == [set(), {"c", "o"}, full] and {*"icovr"} == {c for f in formats[3:] for c in full - set(f)}
    assert sorted(map(len, formats)) == [0, 2, 4, 4, 4, 4, 4, 5] and set(grid.pes) == {"nope", "t5"} and len(grid.seeds) == 3


def test_every_training_in_the_ledger_is_still_the_cell_it_was():
    """A field that comes later must not give older rows another digest: they would be trained again, and compare would not know them."""
    trained = ledger.read_all(Path(__file__).parents[2] / "experiments" / "ledger").of("training")
    assert trained
    for row in trained:
        assert Cell.from_config(row["data"]["config"]).digest == row["data"]["digest"]
