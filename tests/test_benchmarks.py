"""The benchmarks' runner: finds its files, prints one document, keeps rows; no time is asserted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nopeproof import ledger

ROOT = Path(__file__).parents[1]


def bench(*arguments):
    return subprocess.run([sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_figures_of_other_systems_carry_their_source_and_no_ratio():
    found = json.loads(bench("peers", "--json").stdout)
    assert len(found["rows"]) > 4 and all(r["source"] and "ratio" not in r for r in found["rows"])


def test_an_unknown_benchmark_is_misuse_and_names_those_there_are():
    found = bench("clokcs")
    assert found.returncode == 2 and "'clokcs'" in found.stderr and "theorem_one" in found.stderr


@pytest.mark.slow
def test_every_benchmark_runs_and_what_is_measured_here_is_held_against_something(tmp_path):
    found = bench("--quick", "--ledger", str(tmp_path))
    assert found.returncode == 0, found.stderr
    rows = [r["data"] for r in ledger.read_all(tmp_path).of("benchmark")]
    files = {p.stem for p in (ROOT / "benchmarks").glob("[a-z]*.py")}
    assert {r["benchmark"] for r in rows} == files
    for name in files - {"peers"}:
        assert any(r["benchmark"] == name and r["ratio"] > 0 and r["against"] for r in rows if "ratio" in r)
