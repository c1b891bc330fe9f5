"""The theory pages of the site: one for each construction, from its own text, claims and stored verdicts.

python docs/catalogue.py [FOLDER]       default: docs/theory, which is not kept; `make docs` runs this
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nopeproof import ledger, mathml
from nopeproof.cli import _rows
from nopeproof.cli.graph import nodes
from nopeproof.library import load, names
from nopeproof.report import bibliography, graph, views
from nopeproof.report.rows import Entry

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Write a page for each construction, an overview, and the graph of what rests on what."""
    found = ledger.read_all([HERE.parent / "experiments" / "ledger", ledger.folder(None)])
    known = _rows.stored(found)
    folder.mkdir(parents=True, exist_ok=True)
    shown = []
    for name in names():
        row = _rows.construction_row(load(name), example=False)
        entry = views.construction(Entry(row, tuple(known.get(c["fingerprint"]) for c in row["data"]["claims"])))
        (folder / f"{name}.md").write_text(page(entry), encoding="utf-8")
        shown.append(entry)
    lines = [f"| [{e['name']}]({e['name']}.md) | {e['kind']} | {cell(mathml.prose(e['title']))} |" for e in shown]
    (folder / "graph.svg").write_text(graph.drawing(nodes(found)), encoding="utf-8")
    text = ["# Results", "", "![Which result rests on which](graph.svg)", "", "| name | kind | |", "|---|---|---|", *lines, ""]
    (folder / "index.md").write_text("\n".join(text), encoding="utf-8")


def page(entry: Mapping[str, Any]) -> str:
    """One construction as Markdown."""
    out = [
        f"# {mathml.prose(entry['title'])}",
        "",
        f"`{entry['name']}`, {entry['kind']}. `nopeproof show {entry['name']}` prints its weights.",
        "",
    ]
    for kind, text in entry["doc"]:
        out += [f"<p>{mathml.prose(text)}</p>" if kind == "p" else mathml.display(text), ""]
    if entry["uses"]:
        out += ["Uses " + ", ".join(f"[{u}]({u}.md)" for u, _ in entry["uses"]) + ".", ""]
    out += ["| claim | says | scope | verdict stored | source |", "|---|---|---|---|---|"]
    for c in entry["claims"]:
        verdict = f"{c['mark']} {c['verdict']}" + (f", assuming {', '.join(c['assuming'])}" if c["assuming"] else "")
        out.append("| " + " | ".join(map(cell, (c["id"], mathml.prose(c["says"]), mathml.prose(c["scope"]), verdict, c["source"]))) + " |")
    keys = sorted({k for c in entry["claims"] for k in bibliography.keys(c["source"])})
    return "\n".join([*out, "", *(f"* {bibliography.cited(k)}" for k in keys), ""])


def cell(text: str) -> str:
    """Text in a table cell."""
    return text.replace("|", r"\|").replace("\n", " ")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "theory")
