"""A certificate as a Coq file: the circuit's own weights as data, the claim as a theorem about them, and the hints of its proof."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from nopeproof import scalars
from nopeproof.errors import NopeproofError


class Names:
    """Numbers for the free symbols of a circuit: `Sym n` for those with one value, `Own n` for those each token has for itself."""

    def __init__(self, subject: Mapping[str, Any]) -> None:
        own: set[str] = set()
        for text in (subject["generic"] or {}).values():
            own |= scalars.symbols(scalars.scalar(text)) - {"T"}
        everything = set().union(*(scalars.symbols(scalars.scalar(text)) for text in _weights(subject["blocks"])))
        embedded = set().union(*(scalars.symbols(scalars.scalar(x)) for v in subject["embed"].values() for x in v.values()))
        self.own = {name: n for n, name in enumerate(sorted(own))}
        self.free = {name: n for n, name in enumerate(sorted((everything | (embedded - own)) - {"T", "k"}))}

    def symbol(self, name: str, embedding: bool) -> str:
        """The Coq term for a variable of a weight."""
        if name == "T":
            return "Len"
        if name == "k":
            return "Idx"
        if name.startswith("rt"):
            return f"Root {name[2:]}"
        if name.startswith("ln "):
            return f"Log {name[3:]}"
        return f"Own {self.own[name]}" if embedding and name in self.own else f"Sym {self.free[name]}"


def _weights(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for block in blocks:
        for head in block["heads"]:
            for matrix in ("W_Q", "W_K", "W_V", "W_O"):
                for row in head.get(matrix, ()):
                    yield from row.values()
        if block["mlp"]:
            yield from block["mlp"]["b_2"].values()
            for unit in block["mlp"]["units"]:
                yield from (*unit["read"].values(), *unit["write"].values(), unit["bias"])


def rational(c: Fraction | int) -> str:
    """A rational in Coq, such as -3#2."""
    return f"{Fraction(c).numerator}#{Fraction(c).denominator}"


def integer(n: int) -> str:
    """An integer in Coq."""
    return str(n) if n >= 0 else f"({n})"


def listed(items: Iterable[str]) -> str:
    """A Coq list on one line."""
    return "[" + "; ".join(items) + "]"


def lines(items: Iterable[str], indent: int) -> str:
    """A Coq list with one item a line, that starts at a column."""
    return "[" + (";\n" + " " * (indent + 1)).join(items) + "]"


def weight(text: str, names: Names, embedding: bool = False) -> str:
    """A weight: a list of (coefficient, product of symbols)."""
    terms = []
    for monomial, c in sorted(scalars.to_poly(scalars.scalar(text)).terms.items(), key=str):
        factors = [names.symbol(v, embedding) for v, n in monomial for _ in range(int(n))]
        terms.append(f"({rational(c)}, {listed(factors)})")
    return listed(terms)


def vector(sparse: Mapping[str, str], names: Names, embedding: bool = False) -> str:
    """A sparse vector: a list of (coordinate, weight)."""
    return listed(f"({i}, {weight(x, names, embedding)})" for i, x in sparse.items())


def head(data: Mapping[str, Any], names: Names) -> str:
    """One attention head, or an opaque one by the coordinates it writes."""
    if "opaque" in data:
        return f"Opaque {listed(map(str, data['opaque']))}"
    size = len(data["W_Q"])
    scale = "1" if data["scale"] == "1" else f"sqrt({size})/{size}"
    matrices = [f"{m} := {lines((vector(v, names) for v in data[m]), 15)};" for m in ("W_Q", "W_K", "W_V", "W_O")]
    return "Head {|" + "".join(f"\n        {m}" for m in matrices) + f"\n        scale := {weight(scale, names)} |}}"


