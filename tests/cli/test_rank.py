"""`nopeproof rank`, called as a class and by name."""

import json

import pytest
import tyro

from nopeproof.cli.rank import Rank, answer, read_table
from nopeproof.errors import NopeproofError


def rank(*words):
    return tyro.cli(Rank, args=list(words))


def test_named_family(capsys):
    assert rank("t5", "--T", "16", "64", "256", "--d-head", "64", "--json").run() == 0
    found = json.loads(capsys.readouterr().out)
    assert [r["rank"] for r in found["ranks"]] == [8, 32, 143]
    assert {r["verdict"] for r in found["ranks"]} == {"proved"}
    assert found["d_head"]["first_length_beyond"] == 130 and found["d_head"]["every_table_whose_last_two_buckets_differ"] == 178


def test_woerdeman_is_named_as_an_assumption(capsys):
    assert rank("cosine", "--T", "16", "--woerdeman").run() == 0
    assert "d_head =     2   proved   by Woerdeman's formula 2, proved assuming [woerdeman1989]" in capsys.readouterr().out


def test_own_tables(tmp_path):
    one, two = tmp_path / "f.json", tmp_path / "f.csv"
    one.write_text('[0, -0.1, -0.2, "-3/10", -0.4]')
    two.write_text("0\n1\n4\n9\n16\n25\n")
    assert answer(Rank(str(one)))["ranks"] == [{"T": 5, "rank": 1, "verdict": "proved"}]
    assert answer(Rank(str(two), d_head=1))["ranks"][0]["rank"] == 2
    assert answer(Rank(str(two), d_head=1))["d_head"]["first_length_beyond"] == 4


@pytest.mark.parametrize("text", ["", "{}", "[1, NaN]", "[1e999999999]", "[true]", "[[1]]", "[1,"])
def test_bad_tables_are_named(tmp_path, text):
    path = tmp_path / "f.json"
    path.write_text(text)
    with pytest.raises(NopeproofError):
        read_table(path)


def test_misuse():
    for asked in (Rank("nonsense"), Rank("alibi", T=(0,)), Rank("alibi", T=(5000,)), Rank("none.csv"), Rank("alibi", d_head=-1)):
        with pytest.raises(NopeproofError):
            answer(asked)
