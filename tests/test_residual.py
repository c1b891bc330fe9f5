"""Named subspaces and the vectors over them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nopeproof.errors import NopeproofError
from nopeproof.residual import Residual, Vector, as_vector
from nopeproof.strategies import residuals, vectors

R = Residual(one=1, content=3)
OTHER = Residual(one=1, content=2)


@given(st.data(), residuals())
def test_vectors_form_a_module(data, S):
    u, v = data.draw(vectors(S)), data.draw(vectors(S))
    c = data.draw(st.fractions(-3, 3, max_denominator=5))
    assert u + v == v + u and c * (u + v) == c * u + c * v and u - u == S.zero == 0 * u and -1 * (-u) == u
    assert u + 0 == u == 0 + u and 0 - u == -u
    assert all(x != 0 for _, x in (u + v).entries) and list((u + v).indices) == sorted((u + v).indices)


def test_names_widths_and_labels():
    assert R.d_model == 4 and R.widths == {"one": 1, "content": 3} and list(R.content.indices) == [1, 2, 3]
    assert [R.label(i) for i in range(4)] == ["one", "content[0]", "content[1]", "content[2]"]
    assert R["content"] is R.content and "one" in R and "two" not in R and len(R.content) == 3
    assert R.content[-1] == R.content[2] and list(R.content) == [R.content[k] for k in range(3)]
    assert R == Residual(one=1, content=3) != OTHER and hash(R) == hash(Residual(one=1, content=3))
    assert str(R.one - "1/2" * R.content[2]) == "one + (-1/2)*content[2]" and str(R.zero) == "0"


def test_symbols_and_substitution():
    v = "2*k" * R.one + "x" * R.content[0]
    assert v.symbols == {"k", "x"}
    assert v.substitute({"k": Fraction(3), "x": Fraction(0)}) == 6 * R.one
    assert R.content.free("w").symbols == {"w0", "w1", "w2"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Residual(), "no subspace"),
        (lambda: Residual(a=0), "width 0"),
        (lambda: Residual(a=1.0), "width 1.0"),
        (lambda: Residual(a=True), "width True"),
        (lambda: Residual(d_model=1), "itself uses"),
        (lambda: Residual(_a=1), "itself uses"),
        (lambda: R.nothing, "the stream has one, content"),
        (lambda: R["nothing"], "the stream has one, content"),
        (lambda: R.content[3], "0 to 2"),
        (lambda: R.content + R.one, "width 3"),
        (lambda: R.one + OTHER.one, "Residual"),
        (lambda: R.one - OTHER.one, "Residual"),
        (lambda: R.one + 1, "combination of directions"),
        (lambda: 0.5 * R.one, "a float"),
        (lambda: R.one * None, "NoneType"),
        (lambda: as_vector("one", R), "combination of directions"),
        (lambda: as_vector(OTHER.one, R, "W_V"), "W_V"),
    ],
)
def test_mistakes_name_the_part(make, message):
    with pytest.raises(NopeproofError, match=message):
        make()


def test_vectors_drop_zeros():
    assert Vector.of(R, {2: Fraction(0), 1: Fraction(1)}) == R.content[0].vector
