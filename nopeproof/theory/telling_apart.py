"""Which words a NoPE model of a given depth tells apart, as provers: the colours of `theory.colours`, read back into words.

"All words are told apart" is shown by a decoder: a function of the last position's colour alone that returns the word. It
is a proof because it uses nothing but the shares in that colour; it is run on all short words and on long random ones.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction

from nopeproof.claims import Claim, Evidence
from nopeproof.errors import NopeproofError
from nopeproof.models import ANY_FFN, ModelClass
from nopeproof.scope import Order
from nopeproof.theory.argument import EVERY_MEMBER, SOME_MEMBER, Argument
from nopeproof.theory.colours import BOS, Refinement, bayes_ceiling, words

TOOL = "theory.colours: colour refinement"
TOLERANCE, SEPARATE = 1e-9, 1e-8
Prover = Callable[[Claim, bool], Sequence[Evidence]]


def refinement(models: ModelClass, depth: int | None = None) -> Refinement:
    """The refinement that a class of models obeys."""
    window = models.sizes.get("window") if models.mask == "window" else None
    layers = models.depth if depth is None else depth
    if layers is None:
        raise NopeproofError(f"the colours of {models.name!r}", "a class of every depth", "one depth, such as depth=2")
    return Refinement(layers, models.mask == "strict", models.bos, window, models.sizes.get("sinks", 0))


def _argument(claim: Claim, orders: Sequence[Order] = EVERY_MEMBER, *, exists: bool = True) -> Argument:
    """exists: whether some member is said to tell words apart; then widths must be free, and FFNs any function."""
    a = Argument(claim, TOOL, orders)
    a.needs("positions", "nope")
    a.needs("attention", "softmax")
    a.needs("mask", "causal", "strict", "window")
    a.need("one depth, of at least one layer", bool(a.models.depth))
    a.needs("ffn", *((ANY_FFN,) if exists else (ANY_FFN, "none")))
    a.whatever("depth", "bos", "norms", *(("sizes.window", "sizes.sinks") if exists else ("sizes",)))
    return a


def _put(models: ModelClass, word: Sequence[str]) -> list[str]:
    return [*([BOS] if models.bos else []), *word]


def one_layer_counts(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """One layer, BOS: the state at t depends on the last token and on how often each token occurred, and on nothing else.

    c^1(t) is the last token with the shares of all tokens. BOS has count 1, so the shares, coprime integers, are the counts.
    """
    from nopeproof.theory.members import spread

    a = _argument(claim)
    a.needs("depth", 1)
    a.needs("bos", True)
    if a.lacking():
        return a.evidence("proved")
    r = refinement(a.models)
    for alphabet, longest in (("ab", 9), ("abc", 6)):
        same: dict[int, tuple] = {}
        every = list(words(alphabet, longest + 2 * deep))
        fits = all(same.setdefault(r.last(w), (w[-1], Counter(w))) == (w[-1], Counter(w)) for w in every)
        kinds = len({(w[-1], frozenset(Counter(w).items())) for w in every})
        a.step(f"{len(every)} words over {alphabet}: colours and (last token, counts) correspond one to one", fits and len(same) == kinds)
    pair = [_put(a.models, "aba"), _put(a.models, "baa")]
    places = [(w, len(w)) for w in pair]
    a.step("random members, float64: BOS a b a and BOS b a a end in one state, to 1e-9", spread(a.models, places, range(6), 1) < TOLERANCE)
    a.step("and in different states with a second layer", all(spread(a.models, places, [s], 2) > 1e-6 for s in range(6)))
    return a.evidence("proved")


def read_back(r: Refinement, colour: int) -> list[str] | None:
    """The word from the colour of its last position alone, by the argument for this kind of model; None where it does not apply.

    BOS, 2 layers: a key's position is 1/(its share of BOS). Strict, 3 layers: one layer later, position 1 in the place of BOS.
    Neither, 3 layers: keys that see one kind of token only stand before m; the others know (m - 1)/i, which sets them apart.
    """
    token = _bottom(r)
    if r.window or (r.bos and r.strict):
        return None
    if r.bos and r.depth == 2:
        found = {_position(r, key): token(key) for key, _ in _keys(r, colour)}
    elif r.strict and r.depth == 3:
        found = {_strict_position(r, key): token(key) for key, _ in _keys(r, colour)}
        found[_strict_position(r, r.meaning(colour)[0])] = token(colour)
    elif not r.bos and not r.strict and r.depth == 3:
        shares = {key: (_constant_share(r, key), n) for key, n in _keys(r, colour)}
        before = sum(n for share, n in shares.values() if share == 1)
        first = {token(key) for key, (share, _) in shares.items() if share == 1}
        if len(first) != 1 or before == sum(n for _, n in shares.values()):
            return None  # a constant word: nothing is known of its length
        found = {Fraction(i): next(iter(first)) for i in range(1, before + 1)}
        found |= {before / share: token(key) for key, (share, _) in shares.items() if share != 1}
    else:
        return None
    ordered = [found[i] for i in sorted(found)]
    return ordered[1:] if r.bos else ordered


def _keys(r: Refinement, colour: int) -> frozenset[tuple[int, int]]:
    return r.meaning(colour)[1]


def _bottom(r: Refinement) -> Callable[[int], str]:
    """The token below a colour."""

    def token(colour: int) -> str:
        meaning = r.meaning(colour)
        return meaning[1] if meaning[0] == "token" else token(meaning[0])

    return token


def _position(r: Refinement, colour: int) -> Fraction:
    """1/(share of BOS) of a first-layer colour."""
    counts = {_bottom(r)(key): n for key, n in _keys(r, colour)}
    return Fraction(sum(counts.values()), counts[BOS])


def _strict_position(r: Refinement, colour: int) -> Fraction:
    """Of a second-layer colour: 1 if it sees nothing, else 1 + 1/(share of the first-layer colour that sees nothing)."""
    keys = _keys(r, colour)
    blind = sum(n for key, n in keys if not _keys(r, key))
    return 1 + Fraction(sum(n for _, n in keys), blind) if keys else Fraction(1)


def _constant_share(r: Refinement, colour: int) -> Fraction:
    """Of a second-layer colour: the share of first-layer colours that see one kind of token only."""
    keys = _keys(r, colour)
    return Fraction(sum(n for key, n in keys if len(_keys(r, key)) == 1), sum(n for _, n in keys))


def told_apart(*, constant_too: bool) -> Prover:
    """The prover of: all words, or all that are not constant, end in different states in some member; by `read_back`."""

    def prover(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
        a = _argument(claim, SOME_MEMBER)
        if a.lacking():
            return a.evidence("proved")
        r, rng = refinement(a.models), random.Random(0)
        clash = _collision(r, constant_too)
        if clash:
            expected, found = "different last states", f"equal colours after {r.depth} layers: no model separates them"
            return a.refuted({"word": list(clash[0]), "T": len(clash[0]), "other": list(clash[1]), "expected": expected, "found": found})
        for alphabet, longest in (("ab", 8 + 2 * deep), ("abc", 5 + deep)):
            every = [w for w in words(alphabet, longest) if constant_too or len(set(w)) > 1]
            a.step(f"read back from the last colour: {len(every)} words over {alphabet}", all(_reads(r, w) for w in every))
            a.step(f"a random member, float64: these words end in {len(every)} different states", _separated(a.models, every))
        long = [["a", "b", *rng.choices("abc", k=n)] for n in range(10, 60, 10)]
        a.step("read back: random words of up to 52 tokens", all(_reads(r, w) for w in long))
        a.identity("1/i - 1/j", "(j - i)/(i*j)", "distinct positions have distinct shares")
        return a.evidence("proved")

    return prover


def _collision(r: Refinement, constant_too: bool) -> tuple[Sequence[str], Sequence[str]] | None:
    """Two short words with one last colour; constant ones count only if they are to be told apart too."""
    first: dict[int, Sequence[str]] = {}
    for w in words("ab", 5):
        other = first.setdefault(r.last(w), w)
        if other != w and (constant_too or len({*w}) > 1 or len({*other}) > 1):
            return other, w
    return None


def _separated(models: ModelClass, every: Sequence[Sequence[str]]) -> bool:
    """Whether the member drawn from seed 1 has different last states on all of these words, by more than rounding."""
    import numpy as np

    from nopeproof.theory.members import states

    last = np.array([states(models, _put(models, w), 1)[-1][-1] for w in every])
    gaps = [abs(last[n + 1 :] - row).max(1).min() for n, row in enumerate(last[:-1])]
    return min(gaps) > SEPARATE


def _reads(r: Refinement, word: Sequence[str]) -> bool:
    return read_back(r, r.last(word)) == list(word)


def alike(one: Sequence[str], two: Sequence[str]) -> Prover:
    """The prover of: the two words end in the same state in every model of the class."""
    one, two = list(one), list(two)

    def prover(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
        from nopeproof.theory.members import spread

        a = _argument(claim, exists=False)
        if a.lacking():
            return a.evidence("proved")
        r = refinement(a.models)
        a.step("the words differ", one != two)
        if r.last(one) != r.last(two):
            a = _argument(claim)
            found = f"other colours after {r.depth} layers: some model separates them"
            return a.refuted({"word": one, "T": len(one), "other": two, "expected": "the same last state", "found": found})
        a.step(f"their last colours after {r.depth} layers are equal", r.last(one) == r.last(two))
        places = [(w, len(w)) for w in (_put(a.models, one), _put(a.models, two))]
        gap = spread(a.models, places, range(9 if deep else 3), r.depth)
        a.step("random members, float64: the states agree to 1e-9", gap < TOLERANCE)
        return a.evidence("proved", {"one": one, "two": two})

    return prover


def equal_from(end: int) -> Prover:
    """The prover of: window W, L layers, on BOS a a a ... all states are equal from t = end = L (W - 1) + 2 on, and not before.

    After l layers the states are equal from t_l = l (W - 1) + 2 on (t_0 = 2: the token after BOS). A window at t >= t_l + W - 1
    lies among equal states, so what it averages is the same; permanently visible sinks add the same keys everywhere.
    """

    def prover(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
        from nopeproof.theory.members import spread

        a = _argument(claim)
        a.needs("mask", "window")
        a.needs("bos", True)
        if a.lacking():
            return a.evidence("proved")
        W, L = a.size("window"), refinement(a.models).depth
        if not a.step(f"L (W - 1) + 2 = {L * (W - 1) + 2}, the position claimed is {end}", end == L * (W - 1) + 2):
            return a.evidence("proved")
        word = ["a"] * (end + 2 * W)
        for layer in range(1, L + 1):
            row = refinement(a.models, layer).colours(word)
            a.step(f"{layer} layers: equal from t = {layer * (W - 1) + 2} on, over more than one whole window",
                   len(set(row[layer * (W - 1) + 1 :])) == 1)  # fmt: skip
        a.identity("(L*(W - 1) + 2) + (W - 1)", "(L + 1)*(W - 1) + 2", "one layer more, one window further")
        row = refinement(a.models).colours(word)
        a.step(f"t = {end - 1} is still told from t = {end}", W == 1 or row[end - 2] != row[end - 1])
        places = [([BOS, *word], t) for t in (end, end + 1, len(word))]
        a.step("random members, float64: equal to 1e-9 from there on", spread(a.models, places, range(4), L) < TOLERANCE)
        return a.evidence("proved")

    return prover


def depends_on_last(reach: int) -> Prover:
    """The prover of the number in: the state at t depends on the last L (W - 1) + 1 tokens, and on no earlier one. Without sinks.

    Each layer reaches W - 1 tokens further back; changing the token just out of reach changes no colour, the last within does.
    """

    def prover(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
        a = _argument(claim)
        a.needs("mask", "window")
        a.need("no sinks, which stay visible for ever", not a.models.sizes.get("sinks"))
        if a.lacking():
            return a.evidence("proved")
        W, L = a.size("window"), refinement(a.models).depth
        if not a.step(f"L (W - 1) + 1 = {L * (W - 1) + 1}, the number claimed is {reach}", reach == L * (W - 1) + 1):
            return a.evidence("proved")
        r = refinement(a.models)
        tails = [w for w in words("ab", reach) if len(w) == reach][: None if deep else 256]
        out = all(r.last(["a", *w]) == r.last(["b", *w]) for w in tails)
        a.step(f"{len(tails)} words of the last {reach} tokens: the token before them changes nothing", out)
        inside = any(r.last(["c", "a", *w[1:]]) != r.last(["c", "b", *w[1:]]) for w in tails)
        a.step(f"the token {reach - 1} before the last changes something", inside)
        a.identity("L*(W - 1) + (W - 1) + 1", "(L + 1)*(W - 1) + 1", "one layer more reaches one window further")
        return a.evidence("proved")

    return prover


def ceiling(examples: Callable[[], Sequence[tuple[Sequence[str], str]]], best: Fraction) -> Prover:
    """The prover of: no model of the class labels more than the share `best` of the examples rightly, and some model that many.

    By the exact classes, and again by the classes that two random members' states fall into.
    """

    def prover(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
        from nopeproof.theory.members import states

        a = _argument(claim)
        if a.lacking():
            return a.evidence("proved")
        pairs, r = list(examples()), refinement(a.models)
        longest = max(len(word) for word, *_ in pairs) + r.bos
        a.need(f"a scope that ends with its longest example, at T = {longest}", claim.scope.t_max == longest)
        found = bayes_ceiling(pairs, r)
        if found != best:
            return a.refuted({"word": [], "T": 0, "expected": str(best), "found": str(found)})
        a.step(f"{len(pairs)} examples, by colours: {found}", found == best)
        for seed in range(4 if deep else 2):
            seen: dict[tuple, Counter] = {}
            for word, label in pairs:
                last = states(a.models, _put(a.models, word), seed, r.depth)[-1][-1]
                seen.setdefault(tuple(last.round(6) + 0.0), Counter())[label] += 1
            by_states = Fraction(sum(max(c.values()) for c in seen.values()), len(pairs))
            a.step(f"by the states of the random member {seed}: {by_states}", by_states == best)
        return a.evidence("exhausted")

    return prover
