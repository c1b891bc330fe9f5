"""`nopeproof replay`: what verify stored is accepted; whatever is changed afterwards is rejected, with the reason."""

import json

import pytest

from nopeproof import library
from nopeproof.checks.replay import replay as replay_one
from nopeproof.cli import main

FILE = '''"""Theorem 1's head, true and false."""

from nopeproof.circuit import Block, Circuit, Embedding
from nopeproof.claims import Claim, Equals, Fails, Scope, Within, after_attention
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual

R = Residual(one=1, bos=1, recip=1)
head = Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one}), [Block([uniform_head([R.bos], [R.recip])])], bos="<bos>")
says = lambda value: Equals(after_attention(1), R.recip, value)
given = Scope(vocabulary="given")
claims = [
    Claim("true", head, says("1/t"), given),
    Claim("false", head, says("1/(2*t - 1)"), given),
    Claim("negative", head, Fails(says("1")), given),
    Claim("near", head, Within(after_attention(1), R.recip, "1/t + 1/3"), Scope(t_max=5, vocabulary="given")),
]
'''


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """A folder with a construction, verified into a ledger of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOPEPROOF_LEDGER", str(tmp_path / "ledger"))
    (tmp_path / "mine.py").write_text(FILE)
    assert main(["verify", "mine.py", "--jobs", "1"]) == 1  # one claim is false
    capsys.readouterr()
    return tmp_path


def replay(capsys, *what):
    """(exit code, what was replayed)."""
    code = main(["replay", *what, "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out)["replayed"] if out else None


def test_everything_that_was_stored_is_accepted(here, capsys):
    code, found = replay(capsys)
    assert code == 0 and {x["status"] for x in found} <= {"accepted", "nothing claimed"}
    by = {(x["of"], x["kind"]): x["by"] for x in found if x["status"] == "accepted"}
    assert (
        by["mine/true", "proved"] == "kernel" and by["mine/false", "refuted"] == by["mine/negative", "proved"] == "real run of the witness"
    )
    assert by["mine/near", "proved"] == by["mine/near", "exhausted"] == "done again"


def test_one_claim_one_file_one_hash_one_row(here, capsys):
    (certificate,) = (here / "ledger" / "certificates").iterdir()
    (rows,) = (here / "ledger").glob("*.jsonl")
    for what in (str(certificate), certificate.stem, certificate.stem[:8]):
        assert [x["by"] for x in replay(capsys, what)[1]] == ["kernel"]
    assert {x["of"] for x in replay(capsys, "mine.py/false")[1]} == {"mine/false"}
    lines = rows.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if '"claim":"negative"' in text)
    assert {x["of"] for x in replay(capsys, f"{rows}:{line}")[1]} == {"mine/negative"}
    assert {x["of"] for x in replay(capsys, str(rows))[1]} == {"mine/true", "mine/false", "mine/negative", "mine/near"}


@pytest.mark.parametrize("what", [["nothing"], ["mine.py/none"], ["missing.json"], ["missing.jsonl"], ["abcdef0"]])
def test_what_is_not_there_is_misuse(here, capsys, what):
    assert main(["replay", *what]) == 2
    assert "nopeproof:" in capsys.readouterr().err


def test_a_row_of_no_such_line_and_an_empty_ledger_are_misuse(here, capsys, tmp_path):
    (rows,) = (here / "ledger").glob("*.jsonl")
    assert main(["replay", f"{rows}:99"]) == 2 and main(["replay", "--ledger", str(tmp_path / "empty")]) == 2


@pytest.mark.parametrize("gone", ["moved", "broken", "elsewhere", "raises"])
def test_a_file_that_is_gone_costs_its_own_rows_only(here, capsys, monkeypatch, gone):
    """The rest is replayed, each piece printed as soon as it is there."""
    assert main(["verify", "repeated-bos"]) == 0
    capsys.readouterr()
    if gone == "moved":
        (here / "mine.py").rename(here / "yours.py")
    elif gone == "elsewhere":
        (here / "other").mkdir()
        monkeypatch.chdir(here / "other")
    else:
        (here / "mine.py").write_text("(" if gone == "broken" else "raise ValueError('oh')")
    code, found = replay(capsys)
    mine, rest = ([x for x in found if x["of"].startswith("mine/") is own] for own in (True, False))
    assert code == 1 and {x["of"] for x in mine} == {f"mine/{n}" for n in ("true", "false", "negative", "near")} and rest
    assert all(x["status"] == "rejected" and "mine.py" in x["reason"] and "nopeproof verify mine.py" in x["reason"] for x in mine)
    assert all(x["status"] in ("accepted", "nothing claimed") for x in rest)
    assert main(["replay"]) == 1
    assert f"{len(found)} replayed, 4 rejected" in capsys.readouterr().out


def test_each_piece_is_printed_before_the_next_is_replayed(here, capsys, monkeypatch):
    said = []

    def slow(claim, evidence, ledger):
        said.append(capsys.readouterr().out.count("accepted"))
        return replay_one(claim, evidence, ledger)

    monkeypatch.setattr("nopeproof.checks.replay.replay", slow)
    assert main(["replay"]) == 0
    assert sum(said) >= 3 and said[1] == 1


def test_a_certificate_cut_short_edited_or_gone_is_rejected(here, capsys):
    (certificate,) = (here / "ledger" / "certificates").iterdir()
    whole = certificate.read_text()
    for broken in (whole[:-5], whole.replace('"1/t"', '"1/T"'), whole.replace("<bos>", "<s>")):
        certificate.write_text(broken)
        code, found = replay(capsys, "mine.py/true")
        assert code == 1 and "not the one its name promises" in found[0]["reason"]
    certificate.unlink()
    code, found = replay(capsys, "mine.py/true")
    assert code == 1 and found[0]["status"] == "rejected" and found[0]["reason"]


def edit(here, claim, change):
    """Change one claim's row."""
    (rows,) = (here / "ledger").glob("*.jsonl")
    lines = [json.loads(text) for text in rows.read_text().splitlines()]
    for row in lines:
        if row["claim"] == claim:
            change(row)
    rows.write_text("".join(json.dumps(row) + "\n" for row in lines))


