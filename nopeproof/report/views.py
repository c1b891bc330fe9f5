"""What the page shows of a construction, made from its ledger rows: plain data that a template prints and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nopeproof.ledger import Row
from nopeproof.report.rows import MEANING, Entry, drawn, order_in_words, plain, scope
from nopeproof.report.weights import conventions, matrices

MARKS = {"proved": "■", "certified": "◆", "exhausted": "▲", "tested": "△", "open": "○", "refuted": "✗", "unchecked": "·"}
"""A verdict's mark: its shape says what its colour says."""
WIDE = 40
"""Rows of a weight matrix that are printed; the rest is counted."""


def paragraphs(doc: str) -> list[tuple[str, str]]:
    """A docstring as ("p" or "pre", text): paragraphs with an indented line are set as they are, the rest flows."""
    found = []
    for part in doc.strip().split("\n\n"):
        lines = part.strip("\n").splitlines()
        table = any(line.startswith((" ", "\t")) or "   " in line.strip() for line in lines)
        found.append(("pre", "\n".join(lines)) if table else ("p", " ".join(lines)))
    return found


def anchor(*names: str) -> str:
    """An id for a link within the page."""
    return "-".join("".join(c if c.isalnum() else "-" for c in n) for n in names)


def construction(entry: Entry) -> dict[str, Any]:
    """Everything the page says of one construction."""
    data = entry.row["data"]
    claims = [claim(entry.name, c, v) for c, v in zip(entry.claims, entry.verdicts, strict=True)]
    return {
        "name": entry.name,
        "anchor": anchor(entry.name),
        "title": data["title"],
        "kind": data.get("kind", "construction"),
        "uses": [(u, anchor(u)) for u in data.get("uses", [])],
        "doc": paragraphs(data["doc"].partition("\n")[2]),
        "subjects": [subject(s) for s in data["subjects"]],
        "claims": claims,
        "stands": sum(c["stands"] for c in claims),
        "kinds": [(k, MARKS[k], n) for k, n in Counter(c["verdict"] for c in claims).most_common()],
    }


def claim(name: str, data: Mapping[str, Any], row: Row | None) -> dict[str, Any]:
    """One claim with its newest verdict, or `unchecked`."""
    verdict = "unchecked" if row is None else str(row["verdict"])
    found = {
        "id": data["id"],
        "anchor": anchor(name, data["id"]),
        "subject": data["subject"],
        "says": data["statement"],
        "scope": str(scope(data["scope"])),
        "order": order_in_words(data["scope"]),
        "source": data["source"],
        "note": data["note"],
        "verdict": verdict,
        "mark": MARKS.get(verdict, "?"),
        "meaning": MEANING.get(verdict, ""),
        "stands": row is not None and bool(row["data"]["stands"]),
        "shown": None,
        "assuming": [] if row is None else row["data"].get("assuming", []),
        "evidence": [] if row is None else [evidence(e) for e in row["evidence"]],
        "witness": None,
        "command": None if row is None else " ".join(row["command"]),
    }
    if row is not None and not found["stands"] and verdict not in ("refuted", "open"):
        found["shown"] = str(scope(row["data"]["verdict_scope"]))
    witness = next((e["witness"] for e in row["evidence"] if e.get("witness")), None) if row else None
    return {**found, "witness": witness and counterexample(witness)}


def evidence(data: Mapping[str, Any]) -> dict[str, Any]:
    """One piece of evidence: what found it, what it covers, what it assumes."""
    kept = {key: data.get(key) for key in ("kind", "tool", "reason", "assumes", "seconds", "certificate_sha256")}
    return {**kept, "scope": str(scope(data["scope"])), "mark": MARKS.get(str(data["kind"]), "?")}


def counterexample(witness: Mapping[str, Any]) -> dict[str, Any]:
    """A witness position by position: each cell knows whether the failure is there."""
    grid, facts = drawn(witness)
    failing = {int(witness[key]) for key in ("t", "i") if isinstance(witness.get(key), int)}
    ends = {key: None if witness.get(key) is None else plain(witness[key]) for key in ("expected", "found")}
    return {"grid": grid, "facts": facts, "failing": failing, "word": [str(w) for w in witness.get("word", [])], **ends}


def subject(data: Mapping[str, Any]) -> dict[str, Any]:
    """A circuit or family with its named matrices and its attention on one word; a class of models with its hypotheses."""
    tables = []
    for m in matrices(data):
        rows = m.rows[:WIDE]
        left = len(m.rows) - len(rows)
        tables.append({"title": m.title, "columns": m.columns, "rows": rows, "note": m.note + (f"; {left} more rows" if left else "")})
    return {
        "name": data["name"],
        "conventions": conventions(data),
        "hypotheses": data.get("hypotheses"),
        "sha256": data["weights_sha256"],
        "matrices": tables,
        "example": data.get("example"),
    }


def ablations(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Ablation rows by construction and claim, the newest of each assumption, with the counterexample drawn."""
    newest = {(r["construction"], r["claim"] or r["data"].get("claim"), r["data"].get("assumption")): r for r in rows}
    groups: dict[str, list[dict[str, Any]]] = {}
    for (name, id, _), r in sorted(newest.items(), key=lambda x: json.dumps(x[0])):
        data = r["data"]
        witness = data.get("witness")
        groups.setdefault(str(name), []).append({**data, "claim": id, "witness": witness and counterexample(witness)})
    return [{"name": name, "anchor": anchor(name), "rows": found, "claims": by_claim(found)} for name, found in groups.items()]


def by_claim(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[Mapping[str, Any]]]]:
    """(claim, what it says, its rows) for each claim, in order."""
    ids = dict.fromkeys(r["claim"] for r in rows)
    return [(id, next(r["statement"] for r in rows if r["claim"] == id), [r for r in rows if r["claim"] == id]) for id in ids]
