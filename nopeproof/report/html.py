"""The report as one HTML file: no script, no request, light and dark, readable without colour, made from ledger rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nopeproof import mathml
from nopeproof.errors import NopeproofError
from nopeproof.ledger import Ledger, Row
from nopeproof.report import audit, generalised, graph, limits, svg, trained, views
from nopeproof.report.rows import MEANING, entries

KINDS = (
    "audit",
    "construction",
    "verdict",
    "limits",
    "clock",
    "ablation",
    "mutation",
    "properties",
    "training",
    "compare",
    "length-generalisation",
    "attention-distances",
    "variation",
    "learning-rate",
)
"""Row kinds with a section of their own; rows of any other kind are listed at the end."""


def page(found: Ledger, title: str = "nopeproof: what is claimed, and what is true of it") -> str:
    """The whole page. The same rows give the same bytes.

    Raises:
        NopeproofError: there is nothing to report, or a row lacks what its kind holds.
    """
    if not found.rows:
        raise NopeproofError("a report", "the ledger is empty", "nopeproof verify, or nopeproof reproduce")
    import jinja2

    loader = jinja2.PackageLoader("nopeproof.report")
    engine = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    engine.globals["figure"] = Figures()
    engine.filters |= {
        "prose": marked(mathml.prose),
        "stacked": marked(partial(mathml.prose, stacked=True)),
        "display": marked(mathml.display),
    }
    try:
        return engine.get_template("report.html").render(content(found) | {"title": title})
    except (jinja2.UndefinedError, KeyError, IndexError, TypeError, ValueError) as bad:
        found_there = f"{type(bad).__name__}: {bad}"
        raise NopeproofError("the report of this ledger", f"a row lacks what its kind holds ({found_there})", "verify again") from bad


def content(found: Ledger) -> dict[str, Any]:
    """What the template prints, by section."""
    constructions = [views.construction(e) for e in entries(found)]
    claims = [c for entry in constructions for c in entry["claims"]]
    results = graph.nodes(entries(found))
    newest = max(found.rows, key=lambda r: r["time"])
    others = Counter(r["kind"] for r in found.rows if r["kind"] not in KINDS)
    return {
        "constructions": constructions,
        "claims": len(claims),
        "stands": sum(c["stands"] for c in claims),
        "kinds": [
            (kind, views.MARKS[kind], n, sum(not c["stands"] for c in claims if c["verdict"] == kind), MEANING[kind])
            for kind, n in Counter(c["verdict"] for c in claims).most_common()
        ],
        "graph": graph.drawing(results, link=True) if any(n.uses for n in results) else None,
        "limits": length_limits(found.of("limits")),
        "clocks": (limits.CLOCKS, [limits.clock_cells(r["data"]) for r in clocks(found.of("clock"))]),
        "ablations": views.ablations(found.of("ablation")),
        "mutations": newest_of(found.of("mutation")),
        "properties": newest_of(found.of("properties")),
        "runs": trained.runs(found.of("training")),
        "audits": [audited(r) for r in {r["data"]["model"]["folder"]: r for r in found.of("audit")}.values()],
        "comparison": trained.comparison(found.of("compare")),
        "built": trained.built(found.of("compare")),
        "varied": trained.varied(found.of("variation")),
        "nearest": trained.nearest(found.of("attention-distances")),
        "generalisation": generalised.shown(found.of("length-generalisation")),
        "rates": generalised.searched(found.of("learning-rate")),
        "others": [(kind, n, " ".join(next(r for r in found.rows if r["kind"] == kind)["command"])) for kind, n in sorted(others.items())],
        "time": newest["time"],
        "versions": newest["versions"],
        "rows": len(found.rows),
        "torn": found.torn,
    }


def audited(row: Row) -> dict[str, Any]:
    """One audit: what it found in words, and its tables."""
    model = row["data"]["model"]
    tables = [(title, *parts) for title, parts in audit.rows(row["data"]).items() if parts[1]]
    return {"model": model, "said": audit.sentences(row["data"]), "tables": tables, "command": " ".join(row["command"])}


def marked(to_html: Callable[[str], str]) -> Callable[[str], Any]:
    """A filter whose result the template takes as it is: `to_html` escapes what it is given."""
    import markupsafe

    return lambda text: markupsafe.Markup(to_html(str(text)))


def newest_of(rows: list[Row]) -> list[Row]:
    """The newest row of each construction and claim, by name."""
    return [r for _, r in sorted({(r["construction"] or "", r["claim"] or ""): r for r in rows}.items())]


def clocks(rows: list[Row]) -> list[Row]:
    """The newest row of each clock and arithmetic, in the order they were made."""
    return list({(r["construction"], r["claim"], r["data"]["arithmetic"]): r for r in rows}.values())


def length_limits(rows: list[Row]) -> list[dict[str, Any]]:
    """Limits by construction: the newest row of each claim and arithmetic, as a table and a figure."""
    newest = {(r["construction"], r["claim"] or r["data"].get("claim"), r["data"]["arithmetic"]): r for r in rows}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for (name, _, _), row in newest.items():
        groups.setdefault(str(name), []).append(row["data"])
    return [
        {
            "name": name,
            "anchor": views.anchor(name),
            "rows": [limits.cells(r) for r in data],
            "figure": limits.figure(data, ""),
            "errors": limits.errors(data, ""),
        }
        for name, data in sorted(groups.items())
    ]


class Figures:
    """Numbers the figures of a page, so that no two share an id."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, document: str, label: str) -> Any:
        """An SVG document as markup to stand in the page."""
        import markupsafe

        self.count += 1
        return markupsafe.Markup(svg.inline(document, f"f{self.count}", label))
