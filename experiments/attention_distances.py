"""Which encoding's attention is nearest to NoPE's, task by task: the D_AT of kazemnejad2023, eq. 2, over a whole battery of runs.

    python experiments/attention_distances.py runs/train/paper-small

The paper asks this of SCAN alone, of one seed, by another formula than the one it prints. Here it is asked of every task that is there,
as defined, at half, all and one and a half of the length trained to, beside the null models: another seed of NoPE, the untrained model,
uniform attention, and a bias of the key alone. Encodings are taken with NoPE's seed and with other seeds: models of one seed share the
weights they start from. Only models that answer half of the words of trained lengths take part: what an unlearned model attends to
says nothing about its encoding. One row a task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from _training import LEDGER

from nopeproof import ledger
from nopeproof.cli import _pool
from nopeproof.learn import store

AFTER = ("sweeps",)


@dataclass(frozen=True)
class AttentionDistances:
    """Compare the attention of the runs of each task with NoPE's."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = (Path("runs") / "train" / "quick",)
    """Folders of runs, or of several."""
    words: int = 32
    """Of each length."""
    answered: float = 0.5
    """Exact match on trained lengths below which a model takes no part."""
    workers: int = 0
    """Tasks at a time. 0: one a core."""
    ledger: Path = LEDGER
    """Where the rows go."""

    def run(self) -> None:
        """One row a task; one that is there of the same models is not made again."""
        writer = ledger.Writer(self.ledger, "attention-distances", own=False)
        known = {_digests(row["data"]) for row in (ledger.read(writer.path).rows if writer.path.exists() else ())}
        asked = [(folders, self.words, self.answered) for folders in self.tasks()]
        for data in _pool.spread(_compared, asked, self.workers or _pool.cores()):
            if data is None or _digests(data) in known:
                continue
            command = ["python", "experiments/attention_distances.py", *map(str, self.runs)]
            writer.append(ledger.row("attention-distances", data=data, command=command))
            encodings = [row for row in data["summary"] if row["kind"] == "encoding" and row["length"] == data["lengths"][1]]
            print(f"{data['task']}: " + ", ".join(f"{row['other']} {row['mean']:.3f}" for row in encodings))

    def tasks(self) -> list[list[Path]]:
        """The runs of each task that NoPE and another encoding were trained on."""
        from nopeproof.learn.compare import REFERENCE, find_runs

        found: dict[str, dict[str, Path]] = {}
        for run in find_runs(self.runs):
            config = store.read_json(run / store.CONFIG)
            found.setdefault(config["task"], {})[config["pe"]] = run
        return [list(runs.values()) for runs in found.values() if REFERENCE in runs and len(runs) > 1]


def _digests(data: dict[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((m["digest"], m["name"]) for m in data["models"])


def _compared(asked: tuple[Sequence[Path], int, float]) -> dict[str, Any] | None:
    from nopeproof.learn.compare import distances

    found = distances(asked[0], words_per_length=asked[1], answered=asked[2])
    return found if any(row["kind"] == "encoding" for row in found["summary"]) else None


if __name__ == "__main__":
    tyro.cli(AttentionDistances).run()
