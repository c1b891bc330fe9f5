"""Ledger rows put in order for a reader: each construction with the claims it has now and the newest verdict on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nopeproof.claims import Scope
from nopeproof.errors import NopeproofError
from nopeproof.ledger import Ledger, Row

ORDERS = {
    "exists weights forall T": "there are weights that do for every T",
    "forall T exists weights": "for every T there are weights",
    "forall weights forall T": "for all weights of the class and every T",
}
MEANING = {
    "proved": "for everything in its scope: by the kernel, by the prover named (and what it assumes), or a true negative with its witness",
    "certified": "rigorous up to a bound, under the hypotheses named",
    "exhausted": "every input up to a bound was run",
    "tested": "random inputs were run; no claim stands on this",
    "open": "nothing decides it",
    "refuted": "false, with a counterexample",
    "unchecked": "no verdict is stored for these weights",
}


def scope(data: Mapping[str, Any]) -> Scope:
    """A row's scope. Raises NopeproofError for one this version cannot read."""
    try:
        return Scope(**data)
    except TypeError as bad:
        raise NopeproofError("the scope in a ledger row", str(bad), "verify again") from None


def order_in_words(data: Mapping[str, Any]) -> str:
    """Both quantifiers spelled out."""
    return ORDERS.get(str(data.get("order")), str(data.get("order")))


@dataclass(frozen=True)
class Entry:
    """A construction's newest row, and for each of its claims the newest verdict with the same fingerprint, or None."""

    row: Row
    verdicts: tuple[Row | None, ...]

    @property
    def name(self) -> str:
        """The construction's name."""
        return str(self.row["construction"])

    @property
    def claims(self) -> list[dict[str, Any]]:
        """The claims as it states them."""
        return self.row["data"]["claims"]


def entries(found: Ledger) -> list[Entry]:
    """Every construction in the ledger, by name. A verdict on other weights, or on another wording, is not shown."""
    known = found.latest("verdict", lambda r: r["data"].get("fingerprint"))
    newest = found.latest("construction", lambda r: r["construction"])
    return [Entry(row, tuple(known.get(c["fingerprint"]) for c in row["data"]["claims"])) for _, row in sorted(newest.items())]


def drawn(witness: Mapping[str, Any]) -> tuple[list[tuple[str, list[str]]], list[tuple[str, str]]]:
    """A witness to be drawn: rows of one cell a position (t, token, a mark where it fails), and the other facts."""
    word = [str(w) for w in witness.get("word", [])]
    grid: list[tuple[str, list[str]]] = []
    if word:
        grid = [("t", [str(t) for t in range(1, len(word) + 1)]), ("token", word)]
        marks = {int(witness[key]): label for key, label in (("i", "i"), ("t", "t")) if isinstance(witness.get(key), int)}
        if marks:
            grid.append(("", [f"^ {marks[t]}" if t in marks else "" for t in range(1, len(word) + 1)]))
    return grid, [(str(k), plain(v)) for k, v in witness.items() if k != "word"]


def plain(value: Any) -> str:
    """A witness's value for reading: lists without quotes."""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
