"""Windows, symmetry and caches: what these provers accept is so, and what is not so they leave open."""

import itertools
import random
from dataclasses import replace
from fractions import Fraction

import pytest

from nopeproof import run as run_package
from nopeproof.checks import beyond, proof_of, verify
from nopeproof.checks.alike import alike
from nopeproof.checks.cached import AND, cached, looks_back_for_good
from nopeproof.checks.windowed import seen_is_short, windowed
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Norm, Opaque, Unit
from nopeproof.claims import Claim, Equals, Evidence, Scope, Unchanged, after_attention, after_ffn
from nopeproof.laws import Case, EqualStates, Law
from nopeproof.library import load
from nopeproof.masks import Mask, Window
from nopeproof.parts import uniform_head
from nopeproof.positions import encoding
from nopeproof.residual import Residual
from nopeproof.run import run

R = Residual(one=1, flag=1, x=1, y=1)
PLAIN, ANY = Scope(vocabulary="given"), Scope(vocabulary="given", words="any")
x = {"x": (after_attention(1), R.x)}
flagged = uniform_head([R.flag], [R.x])
TOKENS = {"<bos>": R.one + R.flag, "a": R.one.vector}


def circuit(*blocks, mask: Mask, tokens=None, bos: str | None = "<bos>"):
    return Circuit(R, Embedding(tokens or TOKENS), blocks=blocks, bos=bos, mask=mask)


def holds_up_to(claim, end):
    """Whether exact runs of all words up to a length bear the claim out."""
    from nopeproof.checks.evaluate import violations
    from nopeproof.checks.exhaust import members, words

    return not any(
        next(violations(claim.statement, run(c, word), T), None)
        for n in range(1, end + 1)
        for T, c in members(claim, n)
        for word in words(c, n, claim.scope.words)
    )


def test_what_a_prover_says_reaches_the_verdict():
    claim = load("sliding-window").claim("clock")
    assert verify(claim).kind == "proved" and proof_of(claim).tool.startswith("window prover")
    open_ = Evidence("open", claim.scope, "prove", reason="not here")
    assert beyond.beyond(replace(claim, statement=replace(claim.statement, cases=[Case("recip", "1/t")])), open_).reason.startswith(
        "not here; "
    )


# --- windows --------------------------------------------------------------------------------------------------------------

WINDOWED = ["clock", "horizon-1", "horizon-2", "sink-saturates"]


@pytest.mark.parametrize("id", WINDOWED)
def test_claims_about_windows_are_proved_for_every_length(id):
    claim = load("sliding-window").claim(id)
    found = windowed(claim)
    assert found is not None and found.kind == "proved" and found.scope.covers(claim.scope)


@pytest.mark.parametrize("id", WINDOWED)
@pytest.mark.parametrize("mask", [Window(2), Window(4), Window(3), Window(3, 1), Window(3, 2), Window(1), "causal", "strict", "none"])
def test_under_another_mask_window_claims_are_proved_only_where_they_hold(id, mask):
    claim = load("sliding-window").claim(id)
    if mask == claim.circuit.mask:
        return
    other = replace(claim, subject=replace(claim.subject, mask=mask))
    found = windowed(other)
    true = mask == Window(3, 1) and id.startswith("horizon")  # a sink alone moves no horizon
    assert found is None or (found.kind == "proved") is true
    assert holds_up_to(other, 8) is true


def drawn(rng):
    """A random circuit in a window, and a claim read off a short run of it: true of that word, and perhaps of no other."""
    row = lambda: sum((Fraction(rng.choice([-1, 1, 2])) * s for s in rng.sample(list(R), rng.randint(1, 2))), R.zero)  # noqa: E731
    make = lambda: Block([uniform_head([row()], [row()])], MLP([Unit(row(), row(), rng.choice([0, -1]))]), shared=list(R))  # noqa: E731
    tokens = {x: row() for x in ("<bos>", "a", "b")[: rng.randint(2, 3)]}
    blocks = [make() for _ in range(rng.randint(1, 2))]
    c = circuit(*blocks, mask=Window(rng.randint(1, 3), rng.randint(0, 1)), tokens=tokens)
    site, part, first = after_ffn(len(c.blocks)), list(R)[rng.randrange(4)], rng.randint(1, 6)
    have = [str(v) for v in run(c, ["<bos>", *"a" * 6]).at(site, part)]
    cases = [*(Case("x", have[t - 1], t, t) for t in range(1, first)), Case("x", have[first - 1], first)]
    equal = rng.choice([EqualStates(first=first, last_layer=True), EqualStates(by_token=True, first=first)])
    return c, rng.choice([Law(cases=cases, reads={"x": (site, part)}), equal])


