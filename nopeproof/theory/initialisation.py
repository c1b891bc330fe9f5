"""Position in a network at initialisation: the laws of uniform causal averages of independent values, exactly, and by Monte Carlo."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction

from nopeproof.claims import Claim, Evidence
from nopeproof.theory.argument import Argument

TOOL = "theory.initialisation: covariances of prefix means"


def _argument(claim: Claim, depth: int = 1) -> Argument:
    a = Argument(claim, TOOL)
    a.needs("depth", depth)
    a.needs("positions", "nope")
    a.needs("mask", "causal")
    a.needs("attention", "softmax")
    a.needs("bos", False)  # every position's value is drawn alike
    a.whatever("sizes")
    if depth > 1:  # what the second layer averages is what the first wrote
        a.needs("ffn", "none")
        a.needs("norms", "none")
    else:
        a.whatever("ffn", "norms")
    return a


def kernel(n: int) -> list[list[Fraction]]:
    """K(i, j) = 1/max(i, j), summed from the weights: sum over common keys of (1/i)(1/j)."""
    return [[sum((Fraction(1, i * j) for _ in range(min(i, j))), Fraction(0)) for j in range(1, n + 1)] for i in range(1, n + 1)]


def covariance(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """Cov(o_m, o_n) = Sigma/max(m, n); its inverse is tridiagonal: 2 k^2 (n^2 at the end), and -k (k + 1) beside."""
    a = _argument(claim)
    a.identity("m*(1/m)*(1/n)", "1/n", "m <= n: m common keys, weights 1/m and 1/n, values independent")
    a.identity("-k*(k - 1)/(k - 1) + 2*k**2/k - k*(k + 1)/(k + 1)", "0", "row k times a column j < k")
    a.identity("-k*(k - 1)/k + 2*k**2/k - k*(k + 1)/(k + 1)", "1", "j = k")
    a.identity("(-k*(k - 1) + 2*k**2 - k*(k + 1))/j", "0", "j > k")
    a.identity("-n*(n - 1)/n + n**2/n", "1", "the last row, j = n")
    n = 40 if deep else 20
    K, top = kernel(n), n * n
    inverse = [[Fraction(0)] * n for _ in range(n)]
    for k in range(1, n + 1):
        inverse[k - 1][k - 1] = Fraction(2 * k * k if k < n else top)
        if k < n:
            inverse[k - 1][k] = inverse[k][k - 1] = Fraction(-k * (k + 1))
    columns = list(zip(*K, strict=True))
    whole = [[sum(map(Fraction.__mul__, row, column), Fraction(0)) for column in columns] for row in inverse]
    a.step(f"n = {n}: the product of both matrices is the identity", whole == [[Fraction(i == j) for j in range(n)] for i in range(n)])
    a.step(
        f"n = {n}: summed from the weights, K(i, j) = 1/max(i, j)",
        K[2][n - 1] == K[n - 1][0] == Fraction(1, n) and K[4][4] == Fraction(1, 5),
    )
    return a.evidence("proved") if a.failed else [*a.evidence("proved"), _monte_carlo(claim)]


def second_layer(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """Averaging the averages: Var = Sigma (2/m - H_m/m^2), H_m = 1 + 1/2 + ... + 1/m; so 2/m to first order.

    m^2 Var = sum over k, l <= m of 1/max(k, l) = sum over k of (2 k - 1)/k = 2 m - H_m: by induction on m.
    """
    a = _argument(claim, depth=2)
    a.identity("(2*m - H) + (2*(m + 1) - 1)/(m + 1)", "2*(m + 1) - (H + 1/(m + 1))", "from m to m + 1; m = 1: 2 - 1 = 1")
    for m in range(1, 30):
        mean = [Fraction(sum(Fraction(1, j) for j in range(max(i, 1), m + 1)), m) for i in range(1, m + 1)]  # weight of value i
        H = sum((Fraction(1, k) for k in range(1, m + 1)), Fraction(0))
        a.step(f"m = {m}: from the weights of two layers, {float(2 / Fraction(m) - H / m**2):.4f}",
               sum(w * w for w in mean) == 2 / Fraction(m) - H / Fraction(m) ** 2)  # fmt: skip
    return a.evidence("proved")


def cosine(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """cos(o_m, o_n) = sqrt(m/n) for m <= n, as a ratio of second moments: greatest for the neighbour; at lag k, sqrt(1 - k/n)."""
    a = _argument(claim)
    a.identity("(1/n)**2/((1/m)*(1/n))", "m/n", "the square of E<o_m, o_n>/sqrt(E|o_m|^2 E|o_n|^2)")
    a.positive("(m + 1)/n - m/n", {"m": 1, "n": 2}, "nearer is more similar")
    a.identity("(n - k)/n", "1 - k/n", "lag k")
    a.positive("(1 - k/(n + 1)) - (1 - k/n)", {"k": 1, "n": 2}, "and at a fixed lag the similarity grows: position is lost")
    return a.evidence("proved") if a.failed else [*a.evidence("proved"), _monte_carlo(claim)]


def _monte_carlo(claim: Claim) -> Evidence:
    """Both laws on random values of width 4096, 64 positions: how far the sample is from them, seed 0."""
    import numpy as np

    start, n, d = time.perf_counter(), 64, 4096
    v = np.random.default_rng(0).normal(size=(n, d))
    o = np.cumsum(v, 0) / np.arange(1, n + 1)[:, None]
    G = o @ o.T / d
    index = np.arange(1, n + 1)
    law = 1 / np.maximum.outer(index, index)
    off = float(abs(G / law - 1).max())
    length = np.sqrt(np.diag(G))
    bend = float(abs(G / np.outer(length, length) - np.sqrt(np.minimum.outer(index, index) / np.maximum.outer(index, index))).max())
    said = f"width {d}, {n} positions, one draw: covariance off by {off:.3f} relative at most, cosine by {bend:.3f}"
    return Evidence("tested", claim.scope, "Monte Carlo, numpy, seed 0", time.perf_counter() - start, steps=(said,))
