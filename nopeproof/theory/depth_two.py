"""Two layers do not tell all words apart without BOS; three do. The smallest collisions, and the proof that they are.

`theory.colours` shows that depth 3 separates all words (constant ones without BOS and strict mask excepted). Depth 2:

    words without BOS, causal mask   all different up to length 81, two of length 82 collide
    words without BOS, strict mask   all different up to length 46, two of length 47 collide

`collision` gives the pairs, which `Refinement` checks in no time; `depth_two_separates` is the proof below the limit,
for all words over every vocabulary at once, by linear algebra in time polynomial in the length.

Two letters are enough. Let w, w' differ, neither constant. Call one letter a, all others b: the colours of the new words
are functions of the old ones. If the lengths differ take a = x_1; if x_j != x'_j take a = x_j. The new words differ; if
one is constant and the other is not, or both are, depth 1 tells them apart (strict: c^2(n) shows n, see below).

Words as paths. A word over {a, b} is a lattice path from (0, 0), one step (1, 0) or (0, 1) a letter. Non-strict: c^1(j) is
the letter x_j with the ray of P_j, the point reached, (A, B)/gcd(A, B). c^2(n) shows x_n and the vector [w] = sum over
j <= n of the basis vector (x_j, ray of P_j), up to a factor; hence also the ray of P_n.
  Equal lengths. [w] = [w'] and x_n = x'_n, so the words without their last letter have equal vectors and ends. Two paths
  with the same ends differ by a sum of unit squares with coefficients -1, 0, 1, where the square with far corner (A, B) has
      v(A, B) = (b, ray(A - 1, B)) + (a, ray(A, B)) - (a, ray(A, B - 1)) - (b, ray(A, B)).
  If the v(A, B), A + B < n, are independent, or if all their relations are multiples of one coprime relation with a
  coefficient beyond 1, there is no such sum, and w = w'.
  Different lengths. Words ending at g (p, q) and h (p, q) with equal c^2 have [w]/n = [w']/n'. Modulo all squares this
  says y_g = y_h for y_g = [any path to g (p, q)] / (g (p + q)). If y_g - y_h is never in the span, lengths are equal.
Strict: c^1(j) is the letter with the ray of P_(j-1), the origin by itself; its mass 1/(n - 1) in c^2(n) shows n, and
c^2(n) shows the sum over j < n. With (A, B) the near corner now, A, B >= 0 and A + B + 2 < n,
      v(A, B) = (a, ray(A, B)) + (b, ray(A + 1, B)) - (b, ray(A, B)) - (a, ray(A, B + 1)).

Colours that occur in one square alone fix that square's coefficient to 0; striking these out again and again leaves
some dozens of squares, whose relations are computed exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import gcd

from nopeproof.claims import Claim, Evidence
from nopeproof.errors import NopeproofError
from nopeproof.models import ANY_FFN
from nopeproof.scope import Order
from nopeproof.theory.argument import Argument

Colour = tuple[str, int, int]
Sparse = dict[Colour, Fraction]
Pivot = tuple[Colour, dict[Colour, int]]
PRIME, RAYS = 2147483629, 400

CAUSAL = (
    "aabbbbaabbaaaabbbbbabbbbaaaaabbbbbbaaaaaabbbbbbbaaaaaaabbbbbbbbaaaaaaaabbbbbbbbbaa",
    "aabbbabbbaaaaabbbbbbabbabaaaabbbbbabaaaaabbbbbbabaaaaaabbbbbbbabaaaaaaabbbbbbbbaba",
)


def collision(strict: bool = False) -> tuple[list[str], list[str]]:
    """Two different words without BOS whose last positions have the same state in every two-layer NoPE model.

    Strict: corners ab/ba swapped at (4,5), (5,6), (6,8), (15,20), (20,24); all other steps a first, then b.
    """
    if not strict:
        return list(CAUSAL[0]), list(CAUSAL[1])
    out: tuple[list[str], list[str]] = ([], [])
    at = (0, 0)
    for corner, turns in [((4, 5), "ab"), ((5, 6), "ba"), ((6, 8), "ba"), ((15, 20), "ab"), ((20, 24), "ab")]:
        for word, turn in zip(out, (turns, turns[::-1]), strict=True):
            word += ["a"] * (corner[0] - at[0]) + ["b"] * (corner[1] - at[1]) + list(turn)
        at = (corner[0] + 1, corner[1] + 1)
    return [*out[0], "a"], [*out[1], "a"]


def _ray(letter: str, A: int, B: int) -> Colour:
    g = gcd(A, B) or 1
    return letter, A // g, B // g


def _sum(*terms: tuple[int, Colour]) -> Sparse:
    v: Sparse = defaultdict(Fraction)
    for sign, colour in terms:
        v[colour] += sign
    return {c: x for c, x in v.items() if x}


def squares(reach: int, strict: bool = False) -> list[Sparse]:
    """v(A, B) for every unit square that a path of at most `reach` steps can go around."""
    if strict:
        near = [(A, B) for A in range(reach) for B in range(reach - 1 - A)]
        return [_sum((1, _ray("a", A, B)), (1, _ray("b", A + 1, B)), (-1, _ray("b", A, B)), (-1, _ray("a", A, B + 1))) for A, B in near]
    far = [(A, B) for A in range(1, reach) for B in range(1, reach - A + 1)]
    return [_sum((1, _ray("b", A - 1, B)), (1, _ray("a", A, B)), (-1, _ray("a", A, B - 1)), (-1, _ray("b", A, B))) for A, B in far]


def peel(rows: list[Sparse]) -> tuple[list[tuple[Colour, Sparse]], list[Sparse]]:
    """([(colour, row)] struck out in this order, the rest): each colour occurs in its row and in no later one, nor in the rest."""
    where: dict[Colour, set[int]] = defaultdict(set)
    for n, row in enumerate(rows):
        for c in row:
            where[c].add(n)
    alive, order, todo = set(range(len(rows))), [], [c for c, at in where.items() if len(at) == 1]
    while todo:
        colour = todo.pop()
        if len(where[colour]) != 1:
            continue
        n = next(iter(where[colour]))
        order.append((colour, rows[n]))
        alive.discard(n)
        for c in rows[n]:
            where[c].discard(n)
            if len(where[c]) == 1:
                todo.append(c)
    return order, [rows[n] for n in sorted(alive)]


def relations(rows: list[Sparse]) -> list[list[int]]:
    """A basis, over the rationals, of the relations among the rows that `peel` leaves: coprime integers."""
    import flint

    if not rows:
        return []
    colours = sorted({c for row in rows for c in row})
    X, nullity = flint.fmpz_mat([[int(row.get(c, 0)) for row in rows] for c in colours]).nullspace()
    columns = [[int(X[i, j]) for i in range(len(rows))] for j in range(nullity)]
    return [[x // gcd(*v) for x in v] for v in columns]


def path_to(A: int, B: int) -> Sparse:
    """The vector [w] of the word a^A b^B, non-strict."""
    return _sum(*((1, _ray("a", j, 0)) for j in range(1, A + 1)), *((1, _ray("b", A, j)) for j in range(1, B + 1)))


def _lengths_differ(longest: int) -> bool:
    """Whether no y_g - y_h lies in the span of the squares, for any ray with two multiples within reach. Computed modulo PRIME.

    That decides it: where the squares have the same rank modulo the prime as over the rationals (their exact relations are
    known), every vector of their rational span with denominators prime to it stays in their span modulo the prime. So
    what is outside there is outside. Elimination with fixed pivots is linear: two vectors differ by one of the span iff
    they are reduced to the same.
    """
    order, rest = peel(squares(longest))
    pivots = [_pivot(colour, _modular(row)) for colour, row in order]
    for row in rest:
        left = _reduce(_modular(row), pivots[len(order) :])  # what is left has none of the colours struck out before
        if left:
            pivots.append(_pivot(next(iter(left)), left))
    if len(pivots) != len(order) + len(rest) - len(relations(rest)):
        return False
    rays = [(p, q) for p in range(1, longest) for q in range(1, longest // 2 + 1 - p) if gcd(p, q) == 1]
    points = [[(g * p, g * q) for g in range(1, longest // (p + q) + 1)] for p, q in rays]
    return all(_all_differ(points[n : n + RAYS], pivots) for n in range(0, len(points), RAYS))


def _all_differ(rays: list[list[tuple[int, int]]], pivots: list[Pivot]) -> bool:
    """Whether the points of each ray have different y modulo the pivots' span; all points at once, one a column."""
    import numpy as np

    vectors = [_modular({c: x / (A + B) for c, x in path_to(A, B).items()}) for ray in rays for A, B in ray]
    row_of = {c: n for n, c in enumerate(dict.fromkeys(c for v in (*vectors, *(row for _, row in pivots)) for c in v))}
    M = np.zeros((len(row_of), len(vectors)), dtype=np.int64)
    for n, v in enumerate(vectors):
        for c, x in v.items():
            M[row_of[c], n] = x
    for colour, row in pivots:
        factor = M[row_of[colour]].copy()
        if factor.any():
            for c, x in row.items():
                M[row_of[c]] = (M[row_of[c]] - factor * x) % PRIME  # below 2^62: PRIME is below 2^31
    reduced, start = [column.tobytes() for column in np.ascontiguousarray(M.T)], 0
    for ray in rays:
        if len(set(reduced[start : start + len(ray)])) < len(ray):
            return False
        start += len(ray)
    return True


