"""`nopeproof limits`: how far a construction goes in floats, per dtype and kernel: certified, measured, and where nothing can go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from nopeproof import ledger
from nopeproof.cli import _out, _targets, doctor
from nopeproof.errors import NopeproofError

CLOCKS = ("absolute-position/minimal", "rounding-clock/rounds", "sink-clock/rounds", "division-clock")
"""What is set side by side: an exact FFN, one that rounds, a head alone, and a division; each at the longest T of its weights."""

ROWS = 2**16
"""Each row of a torch run attends to all before it: twice as many take four times as long."""


@dataclass(frozen=True)
class Limits:
    """Certified length, first measured failure and first collision, for each dtype and kernel. A .py file is executed.

    Below it the known clocks side by side, if the target is one of them. Rows go to the ledger, for `report`.
    """

    target: Annotated[str, tyro.conf.Positional]
    """A construction, NAME or FILE.py, with /CLAIM to pick one claim."""

    dtype: tuple[str, ...] = ()
    """DTYPE, DTYPE/ACCUMULATOR or DTYPE/ACCUMULATOR/ROUTE, such as float16/float32/sdpa. Default: eight of them."""

    rows: int = 1024
    """How many positions the torch runs go to: 65536 at most."""

    out: Path | None = None
    """Write the plot of lengths, an SVG file, there; beside it, NAME-error.svg, the error at each t."""

    alone: bool = False
    """Only this construction, not the known clocks beside it."""

    ledger: Path | None = None
    """Where rows are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    no_store: bool = False
    """Store nothing."""

    json: _out.Json = False

    def run(self) -> int:
        """Print the tables. 0, or 1 if a torch run contradicts a certificate."""
        with _out.aside() as out:
            found = answer(self)
            from nopeproof.report import limits as report

            if self.out is not None:
                ledger.write_atomic(self.out, report.figure(found["rows"], self.target).encode())
                ledger.write_atomic(errors_beside(self.out), report.errors(found["rows"], self.target).encode())
            if self.json:
                _out.document(found, out)
            else:
                tables = [report.text(found["rows"]), *([report.clocks(found["clocks"])] if found["clocks"] else [])]
                print("\n\n".join(tables), file=out)
        return 1 if any(row["contradictions"] for row in found["rows"]) else 0


def answer(asked: Limits) -> dict[str, Any]:
    """The JSON document; each row is stored as soon as it is there.

    Raises NopeproofError for an unknown target or arithmetic, or claims that have no such limits.
    """
    from nopeproof.checks.limits import CONFIGURATIONS, clocks, pairs
    from nopeproof.theory.rounding import arithmetic

    if asked.rows < 2:
        raise NopeproofError(f"torch runs of {asked.rows} rows", "less than two positions", "--rows 1024")
    _out.at_most(asked.rows, ROWS, "--rows")
    if asked.out is not None:
        _out.writable(asked.out, "the plot")
        _out.writable(errors_beside(asked.out), "the plot")
    configurations = [str(arithmetic(text)) for text in asked.dtype] or list(CONFIGURATIONS)
    construction, claims = _targets.with_weights(asked.target)
    if not clocks(claims):
        found = "none of its claims puts a whole number that depends on t into a coordinate"
        raise NopeproofError(f"the limits of {asked.target!r}", found, "absolute-position, for example")
    chosen = list(pairs(claims, configurations))
    if not chosen:
        found = f"its claims are about floats, none of them {', '.join(asked.dtype)}"
        raise NopeproofError(f"the limits of {asked.target!r}", found, "another --dtype")
    writer = None if asked.no_store else ledger.Writer(ledger.folder(asked.ledger), "limits")
    return {
        "schema": 1,
        "target": asked.target,
        "rows": list(_rows(construction.name, chosen, asked.rows, writer)),
        "clocks": list([] if asked.alone else _clocks(construction.name, writer)),
    }


def errors_beside(plot: Path) -> Path:
    """The file of the errors at each t, beside the plot of lengths."""
    return plot.with_name(f"{plot.stem}-error.svg")


def _rows(name: str, chosen: Sequence[tuple[Any, str]], rows: int, writer: ledger.Writer | None) -> Iterator[dict[str, Any]]:
    from nopeproof.checks.limits import limits

    with _out.progress() as bars:
        task = bars.add_task("", total=len(chosen))
        for claim, text in chosen:
            bars.update(task, description=f"{claim.id} {text}")
            data = limits(claim, text, rows)
            if not data["rows_run"]:
                data["reason"] = "; ".join([*_unable(data["storage"]), data["reason"]])
            bars.update(task, advance=1)
            command = ["nopeproof", "limits", f"{name}/{claim.id}", "--dtype", text, "--rows", str(rows), "--alone"]
            if writer is not None:
                verdict = "certified" if data["certified"] else "open"
                writer.append(
                    ledger.row(
                        "limits",
                        construction=name,
                        claim=claim.id,
                        weights_sha256=data["weights_sha256"],
                        scope={**claim.scope.as_json(), "arithmetic": text, "t_max": data["certified"] or None},
                        verdict=verdict,
                        data=data,
                        command=command,
                    )
                )
            yield data


def _unable(storage: str) -> list[str]:
    """What `doctor` says of a dtype that torch cannot add up here; torch may have a longer name for it."""
    return [f"{f.about}: {f.found}" for f in doctor.dtypes() if f.about.startswith(storage) and f.state == "absent"]


def _clocks(name: str, writer: ledger.Writer | None) -> Iterator[dict[str, Any]]:
    """The clocks side by side, if the construction is one of them."""
    if name not in {c.split("/")[0] for c in CLOCKS}:
        return
    from nopeproof.checks.clocks import beside

    for target in CLOCKS:
        construction, claims = _targets.with_weights(target)
        for data in beside(construction.name, claims, construction.grown):
            if writer is not None:
                command = ["nopeproof", "limits", target]
                writer.append(ledger.row("clock", construction=construction.name, claim=data["claim"], data=data, command=command))
            yield data
