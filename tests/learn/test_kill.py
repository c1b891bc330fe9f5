"""A sweep killed at twenty random moments loses nothing, repeats nothing and ends with the same table and the same weights."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nopeproof.learn import store

SWEEP = """
import sys, torch
from pathlib import Path
from nopeproof.learn import train as training
from nopeproof.learn.recipe import Preset, Recipe, Search
from nopeproof.learn.sweep import run_sweep

training.CHECKPOINT_EVERY = training.LOG_EVERY = 10
TINY = Recipe(layers=2, d_model=32, heads=2, train_length=4, test_length=6, test_count=20, steps=200, batch=8, max_length=20)
grid = Preset("tiny", "", ("nope", "alibi"), ("copy:symbols=4",), (0, 1), TINY, Search((1e-3, 4e-3), "copy:symbols=4", 7, 60))
step = training._State.advance

def counted(state, n):
    with open(sys.argv[2], "a") as file:
        file.write(f"{state.cell.digest} {n}\\n")
    return step(state, n)

training._State.advance = counted
print("ready", flush=True)
run_sweep(grid, Path(sys.argv[1]), workers=int(sys.argv[3]))
"""


def sweep(out: Path, steps: Path, workers: int) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", SWEEP, str(out), str(steps), str(workers)], stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == b"ready\n"
    return process


def outcome(out: Path) -> tuple[list, dict]:
    rows = [json.loads(json.dumps(row)) for row in store.read_rows(out / store.RESULTS)]
    for row in rows:
        row.pop("cpu_seconds")
    weights = {path.parent.name: path.read_bytes() for path in sorted(out.glob(f"**/{store.WEIGHTS}"))}
    return rows, weights


@pytest.mark.slow
def test_twenty_kills(tmp_path: Path):
    rng, kills = random.Random(0), 0
    start = time.monotonic()
    assert sweep(tmp_path / "whole", tmp_path / "steps", 1).wait() == 0
    whole = time.monotonic() - start
    while kills < 20:
        process = sweep(tmp_path / "killed", tmp_path / "killed-steps", 1)
        try:
            process.wait(rng.uniform(0, whole / 6))
            break  # it was quicker than the kills: everything is done
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert kills >= 5
    assert sweep(tmp_path / "killed", tmp_path / "killed-steps", 1).wait() == 0
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")
    done = (tmp_path / "killed-steps").read_text().splitlines()
    assert set(done) == set((tmp_path / "steps").read_text().splitlines())
    assert len(done) <= len(set(done)) + 10 * kills  # a kill costs the steps since the last checkpoint, no more
    before = len(done)
    assert sweep(tmp_path / "killed", tmp_path / "killed-steps", 1).wait() == 0
    assert len((tmp_path / "killed-steps").read_text().splitlines()) == before  # and a finished cell is never run again
