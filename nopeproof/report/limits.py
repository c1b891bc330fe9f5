"""The limits of a construction as tables and figures, from rows of `nopeproof limits` alone."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
HEADINGS = ("subject", "arithmetic", "certified to T", "first failure", "collision", "notes")
CLOCKS = ("clock", "arithmetic", "certified to T", "collision", "blocks", "widest FFN", "hidden units", "operations", "margin", "notes")
STYLE: dict[Any, Any] = {"svg.hashsalt": "nopeproof", "svg.fonttype": "none", "font.size": 9}
EXACT = 2.0**-40
"""Where an error of exactly 0 is drawn on a log scale."""


def short(n: int | None) -> str:
    """A count as a person writes it: 2,894; long ones to three digits."""
    return "-" if n is None else f"{n:,}" if n < 10**9 else f"{n:.3g}"


def cells(row: Row) -> tuple[str, ...]:
    """One row of the table; "none <= 1,024" says how far the torch run went."""
    failure = short(row["first_failure"]) if row["first_failure"] else f"none <= {row['rows_run']:,}" if row["rows_run"] else "not run"
    wrong = f"CONTRADICTED at t = {row['contradictions'][0]['t']}" if row["contradictions"] else ""
    beyond = row.get("rows_beyond") or []
    single = f"{len(beyond)} single rows beyond, up to {max(beyond):,}" if beyond else ""
    certified = "-" if row["certified"] is None else (">= " if row.get("capped") else "") + short(row["certified"])
    notes = "; ".join(x for x in (wrong, single, row["reason"]) if x)
    return row["subject"], row["arithmetic"], certified, failure, short(row["collision"]), notes


def clock_cells(row: Row) -> tuple[str, ...]:
    """One row of the clocks side by side. margin: what is left of an error of 1/2 at the last t; operations: of the FFNs, at a position."""
    certified = "-" if row["certified"] is None else (">= " if row.get("capped") else "") + short(row["certified"])
    margin = "-" if row.get("margin") is None else f"{row['margin']:.2g}"
    counts = [short(row.get(k)) for k in ("blocks", "width", "units", "operations")]
    return row["clock"], row["arithmetic"], certified, short(row["collision"]), *counts, margin, row["reason"]


def text(rows: Sequence[Row]) -> str:
    """The table in plain text, columns aligned."""
    return _aligned([HEADINGS, *map(cells, rows)])


def clocks(rows: Sequence[Row]) -> str:
    """The clocks side by side in plain text."""
    return _aligned([CLOCKS, *map(clock_cells, rows)])


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def figure(rows: Sequence[Row], title: str = "") -> str:
    """SVG: for each row a bar to the certified length, a dot at the first measured failure, a line where no decoder can go on."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(7.2, 0.9 + 0.3 * max(len(rows), 2)), layout="constrained")
        ax = fig.subplots()
        at = list(range(len(rows)))[::-1]
        for y, row in zip(at, rows, strict=True):
            if row["certified"]:
                ax.barh(y, row["certified"] - 1, left=1, height=0.6, color="#4477aa", label="certified")
            if row["rows_run"]:
                failed = row["first_failure"]
                label = "first failure measured" if failed else "no failure up to here"
                ax.plot(failed or row["rows_run"], y, "o" if failed else ">", color="#cc3311", ms=5, label=label)
            if row["collision"]:
                ax.plot([row["collision"]] * 2, [y - 0.4, y + 0.4], color="black", lw=2, label="fl(1/t) = fl(1/(t+1)): no decoder")
        names = [f"{r['subject']}  {r['arithmetic']}" for r in rows]
        ax.set(xscale="log", xlim=(1, None), yticks=at, yticklabels=names, xlabel="position t", title=title)
        return _svg(fig, ax, title or "limits")


def errors(rows: Sequence[Row], title: str = "") -> str:
    """SVG, one panel a storage format: the bound and the error seen at each t, on log scales.

    Certified ranges are shaded, one shade a row; a line stands where two positions first share one reciprocal.
    """
    import matplotlib
    from matplotlib.figure import Figure

    drawn = [r for r in rows if r.get("points")]
    formats = list(dict.fromkeys(r["storage"] for r in drawn)) or ["no certified range"]
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(7.2, 0.7 + 2.1 * len(formats)), layout="constrained")
        axes = fig.subplots(len(formats), 1, squeeze=False)[:, 0]
        for ax, fmt in zip(axes, formats, strict=True):
            mine = [r for r in drawn if r["storage"] == fmt]
            for n, row in enumerate(mine):
                _error_lines(ax, row, n, row["route"] if len({r["subject"] for r in mine}) == 1 else f"{row['subject']}, {row['route']}")
            for t in {r["collision"] for r in mine if r["collision"]}:
                ax.axvline(t, color="black", lw=2, label="fl(1/t) = fl(1/(t+1)): no decoder")
            ax.axhline(0.5, color="#777777", lw=0.8, ls=":")
            ax.set(xscale="log", yscale="log", ylim=(EXACT / 4, 4), xlim=(1, None), ylabel=f"{fmt}: error")
            ax.set_yticks([EXACT, 1e-9, 1e-6, 1e-3, 0.5], labels=["0", "1e-9", "1e-6", "1e-3", "1/2"])
            ax.minorticks_off()
        axes[0].set_title(title)
        axes[-1].set_xlabel("position t")
        return _svg(fig, axes[0], f"{title or 'limits'}: error", list(axes))


def _error_lines(ax: Any, row: Row, n: int, name: str) -> None:
    colour, marker = ("#4477aa", "#228833", "#aa3377", "#aa7700")[n % 4], "os^D"[n % 4]
    ax.axvspan(1, row["certified"], ymax=0.9 - 0.12 * (n % 5), color=colour, alpha=0.08, lw=0)
    bounds = [(t, max(bound, EXACT)) for t, bound, _ in row["points"]]
    seen = [(t, max(error, EXACT)) for t, _, error in row["points"] if error is not None]
    ax.plot(*zip(*bounds, strict=True), color=colour, lw=1.2, label=f"bound: {name}")
    if seen:
        ax.plot(*zip(*seen, strict=True), marker, color=colour, ms=3, mfc="none", label=f"seen: {name}")


def _svg(fig: Any, ax: Any, title: str, axes: Sequence[Any] = ()) -> str:
    found: dict[str, Any] = {}
    for one in axes if len(axes) else [ax]:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    fig.legend(list(found.values()), list(found), loc="outside lower center", ncols=2, frameon=False)
    out = io.StringIO()
    fig.savefig(out, format="svg", metadata={"Date": None, "Title": title})
    return out.getvalue()
