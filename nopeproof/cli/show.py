"""`nopeproof show`: a construction as written: its text, its weights by name, its claims."""

from __future__ import annotations

from dataclasses import dataclass

from nopeproof.cli import _out, _rows, _targets


@dataclass(frozen=True)
class Show:
    """A construction's text, its weights by name, and its claims with scope and source. A FILE.py is executed."""

    target: _targets.Target

    json: _out.Json = False

    def run(self) -> int:
        """Print it. Nothing is run or checked."""
        with _out.aside() as out:
            construction, claims = _targets.load(self.target)
            row = _rows.construction_row(construction, example=False)
        chosen = {c.id for c in claims}
        shown = {**row["data"], "claims": [c for c in row["data"]["claims"] if c["id"] in chosen]}
        about = {c.subject.name for c in claims}
        shown["subjects"] = [s for s in shown["subjects"] if s["name"] in about]
        if self.json:
            _out.document({"schema": 1, "name": construction.name, "path": construction.path, **shown}, out)
        else:
            from nopeproof.report import terminal

            _out.console(out).print(terminal.construction(construction.name, shown))
        return 0
