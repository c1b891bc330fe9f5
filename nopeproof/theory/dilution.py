"""What softmax attention with bounded logits can do for one key among n: the shares, in closed form, with their extremes.

Throughout, r is e to the power of the logit range (the largest weight is at most r times the smallest, before division)
and values are bounded by C in some norm. One key's share among n is at most r/(n - 1 + r), reached when all others have
the least weight. Every bound below follows, and is reached; so each is the best possible for a single head.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from nopeproof.claims import Claim, Evidence
from nopeproof.theory.argument import Argument

TOOL = "theory.dilution: shares of a bounded softmax"


def mean(weights: Sequence[Fraction], values: Sequence[Fraction]) -> Fraction:
    """The attention average of scalars, exactly."""
    return sum((w * v for w, v in zip(weights, values, strict=True)), Fraction(0)) / sum(weights, Fraction(0))


def _argument(claim: Claim) -> Argument:
    a = Argument(claim, TOOL)
    a.needs("attention", "softmax")
    a.needs("depth", 1)
    a.whatever("ffn", "bos", "norms", "sizes")  # of one head, whose logits and values are bounded
    return a


def _any_keys(claim: Claim) -> Argument:
    """For what holds of n keys, whichever they are."""
    a = _argument(claim)
    a.whatever("mask", "positions")
    return a


def _share(a: Argument) -> None:
    """w/(W + w) <= r/(n + r) where W, the weight of n other keys, is n w/r + y with y >= 0."""
    a.identity("r/(n + r) - w/(n*w/r + y + w)", "r**2*y/((n + r)*(n*w + r*y + r*w))", "one key beside n others: never negative")


def focus(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """One key whose weight is E times that of each of n - 1 others has a share >= 1 - e iff E >= (n - 1)(1 - e)/e."""
    a = _any_keys(claim)
    a.identity("E/(E + n - 1) - (1 - e)", "(e*E - (1 - e)*(n - 1))/(E + n - 1)", "so the signs of both sides agree")
    a.positive("E + n - 1", {"E": Fraction(1, 100), "n": 1})
    for e in (Fraction(1, 2), Fraction(1, 10), Fraction(1, 1000)):
        edge = [((n - 1) * (1 - e) / e, n) for n in range(2, 40)]
        at = [mean([E] + [Fraction(1)] * (n - 1), [Fraction(1)] + [Fraction(0)] * (n - 1)) for E, n in edge]
        below = [mean([E * Fraction(99, 100)] + [Fraction(1)] * (n - 1), [Fraction(1)] + [Fraction(0)] * (n - 1)) for E, n in edge]
        a.step(f"e = {e}: at the bound the share is 1 - e exactly, 1 % below it is less, n = 2..39",
               all(x == 1 - e for x in at) and all(x < 1 - e for x in below))  # fmt: skip
    return a.evidence("proved")


def fading(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """With logits in a fixed range no key keeps a share of 1 - e beyond n = 1 + r e/(1 - e) keys."""
    a = _any_keys(claim)
    _share(a)
    a.identity("r/((1 + r*e/(1 - e) + d - 1) + r) - (1 - e)", "-(1 - e)**2*d/(r + (1 - e)*d)", "d keys beyond: below 1 - e")
    return a.evidence("proved")


def influence(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """Exchanging one of n keys moves the head's output by at most 2 C r/(n - 1 + r), and by that much in some head.

    With m the mean over the others, the outputs are m + s (v - m) and m + s' (v' - m), 0 <= s, s' <= r/(n - 1 + r) =: S. Their
    difference is affine in s and in s', so its norm is largest at a corner: 0, S |v - m|, S |v' - m| or S |v - v'|, all <= 2 C S.
    """
    a = _any_keys(claim)
    _share(a)
    a.identity("(W*m + w*v)/(W + w)", "m + w/(W + w)*(v - m)", "the average with one key set apart")
    a.identity("(m + S*(v - m)) - (m + S*(x - m))", "S*(v - x)", "the corner where both shares are largest")
    r, C = Fraction(3), Fraction(1)
    moved = []
    for n in range(2, 40):
        low = [Fraction(1)] * (n - 1)
        other = [Fraction(0)] * (n - 1)
        moved.append((mean([r, *low], [C, *other]) - mean([r, *low], [-C, *other]), 2 * C * r / (n - 1 + r)))
    a.step("reached: values C and -C with the largest weight, n = 2..39, r = 3", all(x == y for x, y in moved))
    return a.evidence("proved")


def repeated_last(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """The last states' head outputs on w a and w a a differ by at most 2 C r/(n + r), n the length of w a; reached up to n/(n - 1).

    The query is the same, and so are the first n keys: the second output is the first with one key more, an a.
    """
    a = _argument(claim)
    _repeated(a)
    return a.evidence("proved")


def _repeated(a: Argument) -> None:
    a.needs("positions", "nope")
    a.needs("mask", "causal", "none")  # a strict mask hides the repeated key, a window an old one
    _share(a)
    a.identity("(W*m + w*v)/(W + w) - m", "w*(v - m)/(W + w)", "one key more moves the mean m")
    r, C = Fraction(3), Fraction(1)
    for n in range(2, 40):
        low, other = [Fraction(1)] * (n - 1), [-C] * (n - 1)
        one, two = mean([*low, r], [*other, C]), mean([*low, r, r], [*other, C, C])
        bound, nearly = 2 * C * r / (n + r), 2 * C * r * (n - 1) / ((n - 1 + r) * (n - 1 + 2 * r))
        a.step(f"n = {n}: {two - one} <= {bound}", nearly == two - one <= bound)


def norm_floor(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """`repeated_last`, and then a norm x/s with s^2 = (mean square of x) + epsilon: Lipschitz with constant 1/sqrt(epsilon).

    Its derivative is (1/s)(I - x x^T/(d s^2)): eigenvalue 1/s across x, and along x, with m the mean square, 1/s - m/s^3 =
    epsilon/s^3 <= 1/s. Both are positive and at most 1/sqrt(epsilon), as s^2 >= epsilon. Centring has norm 1.
    """
    import numpy as np

    a = _argument(claim)
    _repeated(a)
    a.needs("norms", "layernorm", "rmsnorm")
    a.identity("1/s - m/s**3", "(s**2 - m)/s**3", "along x; s^2 - m is epsilon")
    a.identity("1/s - e/s**3", "(s**2 - e)/s**3", "what is missing to 1/s: s^2 - epsilon is the mean square, never negative")
    rng = np.random.default_rng(0)
    for e in (1.0, 1e-2, 1e-4):
        x = rng.normal(size=(2000, 2, 8)) * rng.choice([1e-4, 1e-2, 1.0], size=(2000, 1, 1))
        y = x / np.sqrt((x * x).mean(-1, keepdims=True) + e)
        steeper = np.linalg.norm(y[:, 0] - y[:, 1], axis=-1) / np.linalg.norm(x[:, 0] - x[:, 1], axis=-1)
        a.step(
            f"epsilon = {e:g}: 2000 random pairs move apart by no more than 1/sqrt(epsilon)", bool(steeper.max() <= e**-0.5 * (1 + 1e-12))
        )
    return a.evidence("proved")
