"""What a notebook shows: circuits by the names of their rows, runs position by position, verdicts with their scopes. As small HTML tables.

`_repr_html_` of each class asks here. The views take what they are given as it stands and import none of it, so any room may use them;
every text is escaped, formulas are MathML, and colour says nothing that words do not say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from nopeproof.errors import NopeproofError
from nopeproof.mathml import prose

POSITIONS, COORDINATES, ROWS = 16, 24, 40
"""How much of a run or of a circuit is printed; the rest is counted."""
COLOURS = {"proved": "#228833", "certified": "#228833", "exhausted": "#4477aa", "refuted": "#cc3311"}


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table of cells that are HTML already; the first column are headings of their rows. Headings and caption are text."""
    head = "".join(f'<th style="text-align:left">{escape(h)}</th>' for h in headings)
    body = "".join(f'<tr><th style="text-align:left">{first}</th>{_cells(rest)}</tr>' for first, *rest in rows)
    above = f'<caption style="text-align:left;caption-side:top">{escape(caption)}</caption>' if caption else ""
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cells(cells: Iterable[str]) -> str:
    """A cell that begins with its own <td> keeps it."""
    return "".join(c if c.startswith("<td") else f'<td style="text-align:left">{c}</td>' for c in cells)


def verdicts(found: Iterable[Any], caption: str = "") -> str:
    """Claims with what is known of them: its scope and witness; where one does not stand, what was claimed, what is shown."""
    rows = []
    for v in found:
        kind = f'<b style="color:{COLOURS.get(v.kind, "#aa7700")}">{escape(v.kind)}</b>'
        kind += f"<br/>assuming [{escape(', '.join(v.assuming))}]" if v.assuming else ""
        scope = prose(str(v.claim.scope))
        if not v.stands:
            kind += "<br/>does not stand"
            scope = f"claimed: {scope}<br/>shown: {'nothing' if v.kind == 'open' else prose(str(v.scope))}"
        witness = "" if v.witness is None else ", ".join(f"{k} = {_text(x)}" for k, x in v.witness.items())
        rows.append((escape(v.claim.id), prose(v.claim.says), kind, scope, escape(witness)))
    shown = [r if any(row[-1] for row in rows) else r[:-1] for r in rows]
    headings = ("claim", "says", "verdict", "scope", "witness")
    return table(headings[: len(shown[0]) if shown else 4], shown, caption)


def construction(c: Any) -> str:
    """Title, what it is about, and the claims with their scopes; nothing is checked."""
    rows = [(escape(k.id), escape(k.subject.name), prose(k.says), prose(str(k.scope)), escape(k.source)) for k in c.claims]
    return f"<p><b>{escape(c.name)}</b>: {prose(c.title)}</p>" + table(("claim", "about", "says", "scope", "source"), rows)


def circuit(c: Any, T_min: int | None = None) -> str:
    """Conventions, then a line for each row or column of weights as a sum of names; of a family the weights as polynomials in T."""
    kind = "circuit" if T_min is None else f"family, one circuit for each T >= {T_min}"
    positions = "no positional encoding" if c.positions.kind == "none" else f"positions {c.positions}"
    facts = [kind, f"d_model {c.d_model}", f"mask {c.mask}", positions, f"BOS {c.bos}" if c.bos else "no BOS"]
    rows = [("stream", "", ", ".join(s.name if s.width == 1 else f"{s.name} ({s.width})" for s in c.residual))]
    rows += [("W_E", token, v) for token, v in c.embedding.tokens.items()]
    rows += [("W_E", "any other token", c.embedding.other)] if c.embedding.other is not None else []
    for b, block in enumerate(c.blocks, 1):
        rows += _block(b, block)
    rows += [("W_U", token, v) for token, v in (c.unembedding or {}).items()]
    left = len(rows) - ROWS
    shown = [(escape(part), escape(which), f"<code>{escape(str(v))}</code>") for part, which, v in rows[:ROWS]]
    shown += [("", "", f"and {left} more")] if left > 0 else []
    return f"<p><b>{escape(c.name)}</b>: {escape('; '.join(facts))}</p>" + table(("", "", "weights"), shown)