def _modular(v: Sparse) -> dict[Colour, int]:
    return {c: x.numerator * pow(x.denominator, -1, PRIME) % PRIME for c, x in v.items()}


def _pivot(colour: Colour, row: dict[Colour, int]) -> Pivot:
    unit = pow(row[colour], -1, PRIME)
    return colour, {c: x * unit % PRIME for c, x in row.items()}


def _reduce(v: dict[Colour, int], pivots: list[Pivot]) -> dict[Colour, int]:
    """v minus multiples of the pivot rows (1 at the pivot), in their order, modulo PRIME."""
    for colour, row in pivots:
        factor = v.get(colour, 0)
        if factor:
            for c, x in row.items():
                v[c] = (v.get(c, 0) - factor * x) % PRIME
    return {c: x for c, x in v.items() if x}


def depth_two_separates(longest: int, *, strict: bool = False) -> bool:
    """True proves: c^2 differs at the ends of any two different words of length <= longest, over every vocabulary, without BOS.

    Non-strict, constant words excepted. False means that this argument does not show it; `collision` shows the contrary
    from 82 (strict: 47) on. Raises NopeproofError for a length that is not a whole number from 1 to 200.
    """
    if isinstance(longest, bool) or not isinstance(longest, int) or not 1 <= longest <= 200:
        raise NopeproofError("the depth-2 question", f"length {longest!r}", "a whole number from 1 to 200")
    found = relations(peel(squares(longest - 1, strict))[1])
    single = len(found) == 1 and max(map(abs, found[0])) > 1
    return (not found or single) and (strict or _lengths_differ(longest))


