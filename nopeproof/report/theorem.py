"""A construction's claims as LaTeX theorems with their BibTeX entries, to be pasted into an author's own paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nopeproof import __version__
from nopeproof.report import bibliography
from nopeproof.report.rows import order_in_words, scope
from nopeproof.report.tex import escaped
from nopeproof.report.weights import conventions

HEAD = r"""% {name}: written by `nopeproof show {name} --tex`.
% Needs \newtheorem{{theorem}}{{Theorem}} in the preamble; the entries go to {name}.bib when this is compiled.
\begin{{filecontents*}}[overwrite]{{{name}.bib}}
{entries}
\end{{filecontents*}}
"""


def fragment(name: str, data: Mapping[str, Any], verdicts: Mapping[str, Mapping[str, Any]]) -> str:
    """One theorem a claim. data: what `nopeproof show --json` prints; verdicts: {claim id: its newest verdict row}, if there is one."""
    claims: Sequence[Mapping[str, Any]] = data["claims"]
    used = dict.fromkeys(k for c in claims for k in bibliography.keys(c["source"]))
    found = [bibliography.entries()[k] for k in used if k in bibliography.entries()]
    own = bibliography.OWN.replace("VERSION", __version__)
    subjects = {s["name"]: conventions(s) for s in data["subjects"]}
    parts = [HEAD.format(name=name, entries="\n".join([*found, own]))]
    parts += [_theorem(name, data["title"], c, subjects[c["subject"]], verdicts.get(c["id"])) for c in claims]
    return "\n".join(parts)


def _theorem(name: str, title: str, claim: Mapping[str, Any], about: str, row: Mapping[str, Any] | None) -> str:
    within = scope(claim["scope"])
    words = f"{order_in_words(claim['scope'])}; {str(within).partition('; ')[2]}"
    lines = [rf"\begin{{theorem}}[{escaped(title.partition(':')[0])}: {escaped(claim['id'])}]\label{{np:{name}/{claim['id']}}}"]
    one, many = f"the model be {claim['subject']}", f"a model be any of: {claim['subject']}"
    whole = about.removeprefix("a class of models; ")
    lines += [rf"  Let {escaped(one if whole == about else many)} ({escaped(whole)})."]
    lines += [rf"  Then {escaped(claim['statement'])}.", rf"  \emph{{Scope: {escaped(words)}.}}"]
    lines += [rf"  \emph{{Source: {cited(claim['source'])}.}}", r"\end{theorem}", rf"\noindent\textit{{{_shown(row)}}}", ""]
    return "\n".join(lines)


def cited(source: str) -> str:
    r"""A claim's source with its keys as citations.

    >>> cited("haviv2022, Sec. 6 & others")
    '\\cite{haviv2022}, Sec. 6 \\& others'
    """
    out, rest = "", source
    for match in bibliography.KEY.finditer(source):
        before = rest[: rest.index(match.group(0))]
        out += escaped(before) + rf"\cite{{{match.group(1)}}}"
        rest = rest[len(before) + len(match.group(0)) :]
    return out + escaped(rest)


def _shown(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "No verdict is stored; `nopeproof verify' finds one."
    cited = lambda key: rf"\cite{{{key}}}" if key.isalnum() else escaped(key)  # noqa: E731
    resting = "".join(f", assuming {cited(key)}" for key in row["data"].get("assuming", ()))
    tools = dict.fromkeys(e["tool"] for e in row["evidence"] if e["kind"] == row["verdict"])
    stands = "" if row["data"]["stands"] else ", which does not cover the claim"
    by = f" by {escaped(', '.join(tools))}" if tools else ""
    return rf"Verdict: {row['verdict']}{resting}{stands}{by}, nopeproof {escaped(row['versions']['nopeproof'])} \cite{{nopeproof}}."
