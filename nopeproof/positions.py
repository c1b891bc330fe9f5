"""Positional encodings as data: what each adds to the stream, adds to the scores, or rotates. NoPE does nothing.

Conventions. The query stands at position t, the key at i <= t; positions in tables count from 0, so <bos> is row 0.
Every formula is written once, with indexing and arithmetic only, so it runs on numpy arrays and on torch tensors
alike: ``constants`` gives fixed numpy arrays for one length, ``parameters`` names what is trained, and the verb of
the kind (``stream``, ``scores`` or ``rotate``) combines them. Parameters may carry leading axes (stacked seeds).

Another encoding is one class below its kind with a ``name``; nothing else is edited.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int

from nopeproof import catalogue
from nopeproof.errors import NopeproofError

Kind = Literal["none", "stream", "scores", "rotate"]
Array = Any  # a numpy array or a torch tensor
Arrays = Mapping[str, Array]

MOST_BUCKETS, MOST_DISTANCE, MOST_WIDTH, MOST_STD = 1024, 2**16, 4096, 1000
"""What fields of encodings may be at most: far beyond what anybody trains, and short of what fills the memory or takes hours."""


@dataclass(frozen=True)
class Geometry:
    """The sizes an encoding needs to know; ``max_length`` is the longest input, which bounds learned tables."""

    n_heads: int
    d_head: int
    max_length: int

    @property
    def d_model(self) -> int:
        return self.n_heads * self.d_head


@dataclass(frozen=True)
class Parameter:
    """A trained array: its shape and the normal distribution it starts from."""

    shape: tuple[int, ...]
    std: float
    mean: float = 0.0


# --- the formulas, each by itself ------------------------------------------------------------------------------------


def distances(length: int) -> Int[np.ndarray, "t t"]:
    """t - i for every query t (row) and key i (column); 0 for keys a causal mask hides anyway."""
    position = np.arange(length)
    return np.maximum(position[:, None] - position[None, :], 0)


def t5_bucket_starts(buckets: int = 32, max_distance: int = 128) -> Int[np.ndarray, " buckets"]:
    """The least distance of each T5 bucket (raffel2020, causal form).

    Distances below e = B // 2 have a bucket each; bucket e + k starts at the least n with
    log(n/e) / log(D/e) * (B - e) >= k. Compared in integers, n^(B-e) e^k >= D^k e^(B-e), so no rounding enters.
    """
    exact = buckets // 2
    wide = buckets - exact
    starts = list(range(exact + 1))
    for k in range(1, wide):
        n = starts[-1]
        while n**wide * exact**k < max_distance**k * exact**wide:
            n += 1
        starts.append(n)
    return np.array(starts)


def t5_bucket(n: Int[np.ndarray, "*shape"] | int, buckets: int = 32, max_distance: int = 128) -> Int[np.ndarray, "*shape"]:
    """The T5 bucket of a distance n >= 0, one direction only.

    >>> t5_bucket(np.array([0, 15, 16, 18, 19, 112, 113, 5000])).tolist()
    [0, 15, 16, 16, 17, 30, 31, 31]
    """
    return np.asarray(np.searchsorted(t5_bucket_starts(buckets, max_distance), n, side="right") - 1)


def alibi_slopes(n_heads: int) -> Float[np.ndarray, " h"]:
    """ALiBi slopes: 2^(-8m/H), m = 1..H, when H is a power of two (press2022; kazemnejad2023 prints another constant).

    Otherwise the slopes of the power of two below, then every second slope of the power of two above.

    >>> alibi_slopes(8)[:3].tolist(), (-np.log2(alibi_slopes(12)[8:])).round(9).tolist()
    ([0.5, 0.25, 0.125], [0.5, 1.5, 2.5, 3.5])
    """
    below = 2 ** int(math.log2(n_heads))
    slopes = 2.0 ** (-8 / below * np.arange(1, below + 1))
    between = 2.0 ** (-4 / below * np.arange(1, 2 * below + 1, 2))
    return np.concatenate([slopes, between[: n_heads - below]])


def frequencies(width: int, base: float = 10000.0) -> Float[np.ndarray, " half"]:
    """omega_j = base^(-2j/width), j = 0 .. width/2 - 1, in radians per position (vaswani2017, su2021)."""
    return float(base) ** (-np.arange(0, width, 2) / width)


def sinusoid(length: int, width: int, layout: str = "interleaved") -> Float[np.ndarray, "t width"]:
    """Row p is [sin w_0 p, cos w_0 p, sin w_1 p, ...]; "concatenated" puts all sines first (the published code)."""
    if width % 2:
        raise NopeproofError(
            "sinusoidal positions", f"a stream of odd width {width}", "an even width: a sine and a cosine for each frequency"
        )
    angle = rotary_angles(length, width)
    axis = {"interleaved": -1, "concatenated": -2}[layout]
    return np.stack([np.sin(angle), np.cos(angle)], axis=axis).reshape(length, width)


def rotary_angles(length: int, width: int, base: float = 10000.0) -> Float[np.ndarray, "t half"]:
    """p * omega_j in radians, position p = 0.. down the rows (su2021)."""
    return np.arange(length)[:, None] * frequencies(width, base)


# --- the kinds -------------------------------------------------------------------------------------------------------


class PositionalEncoding:
    """One way to tell a model where its tokens stand."""

    name: ClassVar[str]
    kind: ClassVar[Kind]

    def parameters(self, geometry: Geometry) -> dict[str, Parameter]:
        """What is trained, by name; shared by all layers."""
        return {}

    def constants(self, geometry: Geometry, length: int) -> dict[str, np.ndarray]:
        """Fixed arrays for inputs of this length, by name."""
        return {}


class StreamEncoding(PositionalEncoding):
    """Adds a vector to the residual stream in front of layer 1."""

    kind = "stream"

    def stream(self, constants: Arrays, parameters: Arrays) -> Float[Array, "*lead t d_model"]:
        """The vectors to add, one a position."""
        raise NotImplementedError


class ScoreEncoding(PositionalEncoding):
    """Adds a number to each attention score, in every layer, after the score's scale."""

    kind = "scores"

    def scores(self, constants: Arrays, parameters: Arrays) -> Float[Array, "*lead h t t"]:
        """The numbers to add: head, query, key. Entries a causal mask hides are arbitrary but finite."""
        raise NotImplementedError


