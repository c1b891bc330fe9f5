"""`nopeproof ablate` as a user meets it."""

import json

import pytest

from nopeproof import ledger
from nopeproof.cli import main

FILE = '''"""1/t without a mask over the past."""
from nopeproof.circuit import Block, Circuit, Embedding, Head
from nopeproof.claims import Claim, Equals, Fails, Scope, after_attention
from nopeproof.residual import Residual
R = Residual(one=1, bos=1, recip=1)
head = Head([0], [0], [R.bos], [R.recip])
circuit = Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one.vector}), [Block([head])], bos="<bos>")
statement = Equals(after_attention(1), R.recip, "1/t")
claims = [
    Claim("recip", circuit, statement, Scope(vocabulary="given")),
    Claim("not", circuit, Fails(Equals(after_attention(1), R.recip, "1")), Scope(vocabulary="given")),
]
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return str(path)


def test_the_table_and_its_rows(file, tmp_path, capsys):
    assert main(["ablate", file, "--seconds", "0.1", "--ledger", str(tmp_path / "rows")]) == 0
    out = capsys.readouterr().out
    assert "no mask" in out and "T = 2: <bos> a at t = 1: 1/2, not 1" in out and "W_Q = 0" in out and "proved by the kernel" in out
    rows = ledger.read_all(tmp_path / "rows").of("ablation")
    assert {r["claim"] for r in rows} == {"recip"} and len(rows) == len({r["data"]["assumption"] for r in rows}) >= 10
    assert all(r["command"] == ["nopeproof", "ablate", file] for r in rows)


def test_json_is_one_document_and_no_store_stores_nothing(file, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NOPEPROOF_LEDGER", str(tmp_path / "none"))
    assert main(["ablate", f"{file}/recip", "--seconds", "0.1", "--no-store", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    by_name = {a["assumption"]: a for a in found["ablations"]}
    assert found["schema"] == 1 and by_name["causal mask"]["witness"]["word"] == ["<bos>", "a"]
    assert by_name["W_Q = 0"]["result"] == "not needed" and not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["FILE/not"], "no claim that could lose an assumption"),
        (["FILE", "--seconds", "0"], "no time at all"),
        (["FILE", "--seconds", "nan"], "no time at all"),
        (["FILE/other"], "it has recip, not"),
    ],
)
def test_misuse_is_one_message(words, message, file, capsys):
    assert main(["ablate", *(w.replace("FILE", file) for w in words), "--no-store"]) == 2
    found = capsys.readouterr()
    assert message in found.err and found.out == ""
