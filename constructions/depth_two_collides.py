"""Refuted: "two layers without BOS tell all words apart that are not constant". Words of length 82 collide, and none shorter.

A natural conjecture, since two layers do with BOS, and since a search over all binary words up to length 20 and ternary
words up to 12 finds no collision. It is false: two different words over {a, b} of length 82 end in the same state in every
two-layer NoPE model without BOS, whatever its weights, heads, norms and FFNs. Under a strict mask the shortest such pair has
length 47. Three layers separate them, as they do all words (prefix-colours).

Why 82 is the least is linear algebra: a word over two letters is a lattice path, c^2 is a sum of basis vectors along it, one
a step and named by letter and direction from the origin; two paths with equal ends differ by unit squares, and a collision
is a relation among the squares' vectors with coefficients -1, 0, 1. Up to length 81 there is none (`theory.depth_two`).
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.depth_two import collision, none_collide
from nopeproof.theory.telling_apart import alike

kind = "correction"
uses = ["prefix-colours"]
SOURCE = "irie2025 asks which depth suffices; the conjecture and its refutation are this project's"
ANY = Scope(order="forall weights forall T", words="any")

causal = ModelClass("two NoPE layers without BOS", depth=2)
strict = ModelClass("two NoPE layers, strict mask", depth=2, mask="strict")


def below(n):
    """The words that are told apart."""
    return Scope(words="any", t_max=n)


claims = [
    Claim("collision", causal, Shown("two different words of length 82 end in the same state", alike(*collision())), ANY, SOURCE),
    Claim(
        "strict-collision", strict, Shown("two different words of length 47 end in the same state", alike(*collision(True))), ANY, SOURCE
    ),
    Claim(
        "shortest",
        causal,
        Shown("no two different words, not both constant, of length up to 81 do", none_collide(constant_too=False)),
        below(81),
        SOURCE,
    ),
    Claim(
        "strict-shortest", strict, Shown("no two different words of length up to 46 do", none_collide(constant_too=True)), below(46), SOURCE
    ),
]
