"""Training and comparison rows for the page: accuracy by length, probes beside their control, heads beside the construction's 1/t."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nopeproof.ledger import Row
from nopeproof.report import svg


def comparison(rows: Sequence[Row]) -> dict[str, Any] | None:
    """The newest comparison, arranged: models, the two figures, D_AT by kind of partner. None where nothing was compared."""
    if not rows:
        return None
    data = rows[-1]["data"]
    models = data["models"]
    return {
        "units": data["units"],
        "lengths": data["lengths"],
        "words": data["words_per_length"],
        "command": " ".join(rows[-1]["command"]),
        "time": rows[-1]["time"],
        "models": models,
        "accuracy": accuracy(models),
        "probes": probes(models),
        "matrix": matrix(data["summary"]),
    }


def accuracy(models: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(task, SVG) of exact match by length for each encoding: the mean over seeds, and a band from the worst to the best."""
    from matplotlib.ticker import MaxNLocator

    found = []
    for task in dict.fromkeys(m["task"] for m in models):
        mine = [m for m in models if m["task"] == task]
        with svg.drawing(7.0, 2.8) as figure:
            axes = figure.subplots()
            for n, pe in enumerate(dict.fromkeys(m["pe"] for m in mine)):
                runs = [m["scores"] for m in mine if m["pe"] == pe]
                lengths, columns = runs[0]["length"], list(zip(*(r["exact_match"] for r in runs), strict=True))
                means, style = [sum(c) / len(c) for c in columns], svg.line(n)
                axes.plot(lengths, means, label=f"{pe} ({len(runs)} seed{'s' if len(runs) > 1 else ''})", **style)
                axes.fill_between(lengths, [min(c) for c in columns], [max(c) for c in columns], color=style["color"], alpha=0.15, lw=0)
            axes.axvline(mine[0]["train_length"] + 0.5, color="#888888", lw=1, ls=(0, (4, 3)))
            axes.text(mine[0]["train_length"] + 0.6, 1.03, "longer than trained on", va="bottom")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set(xlabel="length", ylabel="exact match", ylim=(-0.03, 1.14))
            axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
            found.append((task, svg.written(figure)))
    return found


def probes(models: Sequence[Mapping[str, Any]]) -> str:
    """SVG: held-out R^2 of the probes for t and 1/t after each layer, each trained model beside its own untrained start."""
    targets = list(dict.fromkeys(p["target"] for m in models for p in m["probes"]))
    with svg.drawing(7.0, 2.8) as figure:
        grid = figure.subplots(1, len(targets), sharey=True, squeeze=False)[0]
        for axes, target in zip(grid, targets, strict=True):
            for n, pe in enumerate(dict.fromkeys(m["pe"] for m in models)):
                rows = [p for m in models if m["pe"] == pe for p in m["probes"] if p["target"] == target]
                layers = sorted({p["layer"] for p in rows})
                style = svg.line(n) | {"ls": "-"}
                for key, extra, label in (("r2", {}, pe), ("r2_untrained", {"ls": ":", "mfc": "none", "alpha": 0.8}, f"{pe}, untrained")):
                    mean = [_mean([p[key] for p in rows if p["layer"] == layer]) for layer in layers]
                    axes.plot(layers, [max(x, FLOOR) for x in mean], label=label, **style | extra)
            axes.set(title=f"probe for {target}", xlabel="after layer (0: embedding)", ylim=(FLOOR - 0.03, 1.05), xticks=layers)
        grid[0].set_ylabel("held-out R²")
        grid[-1].legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        return svg.written(figure)


