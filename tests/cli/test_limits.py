"""`nopeproof limits`: its table, its JSON, its plot, and an exit code that a contradicted certificate turns to 1."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from nopeproof import ledger
from nopeproof.checks import certify, clocks, limits
from nopeproof.cli import main
from nopeproof.cli.limits import Limits
from nopeproof.errors import NopeproofError
from nopeproof.report import limits as report

TARGET = "absolute-position/minimal"
HALF = ("bfloat16", "bfloat16/float32/sdpa")


@pytest.fixture(autouse=True)
def own_ledger(tmp_path, monkeypatch):
    """No test writes to the ledger of whoever runs it, and none compares the clocks unless it is about that."""
    monkeypatch.setenv(ledger.VARIABLE, str(tmp_path / "ledger"))
    return tmp_path / "ledger"


def test_the_table_says_how_far_it_goes_and_why_it_ends(capsys):
    assert Limits(TARGET, alone=True, dtype=HALF, rows=256).run() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "subject" and len(lines) == 3
    assert "bfloat16/float32/materialised" in lines[1] and "190" in lines[1]


@pytest.mark.slow
def test_json_is_one_document_of_rows_for_eight_configurations(capsys):
    assert Limits(TARGET, alone=True, rows=64, json=True).run() == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1 and len({row["arithmetic"] for row in found["rows"]}) >= 6
    for row in found["rows"]:
        assert row["certified"] < row["collision"] and row["contradictions"] == [] and row["assumes"] and row["probes"]
        assert row["first_failure"] is None or row["first_failure"] > row["certified"]


def test_the_plot_is_svg_with_a_line_for_each_row(tmp_path, capsys):
    out = tmp_path / "limits.svg"
    assert Limits(TARGET, alone=True, dtype=HALF, rows=128, out=out).run() == 0
    text = out.read_text()
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert (
        "bfloat16/float32/sdpa" in text
        and "no decoder" in text
        and "http://" not in text.split("<defs>")[1].replace("http://www.w3.org", "")
    )


@pytest.mark.filterwarnings("error")
def test_the_plot_of_a_single_row_has_room():
    row = {"subject": "s", "arithmetic": "a", "certified": 299, "rows_run": 64, "first_failure": None, "collision": 1464}
    assert ElementTree.fromstring(report.figure([row], "title")).tag.endswith("svg")


def test_a_dtype_that_torch_cannot_add_is_said_to_be_one_as_doctor_does(capsys):
    assert main(["limits", TARGET, "--alone", "--dtype", "float8_e4m3", "--rows", "32", "--no-store"]) == 0
    said = capsys.readouterr().out
    assert "not run" in said and "float8_e4m3fn: held and cast; torch cannot add it here" in said


def test_a_contradicted_certificate_is_exit_code_1_and_says_where(monkeypatch, capsys):
    real = certify.length

    def too_long(claim, declared, platform=None):
        from dataclasses import replace

        return replace(real(claim, declared, platform), T=150)

    monkeypatch.setattr(limits, "length", too_long)
    assert Limits(TARGET, alone=True, dtype=("bfloat16",), rows=256).run() == 1
    assert "CONTRADICTED at t = " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Limits("absolute-positon"), "absolute-position"),
        (Limits("absolute-position/nothing"), "it has recip"),
        (Limits("absolute-position/recip"), "none of its claims"),
        (Limits(TARGET, alone=True, dtype=("float17",)), "known: float64"),
        (Limits(TARGET, alone=True, dtype=("float32/float32/fast",)), "route 'fast'"),
        (Limits(TARGET, alone=True, rows=1), "two positions"),
    ],
)
def test_misuse_says_what_to_do(asked, why):
    with pytest.raises(NopeproofError, match=why):
        asked.run()


def test_rows_are_stored_as_they_are_shown_and_each_says_how_to_make_it_again(own_ledger, capsys):
    assert Limits(TARGET, alone=True, dtype=HALF, rows=64, json=True).run() == 0
    shown = json.loads(capsys.readouterr().out)["rows"]
    stored = ledger.read_all(own_ledger).of("limits")
    assert [r["data"] for r in stored] == shown and {r["construction"] for r in stored} == {"absolute-position"}
    again = stored[1]["command"]
    assert again[:3] == ["nopeproof", "limits", TARGET] and again[again.index("--dtype") + 1] == shown[1]["arithmetic"]
    assert main(again[1:]) == 0 and "bfloat16/float32/sdpa" in capsys.readouterr().out
    kept = len(ledger.read_all(own_ledger).rows)
    assert Limits(TARGET, alone=True, dtype=HALF[:1], rows=32, no_store=True).run() == 0
    assert len(ledger.read_all(own_ledger).rows) == kept


def test_the_clocks_stand_side_by_side_beside_one_of_them(own_ledger, capsys, monkeypatch):
    made = {"clock": "c", "claim": "c", "arithmetic": "a", "certified": 7, "collision": None, "margin": 0.5, "reason": "", "capped": True}
    monkeypatch.setattr(clocks, "beside", lambda name, claims, grown: iter([{**made, "clock": name}]))
    assert Limits(TARGET, dtype=("bfloat16",), rows=32).run() == 0
    shown = capsys.readouterr().out
    names = ["absolute-position", "rounding-clock", "sink-clock", "division-clock"]
    assert all(n in shown for n in names) and ">= 7" in shown
    assert [r["construction"] for r in ledger.read_all(own_ledger).of("clock")] == names


def test_a_division_clock_is_shown_in_its_own_format_alone(capsys):
    assert Limits("division-clock/bfloat16", alone=True, rows=64).run() == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert len(lines) == 2 and all("bfloat16" in line for line in lines)
    with pytest.raises(NopeproofError, match="none of them float64"):
        Limits("division-clock/bfloat16", dtype=("float64",)).run()


def test_the_error_at_each_t_is_drawn_beside_the_lengths(tmp_path, capsys):
    assert Limits(TARGET, alone=True, dtype=HALF, rows=64, out=tmp_path / "limits.svg").run() == 0
    text = (tmp_path / "limits-error.svg").read_text()
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert all(word in text for word in ("bfloat16: error", "bound: sdpa", "seen: materialised", "no decoder", "1/2"))


def test_figures_of_rows_without_a_certificate_are_drawn_all_the_same():
    assert ElementTree.fromstring(report.errors([])).tag.endswith("svg")


def test_a_plot_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    with pytest.raises(NopeproofError, match="folder that exists"):
        Limits(TARGET, alone=True, out=tmp_path / "none" / "x.svg").run()


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