def units(mlp: Mapping[str, Any] | None, names: Names) -> list[str]:
    """The hidden units of an FFN, then its output bias."""
    if mlp is None:
        return []
    if mlp["activation"] != "relu":
        raise NopeproofError("an export to Coq", f"the activation {mlp['activation']}", "relu; the second kernel knows no other")
    out = []
    for u in mlp["units"]:
        body = f"{vector(u['read'], names)} {weight(u['bias'], names)} {vector(u['write'], names)}"
        if u["first"] is None:
            out.append(f"Unit {body}")
            continue
        top, _, floor = u["last"].partition("//")
        terms = scalars.to_poly(scalars.scalar(top)).terms
        slopes = [terms.pop(m, Fraction(0)) for m in ((("T", 1),), ())]
        rise, shift = map(int, slopes)
        if terms or slopes != [rise, shift]:
            raise NopeproofError("an export to Coq", f"hidden units up to {u['last']}", "a number linear in T, or that // n")
        out.append(f"Units {body} {integer(int(u['first']))} {integer(rise)} {integer(shift)} {int(floor or 1)}")
    return out + ([f"Bias {vector(mlp['b_2'], names)}"] if mlp["b_2"] else [])


def _embeddings(subject: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """One for each class of tokens; the generic one, if there is one, may be the zero vector."""
    return [*subject["embed"].values(), *([] if subject["generic"] is None else [subject["generic"]])]


def circuit(subject: Mapping[str, Any]) -> str:
    """The circuit record, weight by weight. Raises NopeproofError for a circuit that Model.v has no words for."""
    if subject["mask"] != "causal" or subject["positions"] != "none":
        raise NopeproofError("an export to Coq", f"mask {subject['mask']!r}, positions {subject['positions']!r}", "a causal NoPE circuit")
    names = Names(subject)
    classes = [vector(v, names, True) for v in _embeddings(subject)]
    layers: list[str] = []
    for n, b in enumerate(subject["blocks"], 1):
        if b["norm_attention"] or b["norm_ffn"]:
            raise NopeproofError("an export to Coq", "a norm", "a circuit without norms")
        for kind, parts in (("attention", [head(h, names) for h in b["heads"]]), ("FFN", units(b["mlp"], names))):
            layers.append(f"(* {kind} {n} *)\n    {lines(parts, 4)}")
    bos = "None" if subject["bos"] is None else f"Some {list(subject['embed']).index(subject['bos'])}"
    generic = "None" if subject["generic"] is None else f"Some {len(subject['embed'])}"
    rows = [
        f"d_model := {subject['d_model']};",
        f"classes := {lines(classes, 13)};",
        f"bos := {bos}; generic := {generic};",
        f"layers := {lines(layers, 2)}",
    ]
    return "{|" + "".join(f"\n  {row}" for row in rows) + " |}"


# --- the claim ---------------------------------------------------------------------------------------------------------

_OPERATORS = {ast.Add: "Plus", ast.Sub: "Minus", ast.Mult: "Times", ast.Div: "Over"}


def expression(text: str) -> str:
    """A claim's right-hand side, operator by operator."""
    return _expression(ast.parse(text, mode="eval").body)


def _expression(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=int(n)):
            return f"(Int {integer(n)})"
        case ast.Name(id=name) if name in ("t", "i", "T"):
            return {"t": "Pos", "i": "Key", "T": "Length"}[name]
        case ast.UnaryOp(op=ast.USub(), operand=x):
            return f"(Minus (Int 0) {_expression(x)})"
        case ast.BinOp(left=a, op=ast.Pow(), right=ast.Constant(value=int(n))):
            base = _expression(a)
            out = "(Int 1)" if n == 0 else base
            for _ in range(n - 1):
                out = f"(Times {out} {base})"
            return out
        case ast.BinOp(left=a, op=op, right=b) if type(op) in _OPERATORS:
            return f"({_OPERATORS[type(op)]} {_expression(a)} {_expression(b)})"
        case ast.Call(func=ast.Name(id="ln"), args=[ast.Constant(value=int(n))]):
            return f"(LogOf {n})"
        case ast.Call(func=ast.Name(id="sqrt"), args=[ast.Constant(value=int(n))]):
            return f"(RootOf {n})"
    raise NopeproofError(
        "an export to Coq", f"the expression {ast.unparse(node)!r}", "+ - * / ** over integers, t, i, T, ln(n) and sqrt(n)"
    )


def layer(site: Sequence[Any]) -> int:
    """How many sub-layers have been passed at a place."""
    block, after = site
    return 2 * block - (1 if after == "attention" else 0)


def claim(data: Mapping[str, Any]) -> str:
    """The claim as a term of Model.v."""
    match data["kind"]:
        case "equals":
            return f"Equals {layer(data['site'])} {data['index']} {expression(data['value'])}"
        case "unchanged":
            return f"Unchanged {layer(data['start'])} {layer(data['end'])} {listed(map(str, data['indices']))}"
        case "score":
            at, content = 2 * data["block"] - 2, listed(map(str, data["content"]))
            return f"ScoreIs {at} {data['head']} {expression(data['value'])} {content}"
        case "same_attention":
            return f"SameAttention {2 * data['block'] - 2} {data['head']} {data['other']}"
    raise NopeproofError("an export to Coq", f"a claim of the kind {data['kind']!r}", "a claim that the kernel decides")


def scope(data: Mapping[str, Any]) -> str:
    """The scope as a term of Model.v."""
    order = "Uniform" if data["order"] == "exists weights forall T" else "PerLength"
    yes = lambda x: "true" if x else "false"  # noqa: E731
    bos, every = yes(data["words"] == "bos-first"), yes(data["vocabulary"] == "every")
    return f"{{| quantifiers := {order}; bos_first := {bos}; every_vocabulary := {every} |}}"


# --- hints -------------------------------------------------------------------------------------------------------------


def hints(certificate: Mapping[str, Any]) -> str:
    """The case split, and the closed forms of ReLU sums; a wrong one makes Coq reject, never accept."""
    given = certificate["hints"]
    found = []
    for key, hint in given["units"].items():
        at, place = key.split(":")
        block, unit = map(int, at.split("."))
        where = f"Mod {place.partition('r+')[2]}" if "r" in place else f"Fixed {place}"
        active = scalars.to_poly(_with_r(hint["active"])).terms
        speed, last = (int(active.get(m, 0)) for m in ((("r_", 1),), ()))
        sums = listed(f"({i}, {_sum(text)})" for i, text in hint["sums"].items())
        found.append(f"({2 * block - 1}, {unit}, {where}, {{| slope := {integer(speed)}; offset := {integer(last)}; sums := {sums} |}})")
    split = f"modulus := {given['modulus']}; singles := {given['singles']}; fraction := {_fraction(certificate['subject'])}"
    worth = listed(listed(map(str, sorted(x))) for x in needed(certificate))
    return f"{{|\n  {split};\n  for_units := {lines(found, 15)};\n  needed := {worth} |}}"


def needed(certificate: Mapping[str, Any]) -> list[set[int]]:
    """For each number of sub-layers, the coordinates that the claim depends on; one left out stays unknown to Coq."""
    statement, blocks = certificate["claim"], certificate["subject"]["blocks"]
    found: list[set[int]] = [set() for _ in range(2 * len(blocks) + 1)]
    for place in ("site", "start", "end"):
        if place in statement:
            found[layer(statement[place])] |= set(statement.get("indices", [statement.get("index")]))
    for which in ("head", "other"):
        if which in statement:
            read = blocks[statement["block"] - 1]["heads"][statement[which]]
            found[2 * statement["block"] - 2] |= _read(read["W_Q"] + read["W_K"]) - set(statement.get("content", ()))
    for n in range(2 * len(blocks), 0, -1):
        block = blocks[(n - 1) // 2]
        found[n - 1] |= found[n]
        for part in block["heads"] if n % 2 else (block["mlp"] or {"units": ()})["units"]:
            found[n - 1] |= _reads(part, found[n])
    return found


def _reads(part: Mapping[str, Any], written: set[int]) -> set[int]:
    """What a head or a unit reads to write these coordinates."""
    if "opaque" in part:
        return set()
    if "read" in part:
        return _read([part["read"]]) if _read([part["write"]]) & written else set()
    values = [v for v, o in zip(part["W_V"], part["W_O"], strict=True) if _read([o]) & written]
    return _read(part["W_Q"] + part["W_K"] + values) if values else set()


def _read(rows: Sequence[Mapping[str, str]]) -> set[int]:
    return {int(i) for row in rows for i in row}


def _with_r(text: str) -> scalars.Scalar:
    return scalars.scalar(re.sub(r"\br\b", "r_", text))


def _sum(text: str) -> str:
    terms = []
    for monomial, c in scalars.to_poly(_with_r(text)).terms.items():
        names = {"k": "Aux 0", "r_": "Here R"}
        if not {v for v, _ in monomial} <= set(names):
            raise NopeproofError("an export to Coq", f"the closed form {text!r}", "a polynomial in k and r")
        terms.append(f"({rational(c)}, {listed(names[v] for v, n in monomial for _ in range(int(n)))})")
    return listed(terms)


def _fraction(subject: Mapping[str, Any]) -> int:
    """D such that scores that are rational are whole multiples of 1/D: powers of e are then powers of e^(1/D)."""
    stream, out = _denominator(x for v in _embeddings(subject) for x in v.values()), 1
    for block in subject["blocks"]:
        after = stream
        for h in (h for h in block["heads"] if "opaque" not in h):
            Q, K, V, W_O = (_denominator(x for row in h[m] for x in row.values()) for m in ("W_Q", "W_K", "W_V", "W_O"))
            out = math.lcm(out, Q * K * stream**2 * (len(h["W_Q"]) if h["scale"] != "1" else 1))
            after = math.lcm(after, stream * V * W_O)
        stream = after
        for u in (block["mlp"] or {"units": ()})["units"]:
            read, bias, write = (_denominator(x) for x in (u["read"].values(), [u["bias"]], u["write"].values()))
            after = math.lcm(after, stream * read * write, bias * write)
        stream = after
    return out


def _denominator(texts: Iterable[str]) -> int:
    return math.lcm(*(Fraction(c).denominator for x in texts for c in scalars.to_poly(scalars.scalar(x)).terms.values()))


PREAMBLE = """From Coq Require Import ZArith QArith List.
From Nopeproof Require Import Model.
Import ListNotations.
Open Scope nat_scope."""
CHECKER = "From Nopeproof Require Import Poly Symbolic Sound."


def theorem(certificate: Mapping[str, Any]) -> str:
    """The Coq file of a certificate the kernel accepts. Raises NopeproofError for what Model.v has no words for."""
    subject, about = certificate["subject"], certificate["about"]
    name = f"claim_{identifier(about['id'])}"
    return "\n\n".join(
        [
            _comment([about["says"], f"Source: {about['source']}", f"Weights: sha256 {certificate['weights_sha256']}"]),
            PREAMBLE,
            _comment(["The names that the weights have elsewhere:", *legend(subject)]),
            statement(certificate),
            "(* What is claimed is said: so far only Model.v was read. What follows is its proof. *)\n" + CHECKER,
            f"Definition the_hints : hints := {hints(certificate)}.",
            f"Theorem {name} : statement.\nProof. apply (accepted subject the_hints). vm_cast_no_check (eq_refl true). Qed.",
            f"Print Assumptions {name}.\n",
        ]
    )


def statement(certificate: Mapping[str, Any], tag: str = "") -> str:
    """The circuit, the scope, the claim, and what they say together."""
    return "\n\n".join(
        [
            f"Definition subject{tag} : circuit := {circuit(certificate['subject'])}.",
            f"Definition the_scope{tag} : scope := {scope(certificate['scope'])}.",
            f"Definition the_claim{tag} : claim := {claim(certificate['claim'])}.",
            f"Definition statement{tag} : Prop := holds subject{tag} the_scope{tag} the_claim{tag}.",
        ]
    )


def question(certificate: Mapping[str, Any], tag: str) -> str:
    """Whether the checker accepts; a command that prints true or false."""
    given = f"Definition the_hints{tag} : hints := {hints(certificate)}."
    return (
        f"{statement(certificate, tag)}\n\n{given}\n\nEval vm_compute in check subject{tag} the_hints{tag} the_scope{tag} the_claim{tag}."
    )


def legend(subject: Mapping[str, Any]) -> list[str]:
    """Which number stands for which token and symbol."""
    names, tokens = Names(subject), [*subject["embed"], *([] if subject["generic"] is None else ["any other token"])]
    rows = [("class", enumerate(tokens)), ("Sym", ((n, s) for s, n in names.free.items())), ("Own", ((n, s) for s, n in names.own.items()))]
    return [f"  {kind} {n}: {text}" for kind, row in rows for n, text in row]


def _comment(lines: Iterable[str]) -> str:
    """A Coq comment. A star or a quotation mark in the text could end it, or open another."""
    return "(* " + "\n   ".join(line.replace("**", "^").replace("*", "\N{DOT OPERATOR}").replace('"', "'") for line in lines) + " *)"


def identifier(name: str) -> str:
    """A name that Coq can read."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return plain if plain[:1].isalpha() else f"claim_{plain}"
