"""A sweep killed at twenty random moments loses nothing, repeats nothing and ends with the same table and the same weights."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nopeproof.learn import store

KILLS = 20
PATIENCE = 300  # seconds a sitting may go without a step before it is killed all the same
CHECKPOINT_EVERY = 10
NURSERY = """
import os, sys
os.environ["OMP_NUM_THREADS"] = "1"
import tempfile, torch
from pathlib import Path
from nopeproof.learn import train as training
from nopeproof.learn.recipe import Preset, Recipe, Search
from nopeproof.learn.sweep import run_sweep

training.CHECKPOINT_EVERY = training.LOG_EVERY = int(sys.argv[1])
TINY = Recipe(layers=2, d_model=32, heads=2, train_length=4, test_length=6, test_count=20, steps=300, batch=8, max_length=20)
grid = Preset("tiny", "", ("nope", "alibi"), ("copy:symbols=4",), (0, 1), TINY, Search((1e-3, 4e-3), "copy:symbols=4", 7, 100))
step = training._State.advance

def sweep(out, steps):
    def counted(state, n):
        with open(steps, "a") as file:
            file.write(f"{state.cell.digest} {n}\\n")
        return step(state, n)

    training._State.advance = counted
    run_sweep(grid, Path(out))

for cell in grid.cells():  # whatever is imported or compiled on first use, but no backward pass: autograd must begin in a fork
    state = training._State(cell, Path(tempfile.mkdtemp()))
    training.evaluate(state.model, state.task, [2], 3)
    for parameter in state.model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    state.optimizer.step()
    state.save()
print("ready", flush=True)
for line in sys.stdin:  # a sitting is a fork, so that kills fall on the work and not on imports
    child = os.fork()
    if child == 0:
        code = 1
        try:
            sweep(*line.split()[:2])
            code = 0
        finally:
            os._exit(code)
    print(child, flush=True)
    if line.split()[2:]:
        sys.stdin.readline()  # until it has been killed
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """A process that has imported all there is to import and forks a sitting of the sweep whenever it is asked."""

    def __init__(self) -> None:
        words = [sys.executable, "-c", NURSERY, str(CHECKPOINT_EVERY)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._line() == "ready"

    def sitting(self, out: Path, steps: Path) -> int:
        """The exit code of one sitting left to its end."""
        self._say(f"{out} {steps}")
        self._line()
        return int(self._line())

    def killed(self, out: Path, steps: Path, after: int, delay: float) -> int:
        """The exit code of one sitting killed ``delay`` seconds after its ``after``-th step: -9, unless it ended before that.

        Counted in steps, because a moment on the clock falls elsewhere in the work whenever the machine's load changes.
        """
        due, deadline = taken(steps) + after, time.monotonic() + PATIENCE
        self._say(f"{out} {steps} killed")
        child = int(self._line())
        while taken(steps) < due and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        self._say("")  # only now does the nursery wait for it: its number is still its own
        return int(self._line())

    def _say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


def taken(steps: Path) -> int:
    """How many training steps the sittings have begun that write to this file."""
    return steps.read_bytes().count(b"\n") if steps.exists() else 0


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    found = Nursery()
    yield found
    found.process.kill()
    found.process.wait()


def outcome(out: Path) -> tuple[list, dict, dict]:
    """The table, every run's weights, and every run's metrics."""
    rows = store.read_rows(out / store.RESULTS)
    for row in rows:
        row.pop("cpu_seconds")
    weights = {path.parent.name: path.read_bytes() for path in sorted(out.glob(f"**/{store.WEIGHTS}"))}
    return rows, weights, {path.parent.name: path.read_bytes() for path in sorted(out.glob(f"**/{store.METRICS}"))}


@pytest.mark.slow
def test_twenty_kills(tmp_path: Path, nursery: Nursery):
    rng = random.Random(0)
    start = time.monotonic()
    assert nursery.sitting(tmp_path / "whole", tmp_path / "steps") == 0
    whole, length = time.monotonic() - start, taken(tmp_path / "steps")
    done = tmp_path / "killed-steps"
    for _ in range(KILLS):  # all the spans together are shorter than the work: every kill finds something to do
        before, after, delay = taken(done), rng.randint(0, length // (KILLS + 10)), rng.uniform(0, whole / 200)
        assert nursery.killed(tmp_path / "killed", done, after, delay) == -9, "a sitting ended before it could be killed"
        assert taken(done) >= before + after, f"no {after} steps in {PATIENCE} seconds: the kill did not fall on the training"
    assert nursery.sitting(tmp_path / "killed", done) == 0
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")
    steps = done.read_text().splitlines()
    assert set(steps) == set((tmp_path / "steps").read_text().splitlines())
    assert len(steps) <= len(set(steps)) + CHECKPOINT_EVERY * KILLS  # a kill costs the steps since the last checkpoint, no more
    assert nursery.sitting(tmp_path / "killed", done) == 0
    assert len(done.read_text().splitlines()) == len(steps)  # and a finished cell is never run again
