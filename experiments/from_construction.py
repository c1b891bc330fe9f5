"""Does SGD keep the construction, and how far may it be disturbed before it is lost?

    python experiments/from_construction.py

NoPE learns copy from drawn weights, from the construction written into head 1 of layer 1, and from the same with noise on its
own weights. Of each model: the distance of that head to 1/t before and after training, what the model answers, and the
verdict that trained models get. Runs are resumable; one row a cell.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from _training import LEDGER

from nopeproof import ledger, tasks
from nopeproof.analysis.heads import distance_to_uniform
from nopeproof.learn.built import hold_beside
from nopeproof.learn.compare import default_lengths
from nopeproof.learn.engines import here
from nopeproof.learn.observe import views, words
from nopeproof.learn.progress import ProgressBars
from nopeproof.learn.recipe import SHORT, Cell
from nopeproof.learn.tensors import one_thread
from nopeproof.learn.train import build, load


@dataclass(frozen=True)
class FromConstruction:
    """Train from the construction, whole and disturbed, and beside it from drawn weights."""

    task: str = "copy"
    """What is learned."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of each cell."""
    disturbed: tuple[float, ...] = (0.0, 0.1, 0.3, 1.0)
    """Noise on the construction's weights, in units of what a drawn weight has."""
    steps: int = SHORT.steps
    """Of each training."""
    out: Path = Path("runs") / "from-construction"
    """Folder of the runs."""
    ledger: Path = LEDGER
    """Where the rows go."""

    def run(self) -> None:
        """Train what is missing, then look at every cell."""
        writer = ledger.Writer(self.ledger, "from-construction", own=False)
        done = {row["data"]["digest"] for row in (ledger.read(writer.path).rows if writer.path.exists() else ())}
        with ProgressBars() as bars:
            for row in here(self.cells(), self.out, 1, bars):
                if row["status"] == "finished" and row["digest"] not in done:
                    data = look(self.out / row["cell"])
                    writer.append(ledger.row("from-construction", data=data, command=["python", "experiments/from_construction.py"]))

    def cells(self) -> list[Cell]:
        """From drawn weights, then one a disturbance."""
        recipe = dataclasses.replace(SHORT, steps=self.steps)
        starts = [recipe, *(dataclasses.replace(recipe, start="construction", disturbed=x) for x in self.disturbed)]
        return [Cell("nope", self.task, self.seeds, start) for start in starts]


@one_thread()
def look(run: Path) -> dict:
    """Head 1 of layer 1 before and after, and each seed beside the construction."""
    cell, trained = load(run)
    inputs = {n: words(tasks.task(cell.task), n, 32, 0) for n in default_lengths(cell)}
    before, after = (
        [
            float(np.mean([distance_to_uniform(maps)[0, :, 0].mean() for maps in view.maps.values()]))
            for view in views(model, inputs, len(cell.seeds))
        ]
        for model in (build(cell), trained)
    )
    models = [
        {key: m[key] for key in ("name", "seed", "verdict", "exact_match", "heads", "near_heads")} for m in hold_beside(run)["models"]
    ]
    figures = [{**m, "nats_before": a, "nats_after": b} for m, a, b in zip(models, before, after, strict=True)]
    return {"digest": cell.digest, "config": cell.config(), "models": figures}


if __name__ == "__main__":
    tyro.cli(FromConstruction).run()
