"""The weights of a circuit with their names, from the data a ledger row holds: sparse vectors become rows over named coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Sparse = Mapping[str, str]


@dataclass(frozen=True)
class Matrix:
    """A table of weights: `columns` are coordinates of the stream, and each row has a name and a cell for each column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    note: str = ""


def labels(widths: Sequence[tuple[str, int]]) -> list[str]:
    """The name of each coordinate, from the subspaces in order: recip, content[0], content[1]."""
    return [name if width == 1 else f"{name}[{k}]" for name, width in widths for k in range(width)]


def combination(vector: Sparse, names: list[str]) -> str:
    """A vector as a sum of names: one - 2 bos."""
    text = ""
    for index, number in sorted(vector.items(), key=lambda x: int(x[0])):
        sign, size = (" - ", number[1:]) if number.startswith("-") and _single(number[1:]) else (" + ", number)
        size = "" if size == "1" else f"{size} " if _single(size) else f"({size}) "
        text += f"{sign}{size}{names[int(index)]}"
    return (text[3:] if text.startswith(" + ") else text.replace(" - ", "-", 1)) or "0"


def _single(number: str) -> bool:
    return not any(c in number for c in "+- ")


def matrices(subject: Mapping[str, Any]) -> list[Matrix]:
    """Every weight matrix of a subject, in the order data flows; a class of models has none."""
    if "class" in subject:
        return []
    names, circuit = labels(subject["residual"]), subject["circuit"]
    embed = dict(circuit["embed"]) | ({"any other token": circuit["generic"]} if circuit["generic"] is not None else {})
    found = [_matrix("W_E", names, embed)]
    for b, block in enumerate(circuit["blocks"], 1):
        for h, head in enumerate(block["heads"]):
            title = f"block {b}, head {h + 1} ({subject['heads'][b - 1][h]})"
            if "opaque" in head:
                found.append(
                    Matrix(f"{title}: any weights at all", (), (), "writes nothing but " + ", ".join(names[i] for i in head["opaque"]))
                )
                continue
            for key, part in (("W_Q", "row"), ("W_K", "row"), ("W_V", "row"), ("W_O", "column")):
                note = f"scores times {head['scale']}" if key == "W_Q" and head["scale"] != "1" else ""
                found.append(_matrix(f"{title}: {key}", names, {f"{part} {n}": v for n, v in enumerate(head[key], 1)}, note))
        if block["mlp"]:
            found += _ffn(b, block["mlp"], names)
    if subject.get("unembedding"):
        found.append(_matrix("W_U, next-token read-out", names, subject["unembedding"]))
    return found


def _matrix(title: str, names: list[str], rows: Mapping[str, Sparse], note: str = "") -> Matrix:
    """All coordinates as columns; those that are zero throughout are left out of a wide one, and counted."""
    used = sorted({int(i) for v in rows.values() for i in v})
    columns = list(range(len(names))) if len(names) <= 12 else used
    left = len(names) - len(columns)
    note = "; ".join(x for x in (note, f"{left} further coordinates are 0 throughout" if left else "") if x)
    return Matrix(
        title, tuple(names[i] for i in columns), tuple((name, tuple(v.get(str(i), "0") for i in columns)) for name, v in rows.items()), note
    )


def _ffn(b: int, mlp: Mapping[str, Any], names: list[str]) -> list[Matrix]:
    columns = ("reads (column of W_1)", "bias", "writes (row of W_2)")
    rows = []
    for n, u in enumerate(mlp["units"], 1):
        name = f"unit {n}" if u["first"] is None else f"units k = {u['first']}, ..., {u['last']}"
        rows.append((name, (combination(u["read"], names), u["bias"], combination(u["write"], names))))
    if mlp["b_2"]:
        rows.append(("b_2", ("", "", combination(mlp["b_2"], names))))
    return [Matrix(f"block {b}, FFN ({mlp['activation']})", columns, tuple(rows))]


def conventions(subject: Mapping[str, Any]) -> str:
    """What the subject is and every convention that changes a theorem, in one line."""
    if "class" in subject:
        return "; ".join(["a class of models", *subject["hypotheses"]])
    circuit = subject["circuit"]
    norms = {n["kind"] for b in circuit["blocks"] for n in (b["norm_attention"], b["norm_ffn"]) if n}
    kind = f"a family: one circuit for each T >= {subject['T_min']}" if subject["family"] else "one circuit"
    parts = [kind, f"d_model {circuit['d_model']}", f"{len(circuit['blocks'])} block" + ("s" if len(circuit["blocks"]) != 1 else "")]
    parts.append(f"mask {circuit['mask']}")
    parts.append("no positional encoding" if circuit["positions"] == "none" else f"positions {circuit['positions']}")
    parts.append("no BOS" if circuit["bos"] is None else f"BOS {circuit['bos']}")
    parts.append("no norm" if not norms else "norm " + ", ".join(sorted(norms)))
    return "; ".join(parts)
