"""Mutants against the second kernel: those of the proved claims that an exact run refutes, put to Coq with the original's hints.

    python experiments/mutations_in_coq.py                     every construction with a proof in the fragment, 40 mutants each
    python experiments/mutations_in_coq.py --limit 200         more

The originals are asked in the same run and must be accepted, so that an answer "no" to everything cannot pass. A construction
whose row is there already, of the same weights, library and number of mutants, is not done again.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tyro

from nopeproof import ledger
from nopeproof.checks.mutate import choose, mutate
from nopeproof.checks.prove import certificate_for, prove
from nopeproof.claims import Claim, Fails, Shown
from nopeproof.cli._out import progress
from nopeproof.export import coq
from nopeproof.export.coq.coqc import library as sources
from nopeproof.library import load, names


@dataclass(frozen=True)
class MutationsInCoq:
    """Ask Coq about mutants that an exact run refutes."""

    names: tuple[str, ...] = ()
    """Constructions. Default: all."""

    limit: int = 40
    """Mutants made of each; those that an exact run refutes are asked."""

    ledger: Path = Path(__file__).parent / "ledger"
    """Where mutations-in-coq.jsonl is."""

    def run(self) -> None:
        """Write the rows that are missing. Exits with 1 if Coq accepted a refuted mutant or rejected an original."""
        if not coq.available():
            print("coqc is not installed (Debian: coq and libcoq-stdlib): nothing was asked", file=sys.stderr)
            return
        writer = ledger.Writer(self.ledger, "mutations-in-coq", own=False)
        rows = ledger.read(writer.path).rows if writer.path.exists() else ()
        made_of = hashlib.sha256(b"".join(p.read_bytes() for p in sources())).hexdigest()
        done = {
            (r["construction"], json.dumps(r["weights_sha256"], sort_keys=True), r["data"]["limit"], r["data"]["library_sha256"])
            for r in rows
        }
        bad = sum(r["data"]["accepted"] + r["data"]["originals_rejected"] for r in rows)
        with progress() as bars:
            for name in bars.track(self.names or names(), description="constructions"):
                proofs = {c.id: (c, p.certificate) for c in claims_of(name) if (p := prove(c)).certificate is not None}
                weights = {c.subject.name: c.weights.weights_sha256 for c, _ in proofs.values()}
                if not proofs or (name, json.dumps(weights, sort_keys=True), self.limit, made_of) in done:
                    continue
                data = {**self.ask([c for c, _ in proofs.values()], [p for _, p in proofs.values()]), "library_sha256": made_of}
                command = ["python", "experiments/mutations_in_coq.py", "--names", name, "--limit", str(self.limit)]
                writer.append(ledger.row("mutation-coq", construction=name, weights_sha256=weights, data=data, command=command))
                bad += data["accepted"] + data["originals_rejected"]
        raise SystemExit(1 if bad else 0)

    def ask(self, claims: Sequence[Claim], certificates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """How many refuted mutants Coq was asked about, and how many it accepted; each by the claim whose run refutes it."""
        start, hints = time.perf_counter(), {c.id: p["hints"] for c, p in zip(claims, certificates, strict=True)}
        by_id = {c.id: c for c in claims}
        refuted = [o for o in mutate(claims, self.limit).outcomes if o.status == "refuted"]
        asked = [certificate_for(replace(by_id[o.by], subject=o.mutant.subject), hints[o.by]) for o in refuted]
        answers = coq.decide([*certificates, *asked])
        originals, mutants = answers[: len(claims)], answers[len(claims) :]
        return {
            "limit": self.limit,
            "possible": choose(claims, self.limit)[1],
            "originals": len(originals),
            "originals_rejected": originals.count(False),
            "asked": len(mutants),
            "accepted": mutants.count(True),
            "wrongly": [o.brief for o, yes in zip(refuted, mutants, strict=True) if yes],
            "seconds": round(time.perf_counter() - start, 1),
        }


def claims_of(name: str) -> list[Claim]:
    """The positive claims about weights."""
    return [c for c in load(name).claims if not isinstance(c.statement, Fails | Shown)]


if __name__ == "__main__":
    tyro.cli(MutationsInCoq).run()
