"""What the ledger holds for people who write in LaTeX: one macro for each part of each claim."""

from __future__ import annotations

from nopeproof.errors import NopeproofError
from nopeproof.ledger import Ledger
from nopeproof.report import html
from nopeproof.report.paper import claim

SPECIAL = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {c: "\\" + c for c in "#$%&_"} | {"<": "$<$", ">": "$>$", "|": "$|$"}
MATHS = {
    "∃": r"\exists", "∀": r"\forall", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "·": r"\cdot", "×": r"\times", "−": "-", "∞": r"\infty",
    "²": "^2", "³": "^3", "½": r"\frac12", "√": r"\surd", "→": r"\to", "∈": r"\in", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil",
    "⌉": r"\rceil", "Σ": r"\Sigma", "Δ": r"\Delta", "ε": r"\varepsilon", "σ": r"\sigma", "α": r"\alpha", "β": r"\beta", "δ": r"\delta",
    "λ": r"\lambda", "π": r"\pi", "τ": r"\tau",
}  # fmt: skip


def escaped(text: str) -> str:
    """Plain text as LaTeX. Letters that LaTeX reads as they are stay; a character with no known spelling becomes its code point, visibly.

    >>> escaped("50% of d_model, ∃w ∀T; t <= T^2")
    '50\\\\% of d\\\\_model, $\\\\exists$w $\\\\forall$T; t $\\\\le$ T\\\\textasciicircum{}2'
    """
    out = []
    for c in text.replace("<=", "≤").replace(">=", "≥"):
        if c in MATHS:
            out.append(f"${MATHS[c]}$")
        elif c in SPECIAL:
            out.append(SPECIAL[c])
        else:
            out.append(c if c.isascii() or c.isalpha() or c in "–—’‘“”" else rf"\texttt{{U+{ord(c):04X}}}")
    return "".join(out)


PREAMBLE = r"""% Written by `nopeproof report --to tex`; do not edit. Usage:
%   \npstatement{absolute-position/recip}, and likewise \npscope, \npverdict, \npcertificate, \npsource.
% A name that is not here is an error, not an empty word.
\makeatletter
\def\np@get#1#2{\@ifundefined{np@#2@#1}{\PackageError{nopeproof}{No claim `#2'}{The names stand in this file.}}{\csname np@#2@#1\endcsname}}
\def\np@set#1#2#3{\expandafter\def\csname np@#1@#2\endcsname{#3}}
\newcommand{\npstatement}[1]{\np@get{statement}{#1}}
\newcommand{\npscope}[1]{\np@get{scope}{#1}}
\newcommand{\npverdict}[1]{\np@get{verdict}{#1}}
\newcommand{\npcertificate}[1]{\np@get{certificate}{#1}}
\newcommand{\npsource}[1]{\np@get{source}{#1}}
"""


def tex(found: Ledger) -> str:
    """claims.tex: macros for the statement, scope, verdict, certificate and source of every claim in the ledger."""
    if not found.rows:
        raise NopeproofError("claims.tex", "the ledger is empty", "nopeproof verify, then again")
    lines = [PREAMBLE]
    for c in html.content(found)["constructions"]:
        for x in c["claims"]:
            row, name = claim(x), f"{c['name']}/{x['id']}"
            assuming = f", assuming {', '.join(row['assuming'])}" if row["assuming"] else ""
            parts = {
                "statement": row["says"],
                "scope": row["scope"],
                "verdict": row["verdict"] + assuming,
                "certificate": row["certificate"] or "none",
                "source": x["source"],
            }
            lines += [rf"\np@set{{{name}}}{{{key}}}{{{escaped(text)}}}" for key, text in parts.items()]
    return "\n".join([*lines, r"\makeatother", ""])
