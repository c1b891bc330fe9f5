"""The bound on a look-up's leak: it needs its hypotheses and its numbers, and it holds where it can be computed."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nopeproof import library
from nopeproof.theory.look_ups import sharp

CLAIM = library.load("sharp-look-up").claim("sharp")


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        ({}, "proved", ""),
        ({"sizes": {"base": 199, "percent": 99}}, "open", "(199 - 1)/(199 + 1) > 99/100"),
        ({"sizes": {"base": 201, "percent": 99}}, "open", "for 200 this fails"),
        ({"sizes": {"base": 4, "percent": 60}}, "open", "(4 - 1)/(4 + 1) > 60/100"),
        ({"sizes": {"base": 4, "percent": 59}}, "proved", ""),
        ({"sizes": {"base": 1, "percent": 0}}, "open", "B = 1 is at least 2"),
        ({"sizes": {"base": 0, "percent": 0}}, "open", "B = 0 is at least 2"),
        ({"attention": "linear"}, "open", "attention softmax"),
        ({"ffn": "any"}, "open", "ffn"),
    ],
)
def test_every_hypothesis_and_number_matters(change, kind, reason):
    [evidence] = sharp(replace(CLAIM, subject=replace(CLAIM.subject, **change)))
    assert evidence.kind == kind and reason in evidence.reason


@given(st.integers(2, 400), st.integers(1, 40), st.data())
def test_the_bound_holds_for_finitely_many_keys(base, keys, data):
    p = data.draw(st.integers(1, keys))
    leak = sum(Fraction(1, base ** ((i - p) ** 2)) for i in range(1, keys + 1) if i != p)
    slip = sum(Fraction(abs(i - p), base ** ((i - p) ** 2)) for i in range(1, keys + 1))
    assert leak <= slip < Fraction(2, base - 1) and 1 / (1 + leak) > Fraction(base - 1, base + 1)
