"""Which result rests on which: a layered drawing as plain SVG, from ledger rows. Shape, border and mark say what colour says.

Results stand in columns: those that use no other on the left, every other to the right of all it uses. Within a column they
are ordered by the mean height of their neighbours, swept a few times. Results without any link stand below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from nopeproof.errors import NopeproofError
from nopeproof.report.rows import Entry
from nopeproof.report.views import MARKS, anchor

ORDER = ("refuted", "open", "tested", "unchecked", "exhausted", "certified", "proved")
"""From weakest to strongest: a result's verdict is the weakest of its claims'."""
FILL = {"proved": "#228833", "certified": "#3399bb", "exhausted": "#4477aa", "tested": "#aa7700", "open": "#aa7700", "refuted": "#cc3311"}
BORDER = {"proved": "", "certified": "9 2", "exhausted": "5 3", "tested": "2 3", "open": "1 3", "refuted": "1 3", "unchecked": "1 5"}
HEIGHT, GAP, COLUMN, LETTER, MARGIN, SWEEPS, PER_ROW = 24, 10, 70, 6.6, 16, 8, 6
STYLE = "font-family:ui-sans-serif,system-ui,sans-serif;font-size:11px"


@dataclass(frozen=True)
class Node:
    """A result: its name, kind, verdict, and the names of those it uses."""

    name: str
    kind: str = "construction"
    verdict: str = "unchecked"
    uses: tuple[str, ...] = ()

    @property
    def width(self) -> float:
        """Width of its box."""
        return LETTER * (len(self.name) + 2) + 18


def weakest(verdicts: Sequence[str]) -> str:
    """The weakest of some verdicts; `unchecked` for none."""
    return min(verdicts, key=ORDER.index, default="unchecked")


def nodes(found: Sequence[Entry]) -> list[Node]:
    """The results of a ledger. A claim that does not stand counts as open, if it is not refuted."""
    out = []
    for entry in found:
        data = entry.row["data"]
        kinds = ["unchecked" if v is None else _shown(str(v["verdict"]), bool(v["data"]["stands"])) for v in entry.verdicts]
        out.append(Node(entry.name, data.get("kind", "construction"), weakest(kinds), tuple(data.get("uses", ()))))
    return out


def _shown(verdict: str, stands: bool) -> str:
    return verdict if stands or verdict == "refuted" else "open"


def layers(results: Sequence[Node]) -> dict[str, int]:
    """{name: the longest chain of results below it}. What is not among the results is left out. Raises NopeproofError for a circle."""
    uses = {n.name: [u for u in n.uses if u in {m.name for m in results}] for n in results}
    depth: dict[str, int] = {}

    def down(name: str, above: tuple[str, ...]) -> int:
        if name in above:
            circle = [*above[above.index(name) :], name]
            raise NopeproofError("the graph of results", "a circle: " + " uses ".join(circle), "let one of them prove it by itself")
        if name not in depth:
            depth[name] = 1 + max((down(u, (*above, name)) for u in uses[name]), default=-1)
        return depth[name]

    for n in results:
        down(n.name, ())
    return depth


def columns(results: Sequence[Node]) -> tuple[list[list[Node]], list[Node]]:
    """(columns from left to right, each in order; results without links)."""
    depth, names = layers(results), {n.name for n in results}
    links = {n.name: {u for u in n.uses if u in names} for n in results}
    for n in results:
        for u in n.uses:
            links.get(u, set()).add(n.name)
    alone = [n for n in results if not links[n.name]]
    drawn: list[list[Node]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for n in sorted((n for n in results if links[n.name]), key=lambda n: n.name):
        drawn[depth[n.name]].append(n)
    for _ in range(SWEEPS):
        height = {n.name: (i + 0.5) / len(column) for column in drawn for i, n in enumerate(column)}
        for column in drawn:
            column.sort(key=lambda n: (sum(height[m] for m in links[n.name]) / len(links[n.name]), n.name))
            height |= {n.name: (i + 0.5) / len(column) for i, n in enumerate(column)}
    return [c for c in drawn if c], sorted(alone, key=lambda n: n.name)


def direct(n: Node, by_name: Mapping[str, Node]) -> list[str]:
    """What a result uses and none of the others it uses leads to: the lines worth drawing."""

    def below(name: str) -> set[str]:
        return {v for u in by_name[name].uses if u in by_name for v in {u, *below(u)}}

    uses = [u for u in n.uses if u in by_name]
    return [u for u in uses if not any(u in below(v) for v in uses)]


def _shape(kind: str, x: float, y: float, w: float) -> str:
    """Rectangle, rounded, cut corners or slanted: construction, characterisation, impossibility, correction."""
    h, c = HEIGHT, 7
    if kind == "impossibility":
        at = [
            (x + c, y),
            (x + w - c, y),
            (x + w, y + c),
            (x + w, y + h - c),
            (x + w - c, y + h),
            (x + c, y + h),
            (x, y + h - c),
            (x, y + c),
        ]
    elif kind == "correction":
        at = [(x + c, y), (x + w, y), (x + w - c, y + h), (x, y + h)]
    else:
        return f'<rect x="{x:.0f}" y="{y:.0f}" width="{w:.0f}" height="{h}" rx="{12 if kind == "characterisation" else 0}"'
    return f'<polygon points="{" ".join(f"{a:.0f},{b:.0f}" for a, b in at)}"'


def _box(n: Node, x: float, y: float, link: bool) -> str:
    fill, dash = FILL.get(n.verdict, "#777777"), BORDER[n.verdict]
    border = f'stroke="currentColor" stroke-width="{2 if n.verdict == "proved" else 1.3}"' + (f' stroke-dasharray="{dash}"' if dash else "")
    shape = _shape(n.kind, x, y, n.width)
    box = f'{shape} fill="Canvas"/>{shape} fill="{fill}" fill-opacity="0.22" {border}/>'  # opaque, so that lines pass behind
    text = f'<text x="{x + 9:.0f}" y="{y + 16:.0f}" fill="currentColor">{MARKS[n.verdict]} {escape(n.name)}</text>'
    whole = f"<g><title>{escape(n.name)}: {n.kind}, {n.verdict}</title>{box}{text}</g>"
    return f"<a href='#{anchor(n.name)}'>{whole}</a>" if link else whole  # single quotes: no id of this drawing, so no prefix


def drawing(results: Sequence[Node], *, link: bool = False) -> str:
    """The graph as an SVG document; with `link` each result leads to its place in the report's page. Raises as `layers` does."""
    drawn, alone = columns(results)
    at: dict[str, tuple[float, float, float]] = {}
    x, tallest = float(MARGIN), max((len(c) for c in drawn), default=0) * (HEIGHT + GAP)
    for column in drawn:
        free = (tallest - len(column) * (HEIGHT + GAP)) / (len(column) + 1)
        for i, n in enumerate(column):
            at[n.name] = (x, MARGIN + free * (i + 1) + i * (HEIGHT + GAP), n.width)
        x += max(n.width for n in column) + COLUMN
    width, y, left = max(x - COLUMN + MARGIN, 640.0), MARGIN + tallest + GAP, float(MARGIN)
    for n in alone:
        if left + n.width > width - MARGIN:
            left, y = float(MARGIN), y + HEIGHT + GAP
        at[n.name] = (left, y, n.width)
        left += n.width + GAP
    foot = y + (HEIGHT + GAP if alone else 0)
    by_name = {n.name: n for n in results}
    edges = [_edge(at[u], at[n.name]) for n in results for u in direct(n, by_name)]
    boxes = [_box(by_name[name], px, py, link) for name, (px, py, _) in at.items()]
    legend = _legend(foot + 6, width)
    size = f'width="{width:.0f}pt" height="{foot + 78:.0f}pt" viewBox="0 0 {width:.0f} {foot + 78:.0f}"'
    body = "\n".join([*edges, *boxes, *legend])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{STYLE}">\n{body}\n</svg>\n'


