"""Ledger rows of constructions and verdicts, and how a stored verdict is matched with a claim."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from nopeproof import ledger, scalars
from nopeproof.certificates import sha256
from nopeproof.circuit import Circuit, Family
from nopeproof.claims import Claim, Subject, Verdict
from nopeproof.errors import NopeproofError
from nopeproof.library import Construction
from nopeproof.models import ModelClass

EXAMPLE_LENGTH = 6


def fingerprint(construction: Construction, claim: Claim) -> str:
    """What a stored verdict must agree in: weights, statement, scope; for a statement that is code, the files it stands in too."""
    statement, subject = claim.statement.as_json(), claim.subject
    shown = statement["kind"] == "shown"
    code = shown or '"kind": "holds"' in json.dumps(statement)
    return sha256(
        {
            "weights": subject.weights_sha256,
            "T_min": subject.T_min if isinstance(subject, Family) else None,
            "statement": statement,
            "scope": claim.scope.as_json(),
            "file": hashlib.sha256(Path(construction.path).read_bytes()).hexdigest() if code else None,
            **({"provers": _provers()} if shown else {}),
        }
    )


@cache
def _provers() -> str:
    """The provers' own code: SHA-256 over nopeproof/theory."""
    files = sorted((Path(__file__).parents[1] / "theory").glob("*.py"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()


def stored(found: ledger.Ledger) -> dict[str, ledger.Row]:
    """{fingerprint: the newest verdict row}."""
    return found.latest("verdict", lambda r: r["data"].get("fingerprint"))


def verdict_row(construction: Construction, verdict: Verdict, command: Sequence[str] = ()) -> ledger.Row:
    """One verdict as a row. A certificate is named by its hash."""
    claim = verdict.claim
    evidence = [{**e.as_json(), "certificate_sha256": None if e.certificate is None else sha256(e.certificate)} for e in verdict.evidence]
    return ledger.row(
        "verdict",
        construction=construction.name,
        claim=claim.id,
        weights_sha256=claim.subject.weights_sha256,
        scope=claim.scope.as_json(),
        verdict=verdict.kind,
        evidence=evidence,
        data={
            "subject": claim.subject.name,
            "statement": claim.says,
            "source": claim.source,
            "note": claim.note,
            "stands": verdict.stands,
            "assuming": list(verdict.assuming),
            "verdict_scope": verdict.scope.as_json(),
            "fingerprint": fingerprint(construction, claim),
        },
        command=command,
    )


def construction_row(construction: Construction, command: Sequence[str] = (), *, example: bool = True) -> ledger.Row:
    """What a construction is: its text, its subjects' weights with the names of all rows, and its claims."""
    claims = [
        {
            "id": c.id,
            "subject": c.subject.name,
            "statement": c.says,
            "scope": c.scope.as_json(),
            "source": c.source,
            "note": c.note,
            "fingerprint": fingerprint(construction, c),
        }
        for c in construction.claims
    ]
    subjects = [
        subject_data(s) | ({"example": attention_example(construction, n)} if example else {}) for n, s in construction.subjects.items()
    ]
    return ledger.row(
        "construction",
        construction=construction.name,
        weights_sha256=construction.weights_sha256,
        data={
            "title": construction.title,
            "doc": construction.doc.strip(),
            "kind": construction.kind,
            "uses": list(construction.uses),
            "subjects": subjects,
            "claims": claims,
        },
        command=command,
    )


def subject_data(subject: Subject) -> dict[str, Any]:
    """The weights as the kernel reads them, and the names that it leaves out; of a class of models, what defines it."""
    if isinstance(subject, ModelClass):
        definition = {"class": subject.as_json(), "hypotheses": subject.hypotheses()}
        return {"name": subject.name, "weights_sha256": subject.weights_sha256, **definition}
    circuit = subject.symbolic if isinstance(subject, Family) else subject
    readout = circuit.unembedding and {t: {str(i): scalars.spell(x) for i, x in v.entries} for t, v in circuit.unembedding.items()}  # type: ignore[union-attr]
    return {
        "name": subject.name,
        "family": isinstance(subject, Family),
        "T_min": subject.T_min if isinstance(subject, Family) else None,
        "weights_sha256": subject.weights_sha256,
        "residual": [[name, width] for name, width in circuit.residual.widths.items()],  # their order is the coordinates'; rows sort keys
        "heads": [[h.name for h in b.heads] for b in circuit.blocks],
        "unembedding": readout,
        "circuit": circuit.as_json(),
    }


def attention_example(construction: Construction, subject: str) -> dict[str, Any] | None:
    """Attention weights of one short word, to draw; None where the subject has no head or cannot be run."""
    from nopeproof.run import run

    try:
        circuit = construction.circuit(subject, T=example_T(construction.subjects[subject]))
    except NopeproofError:
        return None
    others = [t for t in circuit.tokens if t != circuit.bos]
    if not any(b.heads for b in circuit.blocks) or not others:
        return None
    first = [] if circuit.bos is None else [circuit.bos]
    word = (first + others * EXAMPLE_LENGTH)[:EXAMPLE_LENGTH]
    for arithmetic in ("exact", "float64"):
        try:
            heads = [_weights(key, circuit, h.weights) for key, h in run(circuit, word, arithmetic).heads.items()]
        except (NopeproofError, OverflowError):  # scores whose exponentials have no exact value, or no float
            continue
        return {"word": word, "arithmetic": arithmetic, "heads": [h for h in heads if h["weights"] is not None]}
    return None


def example_T(subject: Subject) -> int | None:
    """The family member that an example word is run in."""
    return max(subject.T_min, EXAMPLE_LENGTH) if isinstance(subject, Family) else None


def _weights(key: tuple[int, int], circuit: Circuit, weights: Any) -> dict[str, Any]:
    block, head = key
    rows = None if weights is None else [[0.0 if w is None else round(float(w), 6) for w in row] for row in weights]
    return {"block": block, "head": head, "name": circuit.blocks[block - 1].heads[head].name, "weights": rows}


def entry(construction: Construction, verdicts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A construction's part of `verify --json`, from its verdict rows: what was just found and what was kept read alike."""
    claims = [
        {
            "id": r["claim"],
            "subject": r["data"]["subject"],
            "statement": r["data"]["statement"],
            "scope": r["scope"],
            "source": r["data"]["source"],
            "verdict": r["verdict"],
            "stands": r["data"]["stands"],
            "assuming": r["data"].get("assuming", []),
            "verdict_scope": r["data"]["verdict_scope"],
            "evidence": r["evidence"],
        }
        for r in verdicts
    ]
    return {"name": construction.name, "title": construction.title, "weights_sha256": construction.weights_sha256, "claims": claims}
