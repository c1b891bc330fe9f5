"""`nopeproof show`, `list` and `graph`: every construction, in text, JSON and LaTeX."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from nopeproof import library
from nopeproof.cli import main
from nopeproof.report import bibliography, theorem


def said(capsys, *argv):
    """(exit code, standard output)."""
    code = main(list(argv))
    return code, capsys.readouterr().out


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("NOPEPROOF_LEDGER", str(tmp_path / "ledger"))


def balanced(tex):
    """Whether braces, environments and dollar signs pair up, escapes set aside."""
    plain = re.sub(r"\\[\\{}$%&#_]", "", tex)
    depth = 0
    for c in plain:
        depth += (c == "{") - (c == "}")
        if depth < 0:
            return False
    opened, closed = re.findall(r"\\begin\{(\w+\*?)\}", tex), re.findall(r"\\end\{(\w+\*?)\}", tex)
    return depth == 0 and sorted(opened) == sorted(closed) and plain.count("$") % 2 == 0


@pytest.mark.parametrize("name", library.names())
def test_every_construction_as_latex(name, capsys):
    code, out = said(capsys, "show", name, "--tex")
    body = out[out.index(r"\end{filecontents*}") :]
    assert code == 0 and balanced(out)
    assert not re.search(r"(?<!\\)[&#]", body) and not re.search(r"(?<!\\)_", re.sub(r"\\label\{[^}]*\}", "", body))
    cited = set(re.findall(r"\\cite\{(\w+)\}", body))
    assert cited and cited <= {*re.findall(r"@\w+\{(\w+),", out)}
    assert body.count(r"\begin{theorem}") == len(library.load(name).claims)
    assert all(ord(c) < 128 or c.isalpha() for c in body)


def test_text_and_json_say_what_is_stored(capsys, tmp_path):
    assert "no verdict is stored" in said(capsys, "show", "t5-bucket-formula")[1]
    assert main(["verify", "t5-bucket-formula", "--jobs", "1"]) == 0
    capsys.readouterr()
    code, text = said(capsys, "show", "t5-bucket-formula")
    assert code == 0 and "logarithms compared as powers" in text and "the printed formula: 0, 1, 2, 5/2" in text
    assert "Exploring the Limits of Transfer Learning" in " ".join(text.split()) and "5 buckets" in text
    data = json.loads(said(capsys, "show", "t5-bucket-formula", "--json")[1])
    assert data["verdicts"]["buckets"]["verdict"] == "proved" and data["kind"] == "correction"
    assert data["bibliography"]["raffel2020"].startswith("@article{raffel2020,")
    assert "proved by theory.printed" in said(capsys, "show", "t5-bucket-formula/buckets", "--tex")[1]
    shown = json.loads(said(capsys, "list", "--json")[1])["constructions"]
    found = {c["name"]: c for c in shown}
    assert found["t5-bucket-formula"]["verdicts"] == {"proved": 1} and found["t5-bucket-formula"]["sources"] == [
        "kazemnejad2023",
        "raffel2020",
    ]
    assert len(found) >= 40 and all(c["kind"] in library.KINDS and c["sources"] for c in shown)


def test_a_cited_theorem_that_is_assumed_shows_everywhere(capsys):
    assert main(["verify", "bias-dimensions/woerdeman-window", "--jobs", "1"]) == 0
    assert "assuming [woerdeman1989]" in capsys.readouterr().out
    assert r"proved, assuming \cite{woerdeman1989}" in said(capsys, "show", "bias-dimensions/woerdeman-window", "--tex")[1]
    assert "proved assuming [woerdeman1989]" in said(capsys, "list", "--json")[1]


def test_one_form_at_a_time(capsys):
    assert main(["show", "alibi", "--tex", "--json"]) == 2
    assert "one of them" in capsys.readouterr().err


def test_graph(capsys, tmp_path):
    code, text = said(capsys, "graph")
    assert code == 0 and "alibi-constant (correction, unchecked)  <- alibi" in text
    data = json.loads(said(capsys, "graph", "--json", "--out", str(tmp_path / "g.svg"))[1])
    assert len(data["results"]) == len(library.names()) and (tmp_path / "g.svg").read_text().startswith("<svg")
    assert main(["graph", "--out", str(tmp_path / "no" / "g.svg")]) == 2


def test_citations():
    assert theorem.cited("weiss2021, a_b") == r"\cite{weiss2021}, a\_b"
    assert bibliography.cited("massey1969").startswith("James L. Massey. Shift-Register Synthesis and BCH Decoding")
    assert bibliography.cited("nobody1900") == "nobody1900"
    assert all(e.count("{") == e.count("}") for e in bibliography.entries().values()) and len(bibliography.entries()) > 30


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_latex_takes_all_of_it(capsys, tmp_path):
    head, tail = "\\documentclass{article}\n\\newtheorem{theorem}{Theorem}\n\\begin{document}\n", "\\end{document}\n"
    body = "\n".join(said(capsys, "show", name, "--tex")[1] for name in library.names())
    (tmp_path / "all.tex").write_text(head + body + tail, encoding="utf-8")
    ran = subprocess.run(["pdflatex", "-interaction=nonstopmode", "all.tex"], cwd=tmp_path, capture_output=True, check=False)
    assert ran.returncode == 0 and not re.search(rb"^!", ran.stdout, re.MULTILINE)
    assert "@inproceedings{press2022," in (tmp_path / "alibi.bib").read_text(encoding="utf-8")
