"""The paper: `paper/main.typ` set with what the ledger holds, as PDF. The text holds no number; a field that is missing stops the build."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nopeproof.errors import NopeproofError
from nopeproof.ledger import Ledger
from nopeproof.report import bibliography, html, limits, views
from nopeproof.report.rows import MEANING

TITLE = "What a Transformer without positional encoding represents: the theorems built, verified, and held against training"
MAIN, RELATIVE = "absolute-position", "relative-position"
DIGITS = 12
"""Of a certificate's SHA-256 that are printed."""


def sources() -> Path:
    """The folder with main.typ and refs.bib. Raises NopeproofError where they did not come along."""
    where = bibliography.folder()
    if where is None:
        raise NopeproofError("the paper", "no main.typ beside the package", "an installation with its data files")
    return where


def pdf(found: Ledger) -> bytes:
    """The PDF. The same rows give the same bytes.

    Raises:
        NopeproofError: typst is not installed, or rows are missing that the text speaks of.
    """
    try:
        import typst
    except ImportError:
        raise NopeproofError("the paper as PDF", "typst is not installed", "pip install 'nopeproof[paper]'") from None
    content, figures = contents(found)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for name in ("main.typ", "refs.bib"):
            (root / name).write_bytes((sources() / name).read_bytes())
        (root / "data.json").write_text(json.dumps(content, sort_keys=True), encoding="utf-8")
        for name, svg in figures.items():
            (root / name).write_text(svg, encoding="utf-8")
        try:
            main, no_date = str(root / "main.typ"), 0
            return typst.compile(main, root=str(root), format="pdf", ignore_system_fonts=True, timestamp=no_date)  # type: ignore[return-value]
        except typst.TypstError as bad:
            said = " ".join(str(bad).split())[:400]
            raise NopeproofError(
                "the paper as PDF", f"the text asks for what the ledger lacks: {said}", "nopeproof reproduce, then again"
            ) from None


def contents(found: Ledger) -> tuple[dict[str, Any], dict[str, str]]:
    """(what the text reads, {file: SVG}). Raises NopeproofError for rows that every edition needs and are not there."""
    page = html.content(found) if found.rows else {}
    need = {"construction": "constructions", "limits": "limits", "compare": "comparison"}
    missing = [kind for kind, key in need.items() if not page.get(key)]
    if missing:
        raise NopeproofError("the paper", f"no {' and no '.join(missing)} rows in the ledger", "nopeproof reproduce, then again")
    shown, figures = page["constructions"], {}
    claims = {f"{c['name']}/{x['id']}": claim(x) for c in shown for x in c["claims"]}
    return {
        "title": TITLE,
        "versions": page["versions"],
        "counts": {
            "claims": page["claims"],
            "results": len(shown),
            "stand": page["stands"],
            "kinds": [[k[0], k[2]] for k in page["kinds"]],
        },
        "meanings": [[views.MARKS[k], k, MEANING[k]] for k in MEANING],
        "claims": claims,
        "relative": [name for name in claims if name.startswith(f"{RELATIVE}/")],
        "ablations": ablations(page["ablations"]),
        "limits": length_limits(page["limits"], figures),
        "trained": trained(page["comparison"], figures),
        "generalisation": generalisation(page["generalisation"], page["rates"], figures),
        "results": [result(c) for c in shown],
    }, figures


def claim(shown: Mapping[str, Any]) -> dict[str, Any]:
    """One claim as the text prints it."""
    best = next((e for e in shown["evidence"] if e["kind"] == shown["verdict"]), None)
    certificate = best and best["certificate_sha256"]
    return {
        **{k: shown[k] for k in ("says", "scope", "verdict", "mark", "stands", "assuming", "note")},
        "by": best["tool"] if best else "no check has run",
        "certificate": certificate[:DIGITS] if certificate else None,
    }


