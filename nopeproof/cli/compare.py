"""`nopeproof compare`: trained models against each other and the paper, from their rows; and beside the construction, from weights."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from nopeproof import ledger
from nopeproof.cli import _out
from nopeproof.cli.report import folders
from nopeproof.errors import NopeproofError

RUNS = Path("runs") / "train"


@dataclass(frozen=True)
class Compare:
    """Compare trained models: how far each encoding generalises, beside the paper; what their heads do, beside the construction.

    The first part needs the ledger's rows alone: exact match, token accuracy, cross-entropy and margin by length, the order of the
    encodings with bootstrap intervals, mean reciprocal ranks, and which of the paper's differences are seen at this scale. The second
    needs the folders of runs: heads beside the uniform 1/t head, probes for position, attention distance. Every figure that could
    mislead stands beside its control: probes and heads beside the untrained model, the attention distance between encodings beside that
    between two seeds, to the untrained model and to the uniform pattern.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN ...")] = ()
    """Folders of runs, of several runs, or of one preset's; both parts are then about these alone. Default: the ledger's rows, and the
    weights of what `train` left in runs/train, if that is one preset."""

    rows: bool = False
    """The first part only, from the ledger's rows."""

    lengths: tuple[int, ...] = ()
    """Lengths of the words looked at. Default: half, all and one and a half of the training length."""

    words: int = 32
    """Words of each length."""

    seed: int = 0
    """Of the words; every model sees the same."""

    out: Path | None = None
    """A folder to write the first part's tables to as CSV and its figures as SVG."""

    ledger: Path | None = None
    """Where rows are read and stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger; and experiments/ledger is read too."""

    json: _out.Json = False

    def run(self) -> int:
        """Compare, print, store. 0."""
        from nopeproof.learn.compare import check_looked_at

        if not all(n >= 2 for n in self.lengths):
            raise NopeproofError(f"words of the lengths {list(self.lengths)}", "attention on one symbol says nothing", "lengths from 2 on")
        if self.rows and self.runs:
            raise NopeproofError("a comparison of rows", "folders of runs are named", "either --rows, or folders")
        check_looked_at(self.lengths, self.words, self.seed)
        with _out.aside() as out, _out.progress() as bars:
            task = bars.add_task("comparing", total=None)

            def tell(run: str, done: int, total: int) -> None:
                bars.update(task, description=run, completed=done, total=total)

            general = generalisation(self)
            if self.rows and not general:
                there = ", ".join(map(str, folders(self.ledger)))
                raise NopeproofError("a comparison of rows", f"no row of a finished training in {there}", "train first, or --ledger FOLDER")
            weights = [] if self.rows else self.runs or default_runs(needed=not general)
            found = compare(self, tell) if weights else {}
        if self.out is not None:
            written(general, self.out)
        if self.json:
            _out.document({"schema": 1, **found, "generalisation": general}, out)
        else:
            self.show(general, found, _out.console(out))
        return 0

    def show(self, general: Sequence[Mapping[str, Any]], found: Mapping[str, Any], shown: Any) -> None:
        """Both parts, as tables."""
        from nopeproof.report import generalised
        from nopeproof.report.terminal import columns

        for entry in general:
            shown.print(f"trained: {generalised.name(entry)}", style="bold underline")
            for title, headings, rows in filter(lambda table: table[2], generalised.tables(entry)):
                table = columns(*headings)
                for row in rows:
                    table.add_row(*row)
                shown.print(title, style="bold")
                shown.print(table)
                shown.print()
            for sentence in generalised.sentences(entry):
                shown.print(sentence)
            shown.print()
        for title, table in tables(found) if found else ():
            shown.print(title, style="bold")
            shown.print(table)
            shown.print()
        if not found and not self.rows:
            shown.print(f"no weights were looked at: {RUNS} does not hold the runs of one preset; name their folder")


def generalisation(asked: Compare) -> list[dict[str, Any]]:
    """The first part, one entry a recipe, of the runs `asked` names or else of the ledger's rows; its rows are stored in the ledger."""
    from nopeproof.learn.compare import find_runs
    from nopeproof.learn.generalisation import comparisons
    from nopeproof.learn.store import read_result

    if asked.runs:
        trained = [read_result(run) for run in find_runs(asked.runs)]
    else:
        trained = [row["data"] for row in ledger.read_all(folders(asked.ledger)).of("training")]
    found = comparisons(trained)
    command = ["nopeproof", "compare", *(map(str, asked.runs) if asked.runs else ["--rows"])]
    if found:
        writer = ledger.Writer(ledger.folder(asked.ledger), "length-generalisation", own=False)
        known = [row["data"] for row in ledger.read(writer.path).rows] if writer.path.exists() else []
        for entry in reversed(found):
            if entry not in known:
                writer.append(ledger.row("length-generalisation", data=entry, command=command))
    return found


def written(general: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """The tables as CSV and the figures as SVG, in a folder of their own for each recipe but the first."""
    from nopeproof.report import generalised

    for n, entry in enumerate(general):
        where = folder if n == 0 else folder / f"recipe-{n + 1}"
        names = ("accuracy", "order", "reciprocal-rank", "differences", "trends", "by-length")
        for name, (_, headings, rows) in zip(names, [*generalised.tables(entry), generalised.by_length(entry)], strict=True):
            text = io.StringIO()
            csv.writer(text).writerows([headings, *rows])
            ledger.write_atomic(where / f"{name}.csv", text.getvalue().encode())
        for title, drawn in generalised.figures(entry):
            name = title.partition(": by length")[0].replace(" ", "-").replace(":", "_").replace("=", "").replace(",", "_")
            ledger.write_atomic(where / f"{name}.svg", drawn.encode())


def compare(asked: Compare, tell: Any = None) -> dict[str, Any]:
    """The second part, with each run held beside the construction; its row is stored in the ledger."""
    from nopeproof.learn.built import hold_beside
    from nopeproof.learn.compare import compare_runs, find_runs

    runs = asked.runs or default_runs()
    found = compare_runs(runs, lengths=asked.lengths or None, seed=asked.seed, words_per_length=asked.words, progress=tell)
    found["built"] = [hold_beside(run, words_per_length=asked.words, seed=asked.seed) for run in find_runs(runs)]
    command = ["nopeproof", "compare", *map(str, runs), "--words", str(asked.words), "--seed", str(asked.seed)]
    command += ["--lengths", *map(str, asked.lengths)] if asked.lengths else []
    ledger.Writer(ledger.folder(asked.ledger), "compare").append(ledger.row("compare", data=found, command=command))
    return found


def default_runs(needed: bool = True) -> tuple[Path, ...]:
    """The one folder in runs/train that holds runs.

    Raises NopeproofError where there is none, or more than one; unless they are not needed, when there is nothing to look at then.
    """
    found = sorted({path.parent.parent for path in RUNS.glob("*/*/result.json")})
    if len(found) != 1:
        if not needed:
            return ()
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
    return [
        (about, models),
        (
            "beside the construction: heads nearer to 1/t than any untrained one (layer.head), and exact match after interventions",
            built,
        ),
        ("attention distance from NoPE, mean over layers; nearest first", distances),
    ]


def _share(score: Mapping[str, Any] | None) -> str:
    return "-" if score is None else f"{score['exact_match']:.3f}"


def _probes(rows: Sequence[Mapping[str, Any]], target: str) -> list[str]:
    """The best layer's R² after training, and the same layer's before."""
    best = max((row for row in rows if row["target"] == target), key=lambda row: row["r2"])
    return [f"{best['r2']:.3f} (layer {best['layer']})", f"{best['r2_untrained']:.3f}"]