def test_random_claims_about_windows_are_proved_only_where_longer_words_bear_them_out():
    kinds = {"proved": 0, "open": 0}
    for seed in range(50):
        c, statement = drawn(random.Random(seed))
        claim = Claim("c", c, statement, PLAIN)
        found = windowed(claim)
        assert found is not None
        kinds[found.kind] += 1
        if found.kind == "proved":
            rest = [t for t in c.tokens if t != "<bos>"]
            words = (w for n in range(7 if len(rest) == 2 else 12) for w in itertools.islice(itertools.product(rest, repeat=n), 48))
            assert all(statement.predicate(run(c, ["<bos>", *w])) for w in words), seed
    assert min(kinds.values()) > 10


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("sinks", [0, 1, 3])
@pytest.mark.parametrize("L", [1, 2, 3])
def test_what_a_position_sees_is_as_short_as_said_and_no_shorter(size, sinks, L):
    n = L * (size - 1) + 1
    assert seen_is_short(Window(size, sinks), L, n, sinks + n)
    if size > 1:
        assert not seen_is_short(Window(size, sinks), L, n - 1, sinks + n - 1)


def test_a_window_says_nothing_of_what_it_has_not_run():
    c, bos = circuit(Block([flagged]), mask=Window(3)), {"m": "<bos>"}
    for cases, counts in [
        ([Case("x", "1/t", last=3), Case("x", "0", first=4, last=9), Case("x", "1", first=10)], {}),
        ([Case("x", "T - 4", first=1, last=1)], {}),  # true of words of 5 tokens
        ([Case("x", "1/t")], {}),  # true of words of 3
        ([Case("m", "1", first=5)], bos),  # true, and of more than the window
    ]:
        found = windowed(Claim("c", c, Law(cases=cases, reads=x, counts=counts), PLAIN))
        assert found is not None and found.kind == "open", str(cases)
    many = circuit(Block([flagged]), mask=Window(9), tokens={**TOKENS, "b": R.one.vector, "c": R.one.vector})
    found = windowed(Claim("c", many, Law(cases=[Case("x", "0", first=10)], reads=x), PLAIN))
    assert found is not None and "too many words" in found.reason


def test_windows_with_scores_and_frames():
    """e^score in the weights: the number at the end is compared, and may not be tied to t."""
    sharp = Head([R.one], [R.flag], [R.flag], [R.x])
    c = circuit(Block([sharp], MLP([Unit(R.x, R.y)])), mask=Window(2, sinks=1))
    frame, wrong = (Claim("c", c, Unchanged(after_attention(1), after_ffn(1), parts), PLAIN) for parts in ([R.x, R.flag], [R.y]))
    assert windowed(frame).kind == "proved" and windowed(wrong).kind == "open"  # type: ignore[union-attr]
    same = Law(cases=[Case("x", "y", first=2)], reads={**x, "y": (after_ffn(1), R.y)})
    assert windowed(Claim("c", c, same, PLAIN)).kind == "proved"  # type: ignore[union-attr]
    tied = Law(cases=[Case("x*t", "y*t", first=2)], reads={**x, "y": (after_ffn(1), R.y)})
    assert windowed(Claim("c", c, tied, PLAIN)).kind == "open"  # type: ignore[union-attr]
    assert windowed(Claim("c", c, Equals(after_attention(1), R.x, "1/2"), PLAIN)).kind == "open"  # type: ignore[union-attr]


# --- symmetry -------------------------------------------------------------------------------------------------------------


def any_scores(mask, tokens=None, bos: str | None = None, norm=None):
    free = lambda n: sum((s.free(f"{n}_{s.name}_") for s in R), R.zero)  # noqa: E731
    block = Block([Head([free("q")], [free("k")], [free("v")], [free("o")])], MLP([Unit(free("u"), free("w"))]), norm, norm)
    return circuit(block, mask=mask, tokens=tokens or {"a": R.one.vector}, bos=bos)


TWO = {"a": R.one.vector, "b": R.flag.vector}


@pytest.mark.parametrize("mask", ["causal", "strict", "none", Window(3), Window(2, 1)])
@pytest.mark.parametrize("tokens", [{"a": R.one.vector}, TWO])
@pytest.mark.parametrize("statement", [EqualStates(), EqualStates(by_token=True)])
def test_equal_states_are_proved_where_they_are_and_nowhere_else(mask, tokens, statement):
    claim = Claim("c", any_scores(mask, tokens), statement, ANY)
    found, true = alike(claim), (len(tokens) == 1 and mask != "strict") or (mask == "none" and statement.by_token)
    assert found is not None and (found.kind == "proved") is true
    instance = claim.circuit.instance(seed=3)
    words = [w for n in (1, 2, 3, 4) for w in itertools.product(tokens, repeat=n)]
    assert all(_same(statement, run(instance, w, "ball")) for w in words) is true


