"""Colours against brute force and against real networks; the depth-2 theorem against both."""

from fractions import Fraction

import numpy as np
import pytest

from nopeproof.errors import NopeproofError
from nopeproof.theory.colours import Refinement, bayes_ceiling, collisions, distinguishable, partition, words
from nopeproof.theory.depth_two import collision, depth_two_separates, peel, relations, squares

CONSTANT = [tuple("a" * n) for n in range(1, 9)], [tuple("b" * n) for n in range(1, 9)]


def random_network(depth, strict, seed, width=12):
    """The last state of a random softmax NoPE network, float64, no norm, tanh FFN."""
    rng = np.random.default_rng(seed)
    E = {t: rng.normal(size=width) for t in ("<bos>", "a", "b")}
    layers = [[rng.normal(size=(width, width)) / width**0.5 for _ in range(5)] for _ in range(depth)]

    def last(word):
        h = np.array([E[t] for t in word])
        for Q, K, V, W1, W2 in layers:
            s = (h @ Q) @ (h @ K).T / width**0.5
            visible = np.tril(np.ones_like(s), -1 if strict else 0).astype(bool)
            e = np.where(visible, np.exp(s), 0)
            h = h + e @ (h @ V) / np.maximum(e.sum(1, keepdims=True), 1e-300)
            h = h + np.tanh(h @ W1) @ W2
        return h[-1]

    return last


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("kind", ["bos", "none", "strict"])
def test_classes_are_what_networks_cannot_and_can_separate(depth, kind):
    last = random_network(depth, kind == "strict", seed=depth)
    classes = partition(words("ab", 7), depth, bos=kind == "bos", strict=kind == "strict")
    put = (lambda w: ("<bos>", *w)) if kind == "bos" else (lambda w: w)
    states = [np.array([last(put(w)) for w in c]) for c in classes]
    assert max(abs(s - s[0]).max() for s in states) < 1e-9
    first = np.array([s[0] for s in states])
    gaps = abs(first[:, None] - first[None]).max(-1) + 10 * np.eye(len(first))
    assert gaps.min() > 1e-7


def test_depth_needed():
    assert collisions("ab", 8, 2, bos=True) == [] and collisions("ab", 8, 1, bos=True)
    assert not distinguishable(list("aba"), list("baa"), 1, bos=True)
    for depth in (2, 3, 4):
        assert sorted(map(sorted, collisions("ab", 8, depth))) == sorted(map(sorted, CONSTANT))
    assert not distinguishable(list("ab"), list("aabb"), 1) and distinguishable(list("ab"), list("aabb"), 2)
    assert collisions("ab", 8, 2, strict=True) == [] and collisions("abc", 5, 2, strict=True) == []


def test_constant_words_are_one_class_at_every_depth_without_bos():
    for depth in range(5):
        assert len(set(Refinement(depth).colours(["a"] * 9))) == 1
        assert len(set(Refinement(depth, bos=True).colours(["a"] * 9))) == (10 if depth else 2)


@pytest.mark.parametrize("strict", [False, True])
def test_the_depth_two_conjecture_is_false(strict):
    one, two = collision(strict)
    assert one != two and len(one) == len(two) == (47 if strict else 82)
    assert [distinguishable(one, two, depth, strict=strict) for depth in (1, 2, 3)] == [False, False, True]
    networks = [random_network(2, strict, seed) for seed in range(3)]
    assert all(abs(f(one) - f(two)).max() < 1e-9 for f in networks)
    assert all(abs(f(one) - f(["b", *two[1:]])).max() > 1e-5 for f in networks)
    assert abs(random_network(3, strict, 0)(one) - random_network(3, strict, 0)(two)).max() > 1e-12


def test_depth_two_suffices_below():
    assert all(depth_two_separates(N) and depth_two_separates(N, strict=True) for N in (1, 2, 3, 8, 20))
    assert depth_two_separates(46, strict=True) and not depth_two_separates(47, strict=True) and not depth_two_separates(82)
    with pytest.raises(NopeproofError, match="1 to 200"):
        depth_two_separates(0)


def test_a_relation_between_lengths_would_be_seen():
    """The modular elimination says no as soon as the difference of two points of one ray lies in the span."""
    from nopeproof.theory.depth_two import PRIME, _all_differ, path_to

    ray = [(1, 1), (2, 2), (3, 3)]
    y = [{c: x / (A + B) for c, x in path_to(A, B).items()} for A, B in ray]
    gap = {c: y[0].get(c, Fraction(0)) - y[2].get(c, Fraction(0)) for c in {**y[0], **y[2]}}
    row = {c: x.numerator * pow(x.denominator, -1, PRIME) % PRIME for c, x in gap.items() if x}
    colour = next(iter(row))
    unit = pow(row[colour], -1, PRIME)
    assert _all_differ([ray], [])
    assert not _all_differ([ray], [(colour, {c: x * unit % PRIME for c, x in row.items()})])
    assert _all_differ([ray[:2]], [(colour, {c: x * unit % PRIME for c, x in row.items()})])


def test_depth_two_suffices_up_to_81():
    assert depth_two_separates(81)


def test_relations_among_squares_are_relations():
    rest = peel(squares(70))[1]
    (relation,) = relations(rest)
    total = {}
    for x, row in zip(relation, rest, strict=True):
        for c, y in row.items():
            total[c] = total.get(c, 0) + x * y
    assert not any(total.values()) and max(map(abs, relation)) == 3
    assert relations(peel(squares(60))[1]) == []


def test_bayes_ceilings():
    even = [(["a"] * n, n % 2) for n in range(1, 5)]
    assert bayes_ceiling(even, 9) == Fraction(1, 2) and bayes_ceiling(even, 1, bos=True) == 1
    last_but_one = [(w, w[-2]) for w in words("ab", 4) if len(w) == 4]
    assert bayes_ceiling(last_but_one, 1, bos=True) == Fraction(5, 8) + Fraction(1, 8) and bayes_ceiling(last_but_one, 2, bos=True) == 1
    assert bayes_ceiling([(["a"], 0, 3), (["a", "a"], 1, 1)], 5) == Fraction(3, 4)
    with pytest.raises(NopeproofError, match="no example"):
        bayes_ceiling([], 1)
    with pytest.raises(NopeproofError, match="empty word"):
        distinguishable([], ["a"], 1)
