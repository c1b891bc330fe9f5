"""The paper and the LaTeX macros: every number from rows, a missing row or field stops the build, same rows same bytes."""

import json
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from nopeproof import ledger
from nopeproof.cli import main
from nopeproof.errors import NopeproofError
from nopeproof.ledger import Ledger
from nopeproof.report import paper, tex

pytest.importorskip("typst", reason="needs nopeproof[paper]")
TYPED = Path(__file__).parents[2] / "paper" / "main.typ"


def model(name: str, pe: str) -> dict:
    """One model of a comparison row, as small as the page takes it."""
    lengths = [1, 2, 3]
    return {
        "name": name, "task": "copy", "pe": pe, "seed": 0, "learned": True,
        "exact_match_in": 1.0, "exact_match_beyond": 0.25, "train_length": 2,
        "scores": {"length": lengths, "exact_match": [1.0, 1.0, 0.25]},
        "uniform": {
            "nearest": {"layer": 1, "head": 1, "nats": 0.0123}, "untrained_nearest": {"layer": 1, "head": 1, "nats": 0.05},
            "distance": [[0.0123]],
        },
        "probes": [{"layer": n, "target": t, "r2": 0.9, "r2_untrained": 0.5} for n in (0, 1) for t in ("t", "1/t")],
    }  # fmt: skip


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Verdicts on a claim of each theorem from a run, its other claims unchecked; a limits row and a comparison row written down."""
    where = tmp_path_factory.mktemp("ledger")
    assert main(["verify", "absolute-position/recip", "relative-position/score", "--jobs", "1", "--ledger", str(where), "--json"]) == 0
    limits = {
        "subject": "minimal", "arithmetic": "float32/float32/streaming", "certified": 2894, "capped": False, "first_failure": None,
        "rows_run": 1024,        "collision": 11864338, "contradictions": [], "reason": "", "claim": "minimal",
    }  # fmt: skip
    summary = [{"task": "copy", "other": "t5", "kind": "encoding", "length": 2, "mean": 0.05, "least": 0.05, "most": 0.05, "pairs": 1}]
    compared = {
        "units": {},
        "lengths": [2],
        "words_per_length": 8,
        "models": [model("nope/0", "nope"), model("t5/0", "t5")],
        "summary": summary,
    }
    found = ledger.read_all(where).rows
    return (
        *found,
        ledger.row("limits", construction="absolute-position", claim="minimal", data=limits),
        ledger.row("compare", data=compared),
    )


def test_the_same_rows_give_the_same_bytes(rows):
    first = paper.pdf(Ledger(rows))
    assert first.startswith(b"%PDF") and first == paper.pdf(Ledger(rows))


@pytest.mark.parametrize("kind", ["construction", "limits", "compare"])
def test_without_the_rows_it_speaks_of_there_is_no_paper(rows, kind):
    with pytest.raises(NopeproofError, match=f"no .*{kind}.* rows"):
        paper.pdf(Ledger(tuple(r for r in rows if r["kind"] != kind)))


def test_without_a_claim_that_the_text_names_there_is_no_paper(rows):
    changed = deepcopy(rows)
    for r in changed:
        if r["kind"] == "construction" and r["construction"] == "absolute-position":
            r["data"]["claims"] = [c for c in r["data"]["claims"] if c["id"] != "recip"]
    with pytest.raises(NopeproofError, match="absolute-position/recip"):
        paper.pdf(Ledger(changed))


def test_a_field_that_is_missing_stops_the_build(rows):
    changed = deepcopy(rows)
    del changed[-1]["data"]["models"][0]["exact_match_in"]
    with pytest.raises((NopeproofError, KeyError)):
        paper.pdf(Ledger(changed))


def test_what_is_printed_is_what_the_rows_say(rows):
    content, _ = paper.contents(Ledger(rows))
    recip = content["claims"]["absolute-position/recip"]
    row = next(r for r in rows if r["kind"] == "verdict" and r["claim"] == "recip")
    proof = next(e for e in row["evidence"] if e["kind"] == "proved")
    assert recip["verdict"] == row["verdict"] == "proved" and proof["certificate_sha256"].startswith(recip["certificate"])
    verdicts = [r for r in rows if r["kind"] == "verdict"]
    claimed = sum(len(r["data"]["claims"]) for r in rows if r["kind"] == "construction")
    assert content["counts"]["claims"] == claimed > len(verdicts) == 2 == content["counts"]["stand"]
    assert ["unchecked", claimed - 2] in content["counts"]["kinds"]
    assert content["claims"]["absolute-position/minimal"]["by"] == "no check has run"


def test_the_text_holds_no_measured_number():
    """Numbers of two digits or more stand only in formulas, lengths of the layout, and citation keys."""
    text = re.sub(r"\$[^$]*\$|//.*|@\w+", "", TYPED.read_text())
    assert not re.findall(r"(?<![\w.])\d[\d,.]*\d(?!\d|[.\d]*(?:pt|mm|fr|em|%))", text.replace("SHA-256", "").replace('"1.1"', ""))


def test_macros_hold_every_claim_and_braces_balance(rows):
    text = tex.tex(Ledger(rows))
    named = set(re.findall(r"\\np@set\{([^}]*)\}\{verdict\}", text))
    assert {"absolute-position/recip", "relative-position/score"} <= named
    bare = text.replace(r"\{", "").replace(r"\}", "")
    assert bare.count("{") == bare.count("}")
    assert all(ord(c) < 128 or c.isalpha() or c in "–—’‘“”" for c in text)


def test_special_characters_are_escaped():
    assert tex.escaped("50% of a_b & c#1 {x}") == r"50\% of a\_b \& c\#1 \{x\}"
    assert tex.escaped("∃w ∀T") == r"$\exists$w $\forall$T"
    assert tex.escaped("\u2620") == r"\texttt{U+2620}"


def test_the_command_writes_each_format(rows, tmp_path, capsys):
    where = tmp_path / "ledger"
    writer = ledger.Writer(where, "rows")
    for r in rows:
        writer.append(r)
    for to, names in {"pdf": ["p.pdf"], "tex": ["c.tex", "c.bib"]}.items():
        assert main(["report", "--to", to, "--out", str(tmp_path / names[0]), "--ledger", str(where), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["file"] == str(tmp_path / names[0])
        assert all((tmp_path / n).stat().st_size for n in names)
    assert main(["report", "--to", "pdf", "--ledger", str(tmp_path / "none"), "--out", str(tmp_path / "x.pdf")]) == 2
    assert not (tmp_path / "x.pdf").exists()


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(rows, tmp_path):
    writer = ledger.Writer(tmp_path / "ledger", "rows")
    for r in rows:
        writer.append(r)
    outs = []
    for n in "ab":
        out = tmp_path / f"{n}.pdf"
        subprocess.run(
            [sys.executable, "-m", "nopeproof", "report", "--to", "pdf", "--ledger", str(writer.path.parent), "--out", str(out)], check=True
        )
        outs.append(out.read_bytes())
    assert outs[0] == outs[1]
