"""The division clock's checker as a hostile referee meets it: toy formats by brute force, sabotage of every weight, forged certificates."""

from __future__ import annotations

import copy
import itertools
import random
from dataclasses import replace
from fractions import Fraction

import pytest

from nopeproof import certificates
from nopeproof import counter_kernel as kernel
from nopeproof.checks import verify
from nopeproof.checks.counter import NEAREST, ONE_SPACING, Clock, certify_counter, longest, read
from nopeproof.checks.probe import Facts, Probe
from nopeproof.checks.replay import replay
from nopeproof.circuit import Circuit, Head, Opaque
from nopeproof.claims import Claim, Equals, Fails, Scope, Unchanged, Within, after_attention, after_ffn, after_last, embedding
from nopeproof.division import Doubling, R, Step, _circuit, bits_for, division_clock, every_T, steps
from nopeproof.errors import NopeproofError
from nopeproof.library import load
from nopeproof.run import run
from nopeproof.theory.costs import cost
from nopeproof.theory.precision import FORMATS, Format, exponent, first_collision, last_decoded, representable, round_to
from nopeproof.theory.rounding import Arithmetic, arithmetic

POS, TRUSTED, INFINITE = R.pos.start, Facts(()), Fraction(10) ** 400


def toy(p, emax=60):
    return Format(f"p{p}", p, -emax, emax, (2 - Fraction(2) ** (1 - p)) * Fraction(2) ** emax)


def clock_of(J, dtype="float32", frame=(0, 1)):
    return Clock(division_clock(J, dtype), 2 * (J + 2), POS, frame)


def toy_clock(J, p, emax=60, gains=None):
    return Clock(_circuit(gains or steps(J, p, emax), f"toy {p}"), 2 * (J + 2), POS)


def whole(x):
    """floor(1/x + 1/2)."""
    return (2 * x.denominator + x.numerator) // (2 * x.numerator)


def rejected(certificate, why="."):
    with pytest.raises(kernel.Reject, match=why):
        kernel.check(certificate)


# --- what the certificates say ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["float64", "float32", "float32/float32/sdpa", "float32/float32/streaming", "float16", "float16/float16",
                                  "bfloat16", "bfloat16/bfloat16"])  # fmt: skip
def test_certified_to_the_last_position_that_its_format_carries_and_no_further(text):
    how = arithmetic(text)
    T = last_decoded(how.storage)
    clock = clock_of(bits_for(T), how.storage.name)
    assert longest(clock, how) == T in (first_collision(how.storage), first_collision(how.storage) - 1)
    assert kernel.check(clock.certificate(how, T))
    rejected(clock.certificate(how, T + 1), "may decode")
    assert kernel.check(clock.certificate(how, T + 1, NEAREST, "misses"))
    rejected(clock.certificate(how, T, NEAREST, "misses"), "may decode")
    assert T > 10**6 or how.storage.p < 24


def brute(p, through, limit):
    """The first t at which 1/t, rounded to `through` bits and then to p, does not decode to t."""
    for t in range(1, limit):
        x = kernel.nearest(kernel.nearest(Fraction(1, t), through), p)
        if whole(x) != t:
            return t
    return limit


@pytest.mark.parametrize(("p", "p_a"), [(p, p + more) for p in (4, 5, 6, 7, 8, 9) for more in (0, 1, 2, 6)])
def test_the_longest_certificate_is_what_one_row_after_the_other_shows(p, p_a):
    T = longest(toy_clock(p - 1, p), Arithmetic(toy(p), toy(p_a)))
    assert brute(p, p_a, 2**p) == T + 1


