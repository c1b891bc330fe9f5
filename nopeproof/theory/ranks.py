"""The least head dimension that expresses a relative bias, exactly, with certificates that are proofs.

A head expresses the bias f(0), ..., f(T - 1) on T positions if for some vectors q_t, k_i and some g, for i <= t <= T,

    <q_t, k_i> = f(t - i) + g(t)             (g drops out of the softmax; q, k are arbitrary functions of position).

Let D(d) = f(d - 1) - f(d), n = T - 1, and let s_j = D(T - j), j = 1..n, be the differences read backwards.

Theorem. The least d_head is the linear complexity L of s: the least L with coefficients c_0 = 1, c_1, ..., c_L such
that c_0 s_j + c_1 s_(j-1) + ... + c_L s_(j-L) = 0 for L < j <= n (Massey's shift-register length, massey1969).

Proof. Subtracting neighbouring keys removes g: a head of dimension r gives a matrix M(t, i) = <q_t, k_(i+1) - k_i> of
rank <= r with M(t, i) = D(t - i) = s_(T-t+i) for i < t; the other entries are free.
Upper bound: continue s by the recurrence; s_(T-t+i) = e_1^T A^(T-t) u_i with A the L x L companion matrix and u_i the
state (s_i, ..., s_(i+L-1)), so q_t = e_1^T A^(T-t) and k_i = u_1 + ... + u_(i-1) do it, with g(t) = -f(t - 1).
Lower bound: let c have length l, and let the sum above (for c) vanish for l < j < m and be delta != 0 at j = m <= n.
Add up rows t, t + 1, ..., t + l of M with weights c_0, ..., c_l. At i < t the result is the sum at j = T - t + i: 0
for j < m, delta for j = m. The m - l rows with T - t + i = m for i = 1, ..., m - l are triangular, so r >= m - l.
Such a c with m - l = L exists: it is the register in front of Massey's last change of length. QED

So nothing has to be assumed. Woerdeman's formula for minimal-rank completions (woerdeman1989) gives the same number by
another route and stands here as a second, independent computation; only verdicts that use it read "assuming".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from operator import mul

from nopeproof.errors import NopeproofError

Number = int | Fraction
PRIME = 2147483629  # a prime below 2^31: products fit in 64 bits


def exact_table(f: Iterable[Number]) -> list[Fraction]:
    """The table as fractions. Raises NopeproofError for an empty one and for floats."""
    out = []
    for d, x in enumerate(f):
        if isinstance(x, bool) or not isinstance(x, int | Fraction):
            raise NopeproofError(f"a bias with f({d}) = {x!r}", f"a {type(x).__name__}, not an exact number", "an int or a Fraction")
        out.append(Fraction(x))
    if not out:
        raise NopeproofError("the rank of a relative bias", "an empty table", "f(0), ..., f(T - 1)")
    return out


def backward_differences(f: Iterable[Number]) -> list[int]:
    """s_j = D(T - j), j = 1..T-1, scaled to coprime integers: a factor changes no rank."""
    table = exact_table(f)
    s = [table[d - 1] - table[d] for d in range(len(table) - 1, 0, -1)]
    scale = lcm(*(x.denominator for x in s)) if s else 1
    whole = [int(x * scale) for x in s]
    g = gcd(*whole) or 1
    return [x // g for x in whole]


@dataclass(frozen=True)
class RankProof:
    """Both bounds on the least d_head of one bias, each checkable by one pass over the table (see the theorem above).

    register: integers c_0 != 0, ..., c_rank, a recurrence of that length. before, m: a shorter recurrence that holds up
    to j = m - 1 and breaks at j = m, with m - l = rank, l its length.
    """

    rank: int
    register: tuple[int, ...]
    before: tuple[int, ...]
    m: int

    def check(self, f: Iterable[Number]) -> bool:
        """True only if the table's least head dimension is `rank`: verifies both bounds from scratch over the integers."""
        s = backward_differences(f)
        upper = len(self.register) - 1 == self.rank and self.register[0] != 0 and _discrepancy(self.register, s, len(s)) is None
        if self.rank == 0:
            return upper and not any(s)
        exact = self.m <= len(s) and self.m - (len(self.before) - 1) == self.rank
        return upper and exact and _discrepancy(self.before, s, self.m) == self.m


def _discrepancy(c: Sequence[int], s: Sequence[int], end: int) -> int | None:
    """The first j with l < j <= end at which the recurrence fails; None if it holds throughout."""
    terms = [(k, x) for k, x in enumerate(c) if x]
    return next((j for j in range(len(c), end + 1) if sum(x * s[j - k - 1] for k, x in terms)), None)


