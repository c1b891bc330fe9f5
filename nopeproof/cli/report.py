"""`nopeproof report`: what the ledger holds, as one page that opens from the file system."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nopeproof import ledger
from nopeproof.cli import _out

OUT = {"html": _out.RUNS / "report.html", "pdf": _out.RUNS / "paper.pdf", "tex": _out.RUNS / "claims.tex"}
COMMITTED = Path("experiments") / "ledger"
"""Rows that come with a checkout; they are shown beside one's own."""


@dataclass(frozen=True)
class Report:
    """All that the ledger holds: as one page, as a paper, or as LaTeX macros for a paper of your own.

    html: one self-contained page; verdicts, weights, witnesses, limits, ablations, trained models. pdf: the paper, set by typst (the
    extra nopeproof[paper]); a row that it needs and that is not there stops it. tex: claims.tex, with the BibTeX entries beside it.
    """

    to: Literal["html", "pdf", "tex"] = "html"
    """The format."""

    out: Path | None = None
    """The file to write. Default: report.html, paper.pdf or claims.tex in runs."""

    ledger: Path | None = None
    """Where rows are read. Default: the variable NOPEPROOF_LEDGER, else runs/ledger; and experiments/ledger where there is one."""

    json: _out.Json = False

    def run(self) -> int:
        """Write the file. 0; what does not stand is said in it, and by the exit code of `verify`."""
        path = self.out or OUT[self.to]
        _out.writable(path, "the report")
        found = ledger.read_all(folders(self.ledger))
        ledger.write_atomic(path, made(self.to, found))
        if self.to == "tex":
            from nopeproof.report.paper import sources

            ledger.write_atomic(path.with_suffix(".bib"), (sources() / "refs.bib").read_bytes())
        if self.json:
            kinds = Counter(r["kind"] for r in found.rows)
            _out.document({"schema": 1, "file": str(path), "rows": dict(sorted(kinds.items())), "torn": list(found.torn)})
        else:
            print(f"{path}: {len(found.rows)} rows of the ledger, {path.stat().st_size // 1024} kB")
        return 0


def made(to: str, found: ledger.Ledger) -> bytes:
    """The file's content."""
    if to == "pdf":
        from nopeproof.report.paper import pdf

        return pdf(found)
    if to == "tex":
        from nopeproof.report.tex import tex

        return tex(found).encode()
    from nopeproof.report.html import page

    return page(found).encode()


def folders(asked: Path | None) -> list[Path]:
    """The ledger that was asked for; without a wish also the one that comes with a checkout."""
    mine = ledger.folder(asked)
    return [mine] if asked is not None or ledger.VARIABLE in os.environ else [COMMITTED, mine]
