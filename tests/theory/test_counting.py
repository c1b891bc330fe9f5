"""The places of a circuit cover every position of every word, and say what an exact run finds there."""

import random
from fractions import Fraction

import pytest

from nopeproof import library
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Norm, Unit, Units
from nopeproof.claims import Site
from nopeproof.kernel import Ratio
from nopeproof.parts import look_up, uniform_head
from nopeproof.positions import ALiBi
from nopeproof.residual import Residual
from nopeproof.run import run as exact
from nopeproof.theory.algorithms import Number, Parity
from nopeproof.theory.counting import Counting
from nopeproof.theory.places import (
    HALF,
    Impossible,
    Place,
    Undecided,
    last_on,
    learn,
    lowest,
    number,
    parted_last,
    power,
    put,
    summed,
    weight,
    whole,
)

SUBJECTS = [
    ("bounded-parity", "count", 1),
    ("bounded-parity", "parity", 1),
    ("bounded-parity", "noise-inside", 1),
    ("bounded-parity", "noise-below", 1),
    ("more-complex-schemes", "parity", 1),
    ("copy-and-reverse", "copies", 3),
    ("copy-and-reverse", "reverses", 3),
    ("sort-tokens", "sorts", 3),
    ("first-token", "remembers", 3),
    ("look-up", "pointer", 2),
    ("window-average", "counts", 2),
    ("window-average", "soft", 2),
    ("induction-head", "completes", 2),
    ("shuffle-dyck", "recognises", 1),
    ("selector-width", "counts", 1),
    ("long-prefixes-collapse", "no-floor", 2),
    ("attention-dropout", "mean", 1),
]


