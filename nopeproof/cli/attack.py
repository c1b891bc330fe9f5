"""`nopeproof attack`: search for a counterexample to each claim of a construction, shrunk and drawn position by position."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import tyro

from nopeproof.cli.limits import targets


@dataclass(frozen=True)
class Attack:
    """Try to break claims: every short word, words with a pattern, boundary lengths, Hypothesis. A .py file is executed."""

    target: Annotated[str, tyro.conf.Positional]
    """A construction, NAME or FILE.py, with /CLAIM to pick one claim."""

    seconds: float = 3.0
    """Time for each way of searching, for each claim."""

    longest: int = 65
    """Longest word."""

    instances: int = 4
    """Instances of weights and embeddings left open."""

    examples: int = 150
    """Examples for Hypothesis."""

    json: bool = False
    """One JSON document on standard output and nothing else."""

    def run(self) -> int:
        """Print what was found and how much was tried. 0, or 1 if a claim is refuted."""
        from nopeproof.checks.attack import attack
        from nopeproof.checks.search import Budget

        budget = Budget(self.seconds, self.longest, self.instances, self.examples)
        found = []
        for claim in targets(self.target):
            found.append(attack(claim, budget))
            if not self.json:
                print(found[-1], flush=True)
        if self.json:
            print(json.dumps({"schema": 1, "target": self.target, "attacks": [a.as_json() for a in found]}, indent=2))
        return 1 if any(a.broken for a in found) else 0
