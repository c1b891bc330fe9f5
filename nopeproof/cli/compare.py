"""`nopeproof compare`: trained runs beside the construction's head, beside each other, and beside their null models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from nopeproof import ledger
from nopeproof.cli import _out
from nopeproof.errors import NopeproofError

RUNS = Path("runs") / "train"


@dataclass(frozen=True)
class Compare:
    """Compare finished runs: accuracy by length, heads beside the uniform 1/t head, probes for position, attention distance.

    Every figure that could mislead stands beside its control: probes and heads beside the untrained model, the attention
    distance between encodings beside that between two seeds, to the untrained model and to the uniform pattern.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN ...")] = ()
    """Folders of runs, or of several runs. Default: what `train` left in runs/train, if that is one preset."""

    lengths: tuple[int, ...] = ()
    """Lengths of the words looked at. Default: half, all and one and a half of the training length."""

    words: int = 32
    """Words of each length."""

    seed: int = 0
    """Of the words; every model sees the same."""

    ledger: Path | None = None
    """Where the row is stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    json: _out.Json = False

    def run(self) -> int:
        """Compare, print, store. 0."""
        if not all(n >= 2 for n in self.lengths):
            raise NopeproofError(f"words of the lengths {list(self.lengths)}", "attention on one symbol says nothing", "lengths from 2 on")
        with _out.aside() as out, _out.progress() as bars:
            task = bars.add_task("comparing", total=None)

            def tell(run: str, done: int, total: int) -> None:
                bars.update(task, description=run, completed=done, total=total)

            found = compare(self, tell)
        if self.json:
            _out.document(found, out)
        else:
            shown = _out.console(out)
            for title, table in tables(found):
                shown.print(title, style="bold")
                shown.print(table)
                shown.print()
        return 0


def compare(asked: Compare, tell: Any = None) -> dict[str, Any]:
    """The comparison `asked` describes, with each run held beside the construction; its row is stored in the ledger."""
    from nopeproof.learn.built import hold_beside
    from nopeproof.learn.compare import compare_runs, find_runs

    runs = asked.runs or default_runs()
    found = compare_runs(runs, lengths=asked.lengths or None, seed=asked.seed, words_per_length=asked.words, progress=tell)
    found["built"] = [hold_beside(run, words_per_length=asked.words, seed=asked.seed) for run in find_runs(runs)]
    command = ["nopeproof", "compare", *map(str, runs), "--words", str(asked.words), "--seed", str(asked.seed)]
    command += ["--lengths", *map(str, asked.lengths)] if asked.lengths else []
    ledger.Writer(ledger.folder(asked.ledger), "compare").append(ledger.row("compare", data=found, command=command))
    return found


def default_runs() -> tuple[Path, ...]:
    """The one folder in runs/train that holds runs. Raises NopeproofError where there is none, or more than one."""
    found = sorted({path.parent.parent for path in RUNS.glob("*/*/result.json")})
    if len(found) != 1:
        there = f"there are {', '.join(map(str, found))}" if found else f"no finished run in {RUNS}"
        raise NopeproofError("compare runs", there, "nopeproof compare FOLDER" if found else "train first: nopeproof train")
    return tuple(found)


def tables(found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """For a terminal: the models, then the distances from NoPE."""
    from nopeproof.report.terminal import columns

    models = columns(
        "task",
        "positions",
        "seed",
        "exact match",
        "longer",
        "head nearest to 1/t",
        "untrained",
        "probe 1/t",
        "untrained",
        "probe t",
        "untrained",
    )
    for m in found["models"]:
        near = m["uniform"]["nearest"]
        learned = f"{m['exact_match_in']:.3f}" + ("" if m["learned"] else " (not learned)")
        beyond = "-" if m["exact_match_beyond"] is None else f"{m['exact_match_beyond']:.3f}"
        heads = [f"layer {near['layer']} head {near['head']}: {near['nats']:.4f} nats", f"{m['uniform']['untrained_nearest']['nats']:.4f}"]
        models.add_row(
            m["task"], m["pe"], str(m["seed"]), learned, beyond, *heads, *_probes(m["probes"], "1/t"), *_probes(m["probes"], "t")
        )
    built = columns(
        "task", "model", "verdict", "near heads", "exact match", "heads swapped", "without them", "without as many others", "<bos> cut"
    )
    for m in (model for run in found["built"] for model in run["models"]):
        heads, gone = m.get("heads", 0), m.get("ablate", {})
        near = ", ".join(f"{h['layer']}.{h['head']}" for h in m["near_heads"]) or "none"
        after = [_share(gone.get(key)) if heads else "-" for key in ("all", "others")]
        built.add_row(m["task"], m["name"], m.get("verdict", "-"), near, _share(m), str(heads), *after, _share(m["cut_bos"]))
    distances = columns("task", "length", "NoPE compared with", "as", "D_AT (nats)", "from", "to", "pairs")
    for r in found["summary"]:
        figures = [f"{r[key]:.4f}" for key in ("mean", "least", "most")]
        distances.add_row(r["task"], str(r["length"]), r["other"], r["kind"], *figures, str(r["pairs"]))
    about = "models: exact match on the lengths trained on, and longer; the head nearest to the 1/t pattern; best held-out R² of any layer"
    found_order = columns("positions", "mean reciprocal rank", "from", "to", "rankings")
    for r in found["ranking"]["rows"]:
        found_order.add_row(r["name"], *(f"{r[key]:.3f}" for key in ("mean", "low", "high")), str(r["rankings"]))
    ranked = "ranking by exact match beyond the lengths trained on; left out, because not learned: "
    return [
        (about, models),
        (
            "beside the construction: heads nearer to 1/t than any untrained one (layer.head), and exact match after interventions",
            built,
        ),
        (ranked + (", ".join(found["ranking"]["left_out"]) or "none"), found_order),
        ("attention distance from NoPE, mean over layers; nearest first", distances),
    ]


def _share(score: Mapping[str, Any] | None) -> str:
    return "-" if score is None else f"{score['exact_match']:.3f}"


def _probes(rows: Sequence[Mapping[str, Any]], target: str) -> list[str]:
    """The best layer's R² after training, and the same layer's before."""
    best = max((row for row in rows if row["target"] == target), key=lambda row: row["r2"])
    return [f"{best['r2']:.3f} (layer {best['layer']})", f"{best['r2_untrained']:.3f}"]
