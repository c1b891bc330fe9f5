"""`nopeproof graph`: which result uses which, with what is known of each, as a drawing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nopeproof import ledger
from nopeproof.cli import _out, _rows
from nopeproof.library import load, names


@dataclass(frozen=True)
class Graph:
    """Which result rests on which, marked by the weakest stored verdict of its claims; as text, or as SVG with --out."""

    out: Path | None = None
    """Write the drawing here, as SVG."""

    ledger: Path | None = None
    """Where verdicts are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    json: _out.Json = False

    def run(self) -> int:
        """Print or write the graph. Nothing is run or checked."""
        from nopeproof.report import graph
        from nopeproof.report.views import MARKS

        if self.out is not None:
            _out.writable(self.out, "the drawing")
        with _out.aside() as to:
            results = nodes(ledger.read_all(ledger.folder(self.ledger)))
            found = graph.described(results)
        if self.out is not None:
            ledger.write_atomic(self.out, graph.drawing(results).encode())
        if self.json:
            _out.document({"schema": 1, "results": found}, to)
        elif self.out is None:
            for n in found:
                uses = f"  <- {', '.join(map(str, n['uses']))}" if n["uses"] else ""  # type: ignore[arg-type]
                print(f"{'  ' * int(str(n['layer']))}{MARKS[str(n['verdict'])]} {n['name']} ({n['kind']}, {n['verdict']}){uses}", file=to)
        return 0


def nodes(found: ledger.Ledger) -> list:
    """Every result there is, with its stored verdict."""
    from nopeproof.report import graph
    from nopeproof.report.rows import Entry

    known = _rows.stored(found)
    entries = []
    for name in names():
        construction = load(name)
        row = ledger.row("construction", construction=name, data={"kind": construction.kind, "uses": list(construction.uses), "claims": []})
        entries.append(Entry(row, tuple(known.get(_rows.fingerprint(construction, c)) for c in construction.claims)))
    return graph.nodes(entries)
