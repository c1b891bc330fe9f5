"""The main job on a small scale: every step does its work, a second run keeps it, a kill costs little, a false claim is exit code 1."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nopeproof import ledger
from nopeproof.cli import main, reproduce
from nopeproof.learn import recipe

TINY = dataclasses.replace(recipe.PRESETS["demo"], seeds=(0,), recipe=recipe.Recipe(layers=2, d_model=8, heads=2, steps=3, train_length=3,
                           test_length=4, test_count=2, batch=2))  # fmt: skip
FALSE = """\"\"\"False.\"\"\"
from nopeproof import Block, Circuit, Claim, Embedding, Equals, Head, Residual, Scope, after_attention
R = Residual(bos=1, recip=1)
head = Head(W_Q=[0], W_K=[0], W_V=[R.bos], W_O=[R.recip])
circuit = Circuit(R, Embedding({"<bos>": R.bos.vector, "a": R.zero, "b": R.zero}), blocks=[Block(heads=[head])], bos="<bos>", name="c")
claims = [Claim("false", circuit, Equals(after_attention(1), R.recip, "1/(2*t - 1)"), Scope(vocabulary="given"))]
"""


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """One construction, no clock, and models of a moment's training, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ledger.VARIABLE, raising=False)
    monkeypatch.setitem(recipe.PRESETS, "demo", TINY)
    monkeypatch.setattr("nopeproof.cli.reproduce.names", lambda: ["repeated-bos"])
    monkeypatch.setattr("nopeproof.cli._lengths.CLOCKS", ())


def run(capsys, code: int = 0) -> dict[str, dict]:
    """The steps of one run, by name."""
    assert main(["reproduce", "--jobs", "1", "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1 and found["good"] is (code == 0)
    return {step["step"]: step for step in found["steps"]}


def test_all_steps_once_and_nothing_twice(capsys):
    first = run(capsys)
    assert list(first) == ["verify", "properties", "lengths", "train", "compare", "report"]
    assert first["verify"]["claims"] == 3 and first["verify"]["kept"] == 0 and first["properties"]["checked"] > 0
    assert first["compare"]["models"] == 2
    page = Path("runs/report.html").read_text(encoding="utf-8")
    assert all(f'id="{section}"' in page for section in ("verdicts", "properties", "trained", "repeated-bos"))
    before = ledger.read_all(Path("runs/ledger"))
    second = run(capsys)
    after = ledger.read_all(Path("runs/ledger"))
    assert second["verify"]["kept"] == 3
    new = [r["kind"] for r in after.rows[:]]
    for kind in ("verdict", "properties", "training", "compare"):
        assert new.count(kind) == sum(r["kind"] == kind for r in before.rows) > 0, kind


def test_a_verdict_of_other_code_is_not_kept(capsys, monkeypatch):
    run(capsys)
    monkeypatch.setattr("nopeproof.ledger.versions", lambda: {"code": "changed"})
    again = run(capsys)
    assert again["verify"]["kept"] == 0


def test_a_false_claim_is_exit_code_1_and_the_report_is_there_all_the_same(capsys, monkeypatch):
    Path("false.py").write_text(FALSE, encoding="utf-8")
    monkeypatch.setattr("nopeproof.cli.reproduce.names", lambda: ["repeated-bos", "false.py"])
    found = run(capsys, code=1)
    assert found["verify"]["failed"] == ["false/false"] and found["verify"]["good"] is False
    assert "✗ refuted" in Path("runs/report.html").read_text(encoding="utf-8")


def test_a_run_that_differs_fails_its_properties(capsys, monkeypatch):
    from nopeproof.cli import _properties

    def half(circuit, word, arithmetic, **options):
        """A float route that loses half of every number."""
        trace = honest(circuit, word, arithmetic, **options)
        if arithmetic == "float64":
            for site in trace.residuals:
                trace.residuals[site] = trace.residuals[site] / 2
        return trace

    honest = _properties.run
    monkeypatch.setattr("nopeproof.testing.run_circuit", half)
    row = _properties.done(_properties.Job("repeated-bos", Path("rows")))
    assert row["data"]["checked"] == [] and len(row["data"]["failed"]) == 1 and "differ" in row["data"]["failed"][0]


def test_a_circuit_without_a_mask_is_not_asked_to_be_causal():
    from nopeproof.cli import _properties

    text = FALSE.replace('name="c")', 'name="c", mask="none")')
    Path("ahead.py").write_text(text, encoding="utf-8")
    row = _properties.done(_properties.Job("ahead.py", Path("rows")))
    assert any("meant to look ahead" in text for text in row["data"]["skipped"]) and row["data"]["failed"] == []


@pytest.mark.slow
def test_lengths_are_certified_and_kept(capsys, monkeypatch):
    monkeypatch.setattr("nopeproof.cli._lengths.CLOCKS", ("rounding-clock/rounds",))
    monkeypatch.setattr("nopeproof.cli.limits.CLOCKS", ("rounding-clock/rounds",))
    monkeypatch.setattr("nopeproof.checks.limits.CONFIGURATIONS", ("bfloat16/float32/materialised",))
    work = reproduce.Work(None, 1, Path("report.html"), print)
    assert reproduce.lengths(work)["rows"] == 1
    before = ledger.read_all(work.rows).rows
    assert reproduce.lengths(work)["rows"] == 1 and ledger.read_all(work.rows).rows == before
    assert {r["kind"] for r in before} == {"limits", "clock"}


def test_it_says_what_it_shows(capsys):
    assert main(["reproduce", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    for n, step in enumerate((reproduce.verify, reproduce.properties, reproduce.lengths, reproduce.train, reproduce.compare), 1):
        assert f"[{n}/6] {(step.__doc__ or '').splitlines()[0]}" in " ".join(out.split()).replace("  ", " ")
    assert "Everything stands. Open file://" in out


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_verification_goes_on_where_it_was(tmp_path, monkeypatch):
    """The real command on every construction, killed without warning once some verdicts are stored."""
    words = [sys.executable, "-m", "nopeproof", "reproduce", "--jobs", "2", "--json"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    deadline, claims = time.monotonic() + 300, []
    while len(claims) < 12:
        assert process.poll() is None and time.monotonic() < deadline
        claims = [(r["construction"], r["claim"]) for r in ledger.read_all(tmp_path / "runs" / "ledger").of("verdict")]
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    claims = [(r["construction"], r["claim"]) for r in ledger.read_all(tmp_path / "runs" / "ledger").of("verdict")]
    monkeypatch.setattr("nopeproof.cli.reproduce.names", lambda: sorted({name for name, _ in claims}))
    found = reproduce.verify(reproduce.Work(None, 2, reproduce.OUT, print))
    assert found["kept"] == len(set(claims)) >= 12 and found["good"]
    assert found["claims"] > found["kept"] or len(claims) == found["claims"]
