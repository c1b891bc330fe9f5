"""Laws by counting: shown for every length from the weights; false variants, other masks and mutants that break them are never shown."""

from collections import Counter
from dataclasses import replace
from typing import Literal

import pytest

from nopeproof import library
from nopeproof.checks import proof_of
from nopeproof.checks.exhaust import exhaust, guarded
from nopeproof.checks.mutants import mutants
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Norm, Unit
from nopeproof.claims import Claim, Equals, Evidence, Scope, after_attention, after_ffn
from nopeproof.errors import NopeproofError
from nopeproof.laws import Case, Law
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.theory.counted_laws import counted_law

PROVED = [("sink-alibi", "error"), ("sink-margins", "last-decides"), ("selector-width", "error"), ("long-prefixes-collapse", "no-floor")]


def case(left: str, right: str, relation: Literal["=", ">="] = ">=", **more) -> Case:
    return Case(left, right, relation=relation, **more)


FALSE = [
    ("sink-alibi", "error", case("t - 1 - c", "(t - 1)**2/(t + 1000)", "=")),
    ("sink-alibi", "error", case("t - 1 - c", "(t - 1)**2/(t + 998)")),
    ("sink-alibi", "error", case("(T - 1)**2/(T + 1000)", "t - 1 - c")),
    ("sink-alibi", "error", case("(T - 2)**2/(T + 999)", "t - 1 - c", first=2)),
    ("sink-alibi", "error", case("c", "t - 1")),
    ("sink-margins", "last-decides", case("(c - t + 3/2)/c", "(101 + T - 1 - 2*(T - 1)**2)/(200*(T - 1))", first=2)),
    ("sink-margins", "last-decides", case("(c - t + 3/2)/c", "(100 + T - 2*T**2)/(200*T)", "=", first=2)),
    ("sink-margins", "last-decides", case("(100 + T - 1 - 2*(T - 1)**2)/(200*(T - 1))", "(c - t + 3/2)/c", first=2)),
    ("sink-margins", "last-decides", case("(100/(t - 3/2) - 1)*c/(100 - c)", "101/100", first=2)),
    ("selector-width", "error", case("1/share - 1", "c", "=")),
    ("selector-width", "error", case("1/share - 1", "c + (t - 1 - c)/10", "=")),
    ("selector-width", "error", case("1/share - 1", "c + (t - c)/11", "=")),
    ("selector-width", "error", case("(T - 1)/12", "1/share - 1 - c")),
    ("selector-width", "error", case("(T - 2)/11", "1/share - 1 - c")),
    ("selector-width", "error", case("5/11", "1/share - 1 - c")),
    ("long-prefixes-collapse", "no-floor", case("y", "2", "=")),
    ("long-prefixes-collapse", "no-floor", case("y*(2*c - 3)", "3")),
    ("long-prefixes-collapse", "no-floor", case("y*(2*c - 1)", "0")),
    ("long-prefixes-collapse", "no-floor", case("y*(2*c - 5)", "0")),
]


def refuted(claim: Claim) -> bool | None:
    """None where some run has no value, a norm of nothing say."""
    try:
        return exhaust(guarded(claim), 0.3).kind == "refuted"
    except NopeproofError:
        return None


def law_of(name: str, id: str) -> tuple[Claim, Law, Circuit]:
    claim = library.load(name).claim(id)
    assert type(claim.statement) is Law and isinstance(claim.subject, Circuit)
    return claim, claim.statement, claim.subject


def said(claim: Claim) -> Evidence:
    found = counted_law(claim)
    assert found is not None
    return found


@pytest.mark.parametrize(("name", "id"), PROVED)
def test_shown_for_every_length(name, id):
    claim, _, _ = law_of(name, id)
    found = said(claim)
    assert found.kind == "proved" and found.scope.covers(claim.scope) and found.scope.t_max is None, found
    assert proof_of(claim).kind == "proved"


