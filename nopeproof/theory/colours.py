"""Colour refinement: exactly which words a NoPE model of a given depth can tell apart.

Over a word x_1 ... x_n, with j visible from i iff j <= i (or j < i under a strict mask),

    c^0(i) = x_i,    c^(l+1)(i) = (c^l(i), the multiset of c^l(j), j visible from i, up to a common factor).

Upper bound. If c^l(i) = c^l(i'), in one word or in two, then h^l_i = h^l_i' in every NoPE model of l layers: softmax and
average-hard attention depend on the keys only through the proportions of equal ones, and norms and FFNs act on each
position by itself. Real arithmetic, any heads, norms and FFNs; by induction on l.
Lower bound. For any finite set of words some model of l layers with uniform attention separates all colours: one-hot
codes of the colours of layer l are averaged to the proportions, and an FFN writes the one-hot code of the new colour.

So the classes below are exact for real arithmetic. They bound nothing for leftmost or rightmost hard attention (ties
show order), attention dropout, rounded sums, or any positional encoding.

How deep is deep enough?
  With BOS (one, at position 1), depth 2: c^1(i) holds the proportion 1/i of BOS, so i itself; c^2(n) then holds the set
  of all pairs (i, x_i), i <= n. Depth 1 is not enough: it keeps counts and the last token only (bos a b a / bos b a a).
  Without BOS, non-strict: prefixes a, aa, aaa, ... are never told apart. Every other pair is, at depth 3: c^1 flags the
  m - 1 leading positions that see one token kind only; c^2(i) has their proportion (m - 1)/i, distinct for all i >= m;
  so in c^3(n) every such colour has mass 1/n, which gives n, then m, every i and x_i.
  Without BOS, strict: c^1 flags position 1, which sees nothing, so c^2(i) knows i, and c^3(n) the word, constant or not.
  In both cases depth 2 is not enough: `theory.depth_two` has the smallest colliding pairs, of length 82 and (strict) 47.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from math import gcd
from typing import Any

from nopeproof.errors import NopeproofError

Word = Sequence[str]
BOS = "<bos>"


@dataclass
class Refinement:
    """Colours of positions, the same number for the same colour in every word it is asked about.

    window: only the last so many keys are visible, and the first `sinks` keys of the word (BOS counted).
    """

    depth: int
    strict: bool = False
    bos: bool = False
    window: int | None = None
    sinks: int = 0
    _numbers: dict[Hashable, int] = field(default_factory=dict, repr=False)
    _meanings: list[Any] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.depth, bool) or not isinstance(self.depth, int) or self.depth < 0:
            raise NopeproofError("colour refinement", f"depth {self.depth!r}", "a whole number of layers, 0 or more")
        if self.window is not None and (self.strict or self.window < 1):
            raise NopeproofError(
                "colour refinement", f"a window of {self.window}, strict = {self.strict}", "window >= 1 and no strict mask"
            )

    def colours(self, word: Word) -> list[int]:
        """c^depth at each position of the word (BOS, where there is one, is put in front and has a colour too)."""
        tokens = ([BOS] if self.bos else []) + list(word)
        if isinstance(word, str) or not tokens:
            raise NopeproofError(f"the colours of {word!r}", "not a list of tokens" if word else "an empty word", "such as ['a', 'b']")
        if self.bos and BOS in word:
            raise NopeproofError(f"the colours of {list(word)}", f"{BOS} inside a word that gets one", "bos=False, or leave it out")
        row = [self._number(("token", x)) for x in tokens]
        for _ in range(self.depth):
            seen: Counter[int] = Counter()
            new = []
            for i, c in enumerate(row):
                if not self.strict:
                    seen[c] += 1
                if self.window and i - self.window >= self.sinks:
                    seen[row[i - self.window]] -= 1
                    seen += Counter()  # drops what is counted 0 times
                g = gcd(*seen.values()) if seen else 1
                new.append(self._number((c, frozenset((x, n // g) for x, n in seen.items()))))
                if self.strict:
                    seen[c] += 1
            row = new
        return row

    def last(self, word: Word) -> int:
        """The colour of the last position: all that a next-token read-out can depend on."""
        return self.colours(word)[-1]

    def meaning(self, number: int) -> Any:
        """What a colour is: ("token", x), or (the colour one layer below, {(colour of a key, its share)}), shares coprime integers."""
        return self._meanings[number]

    def _number(self, colour: Hashable) -> int:
        if colour not in self._numbers:
            self._numbers[colour] = len(self._meanings)
            self._meanings.append(colour)
        return self._numbers[colour]


def distinguishable(one: Word, two: Word, depth: int, *, strict: bool = False, bos: bool = False) -> bool:
    """Whether some NoPE model of that depth has different states at the ends of the two words.

    >>> [distinguishable(list("ab"), list("aabb"), depth) for depth in (1, 2)]
    [False, True]
    """
    r = Refinement(depth, strict, bos)
    return r.last(one) != r.last(two)


def partition(words: Iterable[Word], depth: int, *, strict: bool = False, bos: bool = False) -> list[list[tuple[str, ...]]]:
    """The words in classes that no NoPE model of that depth can take apart, and some model separates."""
    r, classes = Refinement(depth, strict, bos), defaultdict(list)
    for w in words:
        classes[r.last(w)].append(tuple(w))
    return list(classes.values())


def bayes_ceiling(
    examples: Iterable[tuple[Word, Hashable] | tuple[Word, Hashable, Fraction | int]],
    depth: int | Refinement,
    *,
    strict: bool = False,
    bos: bool = False,
) -> Fraction:
    """The best accuracy of any NoPE model of that depth on (word, label) or (word, label, weight): exact, and attained.

    In place of a depth a `Refinement` may be given, for models with a window.

    Below 1 for depth 1, for words without BOS (constant ones), or where labels are random. With BOS and depth >= 2 it
    only says how random the labels are: nothing about the model.
    """
    r = depth if isinstance(depth, Refinement) else Refinement(depth, strict, bos)
    mass: dict[int, Counter[Hashable]] = defaultdict(Counter)
    for word, label, *weight in examples:
        w = Fraction(weight[0]) if weight else Fraction(1)
        if w < 0:
            raise NopeproofError("a Bayes ceiling", f"the weight {w} of {list(word)}", "weights >= 0")
        mass[r.last(word)][label] += w  # type: ignore[assignment]
    total = sum((sum(m.values()) for m in mass.values()), Fraction(0))
    if not total:
        raise NopeproofError("a Bayes ceiling", "no example of positive weight", "(word, label) pairs")
    return sum((Fraction(max(m.values())) for m in mass.values()), Fraction(0)) / total


def words(alphabet: Sequence[str], longest: int) -> Iterator[tuple[str, ...]]:
    """Every word of length 1 to longest, shortest first."""
    for n in range(1, longest + 1):
        yield from product(alphabet, repeat=n)


def collisions(
    alphabet: Sequence[str], longest: int, depth: int, *, strict: bool = False, bos: bool = False
) -> list[list[tuple[str, ...]]]:
    """The classes of more than one word, among all words up to a length; constant words without BOS are in one."""
    return [c for c in partition(words(alphabet, longest), depth, strict=strict, bos=bos) if len(c) > 1]
