"""Closed forms of margins: shown for every T where they are true, refuted or left open where they are not; and their arithmetic."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nopeproof import library
from nopeproof.checks.exhaust import exhaust, guarded
from nopeproof.circuit import MLP, Family, Norm, Unit, Units
from nopeproof.constructions import clock_margins as clocks
from nopeproof.errors import NopeproofError
from nopeproof.kernel import Ratio
from nopeproof.run import run
from nopeproof.theory import margins
from nopeproof.theory.margin_forms import KINDS, At, Case, _cases, _lengths, clock_of, margin_forms, nonnegative, number_of
from nopeproof.theory.places import Undecided, number, put

R = clocks.R
FIRST = {"basis": (3, 1), "minimal": (4, 2)}


def claim(name, forms=None, worst=None, period=None, units=None, **edit):
    """The claim with other forms, or about other weights."""
    found = library.load("clock-margins").claim(f"{name}-closed-forms")
    forms, worst = {**clocks.FORMS[name], **(forms or {})}, {**clocks.WORST[name], **(worst or {})}
    statement = margin_forms("", R.one, R.pos, units or clocks.UNITS[name], forms, worst, FIRST[name][0], period or FIRST[name][1])
    [block] = found.subject.symbolic.blocks
    circuit = replace(found.subject.symbolic, blocks=[replace(block, **edit)])
    return guarded(replace(found, statement=statement, subject=Family(circuit, T_min=found.subject.T_min)))


def by(c):
    return c.statement.by(c)


@pytest.mark.parametrize("name", FIRST)
def test_shown_for_every_length(name):
    found = by(claim(name))
    assert found.kind == "proved" and found.scope.t_max == "T" and found.scope.t_min == FIRST[name][0] and len(found.steps) == 8


FALSE = [
    ("basis", {"input": "1/(2*T + 1)"}),  # too small, and never attained
    ("basis", {"input": "1/(2*T - 1)"}),
    ("basis", {"scores": "1 + (T - 1)/((T - 2)*(2*T - 2))"}),
    ("basis", {"W_1": "(T - 1)/(2*(3*T**2 - 4*T + 1))"}),
    ("basis", {"W_2": "T/(2*(T**2 + 1))"}),
    ("minimal", {"input": "1/(2*(T + 1))"}),  # true of even T alone
    ("minimal", {"scores": "1 + T/(2*T**2 - 3)"}),
    ("minimal", {"W_1": "T/(2*(3*T**2 + 2*T + 1))"}),
    ("minimal", {"W_2": "E/(2*(E**2 - 1))"}),
]


@pytest.mark.parametrize(("name", "forms"), FALSE)
def test_false_forms_are_refuted_and_never_proved(name, forms):
    c = claim(name, forms)
    assert by(c).kind == "open" and by(c).reason
    assert exhaust(replace(c, scope=replace(c.scope, t_max=6)), 0.3).kind == "refuted"


@pytest.mark.parametrize(
    ("name", "worst"),
    [
        ("basis", {"input": "T"}),
        ("basis", {"W_2": "T - 1"}),
        ("basis", {"W_2": "T + 1"}),
        ("basis", {"scores": "(T - 1)/2"}),
        ("minimal", {"W_1": "T"}),
    ],
)
def test_a_margin_that_is_not_attained_where_it_is_said_to_be_is_open(name, worst):
    assert by(claim(name, worst=worst)).kind == "open"


basis = MLP([Unit(read=3 * R.one - 3 * R.pos, write=R.pos), Units(read=2 * R.one - "2*k" * R.pos, write=R.pos, first="2", last="T - 1")])
range_of = basis.units[1]


@pytest.mark.parametrize(
    "edit",
    [
        {"mlp": None},
        {"mlp": replace(basis, b_2=Fraction(1, 8) * R.pos)},
        {"mlp": replace(basis, activation="gelu")},
        {"norm_ffn": Norm("rmsnorm", epsilon=0)},
        {"mlp": MLP([basis.units[0]])},
        {"mlp": MLP([*basis.units, range_of])},
        {"mlp": MLP([replace(basis.units[0], bias=Fraction(1)), range_of])},
        {"mlp": MLP([replace(basis.units[0], read=3 * R.one - 3 * R.bos), range_of])},
        {"mlp": MLP([replace(basis.units[0], read=3 * R.one - "3*T" * R.pos), range_of])},
        {"mlp": MLP([basis.units[0], replace(range_of, read=2 * R.one - "2*k - 1" * R.pos)])},  # not t any more
        {"mlp": MLP([basis.units[0], replace(range_of, write=-1 * R.pos)])},
        {"mlp": MLP([basis.units[0], replace(range_of, read=2 * R.one - "2*T" * R.pos)])},
        {"mlp": MLP([basis.units[0], replace(range_of, last="T - 2")])},
        {"mlp": MLP([basis.units[0], replace(range_of, last="T + 1")])},  # still t, but steeper left of 1/T
    ],
)
def test_other_weights_are_open_and_mostly_refuted(edit):
    assert by(claim("basis", mlp=basis)).kind == "proved"
    c = claim("basis", **{"mlp": basis, **edit})
    assert by(c).kind == "open"
    same_width = edit.get("mlp") and len(edit["mlp"].units) == 2 and edit["mlp"].units[1].last == "T - 1"
    if same_width and edit["mlp"].activation == "relu" and edit["mlp"].units[0].bias == 0:
        assert exhaust(replace(c, scope=replace(c.scope, t_max=6)), 0.3).kind == "refuted"


@pytest.mark.parametrize("period", [0, -1, 1.0])
def test_a_period_without_residues_is_refused(period):
    with pytest.raises(NopeproofError, match="no case to show"):
        margin_forms("", R.one, R.pos, "T - 1", clocks.FORMS["basis"], clocks.WORST["basis"], 3, period)


@pytest.mark.parametrize(
    "mlp",
    [
        MLP([replace(basis.units[0], write=R.pos + "sqrt(2)" * R.one), range_of]),
        replace(basis, b_2="ln(2)" * R.bos),
        MLP([basis.units[0], replace(range_of, last="T + k")]),
    ],
)
def test_what_no_run_could_confirm_is_open(mlp):
    assert by(claim("basis", mlp=mlp, units=None if mlp.units[1].last == "T - 1" else "T + k + 1")).kind == "open"


def test_what_is_written_elsewhere_does_not_matter():
    elsewhere = MLP([replace(basis.units[0], write=R.pos + R.one), range_of], b_2=R.bos.vector)
    assert by(claim("basis", mlp=elsewhere)).kind == "proved"


@pytest.mark.parametrize(("name", "units"), [("basis", "T"), ("basis", "T - 2"), ("basis", "(T - 1) // 2"), ("minimal", "(T - 1) // 2")])
def test_another_number_of_units_is_open(name, units):
    assert by(claim(name, units=units)).kind == "open"


@pytest.mark.parametrize("name", FIRST)
def test_it_speaks_of_words_as_long_as_the_circuit_is_made_for(name):
    """The margins of a member are those of its own T: at a shorter length there are others, and the statement is about none of them."""
    c = library.load("clock-margins").claim(f"{name}-closed-forms")
    wrong = claim(name, {"input": "1/(3*T)"})
    for T in (4, 7, 8):
        for length in range(4, T + 1):
            trace = run(c.subject.at(T), ["<bos>"] + ["a"] * (length - 1))
            same = len(c.subject.at(T).blocks[0].mlp.units) == len(c.subject.at(length).blocks[0].mlp.units)
            assert c.statement.predicate(trace) and wrong.statement.predicate(trace) is not same
    assert [number_of(clocks.UNITS[name], T) for T in (2, 5, 8)] == [len(c.subject.at(T).blocks[0].mlp.units) for T in (2, 5, 8)]


def test_a_single_member_and_shorter_lengths_are_not_shown():
    c = claim("basis")
    assert by(replace(c, scope=replace(c.scope, t_min=2))).kind == "open"
    member = replace(c.scope, order="exists weights forall T", t_max=8)
    assert by(replace(c, subject=c.subject.at(8), scope=member)).kind == "open"


def test_forms_speak_of_T_and_E_alone():
    with pytest.raises(NopeproofError, match="t in it"):
        claim("basis", {"input": "1/t"})
    with pytest.raises(NopeproofError, match="E in it"):
        claim("basis", {"input": "1/E"})


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["basis", "minimal"]), st.integers(4, 12), st.data())
def test_the_read_out_in_closed_form_is_that_of_the_members(name, T, data):
    """At numbers: g where it is decided, and every line at most g."""
    t = data.draw(st.integers(1, T))
    x = data.draw(st.fractions(Fraction(1, t + 1), Fraction(1, max(t - 1, 1)), max_denominator=1000))
    here = At(clock_of(clocks.clocks[name].symbolic, R.one.start, R.pos.start), Case(Ratio(t), Ratio(T), T % 2))
    g = margins.read_out(clocks.clocks[name].at(T), 1, R.pos.start, R.pos.start, {R.one.start: Fraction(1)})
    assert number(here.value(here.x)) == t and all(number(here.line(Ratio(x), Ratio(0), on)) <= g(x) for on in here.lines())
    assert len(list(here.lines())) >= 1
    try:
        found = here.value(Ratio(x))
    except Undecided:
        return
    assert number(found) == g(x)


@pytest.mark.parametrize(("first", "period"), [(3, 1), (4, 2), (1, 2), (5, 3)])
def test_cases_are_every_position_of_every_length_once(first, period):
    seen, lengths = {}, {}
    for case in (case for q in range(period) for case in _cases(q, first, period)):
        for a in range(9 if "a" in case.t.names() | case.T.names() else 1):
            for d in range(9 if "d" in case.T.names() else 1):
                t, T = (int(number(put(x, {"a": Ratio(a), "d": Ratio(d)}))) for x in (case.t, case.T))
                seen[t, T] = seen.get((t, T), 0) + 1
                assert case.below in (None, T % 2) and (case.below is None) == (period % 2 == 1)
    for case in _lengths(first, period):
        for d in range(9):
            T = int(number(put(case.T, {"d": Ratio(d)})))
            lengths[T] = lengths.get(T, 0) + 1
    assert set(seen.values()) == {1} == set(lengths.values())
    assert {(t, T) for T in range(first, 9) for t in range(1, T + 1)} <= set(seen) and min(T for _, T in seen) == first
    assert set(range(first, 9)) <= set(lengths) and min(lengths) == first


def test_signs_are_those_of_every_coefficient():
    a, d = Ratio("a"), Ratio("d")
    assert nonnegative(a + d) and nonnegative((a + 1) / (d + 1)) and nonnegative((a * -1 - 1) / (d * -1 - 1)) and nonnegative(Ratio(0))
    assert (
        not nonnegative(a - d) and not nonnegative((a + 1) / (d * -1 - 1)) and not nonnegative(a / (d - 1)) and not nonnegative(Ratio(-1))
    )
    assert set(KINDS) == set(clocks.FORMS["basis"]) == set(clocks.WORST["minimal"])