@pytest.mark.parametrize(("name", "id", "false"), FALSE, ids=lambda x: str(x))
def test_what_is_false_is_refuted_and_not_shown(name, id, false):
    claim, law, _ = law_of(name, id)
    claim = replace(claim, statement=replace(law, cases=[false], predicate=None))
    found = said(claim)
    assert found.kind == "open" and found.reason and refuted(claim)


@pytest.mark.parametrize(("name", "id"), PROVED)
def test_a_mutant_that_a_run_refutes_is_not_shown(name, id):
    claim, _, subject = law_of(name, id)
    some, zeros = mutants(subject)
    kinds: Counter = Counter()
    for mutant in [*some, *zeros][:: max(len([*some, *zeros]) // 24, 1)]:
        changed = replace(claim, subject=mutant.subject)
        shown, broken = said(changed).kind == "proved", refuted(changed)
        assert not shown or broken is False, mutant
        kinds[shown, broken] += 1
    assert kinds[False, True] > 5


@pytest.mark.parametrize("change", [{"mask": "strict"}, {"mask": "none"}])
def test_another_mask_is_left_open(change):
    claim, _, subject = law_of("selector-width", "error")
    assert said(replace(claim, subject=replace(subject, **change))).kind == "open"


@pytest.mark.parametrize("scope", [Scope(), Scope(vocabulary="given", words="any")])
def test_another_scope_is_left_open(scope):
    assert said(replace(law_of("selector-width", "error")[0], scope=scope)).kind == "open"


def test_what_is_no_law_in_real_numbers_is_not_looked_at():
    claim, _, subject = law_of("selector-width", "error")
    assert counted_law(replace(claim, statement=Equals(after_attention(1), subject.residual.share, "1/t"))) is None
    assert counted_law(replace(claim, scope=Scope(vocabulary="given", arithmetic="float32"))) is None


def with_norm(norm: Norm | None, **first) -> Claim:
    claim, _, subject = law_of("long-prefixes-collapse", "no-floor")
    one, two = subject.blocks
    return replace(claim, subject=replace(subject, blocks=[replace(one, **first), replace(two, norm_ffn=norm)]))


@pytest.mark.parametrize("norm", [Norm("layernorm", 1), Norm("rmsnorm", "1/9")])
def test_a_norm_with_a_floor_is_left_open(norm):
    found = said(with_norm(norm))
    assert found.kind == "open" and "epsilon" in found.reason


def test_a_norm_is_read_only_where_its_row_is_one_number_times_fractions():
    """The row has mean 0, so RMSNorm is LayerNorm there. With the values left in it, or without a norm, the law is not so."""
    assert said(with_norm(Norm("rmsnorm"))).kind == "proved"
    for other in (with_norm(Norm("layernorm"), mlp=None), with_norm(None)):
        assert said(other).kind == "open" and refuted(other) is not False


def test_a_law_about_words_that_begin_in_a_given_way_is_left_open():
    claim, law, _ = law_of("selector-width", "error")
    found = said(replace(claim, statement=Law(cases=[case("share", "0", first=2, tokens={2: "a"})], reads=law.reads)))
    assert found.kind == "open" and "begin" in found.reason


def test_a_law_that_speaks_of_T_about_a_family_is_open():
    """T is the length of the word there, and that of the longest word in the weights: x = T is true of words of full length alone."""
    R = Residual(one=1, bos=1, recip=1, out=1)
    tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one.vector})
    block = Block([uniform_head([R.bos], [R.recip])], MLP([Unit(read=R.one, write="T" * R.out)]))
    family = Family(Circuit(R, tokens, blocks=[block], bos="<bos>"), T_min=2)
    law = Law(cases=[Case("x", "T")], reads={"x": (after_ffn(1), R.out)})
    claim = Claim("x", family, law, Scope(order="forall T exists weights", t_max="T", vocabulary="given"), "s")
    word = ("<bos>", "a", "a")
    assert counted_law(claim).kind == "open"
    assert law.predicate(run(family.at(3), word)) and not law.predicate(run(family.at(6), word))