class RotateEncoding(PositionalEncoding):
    """Turns queries and keys by an angle that grows with position, in every layer."""

    kind = "rotate"

    def rotate(self, x: Float[Array, "*lead t d_head"], constants: Arrays) -> Float[Array, "*lead t d_head"]:
        """Queries or keys, turned."""
        raise NotImplementedError


# --- the encodings ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoPE(PositionalEncoding):
    """No positional encoding: the causal mask is all a model has (haviv2022, kazemnejad2023)."""

    name = "nope"
    kind = "none"


@dataclass(frozen=True)
class LearnedAPE(StreamEncoding):
    """A trained vector for each absolute position; positions past the table do not exist."""

    std: float = 0.02
    name = "ape-learned"

    def __post_init__(self) -> None:
        catalogue.require(self, std=_spread(self.std))

    def parameters(self, geometry: Geometry) -> dict[str, Parameter]:
        return {"table": Parameter((geometry.max_length, geometry.d_model), self.std)}

    def constants(self, geometry: Geometry, length: int) -> dict[str, np.ndarray]:
        if length > geometry.max_length:
            raise NopeproofError(f"an input of length {length}", f"the position table ends at {geometry.max_length}",
                                 "train with a longer table (max_length)")  # fmt: skip
        return {"row": np.arange(length)}

    def stream(self, constants: Arrays, parameters: Arrays) -> Float[Array, "*lead t d_model"]:
        return parameters["table"][..., constants["row"], :]


@dataclass(frozen=True)
class SinusoidalAPE(StreamEncoding):
    """Fixed sines and cosines of the absolute position (vaswani2017)."""

    layout: Literal["interleaved", "concatenated"] = "interleaved"
    name = "ape-sinusoidal"

    def __post_init__(self) -> None:
        catalogue.require(self, layout=(self.layout in ("interleaved", "concatenated"), "interleaved or concatenated"))

    def constants(self, geometry: Geometry, length: int) -> dict[str, np.ndarray]:
        return {"table": sinusoid(length, geometry.d_model, self.layout)}

    def stream(self, constants: Arrays, parameters: Arrays) -> Float[Array, "*lead t d_model"]:
        return constants["table"]


@dataclass(frozen=True)
class T5(ScoreEncoding):
    """A trained number for each head and distance bucket (raffel2020)."""

    buckets: int = 32
    max_distance: int = 128
    std: float = 0.02
    name = "t5"

    def __post_init__(self) -> None:
        buckets = (2 <= self.buckets <= MOST_BUCKETS, f"from 2 to {MOST_BUCKETS}")
        furthest = (1 <= self.max_distance <= MOST_DISTANCE, f"from 1 to {MOST_DISTANCE}")
        catalogue.require(self, buckets=buckets, max_distance=furthest, std=_spread(self.std))

    def parameters(self, geometry: Geometry) -> dict[str, Parameter]:
        return {"bias": Parameter((geometry.n_heads, self.buckets), self.std)}

    def constants(self, geometry: Geometry, length: int) -> dict[str, np.ndarray]:
        return {"bucket": t5_bucket(distances(length), self.buckets, self.max_distance)}

    def scores(self, constants: Arrays, parameters: Arrays) -> Float[Array, "*lead h t t"]:
        return parameters["bias"][..., constants["bucket"]]


