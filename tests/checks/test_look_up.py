"""Look-ups: proved at any sharpness that is enough, open at any that is not, and never at another key."""

from dataclasses import replace

import pytest

from nopeproof.checks import verify
from nopeproof.checks.look_up import attends
from nopeproof.circuit import Block, Circuit, Embedding, Family, Head
from nopeproof.claims import Attends, Claim, Fails, Scope
from nopeproof.errors import NopeproofError
from nopeproof.parts import clock_powers, uniform_head
from nopeproof.residual import Residual

R = Residual(one=1, bos=1, recip=1, pos=1, square=1, content=2)
EACH = Scope(order="forall T exists weights", t_max="T")
EVERY = Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x"))
clock = Block([uniform_head([R.bos], [R.recip])], clock_powers(R.one, R.recip, R.pos, R.square))


def head(gain="6", offset=0, shift="0", **changed):
    """Score gain (2 (t - offset) i - i^2) + shift i."""
    q = [f"2*({gain})" * R.pos + f"({shift}) - 2*({offset})*({gain})" * R.one, f"-({gain})" * R.one]
    return Head(**{"W_Q": q, "W_K": [R.pos, R.square], "W_V": [R.content[0]], "W_O": [R.content[1]]} | changed)


def claim(*heads, offset=0, least="99/100", number=0, tokens=EVERY, scope=EACH):
    subject = Family(Circuit(R, tokens, [clock, Block(heads)], bos="<bos>"), T_min=2)
    return Claim("c", subject, Attends(2, number, offset, least), scope)


@pytest.mark.parametrize("offset", [0, 1, 4])
def test_a_quadratic_look_up_is_proved_for_every_length_and_vocabulary(offset):
    found = attends(claim(head(offset=offset), offset=offset))
    assert found.kind == "proved" and found.scope == EACH and found.certificate["claim"]["kind"] == "score" and len(found.steps) == 3
    for other in {0, 1, 4} - {offset}:
        assert attends(claim(head(offset=offset), offset=other)).kind == "open"


@pytest.mark.parametrize(
    ("gain", "least", "proved"),
    [
        ("6", "995/1000", True),
        ("6", "996/1000", False),
        ("1", "1/2", True),
        ("1", "3/5", False),
        ("ln(2)", "1/3", True),  # 1 + 2 (1/2 + 1/16 + 1/512 + ...) is 2.129
        ("ln(2)", "47/100", False),
        ("sqrt(2)", "64/100", True),
        ("sqrt(2)", "67/100", False),
        ("-6", "1/100", False),
        ("0", "1/100", False),
    ],
)
def test_the_bound_is_the_sum_over_all_the_other_keys(gain, least, proved):
    assert (attends(claim(head(gain), least=least)).kind == "proved") is proved


def test_a_lead_that_is_not_the_same_on_both_sides_is_bounded_by_the_worse_one():
    assert attends(claim(head("6", shift="3"), least="95/100")).kind == "proved"
    assert attends(claim(head("6", shift="3"), least="96/100")).kind == "open"
    for shift in ("6", "-6", "7"):
        assert attends(claim(head("6", shift=shift), least="1/1000")).kind == "open"


@pytest.mark.parametrize(
    "changed",
    [
        {"W_K": [R.pos, R.square + R.content[0]]},
        {"W_K": [R.pos, R.pos]},
        {"W_K": [R.square, R.pos]},
        {"W_K": [R.recip, R.square]},
        {"W_Q": [400 * R.one, -200 * R.recip, R.recip], "W_K": [R.pos, R.square, R.one], "name": "its lead, 200 m^2/t, dies out"},
        {"scale": "1/sqrt(d_head)"},
    ],
)
def test_a_score_of_another_form_is_left_open(changed):
    found = attends(claim(head(**changed), least="99/100"))
    assert found.kind == "open" and found.reason


def test_without_the_clock_below_nothing_is_shown():
    subject = Family(Circuit(R, EVERY, [Block([head()])], bos="<bos>"), T_min=2)
    assert attends(Claim("c", subject, Attends(1, 0, 0, "99/100"), EACH)).kind == "open"


def test_verify_draws_the_verdict_and_a_false_one_is_refuted_by_its_smallest_word():
    given = Embedding({"<bos>": R.one + R.bos, "x": R.one})
    here = replace(EACH, vocabulary="given")
    assert verify(claim(head(), tokens=given, scope=here)).kind == "proved"
    false = verify(claim(head("1"), tokens=given, scope=here, least="3/4"))
    assert false.kind == "refuted" and false.witness["t"] == 1 + len(false.witness["word"]) - 1 == 2
    negative = claim(head("1"), tokens=given, scope=here, least="3/4")
    assert verify(replace(negative, statement=Fails(negative.statement))).kind == "proved"


def test_a_weight_that_is_no_number_is_refused():
    with pytest.raises(NopeproofError):
        Attends(2, 0, 0, "t")
