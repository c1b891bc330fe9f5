"""The numbers a circuit may hold."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nopeproof.errors import NopeproofError
from nopeproof.scalars import Symbolic, add, multiply, scalar, spell, substitute, symbols

rationals = st.fractions(-20, 20, max_denominator=30)
TEXTS = ["8*k - 2", "ln(3)", "sqrt(8)", "-x*y + 1/2", "T**2 - T", "x*sqrt(2)*ln(5) - 7/3", "-ln(2)"]


@given(rationals, rationals)
def test_rationals_are_fractions(a, b):
    assert scalar(a) == scalar(str(a)) == a
    assert add(a, b) == a + b and multiply(a, b) == a * b


@pytest.mark.parametrize("text", TEXTS)
def test_the_spelling_is_canonical_and_reads_back(text):
    x = scalar(text)
    assert isinstance(x, Symbolic) and scalar(spell(x)) == x and spell(scalar(spell(x))) == spell(x)


@given(st.sampled_from(TEXTS), st.sampled_from(TEXTS), rationals)
def test_ring_laws(a, b, c):
    x, y = scalar(a), scalar(b)
    assert add(x, y) == add(y, x) and multiply(x, y) == multiply(y, x)
    assert multiply(add(x, y), c) == add(multiply(x, c), multiply(y, c))
    assert add(x, multiply(x, Fraction(-1))) == 0


def test_symbols_are_the_free_ones():
    assert symbols(scalar("x*ln(2) + sqrt(3)*T")) == {"x", "T"} and symbols(Fraction(1)) == frozenset()
    assert scalar("ln(2) + sqrt(3)").logs_only and not scalar("x").logs_only
    assert substitute(scalar("8*k - 2"), {"k": Fraction(3)}) == 22
    assert substitute(scalar("8*k - T"), {"k": Fraction(3)}) == scalar("24 - T")


def test_roots_are_simplified():
    assert scalar("sqrt(12)") == scalar("2*sqrt(3)") and scalar("sqrt(9)") == 3 and scalar("sqrt(2)**2 - 2") != "0"


@pytest.mark.parametrize(
    "bad", [0.5, True, None, [1], 1j, "1/x", "0.5", "x +", "exp(2)", "ln(-1)", "1/0", "e", "sqrt(x)", "é", "x**1000", "2 if 1 else 3"]
)
def test_what_an_exact_run_cannot_hold_is_refused(bad):
    with pytest.raises(NopeproofError) as caught:
        scalar(bad, "the weight w")
    assert caught.value.asked.startswith("the weight w") and caught.value.found and caught.value.todo
