"""An audit row for a reader: sentences that say what was found, and the tables behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from nopeproof.report.terminal import columns

LAYERS = ("layer", "module", "order of the prefix changes the output by", "carries no position", "the configuration says", "window")
HEADS = ("layer", "head", "from uniform 1/t (nats)", "attention to key 1", "if uniform", "R² content", "R² distance", "R² both")
PROBES = ("after layer", "t: this model", "t: untrained", "1/t: this model", "1/t: untrained")


def sentences(found: Mapping[str, Any]) -> list[str]:
    """The findings in words, most important first."""
    model, free, layers = found["model"], found["nope_layers"], found["layers"]
    said = []
    if found["stream"]["adds_position"]:
        said.append("A position is added to the stream before the first layer: no layer is NoPE, whatever its scores do.")
    elif not free:
        said.append(f"No NoPE layer: each of the {len(layers)} attention layers tells the order of its keys.")
    else:
        which, rest = ", ".join(map(str, free)), len(layers) - len(free)
        others = "; the other attention layers see positions." if rest else "."
        said.append(f"NoPE: layer{'s' if len(free) > 1 else ''} {which}, of {model['layers']} in all{others}")
    wrong = [x["layer"] for x in layers if x["agrees"] is False]
    if wrong:
        said.append(f"The configuration says otherwise of layer {', '.join(map(str, wrong))}: behaviour is what counts here.")
    said += [_bos(found["bos"]), _precision(found["precision"], free)]
    if free:
        d = found["head_dimension"]
        said.append(
            f"A NoPE head of d_head = {d['d_head']} cannot score by a T5 bias from T = {d['t5_beyond']} positions on, "
            "for any table whose last two of 32 buckets differ."
        )
    return [s for s in said if s]


def _bos(bos: Mapping[str, Any]) -> str:
    put = {True: "The tokenizer puts BOS in front.", False: "The tokenizer does not put BOS in front.", None: ""}[bos["prepended"]]
    if bos["id"] is None:
        put = "The configuration names no BOS token."
    if not bos["collapses_without"]:
        return f"{put} A constant prompt without BOS keeps its positions apart (spread {bos['spread_without']:.2g}).".strip()
    apart = "" if bos["spread_with"] is None else f"; with BOS they are {bos['spread_with']:.2g} of their norm apart"
    fact = f"Without BOS a constant prompt of {bos['length']} tokens collapses: all states of the last layer are equal{apart}."
    return f"{put} {fact}".strip()


def _precision(precision: Mapping[str, Any], free: Sequence[int]) -> str:
    if precision["first_collision"] is None:
        return f"No precision horizon is known for weights stored as {precision['dtype']}."
    t = precision["first_collision"]
    horizon = f"in {precision['dtype']} 1/t and 1/(t + 1) are one number from t = {t:,} on"
    return f"{horizon[0].upper()}{horizon[1:]}" + (": past it, no uniform head tells them apart." if free else ".")


def rows(found: Mapping[str, Any]) -> dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """{title: (headings, rows)}, all text."""
    layers = [
        (
            str(x["layer"]),
            x["module"],
            f"{x['order_change']:.1e}",
            "yes" if x["nope"] else "scores only" if x["order_blind"] else "no",
            {True: "no position", False: "positions", None: "nothing we can read"}[x["declared"]],
            "all keys" if x["window"] is None else f"{x['window']} keys",
        )
        for x in found["layers"]
    ]
    keys = ("uniform_nats", "first_key", "first_key_uniform", "r2_content", "r2_distance", "r2_both")
    heads = [(str(h["layer"]), str(h["head"]), *(f"{h[k]:.3f}" for k in keys)) for h in found["heads"]]
    by = {(p["after_layer"], p["target"]): p for p in found["probes"]}
    depths = sorted({p["after_layer"] for p in found["probes"]})
    probes = [(str(n), *(f"{by[n, target][who]:.2f}" for target in ("t", "1/t") for who in ("trained", "untrained"))) for n in depths]
    return {"attention layers": (LAYERS, layers), "heads of the NoPE layers": (HEADS, heads), "linear probes (R²)": (PROBES, probes)}


def terminal(found: Mapping[str, Any]) -> RenderableType:
    """`nopeproof audit`."""
    model = found["model"]
    title = f"{model['folder']}: {model['type']}, {model['parameters']:,} parameters, {model['dtype']}"
    parts: list[RenderableType] = [Text(title, style="bold"), Text("")]
    parts += [Text(f"  {s}") for s in sentences(found)]
    for name, (headings, lines) in rows(found).items():
        if lines:
            shown = columns(*headings)
            for line in lines:
                shown.add_row(*map(Text, line))
            parts += [Text(""), Text(name, style="bold"), Padding(shown, (0, 0, 0, 2))]
    return Group(*parts)
