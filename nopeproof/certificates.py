"""Certificates on disk: one JSON file each, named by the SHA-256 of its text, and checked by the program for its kind.

A certificate of fragment K goes to `kernel`, one of a division clock to `counter_kernel`; either checks the file without anything
else of ours: `python kernel.py FILE`. What is added here: that a file is whole and is the one its name promises, and that a
certificate is about the claim it is shown for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nopeproof import algebra, counter_kernel, kernel
from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Equals, Fails, Unchanged, Within
from nopeproof.division import Doubling
from nopeproof.errors import NopeproofError
from nopeproof.ledger import write_atomic

FOLDER = "certificates"
SHORTEST = 6
"""Digits of a hash that may stand for the whole."""


class Rejected(Exception):
    """The certificate does not show what it is shown for; the message says why."""


def text(certificate: Mapping[str, Any]) -> str:
    """The one way to write a certificate."""
    return json.dumps(certificate, sort_keys=True, separators=(",", ":"))


def sha256(certificate: Mapping[str, Any]) -> str:
    """Of its text, hence of its file."""
    return hashlib.sha256(text(certificate).encode()).hexdigest()


def store(ledger: Path, certificate: Mapping[str, Any]) -> Path:
    """Write it beside a ledger's rows, whole or not at all; the file's name is its hash. Raises NopeproofError if it cannot."""
    path = ledger / FOLDER / f"{sha256(certificate)}.json"
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, text(certificate).encode())
        except OSError as bad:
            raise NopeproofError(f"writing the certificate {path}", bad.strerror or str(bad), "a ledger folder you may write to") from None
    return path


def find(ledger: Path, digits: str) -> Path:
    """The file whose hash begins with these digits. Raises NopeproofError if there is none, or more than one."""
    found = sorted((ledger / FOLDER).glob(f"{digits}*.json")) if isinstance(digits, str) and re.fullmatch("[0-9a-f]+", digits) else []
    if len(found) != 1:
        there = f"{len(found)} of them" if found else f"none in {ledger / FOLDER}"
        raise NopeproofError(f"the certificate {digits}", there, "more digits, or `nopeproof verify`, which writes them")
    return found[0]


def read(path: Path) -> dict[str, Any]:
    """The certificate in a file. Raises Rejected for one cut short or edited, NopeproofError for a file that cannot be read."""
    try:
        content = path.read_bytes()
    except OSError as bad:
        raise NopeproofError(f"the certificate {path}", bad.strerror or str(bad), "a file you may read") from None
    named = path.stem if len(path.stem) == 64 else None
    if named and hashlib.sha256(content).hexdigest() != named:
        raise Rejected("the file is not the one its name promises: cut short, edited or swapped")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as bad:
        raise Rejected(f"not JSON: {bad}") from None
    if not isinstance(found, dict):
        raise Rejected(f"a {type(found).__name__}, not a certificate")
    return found


def check(certificate: Mapping[str, Any]) -> str:
    """The name of the program that accepts it. Raises Rejected with that program's reason."""
    kinds = {kernel.SCHEMA: kernel, 1: counter_kernel}
    schema = certificate.get("schema")
    if isinstance(schema, bool) or not isinstance(schema, str | int) or schema not in kinds:
        raise Rejected(f"unknown schema {schema!r}")
    program = kinds[schema]
    try:
        program.check(dict(certificate))
    except (kernel.Reject, counter_kernel.Reject) as why:
        raise Rejected(str(why)) from None
    return program.__name__.removeprefix("nopeproof.")


def about(certificate: Mapping[str, Any], claim: Claim) -> None:
    """Raises Rejected unless the certificate is about this claim: its weights, what it says, within its scope."""
    if certificate.get("schema") == kernel.SCHEMA:
        scope = {k: v for k, v in claim.scope.as_json().items() if k != "parameters"}
        same = {"weights": certificate["subject"] == claim.circuit.as_json(), "scope": certificate["scope"] == scope}
        same["statement"] = certificate["claim"] == claim.statement.as_json()  # as it stands: what shows a statement does not show it Fails
    else:
        same = {"weights": certificate.get("circuit") == claim.circuit.as_json(), "statement": _divides(certificate, claim)}
        same["arithmetic"] = (certificate.get("arithmetic") == "real") == (claim.scope.arithmetic == "real")
        same["scope"] = claim.scope.words == "bos-first" and _within(certificate.get("T"), claim)
    wrong = [name for name, agrees in same.items() if not agrees]
    if wrong:
        raise Rejected(f"it is about another {' and another '.join(wrong)} than the claim {claim.id!r}")


def _within(T: Any, claim: Claim) -> bool:
    """Whether a division clock's certificate for T is about lengths of the claim: every T for the family that grows, and for no other."""
    if isinstance(claim.subject, Doubling) or T == "every":
        return isinstance(claim.subject, Doubling) and T == "every"
    last = claim.scope.t_max
    beyond = isinstance(claim.statement, Fails) and isinstance(last, int) and isinstance(T, int) and last < T  # wrong, but too late
    return isinstance(claim.subject, Circuit) and not beyond


def _divides(certificate: Mapping[str, Any], claim: Claim) -> bool:
    """Whether a division clock's certificate shows it right (for `Fails`: wrong) where the statement looks, at the same coordinates."""
    fails = isinstance(claim.statement, Fails)
    s = claim.statement.statement if isinstance(claim.statement, Fails) else claim.statement
    if not isinstance(s, Equals | Unchanged) or certificate.get("goal") != ("misses" if fails else "clock"):
        return False
    site = s.end if isinstance(s, Unchanged) else s.site
    if site.after != "ffn" or certificate.get("block") != min(site.block, len(claim.circuit.blocks)):
        return False
    if isinstance(s, Unchanged):
        return not fails and certificate.get("frame") == s.indices
    near = True
    if isinstance(s, Within):  # q is whole: it is t, or off by 1 at least
        error = algebra.read_expression(s.error)
        above, below = error.num.constant(), error.den.constant()
        near = bool(above is not None and below and (above / below <= 1 if fails else above / below > 0))
    return near and certificate.get("index") == s.index and s.value.strip() == "t"