def _same(statement, trace):
    """The same read off balls, up to their size."""
    for rows in trace.residuals.values():
        for (i, one), (j, two) in itertools.combinations(enumerate(rows), 2):
            alike_ = not statement.by_token or trace.word[i] == trace.word[j]
            if alike_ and max(abs(float(a) - float(b)) for a, b in zip(one, two, strict=True)) > 1e-6:
                return False
    return True


def test_symmetry_needs_what_it_names():
    symmetric = EqualStates(by_token=True)
    block = Block([Opaque([R.x])])
    assert alike(Claim("c", circuit(block, mask="none"), symmetric, PLAIN)).kind == "open"  # type: ignore[union-attr]
    placed = replace(any_scores("causal"), positions=encoding("rotary"))
    assert alike(Claim("c", placed, EqualStates(), ANY)).kind == "open"  # type: ignore[union-attr]
    one = {"<bos>": R.one.vector, "a": R.one.vector}  # alike in everything but their names
    assert alike(Claim("c", any_scores("causal", one, "<bos>"), EqualStates(), ANY)).kind == "open"  # type: ignore[union-attr]
    assert alike(Claim("c", any_scores("none", norm=Norm("layernorm", 1)), symmetric, ANY)).kind == "proved"  # type: ignore[union-attr]
    assert alike(Claim("c", any_scores("none"), EqualStates(first=2), ANY)) is None
    assert alike(Claim("c", any_scores("none"), symmetric, replace(ANY, arithmetic="float32"))) is None
    other = replace(any_scores("causal"), embedding=Embedding({"a": R.one.vector}, R.one + R.x.free("z")))
    assert alike(Claim("c", other, EqualStates(), ANY)).kind == "open"  # type: ignore[union-attr]


# --- caches ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["cached-recip", "cached-sink"])
def test_claims_about_caches_are_proved_for_every_length(id):
    claim = load("kv-cache").claim(id)
    found = cached(claim)
    assert found is not None and found.kind == "proved" and found.scope.covers(claim.scope) and found.tool.endswith(AND)


def test_what_is_false_of_the_full_pass_is_open_with_a_cache():
    claim = load("kv-cache").claim("cached-recip")
    for wrong in (
        replace(claim, statement=replace(claim.statement, value="1/(t + 1)")),
        replace(claim, subject=replace(claim.subject, mask="strict")),
        replace(claim, subject=replace(claim.subject, mask=Window(3))),
        replace(claim, subject=replace(claim.subject, mask="none")),
        replace(claim, scope=replace(claim.scope, words="any")),
    ):
        found = cached(wrong)
        assert found is not None and found.kind == "open"
    assert cached(replace(claim, scope=replace(claim.scope, arithmetic="real"))) is None


def test_a_decoder_that_forgets_is_noticed(monkeypatch):
    """The guard runs both ways: a cache that drops the first key as soon as it can is seen."""
    claim = load("kv-cache").claim("cached-recip")
    keep = run_package.incremental.Cache.keep
    monkeypatch.setattr(run_package.incremental.Cache, "keep", lambda self, wanted: keep(self, wanted - {0}))
    found = cached(claim)
    assert found is not None and found.kind == "open" and "differ" in found.reason


@pytest.mark.parametrize("mask", ["causal", "strict", Window(1), Window(4), Window(2, 3), "none"])
def test_masks_that_look_back_for_good(mask):
    assert looks_back_for_good(mask) is (mask != "none")


def test_a_mask_that_shows_a_key_again_would_be_refused(monkeypatch):
    from nopeproof.checks import cached as module

    monkeypatch.setattr(module, "visible", lambda mask, t, T: [i for i in range(t + 1) if (t - i) % 2 == 0])
    assert not looks_back_for_good("causal")


def test_a_window_is_proved_with_a_cache_too():
    claim = load("sliding-window").claim("clock")
    assert cached(replace(claim, scope=replace(claim.scope, arithmetic="incremental"))).kind == "proved"  # type: ignore[union-attr]
    strict = load("strict-mask").claim("position")
    assert isinstance(strict.subject, Family)
    assert cached(replace(strict, scope=replace(strict.scope, arithmetic="incremental"))).kind == "proved"  # type: ignore[union-attr]