def ablations(groups: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Rows of the ablation table, the two theorems' needed assumptions: construction, claim, what is taken away, outcome, smallest word."""
    found = []
    for group in [g for g in groups if g["name"] in (MAIN, RELATIVE)]:
        for r in [r for r in group["rows"] if r["result"] == "needed"]:
            witness = r.get("witness") or {"grid": [], "facts": []}
            word = next((" ".join(cells) for name, cells in witness["grid"] if name == "token"), "")
            facts = ", ".join(f"{k} = {v}" for k, v in witness["facts"] if k in ("t", "i", "T"))
            found.append([group["name"], str(r["claim"]), str(r["without"]), str(r["result"]), "; ".join(x for x in (word, facts) if x)])
    return found


def length_limits(groups: Sequence[Mapping[str, Any]], figures: dict[str, str]) -> list[dict[str, Any]]:
    """Each construction's table, and its figure as a file."""
    found = []
    for n, group in enumerate(groups):
        figures[f"limits-{n}.svg"] = group["figure"]
        rows = [[str(c) for c in row] for row in group["rows"]]
        found.append({"name": group["name"], "figure": f"limits-{n}.svg", "headings": list(limits.HEADINGS), "rows": rows})
    return found


def trained(compared: Mapping[str, Any], figures: dict[str, str]) -> dict[str, Any]:
    """The comparison's figures as files, each model's nearest head to the uniform one, and D_AT by kind of partner."""
    files = []
    for n, (task, svg) in enumerate(compared["accuracy"]):
        figures[f"accuracy-{n}.svg"] = svg
        caption = f"{task}: exact match by length; the band reaches from the worst to the best seed."
        files.append({"file": f"accuracy-{n}.svg", "caption": caption})
    figures["probes.svg"] = compared["probes"]
    files.append({"file": "probes.svg", "caption": "Linear probes for position, held out; dotted: before training."})
    heads = [
        [
            m["name"], m["task"], "yes" if m["learned"] else "no", f"{m['exact_match_in']:.3f}",
            "–" if m["exact_match_beyond"] is None else f"{m['exact_match_beyond']:.3f}",
            f"{m['uniform']['nearest']['nats']:.4f}", f"{m['uniform']['untrained_nearest']['nats']:.4f}",
        ]
        for m in compared["models"]
    ]  # fmt: skip
    distances = []
    for table in compared["matrix"]:
        rows = [
            [other if kind == other else f"{other} ({kind})", *("–" if c is None else f"{c['mean']:.4f}" for c, _ in cells)]
            for other, kind, cells in table["rows"]
        ]
        distances.append({"headings": [f"{table['task']}: NoPE against", *(f"length {n}" for n in table["lengths"])], "rows": rows})
    return {
        "models": len(compared["models"]),
        "words": compared["words"],
        "figures": files,
        "headings": ["model", "task", "learned", "exact match", "beyond", "nearest to 1/t (nats)", "untrained"],
        "heads": heads,
        "distances": distances,
    }


def generalisation(found: Sequence[Mapping[str, Any]], rates: Any, figures: dict[str, str]) -> list[dict[str, Any]]:
    """Each recipe's sentences, figures as files, and tables; what the learning-rate searches found, with the first."""
    parts = []
    for n, entry in enumerate(found):
        files = [(f"generalisation-{n}-{m}.svg", drawn, caption) for m, (caption, drawn) in enumerate(entry["figures"])]
        figures |= {name: drawn for name, drawn, _ in files}
        parts.append({
            "title": entry["title"],
            "sentences": entry["sentences"],
            "figures": [{"file": name, "caption": caption} for name, _, caption in files],
            "tables": [
                {"title": title, "headings": list(headings), "rows": [list(row) for row in rows]}
                for title, headings, rows in [*entry["tables"], *([rates] if rates[2] and n == 0 else [])]
            ],
        })  # fmt: skip
    return parts


def result(shown: Mapping[str, Any]) -> dict[str, Any]:
    """One construction's part of the table of all results."""
    rows = [[c["mark"], c["id"], c["says"], f"{c['verdict']}: {c['scope']}", c["source"]] for c in shown["claims"]]
    return {"name": shown["name"], "kind": shown["kind"], "title": shown["title"], "uses": [u for u, _ in shown["uses"]], "rows": rows}
