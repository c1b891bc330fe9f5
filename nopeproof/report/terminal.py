"""Tables for a terminal. Everything is in words, so nothing is lost without colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nopeproof.ledger import Row
from nopeproof.report.rows import drawn, plain, scope
from nopeproof.report.weights import combination, conventions, labels

COLOURS = {"proved": "green", "certified": "green", "exhausted": "green", "tested": "yellow", "open": "yellow", "refuted": "red bold"}


def columns(*headings: str, title: str = "") -> Table:
    table = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), title=Text(title) if title else None, title_justify="left", header_style="bold"
    )
    for n, heading in enumerate(headings):
        table.add_column(Text(heading), overflow="fold", no_wrap=n == 0)
    return table


def overview(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    """`nopeproof list`."""
    table = columns("name", "kind", "claims", "stored verdicts", "source", "title")
    for c in found:
        kinds = "; ".join(f"{n} {kind}" for kind, n in c["verdicts"].items())
        said, title = Text("cannot be loaded" if "error" in c else kinds), c.get("error", c["title"])
        table.add_row(c["name"], c.get("kind", ""), str(c["claims"]), said, Text(", ".join(c.get("sources", ()))), Text(title))
    return table


def verdicts(name: str, title: str, rows: Sequence[Row]) -> RenderableType:
    """The verdicts on one construction, then what stands behind those that do not stand."""
    table = columns("claim", "says", "verdict", "scope")
    for r in rows:
        kind, data = r["verdict"], r["data"]
        resting = f"\nassuming [{', '.join(data['assuming'])}]" if data.get("assuming") else ""
        said = Text(str(kind), style=COLOURS.get(str(kind), "")) + Text(resting + ("" if data["stands"] else "\ndoes not stand"))
        within = str(scope(data["verdict_scope"]))
        if not data["stands"] and kind != "refuted":
            within = f"claimed: {scope(r['scope'] or {})}\nshown:   {'nothing' if kind == 'open' else within}"
        table.add_row(Text(str(r["claim"])), Text(data["statement"]), said, Text(within))
    parts: list[RenderableType] = [Text(f"{name}: {title}", style="bold"), Padding(table, (0, 0, 0, 2), expand=False)]
    for r in rows:
        if not r["data"]["stands"]:
            parts.append(Padding(why(r), (0, 0, 0, 2), expand=False))
    return Group(*parts, Text(""))


def why(row: Row) -> RenderableType:
    """A refutation with its word drawn position by position, or the reasons nothing could be decided."""
    parts: list[RenderableType] = []
    witness = next((e["witness"] for e in row["evidence"] if e.get("witness")), None)
    if witness is not None:
        parts.append(Text(f"{row['claim']}: the smallest counterexample found"))
        grid, facts = drawn(witness)
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for name, cells in grid:
            table.add_row(Text(name), *map(Text, cells))
        parts.append(Padding(table, (0, 0, 0, 2), expand=False))
        parts.append(Padding(Text("\n".join(f"{k}: {v}" for k, v in facts)), (0, 0, 0, 2), expand=False))
    else:
        reasons = [f"  {e['tool']}: {e['reason']}" for e in row["evidence"] if e.get("reason")]
        parts.append(Text("\n".join([f"{row['claim']}: what is shown does not cover what is claimed", *reasons])))
    return Group(*parts)


def conclusion(rows: Sequence[Row], seconds: float) -> RenderableType:
    """The last line of `nopeproof verify`."""
    stands, kinds = sum(r["data"]["stands"] for r in rows), Counter(str(r["verdict"]) for r in rows)
    count = ", ".join(f"{n} {k}" for k, n in sorted(kinds.items()))
    claims, stand = ("claim", "stands") if len(rows) == 1 else ("claims", "stand")
    return Text(f"{stands} of {len(rows)} {claims} {stand} as stated ({count}); {seconds:.1f} s")


def findings(found: Sequence[Mapping[str, str]]) -> RenderableType:
    """`nopeproof doctor`."""
    table = columns("", "what", "found")
    for f in found:
        table.add_row(
            Text(f["state"], style={"fine": "green", "wrong": "red bold"}.get(f["state"], "yellow")), Text(f["about"]), Text(f["found"])
        )
    return table


def construction(name: str, data: Mapping[str, Any]) -> RenderableType:
    """`nopeproof show`: text, weights by name, claims."""
    parts: list[RenderableType] = [Text(name, style="bold"), Text(""), Padding(Text(data["doc"]), (0, 0, 0, 2), expand=False), Text("")]
    for subject in data["subjects"]:
        if "class" in subject:
            lines = "\n".join(subject["hypotheses"])
            parts += [Text(f"{subject['name']}: every model with", style="bold"), Padding(Text(lines), (0, 0, 1, 2), expand=False)]
            continue
        parts += [Text(f"{subject['name']}: {conventions(subject)}", style="bold"), Padding(_weights(subject), (0, 0, 1, 2), expand=False)]
    table = columns("claim", "about", "says", "scope", "source")
    for c in data["claims"]:
        table.add_row(*map(Text, (c["id"], c["subject"], c["statement"], str(scope(c["scope"])), c["source"])))
    return Group(*parts, table)


def known(verdicts: Mapping[str, Row], ablations: Sequence[Mapping[str, Any]], sources: Sequence[tuple[str, str]]) -> RenderableType:
    """`nopeproof show`, below the claims: stored evidence with a prover's steps, ablations, sources."""
    evidence = columns("claim", "stored evidence", "by", "what it rests on")
    for id, row in verdicts.items():
        for e in row["evidence"]:
            rests = [*e.get("steps", ()), *(f"assuming {a}" for a in e["assumes"]), *([e["reason"]] if e["reason"] else [])]
            evidence.add_row(*map(Text, (id, e["kind"], e["tool"], "\n".join(rests))))
    removed = columns("claim", "without", "the claim", "because")
    for a in ablations:
        result = "fails" if a["result"] == "needed" else str(a["result"])
        w = a.get("witness")
        at = f" at t = {w['t']}" if w and "t" in w else ""
        where = f"{plain(w['word'])}{at}: {w['found']}, not {w['expected']}; " if w else ""
        removed.add_row(*map(Text, (str(a["claim"]), str(a["assumption"]), result, f"{where}{a['by']}")))
    cited = columns("key", "source")
    for key, text in sources:
        cited.add_row(Text(key), Text(text))
    none = "no verdict is stored for these weights and statements: nopeproof verify"
    parts: list[RenderableType] = [Text(""), evidence if verdicts else Text(none)]
    parts += [Text(""), removed] if ablations else []
    return Group(*parts, Text(""), cited)


