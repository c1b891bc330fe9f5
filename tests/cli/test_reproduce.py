"""The main job on a small scale: every step does its work, a second run keeps it, a kill costs little, a false claim is exit code 1."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nopeproof
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
    work = reproduce.Work(None, 1, Path("report.html"), print, ("rounding-clock",))
    assert reproduce.lengths(work)["rows"] == 1
    before = ledger.read_all(work.rows).rows
    assert reproduce.lengths(work)["rows"] == 1 and ledger.read_all(work.rows).rows == before
    assert {r["kind"] for r in before} == {"limits", "clock"}


def test_it_says_what_it_shows(capsys):
    assert main(["reproduce", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    for n, step in enumerate((reproduce.verify, reproduce.properties, reproduce.lengths, reproduce.train, reproduce.compare), 1):
        assert f"[{n}/6] {(step.__doc__ or '').splitlines()[0]}" in " ".join(out.split()).replace("  ", " ")
    assert "Everything stands. Open file://" in out and "nothing to measure" in out and "T = 0" not in out


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_verification_goes_on_where_it_was(tmp_path):
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
    found = reproduce.verify(reproduce.Work(None, 2, reproduce.OUT["html"], print, tuple(sorted({name for name, _ in claims}))))
    assert found["kept"] == len(set(claims)) >= 12 and found["good"]
    assert found["claims"] > found["kept"] or len(claims) == found["claims"]


EXPERIMENTS = Path(nopeproof.__file__).parents[1] / "experiments"
SMALL = {
    "attention_distances": "runs/train/demo --words 2 --workers 1 --answered 0",
    "ablations": "--names repeated-bos first-token --seconds 0.05",
    "from_construction": "--steps 2 --seeds 0 --disturbed 0.0",
    "length_generalisation": "",
    "mutations": "--names repeated-bos first-token --limit 12",
    "mutations_in_coq": "--names repeated-bos --limit 8",
    "predictions": "",
    "score_decomposition": "runs/train/shallow --words 4",
    "sweeps": "--presets shallow demo --steps 2 --seeds 0 --words 2 --workers 1",
    "variations": "--steps 2 --seeds 0 --workers 1 --only '2 layers'",
}  # fmt: skip
"""Every script at the least scale at which it does all it does."""


@pytest.fixture
def checkout(tmp_path):
    """A folder with the scripts and a ledger without rows."""
    shutil.copytree(EXPERIMENTS, tmp_path / "experiments", ignore=shutil.ignore_patterns("ledger", "__pycache__"))
    return tmp_path


def test_each_script_comes_after_those_it_reads(checkout):
    order = list(reproduce.scripts())
    assert set(order) == {p.stem for p in EXPERIMENTS.glob("[a-z]*.py")}
    for name, path in reproduce.scripts().items():
        assert all(order.index(before) < order.index(name) for before in reproduce._after(path))
    assert reproduce._after(checkout / "experiments" / "predictions.py")


def test_a_script_that_fails_is_named_with_the_options_it_had(capsys):
    Path("experiments").mkdir()
    Path("experiments/two.py").write_text("import sys\nfrom _shared import CODE\nsys.exit(CODE if sys.argv[1:] == ['--x', 'a b'] else 0)\n")
    Path("experiments/_shared.py").write_text("CODE = 3\n")
    Path("experiments/one.py").write_text("AFTER = ('two',)\nprint('to standard error')\n")
    work = reproduce.Work(None, 1, Path("r.html"), print, scripts=reproduce.Reproduce(full=True, scripts=("one", "two --x 'a b'")).chosen())
    found = reproduce.experiments(work)
    assert found["failed"] == ["experiments/two.py"] and found["said"].startswith("1 of 2")
    assert capsys.readouterr().out.splitlines()[:2] == ["      experiments/two.py --x 'a b'", "      experiments/two.py failed"]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_script_ends_with_the_process_that_asked_for_it():
    Path("slow.py").write_text("import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n")
    parent = subprocess.Popen([sys.executable, "-c", "from nopeproof.cli import _script; _script.run('slow.py')"])
    deadline = time.monotonic() + 30
    while not (Path("pid").exists() and Path("pid").read_text()):
        assert parent.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    child = int(Path("pid").read_text())
    while time.monotonic() < deadline and Path(f"/proc/{child}").exists() and "Z" not in _state(child):
        time.sleep(0.02)
    assert time.monotonic() < deadline


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


KEPT = {
    "attention-distances": ("task", "lengths", "models"),  # the last digits of distances are free
    "ablation": ("assumption", "claim", "of", "statement"),  # a search of some seconds finds more on a quicker machine
    "compare": ("lengths", "words_per_length", "models"),  # the rest are probes and distances, whose last digits are free
    "training": ("digest", "scores", "status"),
    "variation": ("changed", "digest", "exact_match_in", "exact_match_beyond"),
    "verdict": ("statement", "stands"),
}


def everything(folder: Path) -> dict[str, list[str]]:
    """{kind: what its rows say, in order}: what does not depend on the time it took."""
    found: dict[str, list[str]] = {}
    for row in ledger.read_all([folder / "experiments" / "ledger", folder / "runs" / "ledger"]).rows:
        data = {key: row["data"][key] for key in KEPT.get(row["kind"], ()) or set(row["data"]) - {"seconds", "code"}}
        if row["kind"] == "compare":
            data["models"] = [[m["name"], m["digest"], m["scores"]] for m in data["models"]]
        found.setdefault(row["kind"], []).append(json.dumps([row["construction"], row["claim"], row["verdict"], data], sort_keys=True))
    # A claim whose last row is missing is ablated again; every sitting with a verdict to store begins by saying of what.
    for kind in ("ablation", "construction"):
        found[kind] = [*dict.fromkeys(found.get(kind, []))]
    return {kind: sorted(said) for kind, said in found.items()}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_everything_killed_at_any_moment_goes_on_where_it_was(checkout):
    """`reproduce --full` with every script at a small scale, killed without warning every few seconds: the same rows, each once."""
    assert set(SMALL) == set(reproduce.scripts())
    words = [sys.executable, "-m", "nopeproof", "reproduce", "--full", "--jobs", "1", "--names", "repeated-bos", "--steps", "2", "--json"]
    words += ["--scripts", *(f"{name} {options}" for name, options in SMALL.items())]
    rng, kills, moments = random.Random(0), 0, set()

    def start() -> subprocess.Popen:
        with (checkout / "stderr").open("w") as told:
            return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=told, cwd=checkout, env={**os.environ, "OMP_NUM_THREADS": "1"})

    def rows() -> int:
        found = ledger.read_all([checkout / "experiments" / "ledger", checkout / "runs" / "ledger"]).rows
        return sum(row["kind"] != "construction" for row in found)  # that row is what a verification begins with

    while kills < 6:
        process, before = start(), rows()
        deadline = time.monotonic() + 240
        while process.poll() is None and rows() <= before + rng.randrange(3) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(rng.uniform(0, 2))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        moments.add(rows())
    assert kills >= 5 and len(moments) >= 4
    process = start()
    out, _ = process.communicate(timeout=900)
    found = {step["step"]: step for step in json.loads(out)["steps"]}
    assert process.returncode == 0 and found["verify"]["kept"] == 3, (checkout / "stderr").read_text()
    killed = everything(checkout)
    before = rows()
    assert json.loads(start().communicate(timeout=900)[0])["good"] and rows() == before  # all is kept
    shutil.rmtree(checkout / "experiments" / "ledger")
    shutil.rmtree(checkout / "runs")
    assert json.loads(start().communicate(timeout=900)[0])["good"]
    whole = everything(checkout)
    assert killed.keys() == whole.keys() and {"ablation", "mutation", "training", "compare", "verdict", "predictions"} <= whole.keys()
    for kind in whole:
        assert killed[kind] == whole[kind], kind
