"""The public kit of `nopeproof.testing` turned on every circuit of a construction: all runs agree, and no head looks ahead."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nopeproof import ledger
from nopeproof.circuit import Circuit
from nopeproof.cli import _out, _rows, _targets
from nopeproof.errors import NopeproofError
from nopeproof.library import Construction
from nopeproof.models import ModelClass
from nopeproof.run import run

ROUTES = ("", "/sdpa", "/streaming")
SPARE = 3
BLUNT = 2.0**-6
"""A tolerance above this tells no right weights from wrong ones: the circuit only works in the arithmetic it was made for."""


@dataclass(frozen=True)
class Job:
    """One construction to check, and where its row goes."""

    target: str
    ledger: Path


def done(job: Job) -> ledger.Row:
    """Check one construction, store the row and return it: `checked`, `failed` and `skipped` say what was found, in words."""
    construction, _ = _targets.load(job.target)
    checked: list[str] = []
    failed: list[str] = []
    skipped: list[str] = []
    for name, subject in construction.subjects.items():
        if isinstance(subject, ModelClass):
            skipped.append(f"{name}: a class of models has no weights to run")
            continue
        for what, check in (("runs agree", _same_run), ("does not look ahead", _causal)):
            try:
                checked.append(f"{name}: {what}, {check(_circuit(construction, name), _arithmetics(construction, name))}")
            except AssertionError as bad:
                failed.append(f"{name}: {bad}")
            except NopeproofError as bad:
                skipped.append(f"{name}: {what}: {bad.asked}: {bad.found}")
    found = {"checked": checked, "failed": failed, "skipped": skipped, "code": _file(construction)}
    row = ledger.row(
        "properties",
        construction=construction.name,
        weights_sha256=construction.weights_sha256,
        data=found,
        command=["nopeproof", "reproduce"],
    )
    _out.writer(job.ledger, "properties").append(row)
    return row


def kept(target: str, found: ledger.Ledger) -> ledger.Row | None:
    """The stored row of a construction, if it was made of these weights by this very code."""
    construction, _ = _targets.load(target)
    row = found.latest("properties", lambda r: r["construction"]).get(construction.name)
    if row is None or row["versions"] != ledger.versions():
        return None
    same = row["weights_sha256"] == construction.weights_sha256 and row["data"].get("code") == _file(construction)
    return row if same else None


def _file(construction: Construction) -> str:
    return hashlib.sha256(Path(construction.path).read_bytes()).hexdigest()


def _circuit(construction: Construction, name: str) -> Circuit:
    return construction.circuit(name, T=_rows.example_T(construction.subjects[name]))


def _arithmetics(construction: Construction, name: str) -> tuple[str, ...]:
    """Exact and float64, by every route; weights made for the roundings of one dtype are run in that dtype alone."""
    named = {c.scope.arithmetic.partition("/")[0] for c in construction.claims if c.subject.name == name}
    made_for = next(iter(named)) if len(named) == 1 and "real" not in named else None
    return tuple(made_for + r for r in ROUTES) if made_for else ("exact", *("float64" + r for r in ROUTES))


def tolerance(circuit: Circuit, word: list[str], arithmetic: str) -> float:
    """What rounding in this dtype can do to this circuit's numbers x, in units of 1 + |x|: the widest ball of a ball run.

    The balls have `SPARE` bits fewer than the dtype, since routes add up in other orders than the ball run does.
    """
    from nopeproof.testing import places
    from nopeproof.theory.precision import format_named

    trace = run(circuit, word, "ball", bits=format_named(arithmetic.partition("/")[0]).p - SPARE)
    balls = [x for _, grid in places(trace) if grid is not None for row in grid for x in row if hasattr(x, "rad")]
    return max((float(x.rad()) / (1 + abs(float(x.mid()))) for x in balls), default=0.0)


def _word(circuit: Circuit) -> list[str]:
    others = [t for t in circuit.tokens if t != circuit.bos] or list(circuit.tokens)
    first = [] if circuit.bos is None else [circuit.bos]
    return (first + others * _rows.EXAMPLE_LENGTH)[: _rows.EXAMPLE_LENGTH]


def _same_run(circuit: Circuit, arithmetics: tuple[str, ...]) -> str:
    """The first run that can be made against all others that can."""
    from nopeproof.testing import assert_same_run

    word, agree = _word(circuit), []
    for arithmetic in arithmetics:
        try:
            circuit_run(circuit, word, arithmetic)
        except (NopeproofError, OverflowError):  # no exact value, or scores that this route cannot form
            continue
        agree.append(arithmetic)
    if len(agree) < 2:
        raise NopeproofError("two runs to compare", f"only {', '.join(agree) or 'none'} can be made", "")
    tol = tolerance(circuit, word, agree[-1])
    if not tol < BLUNT:
        raise NopeproofError(" = ".join(agree), f"rounding may move its numbers by {tol:.2g}, relative", "")
    assert_same_run(circuit, word, agree, tol=tol)
    return " = ".join(agree)


def circuit_run(circuit: Circuit, word: list[str], arithmetic: str) -> Any:
    """A run by "float64/sdpa" and the like."""
    name, _, route = arithmetic.partition("/")
    return run(circuit, word, name, **({"route": route} if route else {}))


def _causal(circuit: Circuit, arithmetics: tuple[str, ...]) -> str:
    from nopeproof.testing import assert_prefix_causal

    if circuit.mask == "none":
        raise NopeproofError("a test of causality", "a circuit without a mask, which is meant to look ahead", "")
    word = _word(circuit)
    if len(circuit.tokens) - (circuit.bos is not None) < 2:
        raise NopeproofError("a test of causality", "a vocabulary with nothing to change a later token to", "")
    for arithmetic in arithmetics:
        try:
            circuit_run(circuit, word, arithmetic)
        except (NopeproofError, OverflowError):
            continue
        assert_prefix_causal(circuit, word, arithmetic=arithmetic, tol=0 if arithmetic == "exact" else tolerance(circuit, word, arithmetic))
        return arithmetic
    raise NopeproofError("a test of causality", "no run can be made", "")
