"""What every verb promises: one JSON document, help at once and without torch, no colour where nobody can see it; and `new` to `verify`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nopeproof import ledger, library
from nopeproof.cli import _pool, main, verbs

HEAVY = {"torch", "sympy", "matplotlib", "hypothesis", "transformers", "jinja2"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every command runs in an empty folder with a ledger of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ledger.VARIABLE, str(tmp_path / "ledger"))


def run(capsys, *words: str, code: int = 0) -> str:
    """What a command prints on standard output."""
    assert main([*words]) == code, capsys.readouterr().err
    return capsys.readouterr().out


def read(capsys, *words: str, code: int = 0) -> dict:
    """The one JSON document that a command prints."""
    found = json.loads(run(capsys, *words, "--json", code=code))
    assert isinstance(found, dict) and found["schema"] == 1
    return found


# --- help ------------------------------------------------------------------------------------------------------------


def interpreter(code: str) -> tuple[str, float]:
    """What a fresh interpreter prints, and how many CPU seconds it took."""
    timed = f"import time; {code}; import sys; print(time.process_time(), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout, float(done.stderr.split()[-1])


def test_no_help_imports_anything_heavy():
    """All verbs in one interpreter: whichever imports torch is found by its name."""
    code = f"""
import contextlib, io, json, sys
from nopeproof.cli import main, verbs
guilty = {{}}
for words in [["--help"], ["--version"], *([v, "--help"] for v in verbs())]:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        assert main(words) == 0, words
    assert "usage" in text.getvalue() or words == ["--version"]
    new = {HEAVY!r} & set(sys.modules) - set(sum(guilty.values(), []))
    if new:
        guilty[" ".join(words)] = sorted(new)
print(json.dumps(guilty))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}


def test_list_and_show_import_nothing_heavy():
    for words in ("list", "show absolute-position"):
        code = f"import json, sys; from nopeproof.cli import main; main({words.split()!r}); print(json.dumps(sorted(sys.modules)))"
        out, _ = interpreter(code)
        assert not HEAVY & set(json.loads(out.splitlines()[-1])), words


def test_every_verb_says_in_its_help_that_a_file_is_executed(capsys):
    for verb in verbs():
        text = " ".join(run(capsys, verb, "--help").split())
        if "FILE.py" in text and verb != "new":
            assert "executed" in text, verb


def test_the_help_lists_every_verb_with_a_sentence(capsys):
    text = run(capsys, "--help")
    for verb in verbs():
        line = next(line for line in text.splitlines() if line.startswith(f"  {verb} "))
        assert len(line.split()) > 4 and line.endswith("."), line


# --- one document ----------------------------------------------------------------------------------------------------


def test_list(capsys):
    found = read(capsys, "list")["constructions"]
    assert [c["name"] for c in found] == library.names()
    assert all(c["verdicts"].keys() == {"unchecked"} for c in found)


def test_list_shows_a_verdict_only_for_what_it_was_found_for(capsys):
    run(capsys, "new", "mine")
    found = read(capsys, "verify", "repeated-bos")["constructions"][0]
    listed = next(c for c in read(capsys, "list")["constructions"] if c["name"] == "repeated-bos")
    assert sum(listed["verdicts"].values()) == len(found["claims"]) and "unchecked" not in listed["verdicts"]


def test_show(capsys):
    found = read(capsys, "show", "absolute-position/recip")
    assert [c["id"] for c in found["claims"]] == ["recip"] and found["subjects"][0]["residual"][0] == ["one", 1]


def test_verify_keeps_the_promised_shape(capsys):
    found = read(capsys, "verify", "absolute-position/recip")
    (construction,) = found["constructions"]
    (claim,) = construction["claims"]
    assert set(found) == {"schema", "constructions", "versions"} and set(construction) >= {"name", "weights_sha256", "claims"}
    assert set(claim) >= {"id", "statement", "scope", "source", "verdict", "evidence"}
    assert claim["verdict"] == "proved" and claim["stands"] is True
    assert all(set(e) >= {"kind", "scope", "tool", "seconds", "witness"} for e in claim["evidence"])


def test_processes_change_nothing_but_the_time(capsys):
    names = ["repeated-bos", "strict-mask/recip", "absolute-position/recip"]

    def verdicts(jobs: str) -> list:
        found = read(capsys, "verify", *names, "--jobs", jobs)["constructions"]
        return [(c["name"], k["id"], k["verdict"], k["stands"]) for c in found for k in c["claims"]]

    assert verdicts("2") == verdicts("1")


def test_doctor(capsys):
    found = {f["about"]: f for f in read(capsys, "doctor")["findings"]}
    assert found["float32"]["state"] == "fine" and found["ledger"]["state"] == "fine" and "extra [hf]" in found
    assert "exp(0) = 1" in found["float32 facts"]["found"]
    assert "extra [hf]" in run(capsys, "doctor")


