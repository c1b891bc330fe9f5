"""`nopeproof mutate`: change one weight at a time; does an exact run notice, and does the kernel ever accept what a run refutes?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from nopeproof.cli.limits import targets
from nopeproof.errors import NopeproofError


@dataclass(frozen=True)
class Mutate:
    """Change one weight at a time: is every mutant refuted, or satisfies the claims still? A .py file is executed."""

    target: Annotated[str, tyro.conf.Positional]
    """A construction, NAME or FILE.py, with /CLAIM to pick one claim."""

    limit: int = 800
    """How many mutants: changes of weights that are not 0 come first, a sample of the zeros fills the rest. 0: all."""

    list_all: bool = False
    """Print every mutant that is not refuted, not only those unresolved."""

    json: bool = False
    """One JSON document on standard output and nothing else."""

    def run(self) -> int:
        """Print the counts. 0, or 1 if the kernel accepts a mutant that an exact run refutes."""
        from nopeproof.checks.mutate import mutate

        if self.limit < 0:
            raise NopeproofError(f"{self.limit} mutants", "a negative number", "--limit 800, or 0 for all of them")
        found = mutate(targets(self.target), self.limit or None)
        if self.json:
            print(json.dumps({"schema": 1, "target": self.target, **found.as_json()}, indent=2))
        else:
            print(shown(self.target, found, self.list_all))
        return 1 if found.alarms else 0


def shown(target: str, found: Any, everything: bool) -> str:
    """The counts, and the mutants worth a look."""
    counts = ", ".join(f"{n} {'satisfy the claims still' if s == 'satisfies' else s}" for s, n in found.counts.items())
    lines = [
        f"{target}: {len(found.outcomes)} of {found.possible} mutants: {counts}; {len(found.alarms)} refuted ones accepted by the kernel"
    ]
    for o in found.outcomes:
        if o.alarm or o.status == "unresolved" or (everything and o.status == "satisfies"):
            kind = "ALARM" if o.alarm else o.status
            lines.append(f"  {kind:10}  {o.mutant.name}: {o.mutant.where}: {o.mutant.change}  ({o.by})")
    return "\n".join(lines)
