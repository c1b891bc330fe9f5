"""The trainings that other scripts read, and what `nopeproof compare` finds in the largest of them.

    python experiments/sweeps.py                                   every encoding on copy, reverse and sort; depth one; theory's tasks
    python experiments/sweeps.py --presets shallow --steps 50      less

Seeds are the presets'. Runs that were interrupted go on from their checkpoints, and a finished one is not trained again; nor are
models compared again that a row compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from _training import LEDGER

from nopeproof import ledger
from nopeproof.cli import _pool
from nopeproof.cli._out import progress
from nopeproof.cli.compare import Compare, compare
from nopeproof.cli.train import Train, train


@dataclass(frozen=True)
class Sweeps:
    """Train whole presets, then compare the first."""

    presets: tuple[str, ...] = ("quick", "shallow", "theory")
    """Grids of `nopeproof train`."""
    steps: int | None = None
    """Optimizer steps instead of the presets'."""
    seeds: tuple[int, ...] = ()
    """These seeds instead of the presets'."""
    words: int = 32
    """Words of each length in the comparison."""
    runs: Path = Path("runs") / "train"
    """Folder of the runs; each preset has its own in it."""
    workers: int = 0
    """Cells trained at a time. 0: one a core."""
    ledger: Path = LEDGER
    """Where the rows go."""

    def run(self) -> None:
        """Train what is missing. Exits with 1 if a cell failed."""
        failed = 0
        asked = [Train(preset, steps=self.steps, seeds=self.seeds, out=self.runs, ledger=self.ledger) for preset in self.presets]
        for one in asked:
            rows, _ = train(one.grid(), self.runs / one.preset, one.command(), self.ledger, workers=self.workers or _pool.cores())
            failed += sum(row["status"] == "failed" for row in rows)
            if one is asked[0]:
                self.compared({row["digest"]: self.runs / one.preset / row["cell"] for row in rows if row["status"] == "finished"})
        raise SystemExit(1 if failed else 0)

    def compared(self, runs: dict[str, Path]) -> None:
        """The row that compares these runs, {digest: folder}, if it is not there."""
        known = ({m["digest"] for m in row["data"]["models"]} for row in ledger.read_all(self.ledger).of("compare"))
        if runs and set(runs) not in known:
            with progress() as bars:
                task = bars.add_task("comparing", total=None)
                tell = lambda run, done, total: bars.update(task, description=run, completed=done, total=total)  # noqa: E731
                compare(Compare(tuple(runs.values()), words=self.words, ledger=self.ledger), tell)


if __name__ == "__main__":
    tyro.cli(Sweeps).run()