def test_doctor_finds_a_ledger_that_cannot_be_written(capsys):
    Path("file").touch()
    wrong = [f for f in read(capsys, "doctor", "--ledger", "file", code=1)["findings"] if f["state"] == "wrong"]
    assert [f["about"] for f in wrong] == ["ledger"]


# --- from new to a verdict -------------------------------------------------------------------------------------------


def test_a_new_file_runs_and_says_what_is_open(capsys):
    assert read(capsys, "new", "my-lemma")["file"] == "my_lemma.py"
    claims = read(capsys, "verify", "my_lemma.py", code=1)["constructions"][0]["claims"]
    assert {c["id"]: (c["verdict"], c["stands"]) for c in claims} == {"recip": ("proved", True), "falls": ("exhausted", False)}
    text = run(capsys, "verify", "my_lemma.py", "--no-store", code=1)
    assert "what is shown does not cover what is claimed" in text and "1 of 2 claims stand as stated" in text


def test_what_a_new_file_says_closes_its_open_claim_closes_it(capsys):
    run(capsys, "new", "mine")
    text = Path("mine.py").read_text(encoding="utf-8")
    bounded = 'Scope(t_max=6, vocabulary="given", parameters="one")'
    assert bounded in text
    Path("mine.py").write_text(text.replace("falls),\n        everywhere", f"falls),\n        {bounded}"), encoding="utf-8")
    assert main(["verify", "mine.py"]) == 0


@pytest.mark.parametrize(("claimed", "t", "found"), [("1/(t + 1)", 1, "1"), ("1/(2*t - 1)", 2, "1/2"), ("(5 - t)/4", 3, "1/3")])
def test_a_false_claim_is_refuted_by_the_smallest_word(capsys, claimed, t, found):
    run(capsys, "new", "mine")
    text = Path("mine.py").read_text(encoding="utf-8")
    Path("mine.py").write_text(text.replace('R.recip, "1/t"', f'R.recip, "{claimed}"'), encoding="utf-8")
    if claimed == "(5 - t)/4":  # right at t = 1 alone, so the word must be of two tokens
        t, found = 2, "1/2"
    (claim,) = read(capsys, "verify", "mine.py/recip", code=1)["constructions"][0]["claims"]
    witness = next(e["witness"] for e in claim["evidence"] if e["kind"] == "refuted")
    assert (claim["verdict"], witness["t"], len(witness["word"]), witness["found"]) == ("refuted", t, t, found)
    drawn = run(capsys, "verify", "mine.py/recip", code=1)
    assert "smallest counterexample" in drawn and "^ t" in drawn


def test_a_file_that_prints_does_not_spoil_the_document(capsys):
    run(capsys, "new", "mine")
    path = Path("mine.py")
    path.write_text(path.read_text(encoding="utf-8") + "print('a stray line')\n", encoding="utf-8")
    read(capsys, "verify", "mine.py/recip")
    read(capsys, "show", "mine.py")


# --- no colour where there is no terminal ----------------------------------------------------------------------------


def test_nothing_is_coloured_in_a_pipe(capsys):
    assert "\x1b" not in run(capsys, "list") + run(capsys, "verify", "repeated-bos")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("no_color", [False, True])
def test_colour_on_a_terminal_unless_it_is_unwanted(no_color):
    import os
    import pty

    seen: list[bytes] = []

    def read_all(fd: int) -> bytes:
        seen.append(os.read(fd, 1024))
        return seen[-1]

    setting = ["env", "TERM=xterm-256color", *(["NO_COLOR=1"] if no_color else [])]
    pty.spawn([*setting, sys.executable, "-m", "nopeproof", "verify", "repeated-bos"], read_all)
    coloured = b"\x1b[3" in b"".join(seen) or b"\x1b[1;3" in b"".join(seen)
    assert b"proved" in b"".join(seen) and coloured is not no_color


def test_a_reader_who_stops_is_no_error(tmp_path):
    code = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'nopeproof', 'list'], stdout=subprocess.PIPE, stderr=-1)"
    done = subprocess.run([sys.executable, "-c", f"{code}; p.stdout.close(); print(p.stderr.read()); print(p.wait())"],
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.stdout.split() == ["b''", "0"]


# --- the pool --------------------------------------------------------------------------------------------------------


def slow_first(n: int) -> int:
    """The first item takes longest, so that results come back out of order."""
    time.sleep(0.3 if n == 0 else 0)
    return n * n


def faulty(n: int) -> int:
    """One item that cannot be done."""
    if n == 1:
        raise ValueError("no")
    return n


def deadly(n: int) -> int:
    """One item that ends its process."""
    import os

    if n == 1:
        os._exit(9)
    return n


def test_results_keep_the_order_of_the_items():
    assert list(_pool.spread(slow_first, range(6), 3)) == [n * n for n in range(6)]


@pytest.mark.parametrize(("work", "error"), [(faulty, "ValueError: no"), (deadly, "a worker process ended before its work was done")])
def test_a_failure_comes_in_its_turn(work, error):
    results = _pool.spread(work, range(4), 2)
    assert next(results) == 0
    with pytest.raises(Exception, match=error):
        next(results)