def shift_register(s: Sequence[int]) -> RankProof:
    """Berlekamp and Massey's algorithm over the integers, fraction-free (each register divided by its content)."""
    c, b, L, last, shift = [1], [1], 0, 1, 1
    before, m = (1,), 0
    for N in range(len(s)):
        delta = sum(x * s[N - k] for k, x in enumerate(c) if x)
        if delta == 0:
            shift += 1
            continue
        old, g = c, gcd(delta, last)
        c = [x * (last // g) for x in c] + [0] * max(0, len(b) + shift - len(c))
        for k, x in enumerate(b, shift):
            c[k] -= (delta // g) * x
        content = gcd(*c)
        c = [x // content for x in c]
        if 2 * L <= N:
            before, m = tuple(old + [0] * (L + 1 - len(old))), N + 1
            L, b, last, shift = N + 1 - L, old, delta, 1
        else:
            shift += 1
    return RankProof(L, tuple(c[: L + 1] + [0] * (L + 1 - len(c))), before, m)


def rank_proof(f: Iterable[Number]) -> RankProof:
    """The least head dimension of f with its proof, in exact arithmetic: fast where f has structure, slow for a long random f."""
    return shift_register(backward_differences(f))


def relative_bias_rank(f: Iterable[Number]) -> int:
    """The least d_head with <q_t, k_i> = f(t - i) + g(t) on T = len(f) positions. Exact and proved, never a guess.

    Works modulo a prime first. That alone bounds nothing (s = p, 1 has complexity 1, modulo p it has 2; s = 1, 1 + p
    grows the other way), except where the result is the middle value L = ceil(n/2), n = T - 1. Then the L x L Hankel
    matrix H of s_1, ..., s_(2L-1) is invertible modulo p: a kernel vector with last nonzero entry number e <= L is a
    recurrence of length e - 1 < L up to j = n - L + e, and if it broke after that, the length would jump to at least
    n - L + 2 > L. So H is invertible over the rationals: its rank L is a lower bound (a full block of M), and the at
    most L equations for a recurrence of length L have a solution, an upper one. A random table is of this kind. All
    others go through `rank_proof`.

    >>> relative_bias_rank([0, -1, -2, -3, -4]), relative_bias_rank([d * d for d in range(9)])
    (1, 2)
    """
    s = backward_differences(f)
    if len(s) > 64 and modular_complexity(s, PRIME) == (len(s) + 1) // 2:
        return (len(s) + 1) // 2
    return shift_register(s).rank


def modular_complexity(s: Sequence[int], p: int = PRIME) -> int:
    """The linear complexity of s modulo a prime p < 2^31; T = 4096 takes 0.1 s. See `relative_bias_rank` for what it shows."""
    import numpy as np

    n = len(s)
    if not n:
        return 0
    a = np.array([x % p for x in s], dtype=np.int64)[::-1].copy()  # reversed, so that each dot product reads forwards
    c, b = np.zeros(n + 2, dtype=np.int64), np.zeros(n + 2, dtype=np.int64)
    c[0] = b[0] = 1
    L, size, last, shift = 0, 1, 1, 1  # size: entries of b that may be nonzero
    for N in range(n):
        window = a[n - 1 - N : n - N + L] if N >= L else a[n - 1 - N :]
        delta = int((c[: len(window)] * window % p).sum() % p)
        if delta == 0:
            shift += 1
            continue
        factor = delta * pow(last, -1, p) % p
        old = c.copy() if 2 * L <= N else c
        end = min(size, n + 2 - shift)
        c[shift : shift + end] = (c[shift : shift + end] - factor * b[:end]) % p
        if 2 * L <= N:
            L, b, size, last, shift = N + 1 - L, old, L + 1, delta, 1
        else:
            shift += 1
    return L


def woerdeman_rank(f: Iterable[Number]) -> int:
    """The same number by Woerdeman's formula, assuming woerdeman1989; exact, for T up to about 100.

    The least rank of a completion of the triangle A(t, i) = D(t - i), i < t, is
    sum_p rank A[rows >= p, columns <= p] - sum_p rank A[rows > p, columns <= p]. The minus sign is why ranks modulo a
    prime (never larger than over the rationals) would bound neither side.
    """
    import flint

    D = backward_differences(f)[::-1]
    n = len(D)

    def rank(rows: range, columns: range) -> int:
        if not rows or not columns:
            return 0
        return flint.fmpz_mat([[D[r - i] for i in columns] for r in rows]).rank()

    return sum(rank(range(p, n), range(p + 1)) - rank(range(p + 1, n), range(p + 1)) for p in range(n))


def optimal_head(f: Iterable[Number]) -> tuple[list[list[Fraction]], list[list[Fraction]]]:
    """Exact (q_1..q_T, k_1..k_T) of the least dimension: <q_t, k_i> = f(t - i) - f(t - 1) for 1 <= i <= t <= T."""
    table = exact_table(f)
    T = len(table)
    s = [table[d - 1] - table[d] for d in range(T - 1, 0, -1)]
    proof = rank_proof(table)
    r, lead = proof.rank, proof.register[0]
    c = [Fraction(-x, lead) for x in proof.register[1:]]
    while len(s) < T + r:
        s.append(sum((x * s[-k] for k, x in enumerate(c, 1)), Fraction(0)))
    k = [[Fraction(0)] * r]
    for i in range(1, T):
        k.append([x + y for x, y in zip(k[-1], s[i - 1 : i - 1 + r], strict=True)])
    row = [Fraction(int(a == 0)) for a in range(r)]  # e_1^T, then times the companion matrix, once a step back in t
    q = [row]
    for _ in range(T - 1):
        top = row[-1] if r else Fraction(0)
        row = [(row[a - 1] if a else Fraction(0)) + top * c[r - 1 - a] for a in range(r)]
        q.append(row)
    return q[::-1], k


def expresses(q: Sequence[Sequence[Fraction]], k: Sequence[Sequence[Fraction]], f: Iterable[Number]) -> bool:
    """Whether <q_t, k_i> - f(t - i) is a function of t alone, exactly, for all i <= t. T5 at T = 256 takes a few seconds."""
    table = exact_table(f)
    if not len(q) == len(k) == len(table):
        raise NopeproofError(
            "a head for a bias", f"{len(q)} queries and {len(k)} keys for {len(table)} positions", "one of each a position"
        )
    Q, K = (list(map(_over_one_denominator, rows)) for rows in (q, k))
    for t, (query, below) in enumerate(Q):
        rest = {Fraction(sum(map(mul, query, key)), below * other) - table[t - i] for i, (key, other) in enumerate(K[: t + 1])}
        if len(rest) != 1:
            return False
    return True


def _over_one_denominator(row: Sequence[Fraction]) -> tuple[list[int], int]:
    below = lcm(*(x.denominator for x in row))
    return [int(x * below) for x in row], below