def _edge(one: tuple[float, float, float], two: tuple[float, float, float]) -> str:
    x1, y1, x2, y2 = one[0] + one[2], one[1] + HEIGHT / 2, two[0], two[1] + HEIGHT / 2
    bend = (x2 - x1) / 2
    path = f"M{x1:.0f},{y1:.0f} C{x1 + bend:.0f},{y1:.0f} {x2 - bend:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"
    return f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity="0.45"/>'


def _legend(y: float, width: float) -> list[str]:
    shapes = [Node(k, k, "proved") for k in ("construction", "characterisation", "impossibility", "correction")]
    marks = "   ".join(f"{MARKS[v]} {v}" for v in reversed(ORDER))
    out, x = [], float(MARGIN)
    for n in shapes:
        out.append(_box(n, x, y, False).replace(f"{MARKS['proved']} ", "", 1))
        x += n.width + GAP
    note = "an arrow of use runs from left to right; a mark is the weakest verdict among a result's claims"
    for line, text in enumerate((marks, f"{note[0].upper()}{note[1:]}.")):
        out.append(f'<text x="{MARGIN}" y="{y + 42 + 18 * line:.0f}" fill="currentColor" xml:space="preserve">{text}</text>')
    return out


def described(results: Sequence[Node]) -> list[Mapping[str, object]]:
    """The graph as plain data, in the order of its columns."""
    depth = layers(results)
    return [
        {"name": n.name, "kind": n.kind, "verdict": n.verdict, "uses": list(n.uses), "layer": depth[n.name]}
        for n in sorted(results, key=lambda n: (depth[n.name], n.name))
    ]