def none_collide(*, constant_too: bool) -> Callable[[Claim, bool], Sequence[Evidence]]:
    """The prover of: no two different words, or none that are not both constant, up to the scope's length end alike in every model."""

    def prover(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
        orders: tuple[Order, ...] = ("forall T exists weights", "exists weights forall T")  # for all words up to a length one will do
        a = Argument(claim, "theory.depth_two: relations among the squares of a lattice path", orders)
        a.whatever("norms")
        a.needs("ffn", ANY_FFN)
        for convention, value in (("positions", "nope"), ("attention", "softmax"), ("depth", 2), ("bos", False)):
            a.needs(convention, value)
        a.needs("mask", "causal", "strict")
        a.step("constant words are excepted, or the mask is strict", a.models.mask == "strict" or not constant_too)
        if a.failed:
            return a.evidence("proved")
        longest, strict = claim.scope.t_max, a.models.mask == "strict"
        longest = 10**6 if not isinstance(longest, int) else longest
        if longest >= len(collision(strict)[0]):
            one, two = collision(strict)
            return a.refuted(
                {"word": one, "T": len(one), "other": two, "expected": "other last states", "found": "the same in every model"}
            )
        a.step(
            f"no relation with coefficients -1, 0, 1 among the squares up to length {longest}", depth_two_separates(longest, strict=strict)
        )
        return a.evidence("proved")

    return prover
