"""Position without training: uniform causal averages of independent values have covariance Sigma/max(m, n), so variance falls like 1/t.

At initialisation logits are small and a head averages: o_m = (v_1 + ... + v_m)/m. If values are independent with covariance Sigma,

    Cov(o_m, o_n) = Sigma/max(m, n),     Var(o_m) = Sigma/m,

and the kernel 1/max(m, n) has a tridiagonal inverse (2 k^2 on the diagonal, n^2 at the end, -k (k + 1) beside it): the averages form
a Markov chain in t. A second such layer, which averages these averages without a norm between, gives Var = Sigma (2/m - H_m/m^2),
H_m the harmonic number: the same rate, twice the size. This is the position signal that Chi et al. find in the variance of models
without positional encoding.

What breaks it: logits that are not small; equal tokens without BOS (constant words have no variance to shrink, no-bos-collapse); the
residual stream, which adds the token itself and leaves the signal in the head's output alone. With BOS there is a stronger
signal, and a deterministic one: its value over t (absolute-position).
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.initialisation import covariance, second_layer

kind = "characterisation"
SOURCE = "chi2023, variance shrinkage; the kernel, its inverse and the second layer are this project's"
ABOUT = "at initialisation: attention weights 1/t; values independent, mean 0, covariance Sigma"
EVERY = Scope(order="forall weights forall T", words="any")
one = ModelClass("one layer at initialisation", depth=1, about=ABOUT)
two = ModelClass(
    "two attention layers at initialisation",
    depth=2,
    ffn="none",
    norms=("none",),
    about=f"{ABOUT} in layer 1; in layer 2 they are the averages that layer 1 wrote, without the residual stream",
)

claims = [
    Claim("covariance", one, Shown("Cov(o_m, o_n) = Sigma/max(m, n), with a tridiagonal inverse", covariance), EVERY, SOURCE),
    Claim("second-layer", two, Shown("Var = Sigma (2/m - H_m/m^2)", second_layer), EVERY, SOURCE),
]
