"""`nopeproof ablate`: remove each assumption of a construction, one at a time; the smallest counterexample, or why it is not needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import tyro

from nopeproof.cli.limits import targets
from nopeproof.errors import NopeproofError


@dataclass(frozen=True)
class Ablate:
    """Take one assumption away (BOS, mask, norm, scale, width, dtype, ...): does a claim need it? A .py file is executed."""

    target: Annotated[str, tyro.conf.Positional]
    """A construction, NAME or FILE.py, with /CLAIM to pick one claim."""

    seconds: float = 1.0
    """Time to search for each counterexample."""

    json: bool = False
    """One JSON document on standard output and nothing else."""

    def run(self) -> int:
        """Print the table. Exit code 0: an assumption that is needed is no failure."""
        from nopeproof.checks.ablate import ablate, table

        if self.seconds <= 0:
            raise NopeproofError(f"a search of {self.seconds} seconds", "no time at all", "--seconds 1")
        rows = []
        for claim in targets(self.target):
            new = list(ablate(claim, self.seconds))
            rows += new
            if new and not self.json:
                print(table(new), flush=True)
        if not rows:
            raise NopeproofError(
                f"the assumptions of {self.target!r}", "no claim that could lose one", "a claim that is not of the form `Fails`"
            )
        if self.json:
            print(json.dumps({"schema": 1, "target": self.target, "ablations": [r.as_json() for r in rows]}, indent=2))
        return 0
