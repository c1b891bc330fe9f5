"""A grid of cells: finished ones are kept, failed ones reported, and starting it again changes no row."""

from __future__ import annotations

import dataclasses
import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nopeproof import ledger
from nopeproof.errors import NopeproofError
from nopeproof.learn import store
from nopeproof.learn import train as training
from nopeproof.learn.recipe import PRESETS, Cell, Preset, Recipe
from nopeproof.learn.sweep import run_sweep


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
