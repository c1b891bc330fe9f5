"""`nopeproof limits`: how far a construction goes in floats, per dtype and kernel: certified, measured, and where nothing can go."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from nopeproof.errors import NopeproofError


@dataclass(frozen=True)
class Limits:
    """Certified length, first measured failure and first collision, for each dtype and kernel. A .py file is executed."""

    target: Annotated[str, tyro.conf.Positional]
    """A construction, NAME or FILE.py, with /CLAIM to pick one claim."""

    dtype: tuple[str, ...] = ()
    """DTYPE, DTYPE/ACCUMULATOR or DTYPE/ACCUMULATOR/ROUTE, such as float16/float32/sdpa. Default: eight of them."""

    rows: int = 1024
    """How many positions the torch runs go to."""

    out: Path | None = None
    """Write the plot, an SVG file, there."""

    json: bool = False
    """One JSON document on standard output and nothing else."""

    def run(self) -> int:
        """Print the table. 0, or 1 if a torch run contradicts a certificate."""
        found = answer(self)
        from nopeproof.report import limits as report

        if self.out is not None:
            write(self.out, report.figure(found["rows"], self.target))
        print(json.dumps(found, indent=2) if self.json else report.text(found["rows"]))
        return 1 if any(row["contradictions"] for row in found["rows"]) else 0


def answer(asked: Limits) -> dict[str, Any]:
    """The JSON document. Raises NopeproofError for an unknown target or arithmetic, or claims that have no such limits."""
    from nopeproof.checks.certify import arithmetic
    from nopeproof.checks.limits import CONFIGURATIONS, clocks, table

    if asked.rows < 2:
        raise NopeproofError(f"torch runs of {asked.rows} rows", "less than two positions", "--rows 1024")
    if asked.out is not None and (asked.out.is_dir() or not asked.out.parent.is_dir()):
        raise NopeproofError(f"the plot {asked.out}", "not a file in a folder that exists", "--out limits.svg")
    configurations = [str(arithmetic(text)) for text in asked.dtype] or list(CONFIGURATIONS)
    claims = targets(asked.target)
    if not clocks(claims):
        found = "none of its claims puts a whole number that depends on t into a coordinate"
        raise NopeproofError(f"the limits of {asked.target!r}", found, "absolute-position, for example")
    return {"schema": 1, "target": asked.target, "rows": list(table(claims, configurations, asked.rows))}


def targets(text: str) -> list[Any]:
    """The claims of NAME, FILE.py, NAME/CLAIM or FILE.py/CLAIM that are about weights; of one named alone, that one."""
    from nopeproof.library import load
    from nopeproof.models import ModelClass

    name, slash, claim = text.rpartition("/")
    if slash and not text.endswith(".py"):
        return [load(name).claim(claim)]
    found = load(text)
    claims = [c for c in found.claims if not isinstance(c.subject, ModelClass)]
    return claims or [found.claims[0].weights]  # raises: it has no weights


def write(path: Path, svg: str) -> None:
    """Raises NopeproofError where the file cannot be written."""
    try:
        path.write_text(svg, encoding="utf-8")
    except OSError as bad:
        raise NopeproofError(f"the plot {path}", bad.strerror or str(bad), "another place") from None
