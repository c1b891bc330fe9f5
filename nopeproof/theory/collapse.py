"""Words on which no model of a class can tell positions apart, whatever its scores: constant words, and words without a mask."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import factorial
from typing import Any

from nopeproof.claims import Claim, Evidence
from nopeproof.models import ANY_FFN, ModelClass
from nopeproof.positions import encoding
from nopeproof.theory.argument import Argument

TOLERANCE, FAR = 1e-9, 1e-3
OUTPUT = {"softmax": "v*W/W", "softmax+1": "v*W/(1 + W)", "linear": "v*W"}


def constant_words(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """On a word a a ... a all states of a layer are equal, in every layer, for every score function.

    By induction on the layers. If all states are equal, all values are one v; with any positive weights, adding a key keeps
    the invariant (sum of weighted values) = v (sum of weights), so what attention returns at t is v, if t sees a key at all
    and the weights are divided by their sum. Norms and FFNs act alike on equal states.
    """
    from nopeproof.theory.members import spread, visible

    a = Argument(claim, "theory.collapse: induction over keys and layers")
    a.needs("ffn", ANY_FFN)
    a.whatever("depth", "mask", "positions", "attention", "norms", "sizes")  # three of them are what the steps below are about
    apart = _apart(a.models)
    if apart:
        a.whatever("bos")  # the word has one where the class does
        return a.refuted(apart)
    a.needs("bos", False)
    for spec in a.models.positions:
        a.step(f"{spec}: positions enter through scores alone, so equal tokens are embedded alike", encoding(spec).kind != "stream")
    a.step("every position sees a key", bool(visible(a.models, 40).any(1).all()))
    a.identity("w*v - v*w", "0", "the invariant S = v W after the first key, of weight w")
    a.identity("(S + w*v) - v*(W + w)", "S - v*W", "and after one key more")
    a.identity(OUTPUT.get(a.models.attention, "A"), "v", "what attention returns")
    if not a.failed:
        seeds = range(12 if deep else 2 * len(a.models.positions))
        worst = spread(a.models, [(["a"] * 9, t) for t in range(1, 10)], seeds)
        a.step(f"{len(seeds)} random members, three layers, float64: states at t = 1, ..., 9 agree to 1e-9", worst < TOLERANCE)
    return a.evidence("proved")


def _apart(models: ModelClass) -> dict[str, Any] | None:
    """The shortest constant word on which a drawn member's last layer differs between positions by more than 1/1000: no rounding does."""
    from nopeproof.theory.members import SIZES, spread

    if not set(models.sizes) <= SIZES:
        return None
    for n in range(2, 5):
        word, first = [*(["<bos>"] if models.bos else []), *["a"] * n], 1 + models.bos
        for seed in range(2 * len(models.positions)):
            gap = spread(models, [(word, t) for t in range(first, len(word) + 1)], [seed])
            if gap > FAR:
                found = f"{gap:.3g} away, in the random member {seed}, float64"
                return {"word": word, "T": len(word), "t": len(word), "expected": f"the state at t = {first}", "found": found}
    return None


def permutation_equivariance(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """Moving the tokens of a word moves the states with them, for every permutation, in every layer.

    A layer is a sum over the visible keys, which no order enters, so it commutes with every permutation that maps visible
    pairs (t, i) to visible pairs. That is a property of the mask alone: for "none" all permutations have it.
    """
    from nopeproof.theory.members import states

    a = Argument(claim, "theory.collapse: permutations that keep the mask")
    a.needs("positions", "nope")
    a.needs("attention", "softmax", "softmax+1", "linear")  # hard attention may break ties by order
    a.needs("ffn", ANY_FFN)
    a.whatever("depth", "mask", "bos", "norms", "sizes")
    for T in range(1, 7):
        kept = permutations_kept(a.models, T)
        a.step(f"T = {T}: {kept} of {factorial(T)} permutations keep the mask", kept == factorial(T))
    a.step("the mask hides nothing at any length", a.models.mask == "none")
    if not a.failed:
        word, order = list("abcaab"), [3, 0, 5, 1, 4, 2]
        moved = [word[n] for n in order]
        gaps = [abs(states(a.models, moved, s)[-1] - states(a.models, word, s)[-1][order]).max() for s in range(12 if deep else 4)]
        a.step(f"{len(gaps)} random members, three layers, float64: moved word, moved states, to 1e-9", max(gaps) < TOLERANCE)
    return a.evidence("proved")


def permutations_kept(models: ModelClass, T: int) -> int:
    """How many permutations of T positions the mask commutes with: all T! without a mask, one with the causal mask."""
    import numpy as np

    from nopeproof.theory.members import visible

    seen = visible(models, T)
    return sum(bool((seen[np.ix_(p, p)] == seen).all()) for p in permutations(range(T)))
