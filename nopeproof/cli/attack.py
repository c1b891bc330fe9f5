"""`nopeproof attack`: search for a counterexample to each claim of a construction, shrunk and drawn position by position."""

from __future__ import annotations

from dataclasses import dataclass

from nopeproof.cli import _out, _targets


@dataclass(frozen=True)
class Attack:
    """Try to break claims: every short word, extreme weights, boundary lengths, patterns, Hypothesis. A .py file is executed."""

    target: _targets.Target

    seconds: float = 3.0
    """Processor time for each way of searching, for each claim."""

    longest: int = 1025
    """Longest word."""

    instances: int = 4
    """Instances drawn of weights and embeddings left open, beside the extreme ones."""

    examples: int = 150
    """Examples for Hypothesis."""

    json: _out.Json = False

    def run(self) -> int:
        """Print what was found and how much was tried. 0, or 1 if a claim is refuted."""
        from nopeproof.checks.attack import attack
        from nopeproof.checks.search import Budget

        budget = Budget(self.seconds, self.longest, self.instances, self.examples)
        found = []
        with _out.aside() as out:
            construction, claims = _targets.with_weights(self.target)
            for claim in claims:
                with _targets.blame(construction, claim):
                    found.append(attack(claim, budget))
                if not self.json:
                    print(found[-1], file=out, flush=True)
            if self.json:
                _out.document({"schema": 1, "target": self.target, "attacks": [a.as_json() for a in found]}, out)
        return 1 if any(a.broken for a in found) else 0
