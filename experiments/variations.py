"""What was varied to find out why T5's bias falls behind here where the paper has it beside NoPE: one thing at a time, on one task.

    python experiments/variations.py

On "replace" the paper has T5's bias at .94 beyond the lengths trained on and NoPE at .97; at this scale NoPE is there and T5's bias is
near 0. Depth, width, dropout, steps, learning rate and lengths are changed one by one for both, and for T5's bias the buckets, so that
every bucket of a longer word was met in training. One row a variation and encoding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from _training import LEDGER

from nopeproof import ledger
from nopeproof.cli import _pool
from nopeproof.cli.train import shares
from nopeproof.learn.engines import engine
from nopeproof.learn.progress import ProgressBars
from nopeproof.learn.recipe import PRESETS, Cell, Recipe

SEEN = "t5:buckets=16,max_distance=20"
"""A T5 bias none of whose buckets starts beyond the longest word trained on."""


@dataclass(frozen=True)
class Variations:
    """Change one thing at a time."""

    task: str = "replace"
    """What is learned."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of each cell."""
    lr: float = 4e-3
    """Peak learning rate: what the search found for both encodings."""
    steps: int = PRESETS["paper-small"].recipe.steps
    """Of each training but the longer one."""
    only: tuple[str, ...] = ()
    """These variations alone, by name."""
    out: Path = Path("runs") / "variations"
    """Folder of the runs."""
    workers: int = 0
    """Cells trained at a time. 0: one a core."""
    ledger: Path = LEDGER
    """Where the rows go."""

    def run(self) -> None:
        """Train what is missing; a row as each cell ends. Exits with 1 if one failed."""
        writer, failed = ledger.Writer(self.ledger, "variations", own=False), 0
        known = {row["data"]["digest"] for row in (ledger.read(writer.path).rows if writer.path.exists() else ())}
        cells = {cell.digest: (name, cell) for name, cell in self.cells() if cell.digest not in known}
        workers = self.workers or _pool.cores()
        with ProgressBars() as bars:
            for row in engine("local", workers)([cell for _, cell in cells.values()], self.out, workers, bars):
                failed += row["status"] == "failed"
                if row["status"] == "finished":
                    writer.append(
                        ledger.row("variation", data=found(cells[row["digest"]][0], row), command=["python", "experiments/variations.py"])
                    )
        raise SystemExit(1 if failed else 0)

    def cells(self) -> Iterator[tuple[str, Cell]]:
        """(what is changed, cell)."""
        base = dataclasses.replace(PRESETS["paper-small"].recipe, lr=self.lr, steps=self.steps, train_length=10, test_length=20)
        for name, recipe in changed(base).items():
            if not self.only or name in self.only:
                for pe in ("nope", "t5", SEEN) if name == "as in paper-small" else ("nope", "t5"):
                    yield name, Cell(pe, self.task, self.seeds, recipe)


def changed(base: Recipe) -> dict[str, Recipe]:
    """The recipe with one thing changed."""
    other = lambda **fields: dataclasses.replace(base, **fields)  # noqa: E731
    return {
        "as in paper-small": base,
        "2 layers": other(layers=2),
        "6 layers": other(layers=6),
        "d_model 128": other(d_model=128),
        "d_model 256, learning rate / 4": other(
            d_model=256, lr=base.lr / 4
        ),  # the usual rule: a rate for Adam goes down as the width goes up
        "dropout of .1": other(dropout=0.1),
        "dropout of .1, four times the steps": other(dropout=0.1, steps=4 * base.steps),  # in 3,000 it is not learned
        "d_model 256, learning rate / 4, dropout of .1": other(d_model=256, lr=base.lr / 4, dropout=0.1),
        "learning rate / 4": other(lr=base.lr / 4),
        "twice the steps": other(steps=2 * base.steps),
        "four times the steps": other(steps=4 * base.steps),
        "lengths to 20, tested to 40": other(train_length=20, test_length=40),
    }


def found(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row's data: what was changed, and exact match of each seed on the lengths trained on and beyond."""
    inside, beyond = shares(row)
    config = row["config"]
    figures = {"exact_match_in": inside, "exact_match_beyond": beyond, "cpu_seconds": row["cpu_seconds"]}
    return {"changed": name, "task": config["task"], "pe": config["pe"], "digest": row["digest"], "config": config, **figures}


if __name__ == "__main__":
    tyro.cli(Variations).run()