@pytest.mark.parametrize("p", [10, 11, 12, 13, 14])
def test_intervals_where_the_reciprocal_falls_by_one_stand_for_each_of_their_rows(p):
    how = kernel.Floats({"storage": {"p": p, "emin": -60, "emax": 60}, "accumulator": {"p": p, "emin": -60, "emax": 60}})
    rng, used = random.Random(p), 0
    middle = round(2 ** (p - 0.5))
    for _ in range(600):
        near = rng.randrange(middle - 2**p // 16, middle + 2**p // 16)
        far = near + rng.randrange(1, 2 ** (p // 2))
        if how.falling(near, far):
            used += 1
            assert all(how.row(t) for t in range(near, far + 1))
    assert used > 20


@pytest.mark.parametrize(("p", "p_a"), [(5, 5), (6, 6), (6, 9), (8, 8)])
def test_with_a_quotient_off_by_a_spacing_every_number_it_may_be_decodes(p, p_a):
    how = Arithmetic(toy(p), toy(p_a))
    T = longest(toy_clock(p - 1, p), how, ONE_SPACING)
    assert 1 < T < 2**p
    for t in range(1, T + 1):
        spacing = Fraction(2) ** (exponent(Fraction(1, t)) - p_a + 1)
        grid = [n * spacing / 2 for n in range(int(2 / t / spacing) - 3, int(2 / t / spacing) + 5)]
        near = [y for y in grid if representable(y, toy(p_a)) and abs(y - Fraction(1, t)) <= spacing]
        assert near and {whole(round_to(y, toy(p))) for y in near} == {t}


@pytest.mark.parametrize("e_0", [Fraction(1, 2**10), Fraction(1, 2**14)])
def test_where_exp_of_0_is_not_1_every_run_in_any_order_still_decodes_up_to_the_certified_length(e_0):
    rng, how = random.Random(1), Arithmetic(toy(8), toy(16), "sdpa", e_0)
    T = longest(toy_clock(7, 8), how)
    assert 20 < T < last_decoded(toy(8))
    for _ in range(60):
        t = rng.choice([T, T - 1, rng.randrange(1, T + 1)])
        terms = [round_to(1 + e_0 * rng.choice([-1, 1, Fraction(rng.randrange(-8, 9), 8)]), toy(24)) for _ in range(t)]
        terms = [min(max(x, 1 - e_0), 1 + e_0) for x in terms]
        top = rng.choice([terms[0], round_to(terms[0], how.storage)])
        while len(terms) > 1:
            a, b = (terms.pop(rng.randrange(len(terms))) for _ in range(2))
            terms.append(round_to(a + b, how.accumulator))
        assert whole(round_to(round_to(top / terms[0], how.accumulator), how.storage)) == t


# --- the division itself, simulated ----------------------------------------------------------------------------------


def divided(circuit, x, fmt, wide, rng):
    """The quotient of a float run from x on: every product, sum and store rounded, terms in random order, products fused or not."""

    def into(y, f):
        if abs(y) > f.top:
            return INFINITE if y > 0 else -INFINITE
        return round_to(y, f)

    def total(terms):
        rng.shuffle(terms)
        fused, s = rng.random() < 0.5, Fraction(0)
        for a, b in terms:
            s = into(s + (a * b if fused else into(a * b, wide)), wide)
        return into(s, fmt)

    row = {R.one.start: Fraction(1), R.rem.start: Fraction(1), R.recip.start: x}
    for block in circuit.blocks:
        hidden = [max(total([(w, row.get(i, Fraction(0))) for i, w in u.read.entries]), Fraction(0)) for u in block.mlp.units]
        for i in {i for u in block.mlp.units for i in u.write.indices}:
            terms = [(dict(u.write.entries)[i], h) for u, h in zip(block.mlp.units, hidden, strict=True) if i in u.write.indices]
            row[i] = into(into(row.get(i, Fraction(0)), wide) + total(terms), fmt)
    return row[POS]


@pytest.mark.parametrize(("p", "p_a", "J"), [(3, 3, 2), (4, 4, 3), (4, 6, 3), (5, 5, 4), (6, 8, 3)])
def test_every_float_of_a_toy_format_is_divided_exactly_in_any_order(p, p_a, J):
    rng, clock = random.Random(p), toy_clock(J, p)
    for e, m in itertools.product(range(-J - 1, 1), range(2 ** (p - 1), 2**p)):
        x = Fraction(m) * Fraction(2) ** (e - p + 1)
        if x > Fraction(1, 2 ** (J + 1)):
            assert divided(clock.subject, x, toy(p), toy(p_a), rng) == whole(x), x


def test_float16_divides_exactly_though_its_range_is_short():
    fmt, rng = FORMATS["float16"], random.Random(0)
    circuit = division_clock(10, "float16")
    xs = [round_to(Fraction(1, t), fmt) for t in (1, 2, 3, 5, 1023, 1024, 1025, 1463, 1464)]
    for wide in ("float32", "float16"):
        assert [divided(circuit, x, fmt, FORMATS[wide], rng) for x in xs] == [whole(x) for x in xs]
    tight = clock_of(10, "float16").certificate(arithmetic("float16/float16"), 9)
    tight["arithmetic"]["overflow"] = False
    rejected(tight, "overflow")


def with_gain(clock, n, **gains):
    """The clock with other gains in step n."""
    p = 4
    changed = steps(3, p, 60)
    changed[n] = replace(changed[n], **gains)
    return toy_clock(3, p, gains=changed)


@pytest.mark.parametrize("n", range(5))
@pytest.mark.parametrize("gain", ["N", "M"])
def test_half_a_gain_is_rejected_in_every_step_and_in_some_step_divides_wrongly(gain, n):
    how = Arithmetic(toy(4), toy(4))
    less = with_gain(None, n, **{gain: getattr(steps(3, 4, 60)[n], gain) / 2})
    assert kernel.check(toy_clock(3, 4).certificate(how, 9))
    rejected(less.certificate(how, 9), "gate that may stay open")


@pytest.mark.parametrize("gain", ["N", "M"])
def test_a_much_smaller_gain_divides_some_float_wrongly(gain):
    rng, wrong = random.Random(0), 0
    for n in range(5):
        less = with_gain(None, n, **{gain: getattr(steps(3, 4, 60)[n], gain) / 16})
        xs = [Fraction(m, 2**k) for m in range(8, 16) for k in range(3, 7) if m > 2 ** (k - 4)]
        wrong += any(divided(less.subject, x, toy(4), toy(4), rng) != whole(x) for x in xs)
    assert wrong >= 3


@pytest.mark.parametrize(("change", "why"), [
    ({"K": Fraction(3, 2)}, "power of two"), ({"c": Fraction(3)}, "not the multiple"), ({"w": Fraction(3)}, "not the multiple"),
    ({"K": Fraction(1, 2), "N": Fraction(2**9), "M": Fraction(2**9)}, "gate that may stay open"),
])  # fmt: skip
def test_gains_that_round_or_divide_by_something_else_are_rejected(change, why):
    rejected(with_gain(None, 1, **change).certificate(Arithmetic(toy(4), toy(4)), 5), why)


def test_formats_too_narrow_for_the_clock_are_rejected():
    clock = toy_clock(3, 4)
    rejected(clock.certificate(Arithmetic(toy(3), toy(3)), 5), "J >= p")
    narrow = replace(toy(4), emin=-3)
    rejected(clock.certificate(Arithmetic(narrow, narrow), 5), "subnormal")
    low = replace(toy(4), emin=-6)
    assert kernel.check(clock.certificate(Arithmetic(low, low), 5))
    rejected(clock.certificate(Arithmetic(low, low, flush=True), 5), "underflow")
    rejected(clock.certificate(Arithmetic(toy(4), toy(4)), 16), "too few bits")
    with pytest.raises(NopeproofError, match="short of its last binade"):
        clock.certificate(arithmetic("float8_e4m3"), 5)
    with pytest.raises(NopeproofError, match="J = 24"):
        division_clock(24, "float32")
    with pytest.raises(NopeproofError, match="known: float64"):
        division_clock(3, "float8_e5m2")


# --- the family ------------------------------------------------------------------------------------------------------


def family_certificate(loop=None, last=None):
    real = (Step("c", "c", 1, "2*T", "c"), Step(Fraction(1, 2), 1, 1, "2*T", 1))
    gains = (replace(real[0], **(loop or {})), replace(real[1], **(last or {})))
    return Clock(Doubling(_circuit(gains, "family")), 4, POS, (0, 1)).certificate(None, "every")


def test_the_family_is_accepted_for_every_T_and_its_members_one_by_one():
    assert kernel.check(family_certificate())
    family = every_T()
    for T in (1, 2, 3, 4, 7, 8, 31, 1000, 10**12):
        member = family.at(T)
        assert len(member.blocks) == 2 * (bits_for(T) + 2) == cost(member)["blocks"]
        clock = Clock(member, len(member.blocks), POS)
        assert kernel.check(clock.certificate(None, T))
        rejected(clock.certificate(None, 2 ** (bits_for(T) + 1)), "too few bits")


@pytest.mark.parametrize("T", [1, 2, 3, 5, 8, 21])
def test_members_hold_t_in_exact_runs_and_fail_past_their_bits(T):
    member = every_T().at(T).instance(vocabulary=("a",))
    rows = run(member, ["<bos>"] + ["a"] * (T - 1), "exact").final
    assert [row[POS] for row in rows] == list(range(1, T + 1))


@pytest.mark.parametrize(("loop", "last", "why"), [
    ({"N": "1/2*T"}, {}, "gate that may stay open"), ({"N": 2}, {}, "gate that may stay open"), ({"M": 1}, {}, "remainder's gate"),
    ({"M": "1/2*c"}, {}, "remainder's gate"), ({"c": "2*c"}, {}, "not the multiples"), ({"w": 1}, {}, "not the multiples"),
    ({}, {"N": "T"}, "gate that may stay open"), ({}, {"M": "1/2"}, "remainder's gate"), ({}, {"c": 1}, "not the multiples"),
    ({}, {"w": "c"}, "not the multiples"), ({"N": "-2*T"}, {}, "not positive"),
])  # fmt: skip
def test_families_with_other_gains_are_rejected(loop, last, why):
    rejected(family_certificate(loop, last), why)


def test_a_family_is_four_blocks_with_heads_in_the_first_alone():
    good = family_certificate()
    assert kernel.check(good)
    later = copy.deepcopy(good)
    later["circuit"]["blocks"][2]["heads"] = [{"opaque": [6]}]
    rejected(later, "four blocks")
    rejected({**good, "circuit": {**good["circuit"], "blocks": good["circuit"]["blocks"] * 2}}, "four blocks")
    rejected({**good, "arithmetic": clock_of(3).certificate(arithmetic("float32"), 3)["arithmetic"]}, "real numbers")
    rejected({**good, "T": 5})
    rejected({**good, "goal": "misses"}, "real numbers")


def test_a_polynomial_that_is_no_monomial_is_rejected():
    rejected(family_certificate({"N": "2*T + 1"}))
    rejected(family_certificate({"N": "T**2"}))


# --- claims ----------------------------------------------------------------------------------------------------------


def claim(statement, subject, **scope):
    return Claim("c", subject, statement, Scope(**scope))


def evidence(statement, subject, platform=None, **scope):
    found = certify_counter(claim(statement, subject, **scope), platform)
    assert found is not None
    return found


def test_real_claims_are_proved_and_false_ones_are_not():
    family, each = every_T(), {"order": "forall T exists weights", "t_max": "T"}
    assert evidence(Equals(after_last(), R.pos, "t"), family, **each).kind == "proved"
    assert certify_counter(claim(Equals(after_last(), R.pos, "t + 1"), family, **each)) is None
    assert certify_counter(claim(Equals(after_last(), R.gate, "t"), family, **each)) is None
    assert certify_counter(claim(Unchanged(embedding(), after_last(), [R.rem]), family, **each)) is None
    assert verify(claim(Equals(after_last(), R.pos, "t + 1"), family, **each)).kind == "refuted"
    assert verify(claim(Unchanged(embedding(), after_last(), [R.rem]), family, **each)).kind == "refuted"
    small = division_clock(3)
    assert evidence(Equals(after_ffn(10), R.pos, "t"), small, t_max=15).kind == "proved"
    assert evidence(Equals(after_ffn(10), R.pos, "t"), small, t_max=16).kind == "open"
    assert evidence(Equals(after_ffn(10), R.pos, "t"), small).scope.t_max == 15


def test_claims_of_a_growing_family_name_no_block_further_on():
    each = {"order": "forall T exists weights", "t_max": "T"}
    with pytest.raises(NopeproofError, match="block 4"):
        claim(Equals(after_ffn(4), R.pos, "t"), every_T(), **each)
    with pytest.raises(NopeproofError, match="speaks of block"):
        claim(Equals(after_last(), R.pos, "t"), division_clock(3))


def test_float_claims_are_certified_within_their_scope_and_rest_on_probes():
    small, T = division_clock(7, "bfloat16"), last_decoded(FORMATS["bfloat16"])
    held = Equals(after_ffn(18), R.pos, "t")
    found = evidence(held, small, arithmetic="bfloat16", platform=TRUSTED)
    assert found.kind == "certified" and found.scope.t_max == T and kernel.check(found.certificate)
    assert evidence(held, small, arithmetic="bfloat16", t_max=100, platform=TRUSTED).scope.t_max == 100
    assert evidence(held, small, arithmetic="bfloat16", t_min=T + 1, platform=TRUSTED).kind == "open"
    ends = evidence(Fails(held), small, arithmetic="bfloat16", platform=TRUSTED)
    assert ends.kind == "certified" and ends.witness and ends.witness["t"] == T + 1 and ends.witness["found"] != str(T + 1)
    assert evidence(Fails(held), small, arithmetic="bfloat16", t_max=T, platform=TRUSTED).kind == "open"
    assert evidence(held, small, arithmetic="float8_e4m3", platform=TRUSTED).kind == "open"
    bad = Facts((Probe("rounding of bfloat16 sums", "to nearest", "up", False),))
    assert evidence(held, small, arithmetic="bfloat16", platform=bad).kind == "open"
    loose = Facts((), Fraction(1, 2**12))
    fewer = evidence(held, small, arithmetic="bfloat16/float32/sdpa", platform=loose)
    assert isinstance(fewer.scope.t_max, int) and fewer.scope.t_max < T and "shrunk" in fewer.reason


@pytest.mark.parametrize("error", ["0", "-1", "1/2", "1", "3/2", "5"])
def test_an_error_allowed_is_looked_at_in_a_claim_and_in_its_failure(error):
    """The quotient is t, or it is another whole number: each decides what it decides, and nothing else."""
    small, T = division_clock(7, "bfloat16"), last_decoded(FORMATS["bfloat16"])
    near = Within(after_ffn(18), R.pos, "t", error=error)
    held = certify_counter(claim(near, small, arithmetic="bfloat16"), TRUSTED)
    fails = certify_counter(claim(Fails(near), small, arithmetic="bfloat16", t_max=T + 1), TRUSTED)
    assert (held is not None and held.kind == "certified") is (Fraction(error) > 0)
    assert (fails is not None and fails.kind == "certified") is (Fraction(error) <= 1)
    real = certify_counter(claim(Within(after_last(), R.pos, "t", error=error), every_T(), order="forall T exists weights", t_max="T"))
    assert (real is not None) is (Fraction(error) > 0)


@pytest.mark.parametrize("statement", [
    Within(after_ffn(18), R.pos, "t"), Unchanged(embedding(), after_ffn(18), [R.one, R.bos]),
    Unchanged(embedding(), after_ffn(17), [R.one]), Equals(after_attention(1), R.recip, "1/t"), Equals(after_ffn(16), R.pos, "t"),
    Equals(after_ffn(18), R.pos, "2*t"),
    Unchanged(embedding(), after_ffn(18), [R.content]),
])  # fmt: skip
def test_which_claims_are_its_business(statement):
    mine = isinstance(read(claim(statement, division_clock(7, "bfloat16"))), Clock)
    covered = (Within(after_ffn(18), R.pos, "t"), Unchanged(embedding(), after_ffn(18), [R.one, R.bos]))
    assert mine is (statement in covered or str(statement) == "pos = t after FFN 16")


def test_a_clock_without_its_last_step_is_no_clock():
    """After c = 1 the quotient is floor(1/x), one too small where 1/x is just below t: the last step is needed."""
    circuit = division_clock(7, "bfloat16")
    assert evidence(Equals(after_ffn(16), R.pos, "t"), circuit, platform=TRUSTED, arithmetic="bfloat16").kind == "open"
    xs = [round_to(Fraction(1, t), FORMATS["bfloat16"]) for t in range(1, 190)]
    assert any(1 // x != t for t, x in enumerate(xs, 1)) and all(whole(x) == t for t, x in enumerate(xs, 1))


def test_the_construction_is_what_its_claims_say_in_weights_that_its_dtype_holds():
    construction = load("division-clock")
    for c in construction.claims:
        if c.scope.arithmetic in ("float64", "float32", "float16", "bfloat16") and isinstance(c.subject, Circuit):
            numbers = [x for v in c.circuit.vectors() for _, x in v.entries if isinstance(x, Fraction)]
            assert all(representable(x, FORMATS[c.scope.arithmetic]) for x in numbers)
            heads = [h for b in c.circuit.blocks for h in b.heads]
            assert len([h for h in heads if isinstance(h, Head)]) == 1 and len([h for h in heads if isinstance(h, Opaque)]) == 1
            assert cost(c.circuit)["width"] == 3


@pytest.mark.parametrize("dtype", FORMATS)
def test_no_decoder_claims_stand_with_the_pair_and_fall_with_a_hypothesis(dtype):
    c = load("division-clock").claim(f"no-decoder-{dtype}")
    verdict = verify(c)
    assert verdict.kind == "proved" and verdict.witness
    t, after = verdict.witness["t"]
    assert after == t + 1 == first_collision(FORMATS[dtype]) + 1
    for change in ({"bos": False}, {"mask": "none"}, {"positions": ("alibi",)}, {"depth": None}):
        assert verify(replace(c, subject=replace(c.subject, **change))).kind == "open"


@pytest.mark.parametrize(
    ("text", "status"),
    [("float32", "accepted"), ("float32/float64", "rejected"), ("bfloat16", "rejected"), ("float32/float32/sdpa", "rejected")],
)
def test_a_row_is_not_replayed_with_a_certificate_in_another_arithmetic(tmp_path, text, status):
    small, held = division_clock(7, "float32"), Equals(after_ffn(18), R.pos, "t")
    found = evidence(held, small, arithmetic="float32", t_max=100, platform=TRUSTED)
    swapped = Clock(small, 18, POS).certificate(arithmetic(text), 100)
    assert kernel.check(swapped)
    row = {**found.as_json(), "certificate_sha256": certificates.store(tmp_path, swapped).stem}
    done = replay(claim(held, small, arithmetic="float32", t_max=100), row, tmp_path)
    assert done.status == status and (status == "accepted" or "another arithmetic" in done.reason)
