"""`nopeproof show`: a construction as written: its text, its weights by name, its claims, what is stored about them, its sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nopeproof import ledger
from nopeproof.cli import _out, _rows, _targets
from nopeproof.errors import NopeproofError


@dataclass(frozen=True)
class Show:
    """A construction's text, hypotheses, weights by name, claims, stored evidence and ablations, and sources. A FILE.py is executed."""

    target: _targets.Target

    tex: bool = False
    """The claims as LaTeX theorems, with the BibTeX entries they cite."""

    ledger: Path | None = None
    """Where verdicts are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    json: _out.Json = False

    def run(self) -> int:
        """Print it. Nothing is run or checked."""
        from nopeproof.report import bibliography

        if self.tex and self.json:
            raise NopeproofError("both --tex and --json", "two forms of one answer", "one of them")
        with _out.aside() as out:
            construction, claims = _targets.load(self.target)
            row = _rows.construction_row(construction, example=False)
            found = ledger.read_all(ledger.folder(self.ledger))
        known, chosen = _rows.stored(found), {c.id for c in claims}
        shown = {**row["data"], "claims": [c for c in row["data"]["claims"] if c["id"] in chosen]}
        about = {c.subject.name for c in claims}
        shown["subjects"] = [s for s in shown["subjects"] if s["name"] in about]
        verdicts = {c["id"]: known[c["fingerprint"]] for c in shown["claims"] if c["fingerprint"] in known}
        newest = found.latest("ablation", lambda r: (r["construction"], r["claim"], r["data"]["assumption"]))
        ablations = [r for (name, id, _), r in newest.items() if name == construction.name and id in chosen]
        keys = sorted({k for c in claims for k in bibliography.keys(c.source)})
        if self.json:
            stored = {
                "verdicts": {id: {k: r[k] for k in ("verdict", "evidence", "time", "command")} for id, r in verdicts.items()},
                "ablations": [r["data"] for r in ablations],
                "bibliography": {k: bibliography.entries().get(k, "") for k in keys},
            }
            _out.document({"schema": 1, "name": construction.name, "path": construction.path, **shown, **stored}, out)
        elif self.tex:
            from nopeproof.report import theorem

            print(theorem.fragment(construction.name, shown, verdicts), file=out)
        else:
            from nopeproof.report import terminal

            console = _out.console(out)
            console.print(terminal.construction(construction.name, shown))
            console.print(terminal.known(verdicts, [r["data"] for r in ablations], [(k, bibliography.cited(k)) for k in keys]))
        return 0
