"""How much of trained heads' scores is content, how much distance, and how much distance within each part of the input.

    python experiments/score_decomposition.py runs/train/quick

The form of kazemnejad2023, Thm 2, s = content + f_rel(t - i), fitted on words of mixed lengths and held out on others, for every
head of every NoPE model; then with an f_rel of its own for each pair of regions (source, answer) of query and key. The effective
rank is that of the fitted f_rel as a matrix of t and i: how many of its singular values hold 99 % of its square, after the best
g(t) is taken out; beside it `relative_bias_rank` gives the exact one of the buckets of T5. One row a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from _training import LEDGER

from nopeproof import ledger, tasks
from nopeproof.analysis.decompose import decompose
from nopeproof.analysis.ranks import effective_rank
from nopeproof.cli._out import progress
from nopeproof.learn.compare import REFERENCE, find_runs
from nopeproof.learn.observe import View, views, words
from nopeproof.learn.recipe import Cell
from nopeproof.learn.tensors import one_thread
from nopeproof.learn.train import load
from nopeproof.theory.biases import bias
from nopeproof.theory.ranks import relative_bias_rank

AFTER = ("sweeps",)


@dataclass(frozen=True)
class ScoreDecomposition:
    """Fit content and distance to the scores of every head of NoPE runs."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = (Path("runs") / "train" / "quick",)
    """Folders of runs, or of several."""
    lengths: tuple[int, ...] = (4, 7, 10)
    """Of the words, mixed."""
    words: int = 32
    """Of each length, half of them held out."""
    ledger: Path = LEDGER
    """Where the rows go."""

    def run(self) -> None:
        """One row a run; those that are there are not made again."""
        writer = ledger.Writer(self.ledger, "score-decomposition", own=False)
        done = {row["data"]["digest"] for row in (ledger.read(writer.path).rows if writer.path.exists() else ())}
        with progress() as bars:
            for run in bars.track(find_runs(self.runs), description="runs"):
                cell, _ = load(run)
                if cell.pe == REFERENCE and cell.digest not in done:
                    command = ["python", "experiments/score_decomposition.py", str(run)]
                    writer.append(ledger.row("score-decomposition", data=self.fit(run, cell), command=command))

    @one_thread()
    def fit(self, run: Path, cell: Cell) -> dict[str, Any]:
        """The row's data: R^2 [layer][head] of content, distance, both, and both by region, for every seed."""
        _, model = load(run)
        inputs = {n: words(tasks.task(cell.task), n, self.words, 0) for n in self.lengths}
        T = max(tokens.shape[1] for tokens in inputs.values())
        models = [
            {"seed": seed, "layers": [layer_figures(view, layer) for layer in range(cell.recipe.layers)]}
            for seed, view in zip(cell.seeds, views(model, inputs, len(cell.seeds)), strict=True)
        ]
        exact = relative_bias_rank(bias("t5").table(T))
        return {"digest": cell.digest, "task": cell.task, "T": T, "models": models, "t5_bucket_rank": exact, "words": self.words}


def layer_figures(view: View, layer: int) -> dict[str, list[float]]:
    """Per head: held-out R^2 of each form, and the effective rank of f_rel."""
    halves = [
        ([np.log(np.maximum(maps[layer, half::2], 1e-30)) for maps in view.maps.values()], [ids[half::2] for ids in view.inputs.values()])
        for half in (0, 1)
    ]
    plain = decompose(*halves)
    regional = decompose(*halves, region=lambda ids: np.cumsum(ids == tasks.SEP))
    figures = {key: getattr(plain, key).tolist() for key in ("content", "distance", "both")}
    return {**figures, "both_by_region": regional.both.tolist(), "effective_rank": [effective_rank(f) for f in plain.f_rel]}


if __name__ == "__main__":
    tyro.cli(ScoreDecomposition).run()
