"""Neighbouring states look alike at initialisation: cos(o_m, o_n) = sqrt(m/n), so the nearest is the most similar, less and less so.

For uniform causal averages of independent values the cosine of the angle between o_m and o_n, m <= n, is sqrt(m/n): as a ratio of
second moments exactly, and in a wide model nearly so for every draw. It rises towards the neighbour, which is the adjacency
pattern that Zuo et al. see in trained and in random models, and from which position can be read. At a fixed lag k it is
sqrt(1 - k/n), which tends to 1: the resolution is lost like k/(2 n), so this code too serves short distances from the start.

It follows from the covariance Sigma/max(m, n) (variance-at-initialisation) and fails with it: sharp attention, constant words.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.initialisation import cosine

kind = "characterisation"
uses = ["variance-at-initialisation"]
SOURCE = "zuo2025, similarity of nearby embeddings; the exact law is this project's"
models = ModelClass(
    "one layer at initialisation", depth=1, about="at initialisation: attention weights 1/t; values independent, mean 0, covariance Sigma"
)
says = "E<o_m, o_n>/sqrt(E|o_m|^2 E|o_n|^2) = sqrt(m/n) for m <= n, increasing in m"

claims = [Claim("cosine", models, Shown(says, cosine), Scope(order="forall weights forall T", words="any"), SOURCE)]