def _weights(subject: Mapping[str, Any]) -> RenderableType:
    """One line a row or column that is not zero, as a sum of names."""
    names, circuit = labels(subject["residual"]), subject["circuit"]
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_row("stream", "", Text(", ".join(f"{n}" if w == 1 else f"{n} ({w})" for n, w in subject["residual"])))

    def line(part: str, which: str, text: str) -> None:
        table.add_row(Text(part), Text(which), Text(text))

    for token, v in circuit["embed"].items():
        line("W_E", token, combination(v, names))
    if circuit["generic"] is not None:
        line("W_E", "any other token", combination(circuit["generic"], names))
    for b, block in enumerate(circuit["blocks"], 1):
        for h, head in enumerate(block["heads"]):
            title = f"block {b}, head {h + 1} ({subject['heads'][b - 1][h]})"
            if "opaque" in head:
                line(title, "", "any weights; writes nothing but " + ", ".join(names[i] for i in head["opaque"]))
                continue
            line(title, "scale", head["scale"])
            for key, part in (("W_Q", "row"), ("W_K", "row"), ("W_V", "row"), ("W_O", "column")):
                for n, v in enumerate(head[key], 1):
                    line("", f"{key} {part} {n}", combination(v, names))
        for n, u in enumerate(block["mlp"]["units"] if block["mlp"] else (), 1):
            which = f"unit {n}" if u["first"] is None else f"units k = {u['first']}, ..., {u['last']}"
            bias = "" if u["bias"] == "0" else f" + {u['bias']}"
            line(
                f"block {b}, FFN" if n == 1 else "",
                which,
                f"{combination(u['write'], names)} += {block['mlp']['activation']}({combination(u['read'], names)}{bias})",
            )
        if block["mlp"] and block["mlp"]["b_2"]:
            line("", "b_2", combination(block["mlp"]["b_2"], names))
    for token, v in (subject.get("unembedding") or {}).items():
        line("W_U", token, combination(v, names))
    return table
