"""Matplotlib figures as inline SVG: ids of their own, ink in the page's colour, so that a figure suits light, dark and print."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#4477aa", "#cc6677", "#228833", "#aa7700", "#aa3377", "#3399bb", "#777777", "#6655aa")
"""Lines: distinct on light and on dark ground; a marker and a dash pattern tell them apart without colour."""
MARKERS, DASHES = "os^DvPX*", ("-", "--", "-.", ":")
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "nopeproof",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextmanager
def drawing(width: float = 7.0, height: float = 3.0) -> Iterator[Figure]:
    """A figure of that many inches, in the style of the report."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def line(n: int) -> dict[str, Any]:
    """Colour, marker and dashes of the n-th line, for `Axes.plot`."""
    return {"color": COLOURS[n % len(COLOURS)], "marker": MARKERS[n % len(MARKERS)], "ls": DASHES[n % len(DASHES)], "ms": 4, "lw": 1.4}


def written(figure: Figure) -> str:
    """The figure as an SVG document; the same figure gives the same bytes."""
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return out.getvalue()


def inline(document: str, prefix: str, label: str) -> str:
    """An SVG document made part of a page: no prolog, no metadata, ids under `prefix`, a label that is read aloud.

    Black becomes the page's own ink and white its ground.
    """
    body = document[document.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    own = set(re.findall(r'\bid="([^"]+)"', body))
    renamed = lambda m: f"{m[1]}{prefix}-{m[2]}" if m[2] in own else m[0]  # a link may lead out of the figure  # noqa: E731
    body = re.sub(r'(\bid="|url\(#|href="#)([^")]+)', renamed, body)
    body = (
        body.replace("fill: #ffffff", "fill: none")
        .replace("#000000", "currentColor")
        .replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
        .replace("xlink:href", "href")
    )
    body = re.sub(r'<svg ([^>]*?)width="[\d.]+pt"', r"<svg \1", body, count=1)
    body = re.sub(r'<svg ([^>]*?)height="[\d.]+pt"', r"<svg \1", body, count=1)
    safe = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return body.replace("<svg ", f'<svg role="img" aria-label="{safe}" ', 1)
