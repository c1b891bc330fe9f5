"""A user's mistake, whatever it is: one message in three layers, no traceback, exit code 2, and nothing on standard output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import nopeproof as nope
from nopeproof import counter_kernel, ledger
from nopeproof.cli import main, verbs

HEAD = """
from nopeproof import Block, Circuit, Claim, Embedding, Equals, Head, Holds, Residual, Scope, ScoreIs, after_attention, after_ffn
R = Residual(one=1, bos=1, recip=1)
head = Head(W_Q=[0], W_K=[0], W_V=[R.bos], W_O=[R.recip], name="mean")
tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one})
circuit = Circuit(R, tokens, blocks=[Block(heads=[head])], bos="<bos>", name="c")
right = Equals(after_attention(1), R.recip, "1/t")
given = Scope(vocabulary="given")
"""
ROW = ledger.row("verdict", construction="c")

# name of the file -> its text; `x` in a command stands for it
FILES = {
    "syntax error": ("x = 1\ny = 2\nz = (\n", "a syntax error in line 3"),
    "a null byte": ("x = 1\n\0\n", "syntax error"),
    "not UTF-8": ("x = '\xe9'\n", "syntax error"),
    "raises at import": ("x = 1\nraise ValueError('oh dear')\n", "line 2 raised ValueError: oh dear"),
    "ends the program": ("import sys\nsys.exit(3)\n", "raised SystemExit: 3"),
    "imports what is not there": ("import no_such_module_at_all\n", "No module named 'no_such_module_at_all'"),
    "endless recursion": ("def f():\n    f()\n\n\nf()\n", "RecursionError"),
    "no claims": (HEAD, "no `claims`"),
    "empty claims": (HEAD + "claims = []\n", "an empty or unusable `claims`"),
    "claims of another type": (HEAD + "claims = 3\n", "an empty or unusable `claims`"),
    "a number among the claims": (HEAD + "claims = [3]\n", "a int among its claims"),
    "two claims of one id": (HEAD + "claims = [Claim('x', circuit, right), Claim('x', circuit, right)]\n", "two claims called 'x'"),
    "a subject that is no circuit": (HEAD + "claims = [Claim('x', 3, right)]\n", "its subject\n  found: an int: 3"),
    "a statement that is text": (HEAD + "claims = [Claim('x', circuit, 'recip = 1/t')]\n", "its statement\n  found: a str: "),
    "a block that is not there": (HEAD + "claims = [Claim('x', circuit, Equals(after_ffn(2), R.recip, 't'))]\n", "the circuit has 1"),
    "a head that is not there": (HEAD + "claims = [Claim('x', circuit, ScoreIs(1, 1, '0'))]\n", "which has 1"),
    "an expression that is none": (HEAD + "Equals(after_attention(1), R.recip, '1//')\n", "an expression"),
    "an unknown name in an expression": (HEAD + "Equals(after_attention(1), R.recip, '1/s')\n", "unknown name 's'"),
    "an unknown subspace": (HEAD + "R.nothing\n", "nothing"),
    "a subspace index out of range": (HEAD + "R.one[3]\n", "one"),
    "a subspace of no width": (HEAD + "Residual(one=0)\n", "one"),
    "rows of another stream": (
        HEAD + "S = Residual(bos=1)\nCircuit(R, tokens, blocks=[Block([Head([0], [0], [S.bos], [0])])])\n",
        "a vector of Residual(bos=1)",
    ),
    "W_Q and W_K of other heights": (HEAD + "Head(W_Q=[0, 0], W_K=[0], W_V=[R.bos], W_O=[R.recip])\n", "W_K"),
    "W_V and W_O of other heights": (HEAD + "Head(W_Q=[0], W_K=[0], W_V=[R.bos, 0], W_O=[R.recip])\n", "W_O"),
    "two heads that write to one row": (HEAD + "Circuit(R, tokens, blocks=[Block(heads=[head, head])], bos='<bos>')\n", "recip"),
    "a number exact runs cannot hold": (HEAD + "float('nan') * R.one\n", "nan"),
    "a BOS without an embedding": (HEAD + "Circuit(R, Embedding({'a': R.one}), blocks=[Block(heads=[head])], bos='<bos>')\n", "<bos>"),
    "an unknown mask": (HEAD + "Circuit(R, tokens, blocks=[Block(heads=[head])], bos='<bos>', mask='future')\n", "future"),
    "an order that does not fit": (HEAD + "Scope(t_max='T')\n", "t_max"),
    "lengths upside down": (HEAD + "Scope(t_min=5, t_max=2)\n", "lengths 5 to 2"),
    "T = 0": (HEAD + "Scope(t_min=0)\n", "1 <= t_min"),
    "a dtype torch lacks": (HEAD + "claims = [Claim('x', circuit, right, Scope(arithmetic='float17', t_max=3))]\n", "float17"),
    "a value that one position lacks": (HEAD + "claims = [Claim('x', circuit, Equals(right.site, R.one, '1/(t-1)'), given)]\n", "by zero"),
    "a statement about another stream": (
        HEAD + "S = Residual(z=40)\nclaims = [Claim('x', circuit, Equals(right.site, S.z[30], '1'))]\n",
        "Residual(z=40)",
    ),
    "a predicate that returns nothing": (
        HEAD + "claims = [Claim('x', circuit, Holds('p', lambda trace: None), given)]\n",
        "a NoneType: None",
    ),
    "a predicate of nothing": (HEAD + "claims = [Claim('x', circuit, Holds('p', lambda: True), given)]\n", "a function of ()"),
    "a claim without a name": (HEAD + "claims = [Claim('', circuit, right, given)]\n", "a claim's id"),
    "a class of one's own": (HEAD + "class Mine(Scope):\n    pass\n\n\nclaims = [Claim('x', circuit, right, Mine())]\n", "Mine"),
    "a predicate that raises": (
        HEAD + "def p(trace):\n    return 1 / 0\n\n\nclaims = [Claim('x', circuit, Holds('p', p), given)]\n",
        "raised ZeroDivisionError",
    ),
}  # fmt: skip


def ask(capsys, *words: str) -> str:
    """Run a command that must fail as misuse; returns its message."""
    code = main([*words])
    out, err = capsys.readouterr()
    assert code == 2, (code, out, err)
    assert "Traceback" not in err and "\x1b" not in err and out == ""
    assert 0 < len(err.strip().splitlines()) < 16, err
    return err


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every command runs in an empty folder with a ledger of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ledger.VARIABLE, str(tmp_path / "ledger"))


@pytest.mark.parametrize("case", FILES)
def test_a_construction_file_that_is_none(case, capsys):
    text, said = FILES[case]
    Path("mine.py").write_text(text, encoding="latin-1")
    err = ask(capsys, "verify", "mine.py")
    assert said in err and err.startswith("nopeproof: ") and "  try:   " in err


COMMANDS = {
    "no such file": (["verify", "none.py"], "no such file"),
    "a folder for a file": (["verify", "folder.py"], "not a file"),
    "an unknown construction": (["verify", "nothing-like-it"], "known: "),
    "a misspelt construction": (["show", "absolute_position"], "did you mean absolute-position?"),
    "an unknown claim": (["verify", "absolute-position/nothing"], "it has recip, "),
    "an unknown claim of a file": (["verify", "good.py/nothing"], "it has x"),
    "nothing after the slash": (["verify", "absolute-position/"], "nothing after the slash"),
    "an unknown verb": (["verifi"], "nopeproof verify"),
    "an option for a verb": (["--json", "list"], "no verb before it"),
    "an unknown option": (["list", "--nothing"], "--nothing"),
    "a missing argument": (["show"], "TARGET"),
    "a word for a number": (["verify", "alibi", "--jobs", "many"], "many"),
    "a negative number of processes": (["verify", "alibi", "--jobs", "-1"], "--jobs 0"),
    "a ledger that is a file": (["verify", "good.py", "--ledger", "good.py"], "writing to the ledger good.py"),
    "a ledger below a file": (["verify", "good.py", "--ledger", "good.py/rows"], "writing to the ledger"),
    "a ledger line that is no JSON": (["list", "--ledger", "bad-json"], "line 1 of the ledger bad-json/a.jsonl"),
    "a ledger line that is a list": (["list", "--ledger", "bad-type"], "a list, not a row"),
    "a ledger of another version": (["report", "--ledger", "bad-schema"], "schema version 99"),
    "a ledger row with a key too many": (["report", "--ledger", "bad-key"], "the unknown key 'extra'"),
    "a ledger row without its time": (["report", "--ledger", "bad-short"], "no 'time'"),
    "a ledger row of its kind without its parts": (["report", "--ledger", "bad-parts"], "a row lacks what its kind holds"),
    "an unknown format": (["report", "--to", "docx"], "docx"),
    "a report of nothing": (["report"], "the ledger is empty"),
    "a report that is a folder": (["report", "--ledger", "one", "--out", "folder.py"], "it is a folder"),
    "a report below a file": (["report", "--ledger", "one", "--out", "good.py/report.html"], "the report good.py/report.html"),
    "a new file that is there": (["new", "good"], "it is there already"),
    "a new file in no folder": (["new", "none/mine.py"], "No such file or directory"),
    "a new name that starts with a digit": (["new", "2-layers"], "not a name"),
    "a new name with a slash": (["new", "my/lemma"], "not a name"),
    "a new name that is empty": (["new", ""], "not a name"),
    "everything, away from a checkout": (["reproduce", "--full"], "a checkout of nopeproof"),
    "the limits of no clock": (["limits", "good.py"], "none of its claims"),
    "the limits in no dtype": (["limits", "absolute-position/minimal", "--dtype", "float17"], "float17"),
    "the limits of T = 0": (["limits", "absolute-position/minimal", "--rows", "0"], "less than two positions"),
    "the rank of T = 0": (["rank", "alibi", "--T", "0"], "T"),
    "the rank of no family": (["rank", "nonsense"], "nonsense"),
    "no time to search": (["ablate", "good.py", "--seconds", "0"], "0"),
    "a negative number of mutants": (["mutate", "good.py", "--limit", "-1"], "--limit 0 or more"),
    "an attack on nothing": (["attack", "nothing-like-it"], "known: "),
    "an unknown preset": (["train", "--preset", "nothing"], "nothing"),
    "an unknown task": (["train", "--task", "nothing"], "nothing"),
    "an unknown encoding": (["train", "--positions", "nothing"], "nothing"),
    "a ledger to read that is a file": (["list", "--ledger", "good.py"], "it is a file"),
    "a certificate that is not there": (["replay", "none.json"], "No such file"),
    "a claim to replay that is not there": (["replay", "absolute-position/nothing"], "it has recip, "),
    "an unknown target of an export": (["export", "absolute-position", "--to", "nothing"], "nothing"),
    "an export of nothing": (["export", "nothing-like-it", "--to", "coq"], "known: "),
    "an audit of nothing": (["audit", "none"], "no such folder"),
    "a comparison of no runs": (["compare", "none"], "no finished run"),
    "a comparison of a file": (["compare", "note.txt"], "no finished run"),
    "a comparison on words of one symbol": (["compare", "--lengths", "1"], "attention on one symbol says nothing"),
    "a comparison on many words": (["compare", "--words", "many"], "many"),
    "an ablation of nothing": (["ablate", "nothing-like-it"], "known: "),
    "an ablation of a claim that is not there": (["ablate", "good.py/nothing"], "it has x"),
    "an ablation of a file that is not there": (["ablate", "none.py"], "no such file"),
    "an attack by no example": (["attack", "good.py", "--examples", "-1"], "at least 1 of everything"),
    "an attack on words of no length": (["attack", "good.py", "--longest", "0"], "at least 1 of everything"),
    "an attack on a claim that is not there": (["attack", "good.py/nothing"], "it has x"),
    "an audit of a file": (["audit", "note.txt"], "not a folder"),
    "an audit without a configuration": (["audit", "empty"], "no readable config.json"),
    "an audit of a configuration that is no JSON": (["audit", "broken"], "not JSON"),
    "an audit of nothing named": (["audit"], "MODEL_DIR"),
    "completion for no shell": (["completion"], "The shell it is for"),
    "completion for an unknown shell": (["completion", "tcsh"], "tcsh"),
    "completion with an unknown option": (["completion", "bash", "--nothing"], "--nothing"),
    "a drawing that is a folder": (["graph", "--out", "folder.py"], "it is a folder"),
    "a drawing below a file": (["graph", "--out", "good.py/graph.svg"], "Not a directory"),
    "a graph of a ledger that is a file": (["graph", "--ledger", "good.py"], "it is a file"),
    "a list of one more": (["list", "extra"], "extra"),
    "a claim to show that is not there": (["show", "good.py/nothing"], "it has x"),
    "a broken ledger behind what is shown": (["show", "good.py", "--ledger", "bad-json"], "not JSON"),
    "mutants of nothing": (["mutate", "nothing-like-it"], "known: "),
    "mutants of a claim that is not there": (["mutate", "good.py/nothing"], "it has x"),
    "mutants, many of them": (["mutate", "good.py", "--limit", "many"], "many"),
    "the rank of a family with a field it lacks": (["rank", "alibi:slope=none"], "its fields are"),
    "the rank at no number": (["rank", "alibi", "--T", "many"], "many"),
    "the rank of a table that is not there": (["rank", "none.csv"], "none.csv"),
    "a head dimension below nothing": (["rank", "alibi", "--d-head", "-1"], "a negative dimension"),
    "a replay of a ledger that is a file": (["replay", "--ledger", "good.py"], "it is a file"),
    "a replay of a note": (["replay", "note.txt"], "known: "),
    "a doctor for somebody": (["doctor", "extra"], "extra"),
    "a doctor with an unknown option": (["doctor", "--nothing"], "--nothing"),
    "a doctor without the ledger's name": (["doctor", "--ledger"], "--ledger"),
    "the limits of a claim that is not there": (["limits", "absolute-position/nothing"], "it has recip, "),
    "an unknown host": (["export", "good.py", "--to", "hf", "--host", "bert"], "bert"),
    "a host for a proof": (["export", "good.py", "--to", "coq", "--host", "gpt2"], "only a Hugging Face model has a host"),
    "a check of what is no proof": (["export", "good.py", "--to", "safetensors", "--check"], "only Coq checks"),
    "a member below the first": (["export", "absolute-position/minimal", "--to", "safetensors", "--length", "0"], "starts at T = 2"),
    "weights in a dtype that is none": (["export", "absolute-position/minimal", "--to", "safetensors", "--dtype", "float17"], "float17"),
    "weights of classes of models": (["export", "injectivity", "--to", "safetensors"], "classes of models"),
    "no steps of training": (["train", "--steps", "0"], "steps below 1"),
    "no worker": (["train", "--workers", "0"], "at least one"),
    "one seed twice": (["train", "--seeds", "1", "1"], "each once"),
    "one task twice": (["train", "--task", "copy", "copy"], "the same cell twice"),
    "runs below a file": (["train", "--steps", "1", "--out", "note.txt"], "the folder of runs note.txt"),
    "scripts away from a checkout": (["reproduce", "--scripts", "mutations"], "a checkout of nopeproof"),
    "the main job on nothing": (["reproduce", "--names", "nothing-like-it"], "known: "),
    "the main job without steps": (["reproduce", "--steps", "0"], "steps below 1"),
    **{
        f"{what} in {where}": ([*words, "--out", out], said)
        for what, words in {
            "a page": ["report", "--ledger", "one"],
            "a paper": ["report", "--to", "pdf", "--ledger", "one"],
            "macros": ["report", "--to", "tex", "--ledger", "one"],
            "a drawing": ["graph"],
            "a plot": ["limits", "absolute-position/minimal"],
            "the main job's page": ["reproduce"],
        }.items()
        for where, out, said in [
            ("the folder one is in", ".", "it is a folder"),
            ("no folder", "none/x.html", "No such file or directory"),
            ("a place for no files", "/proc/x.html", "/proc/x.html"),
            ("a pipe", "pipe", "no ordinary file"),
        ]
    },
    "a new file before this package": (["new", "nopeproof"], "Python has a module 'nopeproof'"),
    "a new file before the standard library": (["new", "math"], "my-math"),
    "a new file before a dependency": (["new", "rich.py"], "Python has a module 'rich'"),
    "a new file before a module, in another folder": (["new", "empty/random.py"], "Python has a module 'random'"),
    "the rank of a table that is nested": (["rank", "deep.json"], "not readable"),
    "the rank of a huge degree": (["rank", "polynomial:degree=3000"], "the most is 64"),
    "the limits of no end": (["limits", "absolute-position/minimal", "--rows", "1000000000"], "--rows 65536 or less"),
    "a member of no end": (["export", "good.py", "--to", "safetensors", "--length", "1000000000"], "--length 65536 or less"),
    "a dtype for a proof": (["export", "good.py", "--dtype", "float16"], "--dtype with --to coq"),
    "a length for a proof": (["export", "good.py", "--length", "8"], "--length with --to coq"),
    "a ledger without a name": (["verify", "good.py", "--ledger", ""], "it is empty"),
    "a ledger without a name, with =": (["verify", "good.py", "--ledger="], "it is empty"),
    "an export to no name": (["export", "good.py", "--out", ""], "after `nopeproof export good.py --out`"),
    "an audit of the empty name": (["audit", ""], "it is empty"),
    "a replay of the empty name": (["replay", ""], "it is empty"),
    "a replay of an empty file": (["replay", "empty.jsonl"], "a replay of empty.jsonl\n  found: 0 rows in it"),
    "a replay of rows without a verdict": (["replay", "other.jsonl"], "1 rows in it, no verdict among them"),
    "a replay of a row that is no verdict": (["replay", "other.jsonl:1"], "a row of the kind 'construction'"),
    "a replay of a short hash": (["replay", "d35"], "6 to 64 of the digits"),
    "a replay of something and of nothing": (["replay", "one/row.jsonl", "none.jsonl"], "none.jsonl"),
    "the main job in fewer than no processes": (["reproduce", "--jobs", "-1"], "--jobs 0 or more"),
}  # fmt: skip


@pytest.fixture
def surroundings():
    """The files that the commands above mention."""
    Path("good.py").write_text(HEAD + "claims = [Claim('x', circuit, right, given)]\n", encoding="utf-8")
    Path("folder.py").mkdir()
    os.mkfifo("pipe")  # no device: what does not refuse it would replace it, and a machine has one /dev/null
    Path("note.txt").write_text("nothing of ours\n", encoding="utf-8")
    Path("empty").mkdir()
    Path("broken").mkdir()
    Path("broken/config.json").write_text("{oh", encoding="utf-8")
    Path("empty.jsonl").touch()
    Path("deep.json").write_text("[" * 100_000, encoding="utf-8")
    ledger.Writer(Path(), "other", own=False).append({**ROW, "kind": "construction"})
    ledger.Writer(Path("one"), "row", own=False).append(ROW)
    lines = {
        "bad-json": "{oh",
        "bad-type": "[1]",
        "bad-schema": json.dumps({**ROW, "schema": 99}),
        "bad-key": json.dumps({**ROW, "extra": 1}),
        "bad-short": json.dumps({k: v for k, v in ROW.items() if k != "time"}),
        "bad-parts": json.dumps({**ROW, "kind": "construction"}),
    }
    for name, line in lines.items():
        Path(name).mkdir()
        (Path(name) / "a.jsonl").write_text(line + "\n", encoding="utf-8")


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_that_cannot_be_followed(case, capsys):
    words, said = COMMANDS[case]
    if words[0] in verbs() or case == "an unknown verb" or words[0].startswith("-"):
        assert said in ask(capsys, *words)
    else:
        pytest.fail(f"there is no verb {words[0]}")


def test_every_verb_is_asked_for_what_it_cannot_do():
    asked = Counter(words[0] for words, _ in COMMANDS.values())
    assert {verb: asked[verb] for verb in verbs() if asked[verb] < 3} == {}
    assert len(COMMANDS) + len(FILES) >= 120


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize("words", [["report"], ["report", "--to", "tex"], ["report", "--ledger", "one", "--out", "none/x.html"]])
def test_what_is_refused_leaves_nothing_behind(words, capsys):
    before = sorted(Path().rglob("*"))
    ask(capsys, *words)
    assert sorted(Path().rglob("*")) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["verify", "repeated-bos", "--no-store"], ["--help"]])
def test_a_full_disk_is_one_message(words):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([sys.executable, "-m", "nopeproof", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2 and done.stderr.splitlines()[0] == "nopeproof: writing the output", done.stderr
    assert "Traceback" not in done.stderr and "No space left" in done.stderr


def test_the_checker_of_division_clocks_says_how_it_is_used():
    done = subprocess.run([sys.executable, str(counter_kernel.__file__)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "") and "CERT.json" in done.stderr


def test_no_verb_at_all_is_answered_with_the_help(capsys):
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "usage: nopeproof VERB" in err


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ([], "T = 0"),
        ("ab", "not a list of tokens"),
        (["<bos>", "z"], "z"),
        (["a", "b"], "<bos>"),
        (["<bos>", 3], "3"),
    ],
)
def test_words_that_no_circuit_reads(word, said):
    construction = nope.load("first-token")
    with pytest.raises(nope.NopeproofError, match=said):
        construction.run(word)


def test_a_dtype_that_torch_lacks():
    with pytest.raises(nope.NopeproofError, match="float17"):
        nope.load("first-token").run(["<bos>", "a"], "float17")


@pytest.mark.usefixtures("surroundings")
def test_a_row_cut_short_by_a_kill_is_left_out_and_said(capsys):
    path = Path("one/row.jsonl")
    path.write_bytes(path.read_bytes() + b'{"schema": 1, "kind": "ver')
    assert main(["report", "--ledger", "one", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["torn"] == ["one/row.jsonl"] and found["rows"] == {"verdict": 1}
    assert "Cut short by a kill" in Path(found["file"]).read_text(encoding="utf-8")


@pytest.mark.usefixtures("surroundings")
def test_an_interrupt_is_one_line(capsys, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("nopeproof.library.Construction.verify", interrupted)
    assert ask(capsys, "verify", "good.py") == "nopeproof: interrupted\n"


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_real_interrupt_ends_the_workers_too(tmp_path):
    slow = HEAD + "import time\n\ndef p(trace):\n    time.sleep(60)\n\nclaims = [Claim('x', circuit, Holds('p', p), given)]\n"
    for name in ("one.py", "two.py"):
        Path(name).write_text(slow, encoding="utf-8")
    words = [sys.executable, "-m", "nopeproof", "verify", "one.py", "two.py", "--jobs", "2"]
    heard = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731  # a job in the background of a shell ignores it
    pipes: dict = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(words, **pipes, start_new_session=True, preexec_fn=heard)
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "ledger").glob("*.jsonl"))) < 2:  # both workers have begun
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (2, "", "nopeproof: interrupted\n")
    with pytest.raises(ProcessLookupError):  # soon nobody of the group is left
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.1)


def test_what_is_no_ordinary_file_is_never_replaced():
    """A file written for the superuser to /dev/null put a file in its place, and the machine went on without one."""
    os.mkfifo("pipe")
    with pytest.raises(nope.NopeproofError, match="no ordinary file"):
        ledger.write_atomic(Path("pipe"), b"text")
    assert Path("pipe").is_fifo() and [p.name for p in Path().iterdir()] == ["pipe"]
