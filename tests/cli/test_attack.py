"""`nopeproof attack` as a user meets it: what it prints, its one JSON document, its exit codes."""

import json
import time

import pytest

from nopeproof.cli import main

BROKEN = '''"""A head that is right about 1/t as long as no b is there."""
from nopeproof.circuit import Block, Circuit, Embedding, Head
from nopeproof.claims import Claim, Equals, Fails, Scope, after_attention
from nopeproof.residual import Residual
R = Residual(one=1, bos=1, recip=1)
head = Head([0], [0], [R.bos], [R.recip])
circuit = Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one, "b": R.one + "1/1024" * R.bos}), [Block([head])], bos="<bos>")
statement = Equals(after_attention(1), R.recip, "1/t")
claims = [
    Claim("recip", circuit, statement, Scope(vocabulary="given")),
    Claim("not", circuit, Fails(statement), Scope(vocabulary="given")),
]
'''
QUICK = ["--seconds", "0.05", "--examples", "5"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(BROKEN)
    return str(path)


def test_a_false_claim_is_drawn_and_the_exit_code_says_so(file, capsys):
    assert main(["attack", file, *QUICK]) == 1
    out = capsys.readouterr().out
    assert "the smallest counterexample, T = 2, instance 0: <bos> b" in out and "1025/2048  <--" in out and "tried every word" in out
    assert "witness, as the claim says there is" in out
    assert main(["attack", f"{file}/not", *QUICK]) == 0


def test_json_is_one_document_and_nothing_else(file, capsys):
    assert main(["attack", f"{file}/recip", *QUICK, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (attack,) = found["attacks"]
    assert found["schema"] == 1 and attack["witness"]["word"] == ["<bos>", "b"] and attack["minimal"] and attack["refuted"]
    assert attack["tried"][0]["words"] == 3 and [row["t"] for row in attack["rows"]] == [1, 2]


def test_a_true_claim_keeps_exit_code_0_and_says_how_much_was_tried(capsys):
    assert main(["attack", "absolute-position/recip", *QUICK]) == 0
    out = capsys.readouterr().out
    assert "no counterexample found (which proves nothing)" in out and "Hypothesis" in out and " words up to " in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absolute-position", "--seconds", "0"], "more than 0 seconds"),
        (["absolute-position", "--seconds", "nan"], "more than 0 seconds"),
        (["absolute-position", "--instances", "1000000000"], "up to 16384 instances"),
        (["absolute-position/nothing"], "it has recip"),
        (["no-such-thing"], "known: "),
    ],
)
def test_misuse_is_one_message(words, message, capsys):
    assert main(["attack", *words]) == 2
    found = capsys.readouterr()
    assert message in found.err and found.out == "" and "Traceback" not in found.err


def test_time_ends_the_search_however_many_examples_are_asked_for(capsys):
    start = time.process_time()
    assert main(["attack", "absolute-position/recip", "--seconds", "0.05", "--examples", "1000000000"]) == 0
    assert "Hypothesis" in capsys.readouterr().out and time.process_time() - start < 60  # without an end to it, it takes days
