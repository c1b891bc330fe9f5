"""Length generalisation for a reader, from its rows: tables that terminal, page, paper and CSV share, sentences, figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from nopeproof.ledger import Row
from nopeproof.report import svg

Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Title, headings, rows."""
Data = Mapping[str, Any]


def shown(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The newest row of each recipe arranged, the one with most cells first; rows of versions that named no recipe are left out."""
    newest = {repr(sorted(r["data"]["recipe"].items())): r for r in rows if "recipe" in r["data"]}
    return [
        {
            "title": name(r["data"]),
            "command": " ".join(r["command"]),
            "sentences": sentences(r["data"]),
            "tables": [table for table in tables(r["data"]) if table[2]],
            "by_length": by_length(r["data"]),
            "figures": figures(r["data"]),
        }
        for r in sorted(newest.values(), key=lambda r: -r["data"]["cells"])
    ]


def name(data: Data) -> str:
    """What was trained, in a line."""
    recipe = data["recipe"]
    sizes = f"{recipe['layers']} layer{'s' if recipe['layers'] > 1 else ''}, d_model {recipe['d_model']}, {recipe['steps']:,} steps"
    return f"{sizes}; {data['cells']} cells"


def sentences(data: Data) -> list[str]:
    """What follows for the paper's statements at this scale, whichever way it went."""
    found, beside = [], data["beside"]
    count = Counter(row["order"] for row in beside["agreement"])
    if count:
        found.append(
            f"Of the {sum(count.values())} published differences between two encodings on a task that can be judged here, {count['same']} "
            f"have the same sign, {count['other']} the other, and {count['undecided']} are within the interval of these runs."
        )
    trends = Counter(row["outcome"] for row in beside["trends"] if row["rankings"])
    for row in beside["trends"]:
        if row["outcome"] in ("holds", "fails"):
            found.append(f"{row['outcome'].capitalize()}: {_trend(row)}, {row['ours']:+.3f} in mean reciprocal rank.")
    if trends["too few tasks"] or trends["undecided"]:
        found.append(
            f"Of {sum(trends.values())} comparisons of neighbours in the paper's ranking, {trends['undecided']} are undecided and "
            f"{trends['too few tasks']} rest on fewer than half of their tasks, which says nothing of the others."
        )
    if data["missing"]:
        found.append("Not there: " + ", ".join(f"{task} with {pe}" for task, pe in data["missing"]) + ".")
    return found


def _trend(row: Data) -> str:
    where = "over all tasks" if row["group"] == "all" else f"on the {row['group']} tasks"
    return f"{row['better']} ahead of {row['worse']} {where} ({row['tasks'][0]} of {row['tasks'][1]} here)"


def tables(data: Data) -> list[Table]:
    """Exact match by cell, the order on each task, mean reciprocal ranks, agreement with the paper, its trends."""
    beside = data["beside"]
    wrong = data["ranking"]["left_out"]
    return [
        (
            "exact match on the lengths trained on, and on longer ones; intervals are bootstraps over seeds and examples",
            ("task", "positions", "learning rate", "learned", "trained lengths", "longer", "published"),
            [_cell(row, beside) for row in data["accuracy"]],
        ),
        (
            "order beyond the lengths trained on: > where the interval of the difference leaves 0 out, ~ where it does not",
            ("task", "encodings, the best first"),
            [[task, order(task, data)] for task in dict.fromkeys(row["task"] for row in data["pairs"])],
        ),
        (
            "mean reciprocal rank, intervals over rankings; equal scores share their mean rank; left out, because not learned: "
            + (", ".join(wrong) or "none"),
            ("among", "positions", "mean", "from", "to", "rankings", "published"),
            [
                *(["every encoding", *_rank(r), ""] for r in data["ranking"]["rows"]),
                *([f"the paper's five, {r['group']}", *_rank(r), f"{r['published']:.3f}"] for r in beside["ranking"]),
            ],
        ),
        (
            "published differences between two encodings, and ours",
            ("task", "better in the paper", "than", "published", "ours", "from", "to", "order here"),
            [
                [r["task"], r["better"], r["worse"], *(f"{r[k]:+.3f}" for k in ("published", "ours", "low", "high")), r["order"]]
                for r in beside["agreement"]
            ],
        ),
        (
            "the paper's order of mean reciprocal ranks, neighbour by neighbour; intervals are bootstraps over tasks",
            ("tasks", "better in the paper", "than", "published", "ours", "from", "to", "tasks here", "outcome"),
            [
                [r["group"], r["better"], r["worse"], f"{r['published']:+.3f}",
                 *("–" if r[k] is None else f"{r[k]:+.3f}" for k in ("ours", "low", "high")),
                 f"{r['tasks'][0]} of {r['tasks'][1]}", r["outcome"]]
                for r in beside["trends"]
                if r["rankings"]
            ],
        ),
    ]  # fmt: skip


def _cell(row: Data, beside: Data) -> list[str]:
    far, published = row["beyond"], beside["figures"].get(row["task"], {}).get(row["pe"])
    longer = f"{far['mean']:.3f} ({far['low']:.3f} to {far['high']:.3f})" if far else "–"
    known = "" if published is None else f"{published:.3f}" if row["task"] not in beside["read_off_a_plot"] else f"about {published:.2f}"
    rate = "–" if row["lr"] is None else f"{row['lr']:g}"
    return [row["task"], row["pe"], rate, f"{row['learned']} of {row['seeds']}", f"{row['inside']:.3f}", longer, known]


def _rank(row: Data) -> list[str]:
    return [row["name"], *(f"{row[k]:.3f}" for k in ("mean", "low", "high")), str(row["rankings"])]


def order(task: str, data: Data) -> str:
    """``t5 0.35 > nope 0.20 ~ alibi 0.14``: neighbours that the runs tell apart, and neighbours that they do not."""
    means = {r["pe"]: r["beyond"]["mean"] for r in data["accuracy"] if r["task"] == task and r["beyond"]}
    told = {(r["one"], r["other"]): r["order"] for r in data["pairs"] if r["task"] == task}
    best = sorted(means, key=lambda pe: -means[pe])
    signs = [
        " > " if told.get((a, b)) == "ahead" or told.get((b, a)) == "behind" else " ~ " if (a, b) in told or (b, a) in told else " ? "
        for a, b in pairwise(best)
    ]
    return "".join(f"{pe} {means[pe]:.2f}{sign}" for pe, sign in zip(best, [*signs, ""], strict=True))


def by_length(data: Data) -> Table:
    """Every measure at every length."""
    rows = []
    for row in data["accuracy"]:
        exact, also = row["by_length"], row["also"]
        for n, length in enumerate(exact["length"]):
            figures = [f"{exact[key][n]:.3f}" for key in ("mean", "low", "high")]
            others = [f"{also[key]['mean'][n]:.4g}" if key in also else "–" for key in ("token_accuracy", "cross_entropy", "margin")]
            rows.append([row["task"], row["pe"], str(length), *figures, *others])
    headings = ("task", "positions", "length", "exact match", "from", "to", "token accuracy", "cross-entropy (nats)", "margin (nats)")
    return "every measure by length, mean over seeds", headings, rows


def searched(rows: Sequence[Row]) -> Table:
    """What the learning-rate searches found, the newest of each preset and encoding."""
    newest = {(r["data"]["preset"], r["data"]["pe"]): r["data"] for r in rows}
    found = [
        [
            data["preset"],
            data["pe"],
            f"{data['task']}, {data['steps']} steps",
            ", ".join(f"{t['lr']:g}: {t['cross_entropy']:.3f}" for t in data["tried"]) or "none ended well",
            f"{data['lr']:g}",
        ]
        for data in newest.values()
    ]
    title = "learning rates, searched alike for every encoding on the lengths trained on: cross-entropy at each rate, in nats"
    return title, ("preset", "positions", "on", "tried", "taken"), found


PANELS = {"exact match": None, "token accuracy": "token_accuracy", "cross-entropy (nats)": "cross_entropy", "margin (nats)": "margin"}


def figures(data: Data) -> list[tuple[str, str]]:
    """(what it shows, SVG): a task's measures by length, and the mean reciprocal ranks beside the published ones."""
    found = [(f"{task}: by length, mean over seeds", drawn(task, data)) for task in dict.fromkeys(r["task"] for r in data["accuracy"])]
    return [*found, *([("mean reciprocal rank beside the published one", ranked(data))] if data["beside"]["ranking"] else [])]


def drawn(task: str, data: Data) -> str:
    """SVG of the four measures by length: bands are the interval of exact match, and from the least to the most seed of the others."""
    from matplotlib.ticker import MaxNLocator

    mine = [row for row in data["accuracy"] if row["task"] == task]
    encodings = list(dict.fromkeys(row["pe"] for row in data["accuracy"]))  # an encoding looks the same in every figure
    panels = {title: key for title, key in PANELS.items() if key is None or any(key in row["also"] for row in mine)}
    with svg.drawing(7.0, 4.4) as figure:
        grid = figure.subplots(2, 2).ravel()
        for axes, (title, key) in zip(grid, panels.items(), strict=False):
            for row in [row for row in mine if key is None or key in row["also"]]:
                x, style = row["by_length"]["length"], svg.line(encodings.index(row["pe"]))
                band = row["by_length"] if key is None else row["also"][key]
                low, high = (band["low"], band["high"]) if key is None else (band["least"], band["most"])
                axes.plot(x, band["mean"], label=row["pe"], **style)
                axes.fill_between(x, low, high, color=style["color"], alpha=0.15, lw=0)
            axes.axvline(mine[0]["train_length"] + 0.5, color="#888888", lw=1, ls=(0, (4, 3)))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set(xlabel="length", ylabel=title)
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        figure.legend(*grid[0].get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=4)
        return svg.written(figure)


def ranked(data: Data) -> str:
    """SVG: mean reciprocal ranks among the paper's five encodings with their intervals, group by group; a cross is the published one."""
    groups: dict[str, list[Data]] = {}
    for row in data["beside"]["ranking"]:
        groups.setdefault(row["group"], []).append(row)
    encodings = list(dict.fromkeys(row["name"] for row in data["beside"]["ranking"]))
    with svg.drawing(7.0, 2.6) as figure:
        axes = figure.subplots()
        for n, pe in enumerate(encodings):
            at = [
                (place + 0.8 * n / len(encodings), row) for place, rows in enumerate(groups.values()) for row in rows if row["name"] == pe
            ]
            x, y = [place for place, _ in at], [row["mean"] for _, row in at]
            spread = [[max(0.0, row["mean"] - row["low"]) for _, row in at], [max(0.0, row["high"] - row["mean"]) for _, row in at]]
            style: dict[str, Any] = svg.line(n) | {"ls": "none"}
            axes.errorbar(x, y, yerr=spread, label=pe, elinewidth=1, **style)
            axes.plot(x, [row["published"] for _, row in at], color=style["color"], marker="x", ls="none", ms=6)
        axes.set_xticks([place + 0.4 - 0.4 / len(encodings) for place in range(len(groups))], list(groups))
        axes.set(ylabel="mean reciprocal rank", ylim=(0, 1.05))
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        return svg.written(figure)
