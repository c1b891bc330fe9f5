"""Float certificates: against simulated kernels with other orders of summation, against torch, and against sabotage."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import nopeproof.constructions.absolute_position as source
import numpy as np
import pytest

from nopeproof.checks import certify as module
from nopeproof.checks.certify import Unreadable, arithmetic, certify, length, reader
from nopeproof.checks.certify_words import certify_words
from nopeproof.checks.enclose import enclose, outside
from nopeproof.checks.limits import certified as certificate_of
from nopeproof.checks.limits import compared, limits, table
from nopeproof.checks.probe import Facts, Probe, facts
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Norm, Unit, Units
from nopeproof.claims import Claim, Equals, Scope, Within, after_attention, after_ffn, judge
from nopeproof.errors import NopeproofError
from nopeproof.parts import clock_minimal, uniform_head
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.theory.precision import FORMATS, Format, representable, round_to
from nopeproof.theory.rounding import Arithmetic, Ramps, error, head_error, holds

FFN = after_ffn(1)
HALF, FAMILIES = Fraction(1, 2), {"minimal": source.minimal, "basis": source.basis}
TRUSTED = Facts(())
CONFIGURATIONS = ["float64", "float32", "float32/float32/sdpa", "float16", "float16/float32/sdpa", "bfloat16", "bfloat16/float32/sdpa"]


def claim_of(subject, dtype="float32", t_max="T", direction=source.R.recip, value="t", site=FFN):
    order = "forall T exists weights" if isinstance(subject, Family) else "exists weights forall T"
    t_max = None if t_max == "T" and not isinstance(subject, Family) else t_max
    return Claim("clock", subject, Within(site, direction, value), Scope(order=order, t_max=t_max, arithmetic=dtype))


def certified(subject, dtype, platform=TRUSTED):
    return length(claim_of(subject, dtype), arithmetic(dtype), platform)


# --- the theorem -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "dtype", "T"),
    [
        ("basis", "float64", 67108862),
        ("basis", "float32", 2895),
        ("basis", "float16", 297),
        ("basis", "bfloat16", 38),
        ("basis", "float16/float16", 30),
        ("basis", "bfloat16/bfloat16", 10),
        ("minimal", "float64", 94906262),
        ("minimal", "float32", 4093),
    ],
)
def test_certified_lengths_on_a_platform_without_faults(name, dtype, T):
    found = certified(FAMILIES[name], dtype)
    assert found.T == T and found.error < HALF
    clock = reader(claim_of(FAMILIES[name]))(T + 1)
    assert not holds(clock, arithmetic(dtype), HALF, 1, T + 1)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16/bfloat16"])
def test_a_bound_on_an_interval_is_above_each_of_its_points_and_grows_with_the_member(name, dtype):
    read, how, rng = reader(claim_of(FAMILIES[name])), arithmetic(dtype), random.Random(1)
    for _ in range(40):
        low = rng.randrange(1, 60)
        high = rng.randrange(low, 64)
        t = rng.randrange(low, high + 1)
        assert error(read(high), how, low, high) >= error(read(high), how, t, t) >= error(read(t), how, t, t)


NUMPY = {"float64": np.float64, "float32": np.float32, "float16": np.float16}


def summed(terms, dtype, order, rng):
    """The terms added in one format, one rounding a sum: left to right, shuffled, as a balanced or random tree, or in blocks."""
    terms = [dtype(x) for x in terms]
    if order in ("shuffled", "random tree"):
        rng.shuffle(terms)
    if order in ("pairwise", "random tree"):
        while len(terms) > 1:
            i = 0 if order == "pairwise" else rng.randrange(len(terms) - 1)
            terms = [*terms[:i], *terms[i + 2 :], dtype(terms[i] + terms[i + 1])]
        return terms[0]
    lanes = 8 if order == "blocks" else 1
    sums = [dtype(0)] * lanes
    for n, x in enumerate(terms):
        sums[n % lanes] = dtype(sums[n % lanes] + x)
    return sums[0] if lanes == 1 else summed(sums, dtype, "sequential", rng)


def simulated(clock, storage, wide, t, order, rng, e_0=0.0):
    """One row of uniform head and ReLU FFN, every operation rounded, exp(0) off by up to e_0 in each lane."""
    S, A = NUMPY[storage], NUMPY[wide]
    lanes = [A(1 + e_0 * rng.uniform(-1, 1)) for _ in range(t)]
    x = S(A(lanes[0] / summed(lanes, A, order, rng)))
    terms = []
    for r in clock.ramps:
        for k in range(r.first, r.last + 1):
            parts = [A(float(r.at(a, k) * c)) for a, c in r.constants] + [A(A(float(r.at(r.slope, k))) * A(x))]
            a = max(S(summed(parts, A, order, rng)), S(0))
            terms.append(A(A(float(r.at(r.write, k))) * A(a)))
    return S(A(A(x) + A(S(summed([y for y in terms if y] or [A(0)], A, order, rng)))))


@pytest.mark.parametrize("order", ["sequential", "shuffled", "pairwise", "random tree", "blocks"])
@pytest.mark.parametrize(
    ("storage", "wide"), [("float32", "float32"), ("float16", "float32"), ("float16", "float16"), ("float64", "float64")]
)
def test_no_order_of_summation_errs_by_more_than_the_bound(order, storage, wide):
    rng, read = random.Random(order), {n: reader(claim_of(f)) for n, f in FAMILIES.items()}
    e_0 = 0.0 if order == "sequential" else 2.0**-14
    how = replace(arithmetic(f"{storage}/{wide}"), e_0=Fraction(e_0))
    if e_0:  # the lanes themselves are stored in the accumulator's format
        how = replace(how, e_0=Fraction(e_0) * (1 + how.u_a) + how.u_a)
    for name, T in (("minimal", 40), ("basis", 26)):
        clock = read[name](T)
        for t in range(1, T + 1):
            off = abs(Fraction(float(simulated(clock, storage, wide, t, order, rng, e_0))) - t)
            assert off <= error(clock, how, t, t)


def toy(p):
    return Format(f"p{p}", p, -40, 40, Fraction(2) ** 41)


@pytest.mark.parametrize(("p_s", "p_a"), [(4, 4), (5, 5), (5, 8), (6, 6), (7, 9)])
@pytest.mark.parametrize("reciprocal", [False, True])
def test_toy_formats_stay_within_the_bound_at_the_end_of_their_certificate(p_s, p_a, reciprocal):
    """Formats of a few bits, where the bound is nearly reached, exactly simulated; random trees, fused products or not."""
    rng, how = random.Random(p_s * p_a), Arithmetic(toy(p_s), toy(p_a))
    store, add_up = (lambda x: round_to(x, how.storage)), (lambda x: round_to(x, how.accumulator))

    def tree(terms):
        terms = list(terms)
        while len(terms) > 1:
            a, b = (terms.pop(rng.randrange(len(terms))) for _ in range(2))
            terms.append(add_up(a + b))
        return terms[0] if terms else Fraction(0)

    worst = Fraction(0)
    for family in FAMILIES.values():
        read = reader(claim_of(family))
        for T in (4, 7, 12):
            clock = read(T)
            for t in [*range(1, T + 1)] * 4:
                bound = error(clock, how, t, t)
                s = tree([Fraction(1)] * t)
                x = store(add_up(1 / s) if not reciprocal else add_up(add_up(1 / s) * 1))
                outs = []
                for r in clock.ramps:
                    for k in range(r.first, r.last + 1):
                        (line, c), b = r.constants[0], store(r.at(r.slope, k))
                        product = b * x if rng.random() < 0.3 else add_up(b * x)
                        outs.append(store(r.at(r.write, k)) * max(store(add_up(store(r.at(line, k)) * c + product)), 0))
                y = store(add_up(x + store(tree([o for o in outs if o]))))
                assert abs(y - t) <= bound
                worst = max(worst, abs(y - t) / bound)
    assert worst > Fraction(1, 10)


def test_the_error_of_exp_enters_numerator_and_denominator():
    clock, how = reader(claim_of(source.basis))(50), arithmetic("float64")
    assert head_error(clock, how, 50) < Fraction(1, 10**15)
    e = Fraction(1, 1000)
    assert head_error(clock, replace(how, e_0=e), 50) >= (1 + e) / (1 - e) - 1
    assert certified(source.basis, "float16").T > length(claim_of(source.basis, "float16"), arithmetic("float16"), Facts((), e_0=e)).T


@pytest.mark.parametrize("line", [(2, -8), (4, 0), (0, -2), (Fraction(1, 2), 3), (Fraction(1, 3), 0), (6, 10)])
def test_fits_never_claims_a_weight_that_would_be_rounded(line):
    line = tuple(map(Fraction, line))
    fmt = Format("p5", 5, -20, 20, Fraction(2) ** 21)
    for last in range(1, 30):
        r = Ramps(1, last, (), line, line)
        if r.fits(line, fmt):
            assert all(representable(r.at(line, k), fmt) for k in range(1, last + 1))
    assert not Ramps(1, 9, (), (Fraction(1, 3), Fraction(0)), line).fits((Fraction(1, 3), Fraction(0)), fmt)


# --- evidence --------------------------------------------------------------------------------------------------------


def test_a_float_claim_stands_up_to_its_certified_length_and_not_beyond():
    T = length(claim_of(source.minimal, "float32"), arithmetic("float32")).T
    assert T > 1000
    within, beyond = claim_of(source.minimal, "float32", T), claim_of(source.minimal, "float32", T + 1)
    evidence = certify(within)
    assert evidence is not None and evidence.kind == "certified" and evidence.scope.covers(within.scope)
    assert judge(within, [evidence]).stands
    assert any("exp(0)" in a for a in evidence.assumes) and any("jeannerod2013" in a for a in evidence.assumes)
    assert "float32/float32/materialised" in evidence.tool
    more = certify(beyond)
    assert more is not None and more.scope.t_max == T and not judge(beyond, [more]).stands
    assert not judge(claim_of(source.minimal, "float32", "T"), [certify(claim_of(source.minimal, "float32", "T"))]).stands
    assert not evidence.scope.covers(replace(within.scope, arithmetic="float16")) and not evidence.scope.covers(
        replace(within.scope, arithmetic="real")
    )


def test_no_certificate_for_equality_for_reals_or_for_what_cannot_be_read():
    scope = Scope(order="forall T exists weights", t_max=8, arithmetic="float32")
    assert certify(Claim("x", source.minimal, Equals(after_ffn(1), source.R.recip, "t"), scope)).kind == "open"
    assert certify(claim_of(source.minimal, "real")) is None
    assert certify(claim_of(source.minimal, "float33")).kind == "open"
    normed = replace(source.minimal.symbolic, blocks=[replace(source.minimal.symbolic.blocks[0], norm_ffn=Norm("rmsnorm"))])
    found = certify(claim_of(Family(normed, T_min=2)))
    assert found.kind == "open" and "a norm" in found.reason
    for change, why in (({"mask": "none"}, "mask"), ({"bos": None}, "BOS")):
        with pytest.raises(Unreadable, match=why):
            reader(claim_of(Family(replace(source.minimal.symbolic, **change), T_min=2)))


@pytest.mark.parametrize(
    ("text", "why"), [("float16/bfloat16", "narrower"), ("float32/float32/magic", "magic"), ("a/b/c/d", "a"), ("float3", "float3")]
)
def test_misuse_of_arithmetic_names(text, why):
    with pytest.raises(NopeproofError, match=why):
        arithmetic(text)


def test_wrong_clocks_get_no_certificate():
    off = claim_of(source.minimal, "float32", value="t + 1")
    assert length(off, arithmetic("float32"), TRUSTED).T == 0
    fixed = claim_of(source.minimal.at(6), "float32", None)
    assert length(fixed, arithmetic("float32"), TRUSTED).T == 8  # the last piece, drawn on: 13 - 42/t
    evidence = certify(fixed)
    assert evidence.scope.t_max == 8 and not judge(fixed, [evidence]).stands


R = Residual(one=1, bos=1, recip=1, pos=1)


def one_head(mlp, head=None):
    head = head or uniform_head([R.bos], [R.recip])
    return Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one.vector}), [Block([head], mlp)], bos="<bos>", name="test")


def perturbed(slot, amount):
    units = list(clock_minimal(R.one, R.recip).units)
    first = units[0]
    changed = {
        "read": Unit(first.read + amount * R.recip, first.write),
        "write": Unit(first.read, (1 + Fraction(amount)) * R.recip),
        "bias": Unit(first.read, first.write, amount),
    }
    units[0] = changed[slot]
    return Family(one_head(MLP(units)), T_min=2)


@pytest.mark.parametrize("slot", [*(pytest.param(slot, marks=pytest.mark.slow) for slot in ("read", "bias")), "write"])
def test_a_perturbed_weight_shortens_the_certificate(slot):
    sound = length(claim_of(perturbed(slot, 0), "float32", direction=R.recip), arithmetic("float32"), TRUSTED).T
    assert sound == 4093
    near, far = (
        length(claim_of(perturbed(slot, x), "float32", direction=R.recip), arithmetic("float32"), TRUSTED) for x in (Fraction(1, 8), 3)
    )
    assert far.T < 3 < near.T < sound and "no exact identity" in near.reason
    assert near.error > Fraction(1, 16) or slot == "read"


def test_the_other_block_with_an_output_bias_and_a_spare_row():
    units = MLP([Units(read=R.one - "k" * R.recip, write=2 * R.pos, first="1", last="T - 1")], b_2=R.pos)
    family = Family(one_head(units), T_min=2)
    T = {d: length(claim_of(family, d, direction=R.pos), arithmetic(d), TRUSTED).T for d in ("float64", "float32", "bfloat16")}
    assert T["float64"] > 67_000_000 and T["float32"] == 2895 and T["bfloat16"] < 190


def test_scores_that_only_look_equal_are_refused():
    three = Head(W_Q=[R.one, R.bos, R.one], W_K=[R.one] * 3, W_V=[R.bos, 0, 0], W_O=[R.recip, 0, 0])
    with pytest.raises(Unreadable, match="3 products"):
        reader(claim_of(one_head(None, three), direction=R.recip, value="1/t", site=after_attention(1)))
    leaky = Head(W_Q=[R.one], W_K=[R.bos], W_V=[R.bos], W_O=[R.recip])
    with pytest.raises(Unreadable, match="keys"):
        reader(claim_of(one_head(None, leaky), direction=R.recip, value="1/t", site=after_attention(1)))


# --- the platform ----------------------------------------------------------------------------------------------------


def failing(name):
    return Facts((Probe(name, "so", "otherwise", False),))


def test_what_a_probe_refutes_no_certificate_assumes():
    full = certified(source.minimal, "float16").T
    narrow = certified(source.minimal, "float16", failing("accumulator of float16 sums"))
    assert full > narrow.T and narrow.how.accumulator == FORMATS["float16"] and "shrunk by a probe" in narrow.reason
    assert full >= certified(source.minimal, "float16", failing("underflow of float16")).T
    for name in ("rounding of float16 sums", "head", "run"):
        found = certified(source.minimal, "float16", failing(name))
        assert found.T == 0 and "failed" in found.reason


def test_an_injected_platform_fault_reaches_the_evidence(monkeypatch):
    monkeypatch.setattr(module, "facts", lambda how: failing("rounding of float32 sums"))
    evidence = certify(claim_of(source.minimal, "float32", 100))
    assert evidence.kind == "open" and "expected so, seen otherwise" in evidence.reason


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_the_probes_of_this_platform(text):
    found = facts(arithmetic(text))
    assert {"head"} <= {p.name for p in found.probes} and all(p.seen for p in found.probes)
    assert found.e_0 < Fraction(1, 100)


def test_a_false_accumulator_is_noticed():
    """A sum that 53 bits hold and 24 do not, run in float32."""
    wrong = facts(Arithmetic(FORMATS["float32"], FORMATS["float64"]))
    assert any("accumulator" in f or "rounding" in f for f in wrong.failed)


# --- held against torch ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_no_certificate_is_contradicted(text):
    for row in table([c for c in source.claims if c.id == "minimal"], [text], rows=160):
        assert row["certified"] and not row["contradictions"], row
        assert row["first_failure"] is None or row["first_failure"] > row["certified"]


def test_a_certificate_that_is_too_long_is_caught():
    claim = claim_of(source.minimal, "bfloat16")
    how = arithmetic("bfloat16")
    found = certificate_of(claim, how)
    assert not compared(claim, found, how, 512)["contradictions"]
    caught = compared(claim, replace(found, T=180), how, 512)["contradictions"]
    assert caught and caught[0]["t"] > found.T


def test_a_bound_that_is_too_small_is_caught(monkeypatch):
    """A bound computed for a wider accumulator and no storage rounding is exceeded by the real run."""
    claim = claim_of(source.minimal, "float16")
    how = arithmetic("float16")
    found = certificate_of(claim, how)
    real = module.rounding.error
    monkeypatch.setattr(module.rounding, "error", lambda clock, how, a, b: real(clock, arithmetic("float64"), a, b))
    assert compared(claim, found, how, 200)["contradictions"]


def test_limits_row_of_what_the_theorem_does_not_cover():
    normed = replace(source.minimal.symbolic, blocks=[replace(source.minimal.symbolic.blocks[0], norm_ffn=Norm("rmsnorm", "1/100"))])
    row = limits(claim_of(Family(normed, T_min=2), "real"), "float32", rows=16)
    assert row["certified"] is None and "a norm" in row["reason"] and row["first_failure"] is not None


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_every_torch_result_lies_in_its_enclosure(text):
    how = facts(arithmetic(text)).shrink(arithmetic(text))
    rng = random.Random(text)
    for name in ("relative_position", "absolute_position"):
        claims = __import__(f"nopeproof.constructions.{name}", fromlist=["claims"]).claims
        subject = claims[-1].subject
        for seed in range(3):
            T = rng.randrange(2, 12)
            circuit = subject.at(T) if isinstance(subject, Family) else subject
            circuit = circuit if circuit.concrete else circuit.instance(seed=seed)
            others = [t for t in circuit.tokens if t != circuit.bos]
            word = ["<bos>", *(rng.choice(others) for _ in range(T - 1))]
            balls, floats = enclose(circuit, word, how), run(circuit, word, how.storage.name, route=how.route)
            assert not list(outside(balls, floats))


def test_an_enclosure_for_the_wrong_format_is_contradicted():
    circuit = source.minimal.at(12).instance()
    word = ["<bos>"] + ["a"] * 11
    assert list(outside(enclose(circuit, word, arithmetic("float32")), run(circuit, word, "bfloat16")))
    with pytest.raises(NopeproofError, match="norm"):
        enclose(replace(circuit, blocks=[replace(circuit.blocks[0], norm_ffn=Norm("rmsnorm"))]), word, arithmetic("float32"))


def test_words_from_a_length_on_are_enclosed_at_every_position_of_theirs():
    """t_min is the least length of a word: the value claimed is right at t = 2 and t = 3, and such words have a first position too."""
    here = Residual(one=1, bos=1, recip=1)
    head = Circuit(
        here, Embedding({"<bos>": here.one + here.bos, "a": here.one}), [Block([uniform_head([here.bos], [here.recip])])], bos="<bos>"
    )
    scope = Scope(t_min=2, t_max=3, vocabulary="given", arithmetic="float32")
    for value, kind in (("1/t", "certified"), ("1/t - (t - 2)*(t - 3)", "open")):
        claim = Claim("late", head, Within(after_attention(1), here.recip, value, "1/4"), scope)
        assert certify_words(claim, arithmetic("float32"), seconds=60.0).kind == kind


def test_keys_that_are_equal_in_exact_arithmetic_alone_are_not_uniform():
    """1/41 * 41 is 1, but not in float32, and a large query makes a different score of it."""
    S = Residual(one=1, bos=1, recip=1, x=2)

    def claim(n):
        tokens = {"<bos>": S.one + S.bos + S.x[1], "a": S.one + n * S.x[0]}
        head = Head(W_Q=[2**24 * S.one], W_K=[Fraction(1, n) * S.x[0] + S.x[1]], W_V=[S.bos], W_O=[S.recip])
        circuit = Circuit(S, Embedding(tokens), [Block([head])], bos="<bos>")
        return Claim("c", circuit, Within(after_attention(1), S.recip, "1/t", "1/10"), Scope(t_max=30, arithmetic="float32"))

    rows = run(claim(41).circuit, ["<bos>", "a"], "float32").at(after_attention(1), "recip")
    assert abs(float(rows[-1]) - 0.5) > 0.1
    assert certify(claim(4)).kind == "certified" and certify(claim(4)).scope.t_max == 30
    with pytest.raises(Unreadable, match="W_K multiplies"):
        reader(claim(41))
    found = certify(claim(41))  # words in balls know it too: of BOS alone it may be said
    assert found.kind == "open" or found.scope.t_max == 1


# --- overflows, scaled scores, lengths -------------------------------------------------------------------------------

S = Residual(one=1, bos=1, x=1, pos=1)
PLAIN = Embedding({"<bos>": S.one + S.bos, "a": S.one})
HIGH = Embedding({t: v + 2**17 * S.x for t, v in PLAIN.tokens.items()})  # type: ignore[operator]
LARGE = 1000 * S.one


def here(*blocks, embedding=PLAIN):
    return Circuit(S, embedding, blocks, bos="<bos>")


def loud(factor):
    return Head(W_Q=[S.zero], W_K=[S.zero], W_V=[448 * S.bos], W_O=[factor * S.x])


OVERFLOWS = {
    "a hidden unit's output": here(Block(mlp=MLP([Unit(LARGE, 1000 * S.x)])), Block(mlp=MLP([Unit(Fraction(1, 1024) * S.x, S.pos)]))),
    "a head's output": here(Block([loud(448)], MLP([Unit(Fraction(1, 4096) * S.x, S.pos)]))),
    "a head's output, further on": here(Block([loud(448)]), Block(mlp=MLP([Unit(Fraction(1, 4096) * S.x, S.pos)]))),
    "an embedding": here(Block(mlp=MLP([Unit(Fraction(1, 1024) * S.x, S.pos)])), embedding=HIGH),
    "a weight": here(Block(mlp=MLP([Unit(Fraction(1, 2**14) * S.one, 2**17 * S.pos)]))),
    "a partial sum": here(Block(mlp=MLP([Unit(50000 * S.one, w * S.pos) for w in (1, 1, -1, -1)]))),
}  # fmt: skip


@pytest.mark.parametrize("name", OVERFLOWS)
@pytest.mark.parametrize("text", ["float16", "float16/float16"])
def test_an_overflow_is_no_rounding_error(name, text):
    """In real numbers each of these coordinates is moderate; in float16 something on the way is infinite, or may be."""
    circuit = OVERFLOWS[name]
    exact = run(circuit, ["<bos>"], "exact").final[0][S.pos.start]
    site = after_ffn(len(circuit.blocks))
    claim = Claim("c", circuit, Within(site, S.pos, str(exact), "1000"), Scope(t_max=1, vocabulary="given", arithmetic=text))
    found = certify(claim)
    assert found is not None and (found.kind == "open" or (name, text) == ("a partial sum", "float16"))
    assert certify(replace(claim, scope=replace(claim.scope, arithmetic="float32"))).kind == "certified"  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["bfloat16", "float16", "bfloat16/float32/sdpa", "float32"])
def test_scores_that_are_stored_and_then_scaled_lie_in_their_enclosure(text):
    """Two roundings where one bound for the scaled score would allow one: 239 * 143 over sqrt(2) is off by 1.6 of them in bfloat16."""
    how = facts(arithmetic(text)).shrink(arithmetic(text))
    for a, b in ((239, 143), (223, 213), (2013, 1357)):
        head = Head(W_Q=[Fraction(a, 64) * S.one, S.zero], W_K=[-1 * S.x, S.zero], W_V=[S.bos], W_O=[S.pos], scale="1/sqrt(d_head)")
        circuit = here(Block([head]), embedding=Embedding({"<bos>": S.one + S.bos + Fraction(b, 32) * S.x, "a": S.one}))
        balls = enclose(circuit, ["<bos>", "a"], how)
        assert not list(outside(balls, run(circuit, ["<bos>", "a"], how.storage.name, route=how.route)))


def test_a_value_in_the_length_of_the_word_is_not_looked_at_for_the_longest_alone():
    head = here(Block([uniform_head([S.bos], [S.x])]))
    late = Claim("c", head, Within(after_attention(1), S.x, "1/t + 1000*(T - 8)", "1/100"), Scope(t_max=8, arithmetic="bfloat16"))
    found = certify(late)
    assert found is not None and found.kind == "open"


@pytest.mark.parametrize(
    ("value", "error", "why"), [("sqrt(2)/t", "1", "not rational"), ("1/t", "sqrt(2)", "not rational"), ("1/(t - 1)", "1", "by zero")]
)
def test_what_is_no_rational_number_is_declined(value, error, why):
    head = here(Block([uniform_head([S.bos], [S.x])]))
    found = certify(Claim("c", head, Within(after_attention(1), S.x, value, error), Scope(t_max=8, arithmetic="bfloat16")))
    assert found is not None and found.kind == "open" and why in found.reason


@pytest.mark.parametrize(
    "units",
    [
        {"read": S.one - "k" * S.x, "write": "k - 3" * S.pos},
        {"read": "k - 3" * S.x + S.one, "write": S.pos},
        {"read": S.x.vector, "write": S.pos, "bias": "k - 3"},
    ],
    ids=["write", "slope", "bias"],
)
def test_a_weight_that_changes_sign_within_a_range_is_declined(units):
    family = Family(here(Block([loud(1)], MLP([Units(**units, first="1", last="T")]))))
    scope = Scope(order="forall T exists weights", t_max=4, vocabulary="given", arithmetic="float32")
    found = certify(Claim("c", family, Within(after_ffn(1), S.pos, "0", "1000000"), scope))
    assert found is not None and "changes sign" in found.reason
