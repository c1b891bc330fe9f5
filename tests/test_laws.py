"""Laws and equal states: what they say is data, and the exact run reads it as it stands."""

from fractions import Fraction

import pytest

from nopeproof.circuit import Block, Circuit, Embedding
from nopeproof.claims import after_attention
from nopeproof.errors import NopeproofError
from nopeproof.laws import Case, EqualStates, Law, value
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.run import run

R = Residual(one=1, flag=1, x=1)
clock = Circuit(
    R,
    Embedding({"<bos>": R.one + R.flag, "a": R.one.vector, "b": R.one.vector}),
    blocks=[Block([uniform_head([R.flag], [R.x])])],
    bos="<bos>",
)
x = {"x": (after_attention(1), R.x)}
word = run(clock, ["<bos>", "a", "b", "a"])


@pytest.mark.parametrize(
    ("law", "holds"),
    [
        (Law(cases=[Case("x", "1/t")], reads=x), True),
        (Law(cases=[Case("x", "1/(t + 1)")], reads=x), False),
        (Law(cases=[Case("x", "1", last=1), Case("t*x", "1", first=2)], reads=x), True),
        (Law(cases=[Case("x", "1", first=2)], reads=x), False),
        (Law(cases=[Case("x", "7", first=5)], reads=x), True),  # nothing is said of so short a word
        (Law(cases=[Case("x", "7", first=2, tokens={2: "b"})], reads=x), True),  # nor of one with an a there
        (Law(cases=[Case("x", "7", first=2, tokens={2: "a"})], reads=x), False),
        (Law(cases=[Case("x", "1/T", relation=">=")], reads=x), True),
        (Law(cases=[Case("x", "1/2", relation=">=")], reads=x), False),
        (Law(cases=[Case("m", "1", last=1), Case("m", "2", first=4)], counts={"m": "a"}), False),
        (Law(cases=[Case("m", "0", last=1), Case("m", "2", first=4)], counts={"m": "a"}), True),
        (Law(cases=[Case("y", "2 - 3/t")], reads={"y": (after_attention(1), 2 * R.one - 3 * R.x)}), True),
        (EqualStates(by_token=True), False),
        (EqualStates(first=2), False),
    ],
)
def test_a_statement_is_read_off_a_run(law, holds):
    assert law.predicate(word) is holds


def test_states_from_a_position_on():
    plain = Circuit(R, Embedding({"a": R.one.vector, "b": R.one + R.flag}))
    given = [("aab", 1, 0, False), ("abb", 2, 1, True), ("bbb", 2, 1, False), ("bbb", 2, 0, True), ("b", 2, 1, True)]
    for word, first, sharp, holds in given:
        assert EqualStates(first=first, sharp=bool(sharp)).predicate(run(plain, list(word))) is holds
    assert EqualStates(by_token=True).predicate(run(plain, list("abab")))


def test_says_is_read_off_the_data():
    law = Law(cases=[Case("x", "0", last=1), Case("x", "m/t", first=2, tokens={1: "a"})], reads=x, counts={"m": "a"})
    legend = "  (x: x after attention 1, m: the number of a among the first t)"
    assert law.says == "x = 0 at t = 1; x = m/t from t = 2 on where token 1 is a" + legend
    equal = EqualStates(first=4, last_layer=True, sharp=True)
    assert str(equal) == "all states are equal from t = 4 on, and not from t = 3 on after the last block"
    assert law.as_json()["cases"][1]["tokens"] == {"1": "a"} and law.as_json() != Law(cases=law.cases[:1], reads=x).as_json()


def test_values():
    assert value("-(t - 1)**2/4 + 1/2", {"t": Fraction(4)}) == Fraction(-7, 4)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Law(cases=[]),
        lambda: Law(cases=[Case("y", "1")], reads=x),
        lambda: Law(cases=[Case("x", "sqrt(2)")], reads=x),
        lambda: Law(cases=[Case("x", "0.5")], reads=x),
        lambda: Case("x", "1", first=0),
        lambda: Case("x", "1", first=3, last=2),
        lambda: Case("x", "1", first=1, tokens={2: "a"}),
        lambda: EqualStates(sharp=True),
        lambda: EqualStates(first=0),
        lambda: EqualStates(predicate=lambda trace: True),
        lambda: Law(cases=[Case("x", "7")], reads=x, predicate=lambda trace: True),
    ],
)
def test_what_makes_no_sense_is_refused(bad):
    with pytest.raises(NopeproofError):
        bad()


@pytest.mark.parametrize("twice", [{"reads": {"t": x["x"]}}, {"counts": {"T": "a"}}, {"reads": x, "counts": {"x": "a"}}], ids=str)
def test_a_name_stands_for_one_thing(twice):
    with pytest.raises(NopeproofError, match="two things"):
        Law(cases=[Case("1", "1")], **twice)