class Reader:
    """One word read by the places: which of them each position is of, and what their counts are there."""

    def __init__(self, counting: Counting, word, T: int) -> None:
        self.counting, self.word, self.T, self.found = counting, word, T, {}

    def places(self, s: int, t: int) -> list[tuple[Place, dict]]:
        """The places after s sub-layers that position t is of, with the values of their variables."""
        if (s, t) not in self.found:
            tried = [(p, self.values(s, p, t)) for p in self.counting.after(s) if p.token == self.word[t - 1]]
            self.found[s, t] = [(p, v) for p, v in tried if v is not None and all(at(fact, v) >= 0 for fact in p.facts)]
        return self.found[s, t]

    def values(self, s: int, place: Place, t: int) -> dict | None:
        """t, T and the counts at t, by the place's own names; None where its look-ups read another token or place."""
        out = {"t": Fraction(t), "T": Fraction(self.T)}
        blocks = [b for b in range(1, len(self.counting.circuit.blocks) + 1) if 2 * b - 1 <= s]
        counting = [b for b in blocks if any(f"n{b}." in v for f in place.facts for v in f.names())]
        for b, layer in zip(counting, place.counts, strict=True):
            for j, (kinds, _) in enumerate(layer):
                out[f"n{b}.{j}"] = Fraction(sum(any(p in kinds for p, _ in self.places(2 * b - 2, i)) for i in range(1, t + 1)))
        for v, y in place.halves.items():
            out[HALF + v] = Fraction(out[v] // 2)
            if at(y, out) != out[v]:
                return None  # it is of the other parity
        for (b, h), look in place.looks.items():
            p = at(look.p, out)
            key = min(max(int(p), 1), t)
            side = "first" if p <= 1 else "last" if p > t else "p"
            if self.word[key - 1] != look.token or (side != look.where and self.word[t - 1] != self.counting.circuit.bos):
                return None
            before = self.places(2 * b - 2, key)[0][1]
            out |= {f"{n}@{b}.{h}": x for n, x in before.items() if n.startswith("n")}
        return out


def at(x: Ratio, values: dict) -> Fraction:
    """The value of a polynomial quotient."""
    return number(put(x, {v: Ratio(values[v]) for v in x.names()}))


def agrees(counting: Counting, circuit: Circuit, word, T: int, blocks: int) -> int:
    """Every position is of some place, and every place it is of holds what the run holds. Returns how many numbers were compared."""
    reader, trace, compared = Reader(counting, word, T), exact(circuit, word), 0
    for s in range(1, 2 * blocks + 1):
        rows = trace.at(Site((s + 1) // 2, "attention" if s % 2 else "ffn"))
        for t in range(1, len(word) + 1):
            assert reader.places(s, t), f"no place for t = {t} of {word} after {s} sub-layers"
            for place, values in reader.places(s, t):
                for have, x in zip(rows[t - 1], place.x, strict=True):
                    if any(v.startswith("?") for v in x.names()):
                        continue
                    low, high = (at(x, {**values, **dict.fromkeys(place.boxes, Fraction(0)), **ends}) for ends in ({}, place.boxes))
                    assert min(low, high) <= have <= max(low, high), (word, t, place.token)
                    compared += 1
    return compared


@pytest.mark.parametrize(("name", "claim", "blocks"), SUBJECTS)
def test_places_cover_every_position_and_agree_with_exact_runs(name, claim, blocks):
    subject = library.load(name).claim(claim).subject
    counting, rng = Counting(subject), random.Random(name)
    for length in (1, 2, 3, 5, 7):
        T = max(length + rng.choice((0, 0, 2)), getattr(subject, "T_min", 1))
        member = subject.at(T) if isinstance(subject, Family) else subject
        tokens = [x for x in member.tokens if x != member.bos]
        word = tuple(rng.choice(tokens) for _ in range(length))
        word = word if member.bos is None else (member.bos, *word[1:])
        assert agrees(counting, member, word, T, blocks) > 0


# --- what is outside, and the arithmetic ---------------------------------------------------------------------------------------

R = Residual(one=1, bos=1, kind=1, recip=1, share=1, out=1)
TOKENS = Embedding({"<bos>": R.one + R.bos, "a": R.one + R.kind, "b": R.one})


def circuit(*blocks, tokens=TOKENS, **kw):
    return Circuit(R, tokens, blocks=blocks, bos="<bos>", **kw)


counts = uniform_head([R.bos, R.kind], [R.recip, R.share])


@pytest.mark.parametrize(
    "changed",
    [
        {"mask": "strict"},
        {"mask": "none"},
        {"positions": ALiBi()},
        {"blocks": [Block([counts], norm_attention=Norm("layernorm"))]},
        {"tokens": Embedding({"<bos>": R.one + R.bos}, other=R.one + R.kind.free("x"))},
        {"tokens": Embedding({"<bos>": R.one + R.bos, "a": R.one + R.kind.free("x")})},
    ],
)
def test_what_is_not_counted_here_is_refused(changed):
    blocks = changed.pop("blocks", [Block([counts])])
    with pytest.raises(Undecided):
        Counting(circuit(*blocks, **changed))


def unknown(block, after=1, tokens=TOKENS):
    """Whether some place holds an unknown."""
    return any(v.startswith("?") for p in Counting(circuit(*block, tokens=tokens)).after(after) for x in p.x for v in x.names())


def test_a_head_that_is_neither_a_count_nor_a_look_up_is_unknown():
    first = Block([counts])
    for W_Q, W_K in (([R.one], [R.share]), ([R.share], [R.recip]), ([R.kind], [R.recip]), ([R.one, R.one], [R.recip, R.share])):
        assert unknown([first, Block([Head(W_Q=W_Q, W_K=W_K, W_V=[R.kind], W_O=[R.out])])], 3)
    assert unknown([first, Block([uniform_head([R.share], [R.out])])], 3)  # a mean of what differs from key to key
    assert unknown([Block([Head(W_Q=[R.one], W_K=["1/2" * R.kind], W_V=[R.kind], W_O=[R.out])])])  # e^(1/2) is no whole power
    assert not unknown([Block([Head(W_Q=[R.one], W_K=["ln(3)" * R.kind], W_V=[R.kind], W_O=[R.out])])])


def test_keys_that_carry_more_than_their_position_are_no_look_up():
    S = Residual(one=1, bos=1, kind=1, recip=1, share=1, pos=1, square=1, out=1)
    tokens = Embedding({"<bos>": S.one + S.bos, "a": S.one + S.kind, "b": S.one})
    units = [Unit(read=S.one, write=S.pos + S.square), Units(S.one - "k" * S.recip, 2 * S.pos + "6*k" * S.square, 0, "1", "T - 1")]
    clock = Block([uniform_head([S.bos, S.kind], [S.recip, S.share])], MLP(units))

    def looks(square):
        head = look_up(S.pos - S.one, S.one, S.pos, square, 9, W_V=[S.kind], W_O=[S.out])
        places = Counting(Family(Circuit(S, tokens, [clock, Block([head])], bos="<bos>"), T_min=2)).after(3)
        return all((2, 0) in p.looks for p in places)

    assert looks(S.square)
    for more in (S.square + S.share, S.square + S.kind, S.square + S.bos, S.pos, S.square + S.recip, 2 * S.square):
        assert not looks(more)


def test_a_unit_whose_sign_no_whole_number_decides_is_undecided():
    with pytest.raises(Undecided, match="FFN 1"):
        Counting(circuit(Block([counts], MLP([Unit(read=R.share * 3 - R.recip * 2 - R.one, write=R.out)])))).after(2)


def test_facts_become_substitutions_or_contradict():
    x, y = Ratio("n1.0"), Ratio("n1.1")
    assert not (learn(x - y - 1, "s")["n1.0"] - y - 1 - Ratio("s")).num
    assert learn(x * -1, "s")["n1.0"].num == {} and learn(Ratio(1) - x * 2, "s")["n1.0"].num == {}
    assert (
        learn(Ratio(2) - x, "s") == {} and learn(x + y - 1, "s") == {} and learn(x * 2 - y - 1, "s") == {} and learn(x * y - 1, "s") == {}
    )
    assert [number(put(learn(x * a - b, "s")["n1.0"], {"s": Ratio(0)})) for a, b in ((2, 1), (2, 2), (3, 7), (1, 4))] == [1, 1, 3, 4]
    with pytest.raises(Impossible):
        learn(x * -1 - 1, "s")
    place = Place("a", (), (Ratio("t") - 2,))
    assert (
        place.nonnegative(Ratio("t") - 2) and place.nonnegative(Ratio("t") - 1, strict=True) and place.nonnegative(Ratio("T") - Ratio("t"))
    )
    assert not place.nonnegative(Ratio("t") - 2, strict=True) and not place.nonnegative(Ratio("t") - 3)
    assert not place.nonnegative(Ratio("?")) and not place.nonnegative(Ratio("t") + Ratio("?"))
    with pytest.raises(Impossible):
        place.given(Ratio(1) - Ratio("t"))
    assert number(place.given(Ratio(2) - Ratio("t")).fixed()["t"]) == 2


def test_a_count_is_even_or_odd_and_nothing_else():
    counting = Counting(library.load("bounded-parity").claim("count").subject)
    place = next(p for p in counting.after(1) if p.token == "a")
    n = Number(("a",)).at_place(place)
    even, odd = place.halved(*n.names())
    half = Ratio(HALF + min(n.names()))
    assert even.zero(n - half * 2) and odd.zero(n - half * 2 - 1) and not even.zero(n - half * 2 - 1)
    assert even.nonnegative(n - 2) and not odd.nonnegative(n - 2) and odd.nonnegative(n - 1)  # "a" itself is counted
    assert Parity(Number(("a",))).at_place(even).num == {} and number(Parity(Number(("a",))).at_place(odd)) == 1
    assert [p.given(Ratio(2) - n).zero(n - k) for p, k in ((even, 2), (odd, 1))] == [True, True]
    with pytest.raises(Impossible):
        even.given(Ratio(1) - n)
    with pytest.raises(Undecided, match="odd"):
        Parity(Number(("a",))).at_place(place)
    with pytest.raises(Undecided, match="only once"):
        list(even.halved(*n.names()))
    with pytest.raises(Undecided, match="nothing follows"):
        place.either(n * n - Ratio("t"))


@pytest.mark.parametrize("last", ["T/2", "(T - 1)/2 // 2", "T // 0", "T // k"])
def test_a_range_up_to_something_else_is_refused(last):
    with pytest.raises(Undecided):
        parted_last(last)


def test_a_unit_between_off_and_on_is_a_variable_up_to_its_bound():
    """relu(1 + e - T/t) at T >= t: somewhere in 0..e, times its weight."""
    noise = Fraction(1, 3)
    read = R.one * (1 + noise) + "T" * R.share - "T*k" * R.recip
    subject = Family(circuit(Block([counts], MLP([Units(read=read, write="2*k" * R.out, first="1", last="T - 1")]))), T_min=2)
    for place in Counting(subject).after(2):
        assert dict(place.boxes) == {"u1.u0": noise}
    for T, word in ((5, ("<bos>", "b", "b", "a")), (4, ("<bos>", "a", "b", "a"))):
        assert agrees(Counting(subject), subject.at(T), word, T, 1) > 0


def test_a_real_variable_is_looked_at_at_both_ends():
    place = Place("a", (), (Ratio("t") - 1,), boxes={"u": Fraction(1, 2)})
    u = Ratio("u")
    assert place.nonnegative(Ratio(Fraction(1, 2)) - u) and not place.nonnegative(Ratio(Fraction(1, 2)) - u, strict=True)
    assert not place.nonnegative(Ratio(Fraction(49, 100)) - u) and place.nonnegative(u) and not place.nonnegative(u * u)


@pytest.mark.parametrize("term", ["1", "k", "k**2", "k**3", "2*k**3 - k + 5"])
def test_sums_over_units_are_what_they_sum_to(term):
    poly = weight(term)
    for K in range(6):
        assert number(summed(poly, Ratio(K))) == sum(number(put(poly, {"k": Ratio(k)})) for k in range(1, K + 1))
    with pytest.raises(Undecided):
        summed(weight("k**4"), Ratio(2))


def test_small_helpers():
    t, n = Ratio("t"), Ratio("n1.0")
    assert lowest(t * t * n / t / n).num == {("t",): 1} and lowest(Ratio(2) * t / Ratio(4)).den == {(): 1}
    assert power(weight("2*ln(3) - ln(2)")) == Fraction(9, 2) and power(weight("ln(3)/2")) is None and power(t) is None
    assert whole(t * 2 - n) and not whole(t / Ratio(2)) and not whole(Ratio("u")) and not whole(Ratio(1) / t)
    assert [str(k.num) for k in last_on(weight("T*k"))][:1] == ["{}"]


def test_a_range_that_begins_at_a_fraction_is_undecided():
    units = Units(read=R.one * 2 - "k" * R.recip, write=R.out, first="3/2", last="T")
    with pytest.raises(Undecided, match="up to which k"):
        Counting(Family(circuit(Block([counts], MLP([units]))), T_min=2)).after(2)