@dataclass(frozen=True)
class ALiBi(ScoreEncoding):
    """Minus slope times distance, a fixed slope for each head (press2022)."""

    name = "alibi"

    def constants(self, geometry: Geometry, length: int) -> dict[str, np.ndarray]:
        return {"bias": -alibi_slopes(geometry.n_heads)[:, None, None] * distances(length)}

    def scores(self, constants: Arrays, parameters: Arrays) -> Float[Array, "*lead h t t"]:
        return constants["bias"]


@dataclass(frozen=True)
class Fire(ScoreEncoding):
    """A small ReLU network of the distance relative to the query's position, on a trained log scale (li2024).

    b(t, i) = MLP( psi(t - i) / psi(max(t, L)) ),  psi(x) = log(|c| x + 1),  L = |threshold|; both c and L are trained.
    """

    width: int = 32
    name = "fire"

    def __post_init__(self) -> None:
        catalogue.require(self, width=(1 <= self.width <= MOST_WIDTH, f"from 1 to {MOST_WIDTH}"))

    def parameters(self, geometry: Geometry) -> dict[str, Parameter]:
        return {
            "rate": Parameter((1,), 0.0, 0.1),
            "threshold": Parameter((1,), 0.0, 16.0),
            "w_in": Parameter((self.width, 1), 1.0),
            "b_in": Parameter((self.width, 1), 0.1),
            "w_out": Parameter((geometry.n_heads, self.width), 1 / math.sqrt(self.width)),
        }

    def constants(self, geometry: Geometry, length: int) -> dict[str, np.ndarray]:
        query = np.broadcast_to(np.arange(1.0, length + 1)[:, None], (length, length))
        return {"distance": distances(length).reshape(-1) * 1.0, "query": query.reshape(-1)}

    def scores(self, constants: Arrays, parameters: Arrays) -> Float[Array, "*lead h t t"]:
        rate, floor = abs(parameters["rate"]), abs(parameters["threshold"])
        longest = floor + (constants["query"] - floor).clip(min=0)  # max(t, L), in arithmetic both libraries share
        share = _log1p(rate * constants["distance"]) / _log1p(rate * longest)
        hidden = (parameters["w_in"] * share[..., None, :] + parameters["b_in"]).clip(min=0)
        bias = parameters["w_out"] @ hidden
        side = math.isqrt(bias.shape[-1])
        return bias.reshape(*bias.shape[:-1], side, side)


@dataclass(frozen=True)
class Rotary(RotateEncoding):
    """Pairs of neighbouring dimensions turn with position (su2021): the first ``fraction`` of the head, no more.

    fraction=0.25 is what the code of kazemnejad2023 does: 16 of 64 dimensions.
    """

    fraction: float = 1.0
    base: float = 10000.0
    name = "rotary"

    def __post_init__(self) -> None:
        fraction, base = (0 <= self.fraction <= 1, "from 0 to 1"), (0 < self.base < math.inf, "finite and above 0")
        catalogue.require(self, fraction=fraction, base=base)

    def constants(self, geometry: Geometry, length: int) -> dict[str, np.ndarray]:
        turned = 2 * int(geometry.d_head * self.fraction / 2)
        angle = np.repeat(rotary_angles(length, turned, self.base), 2, axis=1)
        sign = np.tile([-1.0, 1.0], turned // 2)
        cos, sin = np.ones((length, geometry.d_head)), np.zeros((length, geometry.d_head))
        cos[:, :turned], sin[:, :turned] = np.cos(angle), sign * np.sin(angle)
        dims = np.arange(geometry.d_head)
        return {"cos": cos, "sin": sin, "partner": np.where(dims < turned, dims ^ 1, dims)}

    def rotate(self, x: Float[Array, "*lead t d_head"], constants: Arrays) -> Float[Array, "*lead t d_head"]:
        return x * constants["cos"] + x[..., constants["partner"]] * constants["sin"]


def _spread(std: float) -> tuple[bool, str]:
    return 0 <= std <= MOST_STD, f"from 0 to {MOST_STD}"


def _log1p(x: Array) -> Array:
    return x.log1p() if hasattr(x, "log1p") else np.log1p(x)


def encodings() -> dict[str, type[PositionalEncoding]]:
    """Every positional encoding by name."""
    return catalogue.by_name(PositionalEncoding)


def encoding(spec: str) -> PositionalEncoding:
    """The encoding a spec names, such as ``t5`` or ``rotary:fraction=0.25``.

    Raises:
        NopeproofError: there is none of that name, or it has no such field.
    """
    return catalogue.build(PositionalEncoding, spec, "positional encoding")