def test_a_witness_that_is_edited_is_rejected(here, capsys):
    for change in ({"found": "1/7"}, {"t": 1}, {"word": ["<bos>"], "t": 1, "T": 1}):
        edit(here, "false", lambda row, change=change: [e["witness"].update(change) for e in row["evidence"] if e["witness"]])
        code, found = replay(capsys, "mine.py/false")
        assert code == 1 and any("run again" in x["reason"] for x in found)


def test_evidence_that_claims_more_than_it_shows_is_rejected(here, capsys):
    edit(here, "near", lambda row: [e["scope"].update(t_max=6) for e in row["evidence"]])
    code, found = replay(capsys, "mine.py/near")
    assert code == 1 and any("shows less" in x["reason"] for x in found)


def test_a_row_that_names_another_claims_certificate_is_rejected(here, capsys):
    (certificate,) = (here / "ledger" / "certificates").iterdir()
    edit(here, "near", lambda row: row["evidence"][0].update(certificate_sha256=certificate.stem))
    code, found = replay(capsys, "mine.py/near")
    assert code == 1 and "about another" in found[0]["reason"]


def test_a_construction_that_has_changed_since_is_no_longer_what_the_row_is_about(here, capsys):
    (here / "mine.py").write_text(FILE.replace("[R.recip])])]", "[2 * R.recip])])]"))
    code, found = replay(capsys, "mine.py")
    assert code == 1 and all("changed since" in x["reason"] for x in found)


@pytest.mark.parametrize(
    ("claim", "change"),
    [
        ("true", {"kind": "refuted"}),
        ("true", {"kind": "certified"}),
        ("false", {"kind": "proved"}),
        ("negative", {"kind": "refuted"}),
    ],
)
def test_evidence_called_by_another_name_is_rejected(here, capsys, claim, change):
    deciding = lambda e: e["witness"] or e.get("certificate_sha256")  # noqa: E731
    edit(here, claim, lambda row: [e.update(change) for e in row["evidence"] if deciding(e)])
    code, found = replay(capsys, f"mine.py/{claim}")
    assert code == 1 and any("the row says" in x["reason"] for x in found)


@pytest.mark.parametrize("claim", ["true", "false", "near"])
@pytest.mark.parametrize("change", [{"vocabulary": "every"}, {"words": "any"}, {"arithmetic": "float32"}])
def test_evidence_whose_scope_is_widened_is_rejected(here, capsys, claim, change):
    edit(here, claim, lambda row: [e["scope"].update(change) for e in row["evidence"]])
    code, found = replay(capsys, f"mine.py/{claim}")
    assert code == 1 and all(x["status"] in ("rejected", "nothing claimed") for x in found)


@pytest.mark.parametrize("word", [["<bos>", "<bos>"], ["<bos>", "a", "a"]])
def test_a_witness_outside_the_scope_is_rejected(here, capsys, word):
    """Two BOS where words have one; and three tokens, in a run said to be of T = 2."""
    edit(here, "false", lambda row: [e["witness"].update(word=word, T=2, t=2) for e in row["evidence"] if e["witness"]])
    code, found = replay(capsys, "mine.py/false")
    assert code == 1 and any("none of those" in x["reason"] for x in found)


def test_what_coq_said_is_declined_with_the_way_to_hear_it_again(tmp_path):
    claim = library.load("absolute-position").claim("recip")
    said = {"kind": "proved", "tool": "coq", "scope": claim.scope.as_json(), "witness": None}
    done = replay_one(claim, said, tmp_path)
    assert done.status == "declined" and "verify --deep" in done.reason