def _block(b: int, block: Any) -> list[tuple[str, str, Any]]:
    rows: list[tuple[str, str, Any]] = []
    for where, norm in (("attention", block.norm_attention), ("FFN", block.norm_ffn)):
        rows += [] if norm is None else [(f"block {b}", f"norm before {where}", f"{norm.kind}, epsilon {norm.epsilon}")]
    for h, head in enumerate(block.heads, 1):
        title = f"block {b}, head {h}: {head.name}"
        if hasattr(head, "writes_to"):
            rows.append((title, "", "any weights; writes nothing but " + ", ".join(s.name for s in head.writes_to)))
            continue
        for key, part in (("W_Q", "row"), ("W_K", "row"), ("W_V", "row"), ("W_O", "column")):
            rows += [(title, f"{key}, {part} {n}", v) for n, v in enumerate(getattr(head, key), 1)]
    for n, u in enumerate(block.mlp.units if block.mlp else (), 1):
        which = f"unit {n}" if u.first is None else f"units k = {u.first}, ..., {u.last}"
        bias = f" + {u.bias}" if u.bias != 0 else ""
        rows.append((f"block {b}, FFN", which, f"{u.write} += {block.mlp.activation}({u.read}{bias})"))
    return rows


def trace(t: Any) -> str:
    """The stream at each place, a row a position and a column a coordinate, and each head's attention weights, shaded by size."""
    names = [s.name if s.width == 1 else f"{s.name}[{k}]" for s in t.circuit.residual for k in range(s.width)]
    width, T = min(len(names), COORDINATES), min(t.T, POSITIONS)
    left = [f"{t.T - T} more positions"] * (t.T > T) + [f"{len(names) - width} more coordinates"] * (len(names) > width)
    facts = ", ".join([f"{t.arithmetic} run of {t.T} positions", *left])
    whole = f"<p><b>{escape(t.circuit.name)}</b>: {escape(facts)}</p>"
    words = [escape(w) for w in t.word[:T]]
    for site, rows in t.residuals.items():
        lines = [(f"{n + 1} {words[n]}", *(escape(number(x)) for x in list(row)[:width])) for n, row in zip(range(T), rows, strict=False)]
        whole += table(("t", *names[:width]), lines, str(site))
    for (b, h), head in t.heads.items():
        name = getattr(t.circuit.blocks[b - 1].heads[h], "name", "") if h < len(t.circuit.blocks[b - 1].heads) else ""
        whole += _attention(f"block {b}, head {h + 1}: {name}", head, words, T)
    return whole


def _attention(caption: str, head: Any, words: Sequence[str], T: int) -> str:
    try:
        weights = head.weights
    except NopeproofError as bad:  # exact runs whose weights are no rationals
        return f"<p>{escape(caption)}: {escape(bad.found)}</p>"
    if weights is None:
        return f"<p>{escape(caption)}: this route never forms the attention weights</p>"
    rows = []
    for n, row in zip(range(T), weights, strict=False):
        cells = [(number(x), _size(x)) for x in list(row)[:T]]
        rows.append((f"{n + 1} {words[n]}", *(f'<td style="background:rgba(68,119,170,{size:.2f})">{escape(x)}</td>' for x, size in cells)))
    return table(("t \\ i", *(str(i) for i in range(1, T + 1))), rows, caption)


def number(x: Any) -> str:
    """A number as it stands; floats with six digits, other arithmetics in their own words."""
    if x is None:
        return ""
    if hasattr(x, "item"):
        return f"{float(x):.6g}"
    text = str(x)
    return text if len(text) <= 40 else text[:39] + "…"


def _size(x: Any) -> float:
    """How dark a weight's cell is: at most 0.75, so that the digits are read; 0 where it is no number."""
    try:
        return 0.75 * min(max(float(x), 0.0), 1.0)
    except (TypeError, ValueError):
        return 0.0


def _text(x: Any) -> str:
    return " ".join(map(str, x)) if isinstance(x, list | tuple) else str(x)
