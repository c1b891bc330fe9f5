"""The limits of a construction as a table and as a figure, from rows of `nopeproof limits` alone."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
HEADINGS = ("subject", "arithmetic", "certified to T", "first failure", "collision", "notes")


def short(n: int | None) -> str:
    """A count as a person writes it: 2,894; long ones to three digits."""
    return "-" if n is None else f"{n:,}" if n < 10**9 else f"{n:.3g}"


def cells(row: Row) -> tuple[str, ...]:
    """One row of the table; "none <= 1,024" says how far the torch run went."""
    failure = short(row["first_failure"]) if row["first_failure"] else f"none <= {row['rows_run']:,}" if row["rows_run"] else "not run"
    wrong = f"CONTRADICTED at t = {row['contradictions'][0]['t']}" if row["contradictions"] else ""
    certified = "-" if row["certified"] is None else (">= " if row.get("capped") else "") + short(row["certified"])
    return row["subject"], row["arithmetic"], certified, failure, short(row["collision"]), "; ".join(x for x in (wrong, row["reason"]) if x)


def text(rows: Sequence[Row]) -> str:
    """The table in plain text, columns aligned."""
    lines = [HEADINGS, *map(cells, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def figure(rows: Sequence[Row], title: str = "") -> str:
    """SVG: for each row a bar to the certified length, a dot at the first measured failure, a line where no decoder can go on."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "nopeproof", "svg.fonttype": "none", "font.size": 9}):
        fig = Figure(figsize=(7.2, 0.9 + 0.3 * len(rows)), layout="constrained")
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
        named = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
        fig.legend(list(named.values()), list(named), loc="outside lower center", ncols=2, frameon=False)
        out = io.StringIO()
        fig.savefig(out, format="svg", metadata={"Date": None, "Title": title or "limits"})
    return out.getvalue()
