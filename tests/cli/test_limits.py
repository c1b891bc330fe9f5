"""`nopeproof limits`: its table, its JSON, its plot, and an exit code that a contradicted certificate turns to 1."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from nopeproof.checks import certify, limits
from nopeproof.cli.limits import Limits
from nopeproof.errors import NopeproofError
from nopeproof.report import limits as report

TARGET = "absolute-position/minimal"
HALF = ("bfloat16", "bfloat16/float32/sdpa")


def test_the_table_says_how_far_it_goes_and_why_it_ends(capsys):
    assert Limits(TARGET, dtype=HALF, rows=256).run() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "subject" and len(lines) == 3
    assert "bfloat16/float32/materialised" in lines[1] and "190" in lines[1]


def test_json_is_one_document_of_rows_for_eight_configurations(capsys):
    assert Limits(TARGET, rows=64, json=True).run() == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1 and len({row["arithmetic"] for row in found["rows"]}) >= 6
    for row in found["rows"]:
        assert row["certified"] < row["collision"] and row["contradictions"] == [] and row["assumes"] and row["probes"]
        assert row["first_failure"] is None or row["first_failure"] > row["certified"]


def test_the_plot_is_svg_with_a_line_for_each_row(tmp_path, capsys):
    out = tmp_path / "limits.svg"
    assert Limits(TARGET, dtype=HALF, rows=128, out=out).run() == 0
    text = out.read_text()
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert (
        "bfloat16/float32/sdpa" in text
        and "no decoder" in text
        and "http://" not in text.split("<defs>")[1].replace("http://www.w3.org", "")
    )


def test_a_contradicted_certificate_is_exit_code_1_and_says_where(monkeypatch, capsys):
    real = certify.length

    def too_long(claim, declared, platform=None):
        from dataclasses import replace

        return replace(real(claim, declared, platform), T=150)

    monkeypatch.setattr(limits, "length", too_long)
    assert Limits(TARGET, dtype=("bfloat16",), rows=256).run() == 1
    assert "CONTRADICTED at t = " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Limits("absolute-positon"), "absolute-position"),
        (Limits("absolute-position/nothing"), "it has recip"),
        (Limits("absolute-position/recip"), "none of its claims"),
        (Limits(TARGET, dtype=("float17",)), "known: float64"),
        (Limits(TARGET, dtype=("float32/float32/fast",)), "route 'fast'"),
        (Limits(TARGET, rows=1), "two positions"),
    ],
)
def test_misuse_says_what_to_do(asked, why):
    with pytest.raises(NopeproofError, match=why):
        asked.run()


def test_a_plot_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    with pytest.raises(NopeproofError, match="folder that exists"):
        Limits(TARGET, out=tmp_path / "none" / "x.svg").run()


def test_the_verb_is_known_without_torch():
    code = "import sys, nopeproof.cli.limits; sys.exit(any(m in sys.modules for m in ('torch', 'sympy', 'matplotlib')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_cells_of_a_row_that_was_not_run():
    row = {
        "subject": "s",
        "arithmetic": "a",
        "certified": None,
        "first_failure": None,
        "rows_run": 0,
        "collision": 10**12,
        "reason": "why",
        "contradictions": [],
    }
    assert report.cells(row) == ("s", "a", "-", "not run", "1e+12", "why")
    assert report.cells({**row, "certified": 2895, "rows_run": 1024, "capped": True})[2:4] == (">= 2,895", "none <= 1,024")
