"""The head dimension of relative biases as provers: each computes the rank with its proof, and checks the proof from scratch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, product

from nopeproof.claims import Claim, Evidence
from nopeproof.theory import biases, ranks
from nopeproof.theory.argument import Argument

Prover = Callable[[Claim, bool], Sequence[Evidence]]
EXPLICIT = 48


def _argument(claim: Claim, tool: str = "theory.ranks: Massey's registers, both bounds checked") -> Argument:
    a = Argument(claim, tool)
    a.needs("positions", "nope")
    a.needs("attention", "softmax")  # which does not see g(t)
    a.needs("mask", "causal")  # keys i <= t: others make other triangles
    a.whatever("depth", "bos", "norms", "ffn", "sizes.d_head")  # q_t and k_i are functions of position, wherever they come from
    return a


def rank_is(spec: str, r: int) -> Prover:
    """The prover of: r is the least d_head that expresses the named bias on sizes["T"] positions."""

    def prover(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
        a = _argument(claim)
        T = a.size("T")
        table = biases.bias(spec).table(T)
        proof = ranks.rank_proof(table)
        a.step(f"a register of length {proof.rank} gives the differences, a shorter one breaks at j = {proof.m}", proof.check(table))
        a.step(f"rank {r}", proof.rank == r)
        short = table[: min(T, EXPLICIT)]
        a.step(f"explicit q, k of the least dimension on {len(short)} positions", ranks.expresses(*ranks.optimal_head(short), short))
        return a.evidence("proved")

    return prover


def woerdeman_is(spec: str, r: int) -> Prover:
    """The same number by Woerdeman's formula for minimal-rank completions, which is assumed."""

    def prover(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
        a = _argument(claim, "theory.ranks: Woerdeman's formula")
        a.step(f"sum of ranks - sum of ranks = {r}", ranks.woerdeman_rank(biases.bias(spec).table(a.size("T"))) == r)
        return a.evidence("proved", assumes=["woerdeman1989"])

    return prover


def t5_every_table(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """No T5 table whose last two buckets differ is expressed by a head of dimension sizes["d_head"] on sizes["T"] positions.

    The last bucket begins at a distance D: the bias changes from D - 1 to D and never after. So the differences at t - i = D
    are not 0 and those at t - i > D are: rows t = D + 1, ..., T and columns i = t - D are triangular, of rank T - D.
    """
    from nopeproof.positions import t5_bucket, t5_bucket_starts

    a = _argument(claim)
    T, d_head, D = a.size("T"), a.size("d_head"), int(t5_bucket_starts()[-1])
    buckets = t5_bucket(range(T + 1)).tolist()  # type: ignore[arg-type]
    a.step(f"the last bucket begins at D = {D}", buckets[D - 1] == 30 and set(buckets[D:]) <= {31})
    a.step(f"T - D = {T - D} > d_head = {d_head}, and one position fewer is not enough for this argument", d_head + 1 == T - D)
    for seed in range(6 if deep else 3):
        r = ranks.relative_bias_rank(biases.T5Bias(seed=seed).table(T))
        a.step(f"the table of seed {seed} has rank {r}", r > d_head)
    return a.evidence("proved")


def t5_drawn_table(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """One T5 table, drawn with neighbours different: expressed by dimension d_head on T - 1 positions, not on T."""
    a = _argument(claim)
    T, d_head = a.size("T"), a.size("d_head")
    for n, enough in ((T - 1, True), (T, False)):
        table = biases.T5Bias().table(n)
        proof = ranks.rank_proof(table)
        a.step(f"rank {proof.rank} on {n} positions", proof.check(table) and (proof.rank <= d_head) is enough)
    return a.evidence("proved")


def one_scalar(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """Every g from 1..T to the values -1, 0, 1, 2, not constant: relative iff affine or a parity. Solved for (c, d) each time."""
    a = _argument(claim)
    T = a.size("T")
    a.need(f"a scope of {T} positions", (claim.scope.t_min, claim.scope.t_max) == (T, T))
    if a.lacking():
        return a.evidence("exhausted")
    every = [g for g in product((-1, 0, 1, 2), repeat=T) if len(set(g)) > 1]
    affine = [g for g in every if len({y - x for x, y in pairwise(g)}) == 1]
    parity = [g for g in every if all(x == y for x, y in zip(g, g[2:], strict=False))]
    found = {g for g in every if biases.one_feature_is_relative(g)}
    a.step(f"{len(every)} functions: relative are {len(affine)} affine and {len(parity)} parities", found == {*affine, *parity})
    return a.evidence("exhausted")


def one_scalar_every_g(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """Every g with real (even complex) values, every T >= 5: if the score is relative, g is affine or a parity; and these are.

    With u_t = c + d g(t) the differences over neighbouring keys are u_t (u_(i+1) - u_i)/d, the same, p_k, wherever t - i = k. If d = 0
    all steps of g are equal. If p_1, p_2 or p_3 is not 0, each window of five positions forces u_(t+1) = -u_t: membership in
    the ideal of the equations and 1 - z p_k. If p_1 = 0 then u_t is 0 or u_(t-1), so u falls to 0 once, if at all, and no p_k is
    left: F is constant. (Computed for T up to 6; that 1 lies in the ideal says that there is no solution at all.)
    """
    import sympy

    a = _argument(claim)
    a.need("five positions or more: on four other functions are relative too", claim.scope.t_min >= 5)
    if a.lacking():
        return a.evidence("proved")
    T, z = 5, sympy.Symbol("z")
    u = sympy.symbols(f"u1:{T + 1}")
    p = {k: [u[i + k] * (u[i + 1] - u[i]) for i in range(T - k)] for k in range(1, T)}
    same = [x - p[k][0] for k in p for x in p[k][1:]]
    for k in (1, 2, 3):
        basis = sympy.groebner([*same, 1 - z * p[k][0]], z, *u, order="grevlex")
        a.step(f"five positions, p_{k} not 0: u_(t+1) = -u_t", all(basis.contains(u[t] + u[t + 1]) for t in range(T - 1)))
    for longer in (5, 6):
        v = sympy.symbols(f"v1:{longer + 1}")
        q = {k: [v[i + k] * (v[i + 1] - v[i]) for i in range(longer - k)] for k in range(1, longer)}
        rest = [x for k in q if k > 1 for x in q[k]]
        none = all(sympy.groebner([*q[1], 1 - z * x], z, *v, order="grevlex").exprs == [1] for x in rest)
        a.step(f"{longer} positions, p_1 = 0: no p_k is different from 0", none)
    a.identity(
        "(c + d*(A*s + m)) * (A*(0 - r) - A*r)",
        "-2*A*r*(c + d*m + d*A*s)",
        "parities: signs s at t, r at i; with c = -d m a function of r s",
    )
    a.identity("c*(A*(i + 1) + B) - c*(A*i + B)", "c*A", "affine g, d = 0: all differences are equal")
    return a.evidence("proved")
