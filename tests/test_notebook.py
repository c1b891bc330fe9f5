"""What a notebook shows: well formed, escaped, with scopes; by the names users hold, and without a check being run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

import nopeproof as nope
from nopeproof.library import Verdicts

EVIL = "<script>alert('x')</script> & \"more\""


def shown(thing) -> ET.Element:
    """The HTML of a thing as XML, which it has to be but for being one element."""
    return ET.fromstring(f"<div>{thing._repr_html_()}</div>")


def words(thing) -> str:
    return " ".join("".join(shown(thing).itertext()).translate({0x2061: None, 0x2062: None, 0x2060: None}).split())


def cells(element: ET.Element) -> list[list[str]]:
    return [["".join(c.itertext()) for c in row] for row in element.iter("tr")]


@pytest.fixture(scope="module")
def mine():
    """A circuit whose names, tokens and texts are markup."""
    R = nope.Residual(one=1, bos=1, out=2)
    head = nope.Head(W_Q=[0], W_K=[0], W_V=[R.bos], W_O=[R.out[0]], name=EVIL)
    tokens = {"<bos>": R.one + R.bos, "<b>": R.one}
    return nope.Circuit(R, nope.Embedding(tokens), [nope.Block([head])], bos="<bos>", name=EVIL)


def test_a_construction_shows_its_claims_and_scopes_and_runs_nothing(monkeypatch):
    monkeypatch.setattr("nopeproof.library.Construction.verify", lambda *a, **k: pytest.fail("a check was run"))
    c = nope.load("absolute-position")
    assert [row[0] for row in cells(shown(c))[1:]] == [k.id for k in c.claims]
    assert words(c).count("words starting with their one BOS") == len(c.claims) and list(shown(c).iter("math"))
    assert "∃w∀T" in words(c) and "∀T∃w" in words(c)


def test_verdicts_show_what_is_claimed_what_is_shown_and_the_witness(mine):
    from nopeproof.checks import verify

    given, where, out = nope.Scope(vocabulary="given"), nope.after_attention(1), mine.residual.out[0]
    right = verify(nope.Claim("right", mine, nope.Equals(where, out, "1/t"), given, source=EVIL))
    wrong = verify(nope.Claim(EVIL, mine, nope.Equals(where, out, "1/(2*t - 1)"), given))
    assert "proved" in words(right) and "this vocabulary" in words(right) and "does not stand" not in words(right)
    text = words(wrong)
    assert all(said in text for said in ("refuted", "does not stand", "claimed:", "expected = 1/3", "found = 1/2", "word = <bos> <b>"))
    both = Verdicts(nope.Construction("mine", EVIL, (right.claim, wrong.claim), "mine.py"), (right, wrong))
    assert not list(shown(both).iter("script")) and EVIL in "".join(shown(both).itertext())
    assert [row[0] for row in cells(shown(both))[1:]] == ["right", EVIL]
    assert "shown: nothing" in words(nope.Verdict(wrong.claim, "open", given, False, ()))


def test_a_circuit_shows_every_weight_by_name(mine):
    table = cells(shown(mine))
    assert ["W_E", "<bos>", "one + bos"] in table and ["W_E", "<b>", "one"] in table
    assert [f"block 1, head 1: {EVIL}", "W_V, row 1", "bos"] in table and [f"block 1, head 1: {EVIL}", "W_O, column 1", "out[0]"] in table
    assert not list(shown(mine).iter("script")) and "mask causal; no positional encoding; BOS <bos>" in words(mine)


def test_a_family_shows_its_units_as_polynomials_and_an_opaque_part_what_it_writes():
    subjects = nope.load("absolute-position").subjects
    text = words(subjects["minimal"])
    assert "one circuit for each T >= 2" in text and "units k = 2, ..., T // 2" in text and "recip += relu(" in text
    assert "any weights; writes nothing but content" in words(subjects["head"])


@pytest.mark.parametrize("arithmetic", ["exact", "float32", "bfloat16", "ball", "symbolic"])
def test_a_run_shows_every_position_in_every_arithmetic(arithmetic):
    t = nope.load("absolute-position").run(["<bos>", "a", "b"], arithmetic, subject="minimal")
    tables = list(shown(t).iter("table"))
    assert [x.findtext("caption") for x in tables[:3]] == ["the embedding", "attention 1", "FFN 1"]
    after = cells(tables[1])
    assert after[0][:4] == ["t", "one", "bos", "recip"] and [row[0] for row in after[1:]] == ["1 <bos>", "2 a", "3 b"]
    assert after[3][3].startswith(("1/3", "0.33", "[0.33"))
    assert len(cells(tables[3])) == 4 and arithmetic in words(t) and "run of 3 positions" in words(t)


def test_attention_is_shaded_by_size():
    t = nope.load("absolute-position").run(["<bos>", "a", "b"], subject="minimal")
    weights = cells(list(shown(t).iter("table"))[3])
    assert weights[3][1:] == ["1/3", "1/3", "1/3"] and weights[1][1:] == ["1", "0", "0"]
    assert re.findall(r"rgba\(68,119,170,(0.\d\d)\)", t._repr_html_())[:5] == ["0.75", "0.00", "0.00", "0.38", "0.38"]


def test_a_long_run_is_cut_and_says_so():
    t = nope.load("absolute-position").run(["<bos>", *["a"] * 30], subject="minimal")
    assert "31 positions, 15 more positions" in words(t) and len(t._repr_html_()) < 80_000


def test_weights_that_are_no_rationals_leave_the_rest_of_the_run_shown():
    t = nope.load("layer-norm-hash").run(["<bos>", "a", "b"])
    assert [x.findtext("caption") for x in shown(t).iter("table")][:2] == ["the embedding", "attention 1"]