FLOOR = -0.2
"""R^2 below this is drawn here: worse than the mean of the target is all that it says."""


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def matrix(summary: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """D_AT from the NoPE models to each kind of partner, one table a task: partners down, lengths across."""
    tables = []
    for task in dict.fromkeys(r["task"] for r in summary):
        mine = [r for r in summary if r["task"] == task]
        lengths = sorted({r["length"] for r in mine})
        at = {(r["other"], r["kind"], r["length"]): r for r in mine}
        partners = sorted(
            {(r["other"], r["kind"]) for r in mine}, key=lambda p: _mean([at[*p, n]["mean"] for n in lengths if (*p, n) in at])
        )
        most = max((r["mean"] for r in mine), default=0.0) or 1.0
        rows = [
            (other, kind, [(c, c and c["mean"] / most) for n in lengths for c in [at.get((other, kind, n))]]) for other, kind in partners
        ]
        tables.append({"task": task, "lengths": lengths, "rows": rows})
    return tables


CROSSED = "encoding, other seed"
NULLS = ("other seed", "uniform", "untrained", "key-only")


def nearest(rows: Sequence[Row]) -> dict[str, Any] | None:
    """D_AT from NoPE at the length trained to, the newest row of each task: a sentence, and a table with the null models last.

    Encodings are taken with other seeds than NoPE's: models of one seed share the weights they start from.
    """
    newest = {r["data"]["task"]: r for r in rows}
    lines, counts = [], Counter[str]()
    for task, row in newest.items():
        data = row["data"]
        middle = data["lengths"][len(data["lengths"]) // 2]
        here = [r for r in data["summary"] if r["length"] == middle]
        encodings = sorted((r["mean"], r["other"]) for r in here if r["kind"] == CROSSED)
        if not encodings:
            continue
        counts[encodings[0][1]] += 1
        nulls = {r["other"]: r["mean"] for r in here if r["kind"] in NULLS}
        named = ", ".join(f"{pe} {mean:.3f}" for mean, pe in encodings)
        lines.append([task, str(middle), named, *(f"{nulls[n]:.3f}" if n in nulls else "–" for n in NULLS)])
    if not lines:
        return None
    said = ", ".join(f"{pe} on {n}" for pe, n in counts.most_common())
    title = "mean D_AT from NoPE at the length trained to, in nats, the nearest encoding first; then null models"
    return {
        "sentence": f"Of {len(lines)} tasks, NoPE's attention is nearest to {said}; to T5's bias on {counts['t5']}.",
        "table": (title, ("task", "length", "encodings, other seeds", *NULLS), lines),
        "command": " ".join(rows[-1]["command"]),
    }


def built(rows: Sequence[Row]) -> dict[str, Any] | None:
    """Every NoPE model that was held beside the construction, in its newest row: how many of each verdict, and a table with the figures."""
    newest = {(m["digest"], m["seed"]): m for r in rows for run in r["data"].get("built", ()) for m in run["models"] if m.get("verdict")}
    if not newest:
        return None
    lines = []
    for m in sorted(newest.values(), key=lambda m: (m["task"], m["seed"])):
        near = ", ".join(f"{h['layer']}.{h['head']}" for h in m["near_heads"]) or "none"
        after = [f"{m['ablate'][key]['exact_match']:.3f}" if m["heads"] else "–" for key in ("all", "others")]
        figures = [f"{m['exact_match']:.3f}", str(m["heads"]), *after, f"{m['cut_bos']['exact_match']:.3f}"]
        lines.append([m["task"], m["name"], m["verdict"], near, *figures])
    counts = Counter(line[2] for line in lines)
    headings = (
        "task",
        "model",
        "verdict",
        "near heads",
        "exact match",
        "swapped for the exact head",
        "without them",
        "without as many others",
        "<bos> cut",
    )
    title = "heads nearer to 1/t than any of drawn weights (layer.head), and exact match on the lengths trained on after interventions"
    return {"sentence": ", ".join(f"{verdict}: {n}" for verdict, n in counts.most_common()), "table": (title, headings, lines)}


def varied(rows: Sequence[Row]) -> tuple[str, Sequence[str], list[list[str]]]:
    """A table of what was changed, one thing at a time: exact match of each encoding, mean over seeds with the least and the most."""
    newest = {(r["data"]["task"], r["data"]["changed"], r["data"]["pe"]): r["data"] for r in rows}
    lines = []
    for (task, changed, pe), data in newest.items():
        parts = [data["exact_match_in"], data["exact_match_beyond"]]
        lines.append([task, changed, pe, *(f"{_mean(x):.3f} ({min(x):.3f} to {max(x):.3f})" for x in parts)])
    return "exact match, one thing changed at a time", ("task", "changed", "positions", "trained lengths", "longer"), lines


def runs(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Training rows, the newest of each cell: how it ended, what was trained, the score at each end of the lengths."""
    newest = {r["data"].get("cell"): r["data"] for r in rows}
    found = []
    for name, data in newest.items():
        config, scores = data.get("config", {}), data.get("scores") or []
        found.append(
            {
                "cell": name,
                "status": data.get("status", "finished"),
                "pe": config.get("pe"),
                "task": config.get("task"),
                "seeds": len(config.get("seeds", [])),
                "steps": config.get("recipe", {}).get("steps"),
                "cpu_seconds": data.get("cpu_seconds"),
                "error": str(data.get("error") or "").strip().rpartition("\n")[2],
                "first": scores and _mean([s["exact_match"][0] for s in scores]),
                "last": scores and _mean([s["exact_match"][-1] for s in scores]),
                "lengths": scores and (scores[0]["length"][0], scores[0]["length"][-1]),
            }
        )
    return found
