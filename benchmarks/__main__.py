"""`python -m benchmarks [NAME ...]`: run the benchmarks of this folder and print their rows, or add them to a ledger."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import benchmarks
from nopeproof import ledger

Row = dict[str, Any]


def names() -> list[str]:
    """Every benchmark there is: a file here with a `measure`."""
    return sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))


def measured(name: str, quick: bool) -> Iterator[Row]:
    """The rows of one benchmark, as they come."""
    for row in importlib.import_module(f"benchmarks.{name}").measure(quick):
        yield {"benchmark": name, **row}


def shown(row: Row) -> str:
    """One row in a line: what, its figures, and what they are held against."""
    figures = {k: v for k, v in row.items() if k not in ("benchmark", "what", "against", "ratio", "source")}
    parts = [f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in figures.items()]
    ratio = f"{row['ratio']:.3g} x {row['against']}" if row.get("ratio") is not None else ""
    source = f"[{row['source']}]" if "source" in row else ""
    return f"{row['benchmark']:12} {row['what']:44} " + "  ".join(x for x in (", ".join(parts), ratio, source) if x)


def main(arguments: list[str]) -> int:
    """0, or 2 for a benchmark that is not there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="one of " + ", ".join(names()) + "; default: all")
    parser.add_argument("--quick", action="store_true", help="short lengths only")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--ledger", type=Path, help="add the rows to this ledger")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.names) - set(names()))
    if unknown:
        parser.error(f"the benchmark {unknown[0]!r}: there are {', '.join(names())}")
    writer = ledger.Writer(asked.ledger, "benchmarks") if asked.ledger else None
    rows = []
    for name in asked.names or names():
        for row in measured(name, asked.quick):
            rows.append(row)
            if writer is not None:
                writer.append(ledger.row("benchmark", data=row, command=["python", "-m", "benchmarks", name]))
            if not asked.json:
                print(shown(row), flush=True)
    if asked.json:
        print(json.dumps({"schema": 1, "rows": rows, "versions": ledger.versions()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
