"""The provers: each step can fail, and each hypothesis counts. What is changed here is what a claim speaks of."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from fractions import Fraction

import pytest

from nopeproof import library
from nopeproof.checks import verify
from nopeproof.claims import Claim, Equals, Scope, Shown, after_attention
from nopeproof.errors import NopeproofError
from nopeproof.models import ModelClass
from nopeproof.theory.argument import Argument
from nopeproof.theory.collapse import constant_words, permutations_kept
from nopeproof.theory.depth_two import collision
from nopeproof.theory.members import states
from nopeproof.theory.telling_apart import alike, equal_from, read_back, refinement, told_apart

EVERY = Scope(order="forall weights forall T", words="any")
NOPE = ModelClass("nope")
ABOUT_ATTENTION = [
    "no-bos-collapse", "one-layer-counts", "prefix-colours", "depth-two-collides", "window-horizon", "temperature-and-length",
    "influence", "injectivity", "long-prefixes-collapse", "bayes-ceilings", "variance-at-initialisation", "neighbours-look-alike",
]  # fmt: skip
SHOWN = [f"{name}/{c.id}" for name in ABOUT_ATTENTION for c in library.load(name).claims if isinstance(c.subject, ModelClass)]


def claim(models, prover, scope=EVERY):
    """A claim to give to a prover."""
    return Claim("it", models, Shown("so it is", prover), scope, "this project")


def argument(**fields):
    """An argument about a class, none of whose fields matters."""
    a = Argument(claim(replace(NOPE, **fields), lambda c, d: []), "test")
    a.whatever(*(f.name for f in dataclasses.fields(NOPE)))
    return a


# --- the steps -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "true"),
    [
        ("1/t - 1/(t + 1)", "1/(t*(t + 1))", True),
        ("1/t - 1/(t + 1)", "1/(t*t)", False),
        ("(a + b)**2", "a**2 + 2*a*b + b**2", True),
        ("(a + b)**2", "a**2 + b**2", False),
        ("x/x", "1", True),
        ("3/2", "6/4", True),
    ],
)
def test_identities(left, right, true):
    a = argument()
    assert a.identity(left, right) is true
    assert a.evidence("proved")[0].kind == ("proved" if true else "open")


@pytest.mark.parametrize(
    ("expression", "least", "true"),
    [("n - 1", {"n": 2}, True), ("n - 1", {"n": 1}, False), ("n*m - n", {"n": 1, "m": 2}, True), ("2 - n", {"n": 1}, False)],
)
def test_signs(expression, least, true):
    assert argument().positive(expression, least) is true


def test_a_missing_hypothesis_is_said():
    a = argument(mask="strict")
    a.needs("mask", "causal")
    (found,) = a.evidence("proved")
    assert found.kind == "open" and "needs mask causal; the class has strict" in found.reason
    b = argument(positions=("nope", "rotary"))
    b.needs("positions", "nope")
    assert b.evidence("proved")[0].kind == "open"
    with pytest.raises(NopeproofError, match="fixes no d_head"):
        b.size("d_head")


def test_a_field_or_a_size_that_no_prover_has_looked_at_is_a_missing_hypothesis():
    """Whatever field a class may have, now or later: a prover that forgets it proves nothing."""
    names = {f.name for f in dataclasses.fields(NOPE)} - {"name", "about", "sizes"}
    for forgotten in sorted(names - {"arithmetic"}):
        a = Argument(claim(NOPE, lambda c, d: []), "test")
        a.whatever(*(names - {forgotten}))
        (found,) = a.evidence("proved")
        assert found.kind == "open" and found.reason.startswith(f"the argument never looks at {forgotten};")
    a = Argument(claim(replace(NOPE, sizes={"T": 7, "d_model": 1}), lambda c, d: []), "test")
    a.whatever(*names)
    assert a.size("T") == 7
    (found,) = a.evidence("proved")
    assert found.kind == "open" and found.reason == "the argument never looks at sizes.d_model; the class has 1"
    a.whatever("sizes")
    assert a.evidence("proved")[0].kind == "proved"


@pytest.mark.parametrize(
    ("fields", "scope", "why"),
    [
        ({"arithmetic": "bfloat16"}, {"arithmetic": "bfloat16"}, "needs arithmetic real"),
        ({}, {"arithmetic": "bfloat16"}, "a scope in the class's arithmetic real"),
        ({}, {"order": "exists weights forall T"}, "the order forall weights forall T; the scope has exists"),
        ({}, {"words": "bos-first"}, "words without a BOS"),
    ],
)
def test_a_scope_other_than_the_arguments_is_a_missing_hypothesis(fields, scope, why):
    a = Argument(claim(replace(NOPE, **fields), lambda c, d: [], replace(EVERY, **scope)), "test")
    a.whatever(*(f.name for f in dataclasses.fields(NOPE)))
    assert why in a.evidence("proved")[0].reason


def test_a_prover_wants_a_class_of_models():
    absolute = library.load("absolute-position").claims[0]
    with pytest.raises(NopeproofError, match="a claim about a ModelClass"):
        Argument(absolute, "test")
    with pytest.raises(NopeproofError, match="Shown, and only Shown"):
        Claim("it", NOPE, Equals(after_attention(1), absolute.circuit.residual.recip, "1/t"), EVERY)
    with pytest.raises(NopeproofError, match="a class of models without weights"):
        _ = claim(NOPE, constant_words).circuit


@pytest.mark.parametrize("bad", [{"mask": "sideways"}, {"depth": -1}, {"mask": "window"}, {"attention": "hard"}, {"sizes": {"T": 1.5}}])
def test_a_class_of_models_is_checked(bad):
    with pytest.raises(NopeproofError):
        replace(NOPE, **bad)


def test_evidence_for_all_weights_does_not_show_that_there_are_some():
    forall, exists = Scope(order="forall weights forall T"), Scope()
    assert not forall.covers(exists) and not exists.covers(forall) and forall.covers(forall)
    assert exists.covers(Scope(order="forall T exists weights", t_max="T"))


# --- what the provers say of other classes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "proved"),
    [
        ({}, True),
        ({"positions": ("rotary", "t5", "alibi", "fire")}, True),
        ({"mask": "window", "sizes": {"window": 2}}, True),
        ({"positions": ("ape-sinusoidal",)}, False),
        ({"mask": "strict"}, False),
        ({"bos": True}, False),
        ({"attention": "softmax+1"}, False),
        ({"attention": "linear"}, False),
    ],
)
def test_constant_words_collapse_for_these_and_no_others(change, proved):
    models = replace(NOPE, **change)
    assert (verify(claim(models, constant_words)).kind == "proved") is proved
    word = ["<bos>"] * models.bos + ["a"] * 6
    differ = max(float(abs(h - h[-1]).max()) for seed in range(2) for h in [states(models, word, seed)[-1]])
    assert (differ < 1e-9) is proved


def test_the_mask_decides_which_permutations_are_kept():
    masks = [NOPE, replace(NOPE, mask="none"), replace(NOPE, mask="strict"), replace(NOPE, mask="window", sizes={"window": 3})]
    assert [permutations_kept(m, 4) for m in masks] == [1, 24, 1, 1]


def test_a_false_collision_is_refuted_and_one_letter_undoes_the_true_one():
    two = replace(NOPE, depth=2)
    one, other = collision()
    assert verify(claim(two, alike(one, other))).kind == "proved"
    assert verify(claim(replace(two, depth=3), alike(one, other))).kind == "refuted"
    assert verify(claim(replace(two, bos=True), alike(one, other))).kind == "refuted"
    assert verify(claim(two, alike(["b", *one[1:]], other))).kind == "refuted"
    assert verify(claim(replace(two, positions=("rotary",)), alike(one, other))).kind == "open"


@pytest.mark.parametrize("change", [{"depth": 1, "bos": True}, {"depth": 2}, {"depth": 2, "mask": "strict"}])
def test_words_cannot_be_read_back_with_fewer_layers(change):
    verdict = verify(
        claim(replace(NOPE, **change), told_apart(constant_too=False), Scope(order="forall T exists weights", t_max="T", words="any"))
    )
    assert verdict.kind in ("open", "refuted") and not verdict.stands


def test_reading_back_is_exact_and_declines_constant_words():
    r = refinement(replace(NOPE, depth=3))
    for word in ("ab", "aab", "abba", "ccab", "bbbbbbbbba"):
        assert read_back(r, r.last(list(word))) == list(word)
    assert read_back(r, r.last(list("aaaa"))) is None


def test_the_horizon_of_a_window_is_the_horizon_of_that_window():
    four = ModelClass("w", depth=3, mask="window", bos=True, sizes={"window": 4})
    assert verify(claim(four, equal_from(11), Scope(order="forall weights forall T"))).kind == "proved"
    assert (
        verify(claim(replace(four, mask="causal", sizes={"window": 4}), equal_from(11), Scope(order="forall weights forall T"))).kind
        == "open"
    )


# --- every claim that ships ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", SHOWN)
def test_no_prover_of_real_numbers_speaks_of_floats_or_of_other_quantifiers(target):
    name, _, id = target.partition("/")
    original = library.load(name).claim(id)
    scope = original.scope
    halves = replace(original, subject=replace(original.subject, arithmetic="bfloat16"), scope=replace(scope, arithmetic="bfloat16"))
    order = "exists weights forall T" if scope.order == "forall weights forall T" else "forall weights forall T"
    other = replace(original, scope=replace(scope, order=order, t_max=None if scope.t_max == "T" else scope.t_max))
    assert [verify(c).stands for c in (halves, other)] == [False, False]


FALSE_OF_THE_CHANGED_CLASS = [
    ("prefix-colours/one-layer-not-enough", {"depth": None}),  # two layers tell a b from a a b b
    ("prefix-colours/bos-two-layers", {"depth": None}),  # a class of every depth has members of one layer
    ("prefix-colours/bos-two-layers", {"sizes": {"d_model": 1}}),
    ("prefix-colours/bos-two-layers", {"ffn": "none"}),
    ("window-horizon/content", {"depth": None}),
    ("window-horizon/content", {"sizes": {"window": 4, "sinks": 1}}),  # the first token counts for ever
    ("window-horizon/horizon-2-1", {"depth": None}),
    ("no-mask-no-position/equivariant", {"attention": "any"}),  # leftmost hard attention breaks ties by order
    ("bias-dimensions/previous-token", {"mask": "strict"}),  # one difference fewer
    ("bias-dimensions/previous-token", {"mask": "none"}),
    ("one-scalar-feature/every-g", {"mask": "strict"}),
    ("minimal-width/exact", {"depth": 2}),  # a division takes O(log T)
    ("variance-at-initialisation/second-layer", {"ffn": "any function of one position's state"}),
    ("variance-at-initialisation/covariance", {"bos": True}),
    ("bayes-ceilings/first-token", {"mask": "window", "sizes": {"window": 1}}),  # some model reaches less than that
]


@pytest.mark.parametrize(("target", "change"), FALSE_OF_THE_CHANGED_CLASS)
def test_what_is_false_or_unknown_of_another_class_is_not_proved_of_it(target, change):
    name, _, id = target.partition("/")
    original = library.load(name).claim(id)
    assert not verify(replace(original, subject=replace(original.subject, **change))).stands  # type: ignore[type-var]


def test_what_was_looked_at_up_to_a_length_is_not_said_of_more():
    brute = library.load("one-scalar-feature").claim("affine-or-parity")
    assert verify(brute).kind == "exhausted"
    for wider in ({"t_max": None}, {"t_max": 7}, {"t_min": 3}):  # on three positions 36 functions are relative, 16 of them such
        assert not verify(replace(brute, scope=replace(brute.scope, **wider))).stands
    every = library.load("one-scalar-feature").claim("every-g")
    assert not verify(replace(every, scope=replace(every.scope, t_min=3))).stands
    coin = library.load("bayes-ceilings").claim("position-parity")
    assert not verify(replace(coin, scope=replace(coin.scope, t_max=None))).stands


@pytest.mark.parametrize("target", SHOWN)
def test_no_prover_goes_on_where_attention_does_not_average(target):
    name, _, id = target.partition("/")
    original = library.load(name).claim(id)
    assert verify(replace(original, subject=replace(original.subject, attention="any"))).kind in ("open", "refuted")  # type: ignore[type-var]


def test_there_are_many_and_each_step_of_each_is_said():
    shown = [c for name in library.names() for c in library.load(name).claims if isinstance(c.statement, Shown)]
    assert len(shown) > 40
    quick = [c for c in shown if c.id in ("lipschitz", "divergence", "constant", "one-over-n", "with-floor")]
    assert all(len(e.steps) >= 3 for c in quick for e in verify(c).evidence) and len(quick) == 5


@pytest.mark.parametrize("spec, wrong", [("alibi", 2), ("t5", 142), ("offset", 255)])
def test_a_wrong_rank_is_not_proved(spec, wrong):
    from nopeproof.theory.bias_claims import rank_is

    heads = ModelClass("heads", sizes={"T": 256})
    assert verify(claim(heads, rank_is(spec, wrong))).kind == "open"


def test_a_wrong_collision_or_ceiling_or_width_is_not_proved():
    from nopeproof.theory.collisions import first_at
    from nopeproof.theory.fewest_units import exact_units
    from nopeproof.theory.telling_apart import ceiling

    half = ModelClass("1/t", bos=True, arithmetic="bfloat16")
    scope = Scope(order="forall weights forall T", words="any", arithmetic="bfloat16")
    assert [verify(claim(half, first_at(t), scope)).kind for t in (189, 190, 191)] == ["open", "proved", "open"]
    coin = ceiling(lambda: [(["a"] * n, str(n % 2)) for n in range(1, 9)], Fraction(5, 8))
    assert verify(claim(replace(NOPE, depth=3), coin, replace(EVERY, t_max=8))).kind == "refuted"
    assert verify(claim(replace(NOPE, depth=3), coin)).kind == "open"
    assert verify(claim(replace(NOPE, ffn="two hidden layers"), exact_units(skip=True))).kind == "open"


@pytest.mark.parametrize("norms", [("rmsnorm",), ("layernorm",), ("none", "rmsnorm")])
def test_averages_of_averages_are_not_those_behind_a_norm(norms):
    """A norm makes each average as long as the first: the variance of the second layer is another one, .68 for .03 at m = 64."""
    found = library.load("variance-at-initialisation").claim("second-layer")
    assert verify(found).stands
    assert not verify(replace(found, subject=replace(found.subject, norms=norms))).stands


@pytest.mark.parametrize("field", [{"mask": "strict"}, {"attention": "linear"}])
def test_a_class_without_layers_is_run_without_layers(field):
    """All that stands there is the embedding: nothing random of three layers refutes a claim about it."""
    models = replace(library.load("no-bos-collapse").claim("every-encoding").subject, depth=0, **field)
    assert len(states(models, "aaa", 0)) == 1
    assert verify(claim(replace(models, depth=3, sizes={"d_model": 0}), constant_words)).kind != "refuted"  # no member is 12 wide
    assert verify(claim(models, constant_words)).kind != "refuted"


def test_a_class_has_an_alternative_for_each_of_its_conventions():
    for field in ("positions", "norms"):
        with pytest.raises(NopeproofError, match="no alternative"):
            replace(NOPE, **{field: ()})


def test_what_was_never_looked_at_refutes_nothing():
    a = Argument(claim(NOPE, lambda c, d: []), "test")
    assert [e.kind for e in a.refuted({"word": []})] == ["open"]
    a.whatever(*(f.name for f in dataclasses.fields(NOPE)))
    assert [e.kind for e in a.refuted({"word": []})] == ["refuted"]
