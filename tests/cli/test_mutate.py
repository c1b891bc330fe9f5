"""`nopeproof mutate` as a user meets it: counts, rows, exit codes, and going on after a kill."""

import json

import pytest

from nopeproof import kernel, ledger
from nopeproof.checks import mutate as checks
from nopeproof.cli import main

FILE = '''"""1/t from a flag."""
from nopeproof.circuit import Block, Circuit, Embedding, Head
from nopeproof.claims import Claim, Equals, Fails, Scope, after_attention
from nopeproof.residual import Residual
R = Residual(one=1, bos=1, recip=1)
head = Head([0], [0], [R.bos], [R.recip])
circuit = Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one.vector}), [Block([head])], bos="<bos>")
claims = [
    Claim("recip", circuit, Equals(after_attention(1), R.recip, "1/t"), Scope(vocabulary="given")),
    Claim("not", circuit, Fails(Equals(after_attention(1), R.recip, "1")), Scope(vocabulary="given")),
]
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return str(path)


def test_the_counts_and_the_row(file, tmp_path, capsys):
    rows = tmp_path / "rows"
    assert main(["mutate", file, "--limit", "20", "--ledger", str(rows), "--list-all"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{file}: 20 of ") and "0 unresolved; 0 refuted ones accepted by the kernel" in out and "satisfies" in out
    (row,) = ledger.read_all(rows).of("mutation")
    assert row["data"]["tried"] == 20 and row["data"]["counts"]["refuted"] > 5 and row["command"][:3] == ["nopeproof", "mutate", file]


def test_a_run_that_was_killed_goes_on(file, tmp_path, capsys, monkeypatch):
    rows, honest, judged = tmp_path / "rows", checks.Judge.__call__, []

    def killed(self, mutant):
        judged.append(mutant.key)
        if len(judged) == 8:
            raise KeyboardInterrupt
        return honest(self, mutant)

    monkeypatch.setattr(checks.Judge, "__call__", killed)
    assert main(["mutate", file, "--limit", "20", "--ledger", str(rows)]) == 2
    assert main(["mutate", file, "--limit", "20", "--ledger", str(rows), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(judged) == 8 + 13 and len(set(judged)) == 20 and found["tried"] == 20 == len(found["mutants"])
    assert main(["mutate", file, "--limit", "20", "--no-store"]) == 0 and len(judged) == 8 + 13 + 20


def test_an_alarm_is_exit_code_1(file, capsys, monkeypatch):
    monkeypatch.setattr(kernel, "check", lambda certificate: None)
    assert main(["mutate", file, "--limit", "20", "--no-store"]) == 1
    assert "ALARM" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"), [(["FILE/not"], "no claim that a changed weight could break"), (["FILE", "--limit", "-1"], "--limit")]
)
def test_misuse_is_one_message(words, message, file, capsys):
    assert main(["mutate", *(w.replace("FILE", file) for w in words), "--no-store"]) == 2
    found = capsys.readouterr()
    assert message in found.err and found.out == ""
