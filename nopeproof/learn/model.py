"""The comparison Transformer, top to bottom: decoder-only, pre-RMSNorm, ReLU MLP, any encoding of `positions`.

Models of several seeds are *stacked*: every weight carries a leading axis s, one slice a model, and one batched
product serves them all. They share nothing but the length of each batch.

Axes: s stacked models, b batch, t positions (queries; u keys), h heads, e d_head, d d_model, v vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nopeproof.learn.recipe import Recipe
from nopeproof.positions import Geometry, PositionalEncoding, RotateEncoding, ScoreEncoding, StreamEncoding

Drop = Callable[[Tensor], Tensor]
"""What is done to activations where dropout may stand: at the places of T5, which are those of kazemnejad2023."""


def keep(x: Tensor) -> Tensor:
    """No dropout."""
    return x


class Dropout:
    """Zeroes a share ``rate`` of activations and scales the rest by 1 / (1 - rate), in one optimizer step.

    The masks are drawn from a stream keyed by (seed, step), one for each model, so that nothing needs saving between steps; they
    differ between kinds of devices.
    """

    def __init__(self, rate: float, seeds: Sequence[int], step: int, device: torch.device) -> None:
        self.rate = rate
        keys = (np.random.SeedSequence([STREAM, seed, step]).generate_state(1, np.uint64)[0] for seed in seeds)
        self._generators = [torch.Generator(device).manual_seed(int(key)) for key in keys]

    def __call__(self, x: Float[Tensor, "s ..."]) -> Float[Tensor, "s ..."]:
        mask = torch.empty_like(x)
        for part, generator in zip(mask, self._generators, strict=True):
            part.bernoulli_(1 - self.rate, generator=generator)
        return x * mask.div_(1 - self.rate)


STREAM = 1_000_000_021
"""Of `Dropout`; the streams of examples and lengths have other keys."""


@dataclass(frozen=True)
class Trace:
    """What a forward pass went through."""

    stream: list[Float[Tensor, "s b t d"]]
    """The residual stream: the embedding, then after each layer."""
    attention: list[Float[Tensor, "s b h t u"]]
    """Attention weights of each layer."""
    logits: Float[Tensor, "s b t v"]


class Attention(nn.Module):
    """Causal softmax attention, weights materialised: W_Q, W_K, W_V side by side in one product, then W_O."""

    def __init__(self, models: int, geometry: Geometry, encoding: PositionalEncoding, out_std: float) -> None:
        super().__init__()
        self.geometry, self.encoding = geometry, encoding
        d = geometry.d_model
        self.W_QKV = _normal(models, d, 3 * d, std=1 / math.sqrt(d))
        self.W_O = _normal(models, d, d, std=out_std / math.sqrt(d))

    def forward(self, x: Float[Tensor, "s b t d"], position: Position, drop: Drop = keep) -> tuple[Tensor, Float[Tensor, "s b h t u"]]:
        s, b, t, d = x.shape
        h, e = self.geometry.n_heads, self.geometry.d_head
        q, k, v = _project(x, self.W_QKV).view(s, b, t, 3, h, e).permute(3, 0, 1, 4, 2, 5)  # each s b h t e
        if isinstance(self.encoding, RotateEncoding):
            q, k = self.encoding.rotate(q, position.constants), self.encoding.rotate(k, position.constants)
        scores = (q @ k.transpose(-1, -2)).float() / math.sqrt(e) + position.bias
        weights = scores.softmax(dim=-1)
        mixed = (drop(weights).to(v.dtype) @ v).transpose(2, 3).reshape(s, b, t, d)
        return _project(mixed, self.W_O), weights


class Block(nn.Module):
    """x + attention(norm x), then x + MLP(norm x)."""

    def __init__(self, models: int, geometry: Geometry, encoding: PositionalEncoding, mlp: int, out_std: float) -> None:
        super().__init__()
        d = geometry.d_model
        self.norm_attention, self.norm_mlp = RMSNorm(models, d), RMSNorm(models, d)
        self.attention = Attention(models, geometry, encoding, out_std)
        self.W_1 = _normal(models, d, mlp * d, std=math.sqrt(2 / d))  # ReLU halves the variance
        self.W_2 = _normal(models, mlp * d, d, std=out_std / math.sqrt(mlp * d))

    def forward(self, x: Float[Tensor, "s b t d"], position: Position, drop: Drop = keep) -> tuple[Tensor, Float[Tensor, "s b h t u"]]:
        mixed, weights = self.attention(self.norm_attention(x), position, drop)
        x = x + drop(mixed)
        hidden = drop(_project(self.norm_mlp(x), self.W_1).relu())
        return x + drop(_project(hidden, self.W_2)), weights


class RMSNorm(nn.Module):
    """x / sqrt(mean x^2 + eps) times a trained gain."""

    def __init__(self, models: int, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(models, 1, 1, width))

    def forward(self, x: Float[Tensor, "s b t d"]) -> Float[Tensor, "s b t d"]:
        return nn.functional.rms_norm(x, x.shape[-1:], eps=1e-6) * self.gain


@dataclass(frozen=True)
class Position:
    """What all layers share for one length: the encoding's constants, and what is added to every score."""

    constants: Mapping[str, Tensor]
    bias: Float[Tensor, "*lead t u"]
    """The causal mask, -inf above the diagonal, plus the encoding's score term if it has one."""

    def without_first(self) -> Position:
        """Key 1 hidden from all later queries."""
        bias = self.bias.clone()
        bias[..., 1:, 0] = -math.inf
        return Position(self.constants, bias)


class Transformer(nn.Module):
    """Stacked decoder-only Transformers, one for each seed, over a vocabulary of ``vocabulary`` tokens.

    The weights of a seed depend on the recipe, the encoding and that seed alone, not on what it is stacked with.
    """

    def __init__(self, recipe: Recipe, encoding: PositionalEncoding, vocabulary: int, seeds: Sequence[int]) -> None:
        super().__init__()
        self.encoding, models, d = encoding, len(seeds), recipe.d_model
        self.geometry = Geometry(recipe.heads, d // recipe.heads, recipe.max_length)
        out_std = 1 / math.sqrt(2 * recipe.layers)  # 2 layers additions keep the stream's variance near its start
        self.W_E = _normal(models, vocabulary, d, std=1.0)
        trained = encoding.parameters(self.geometry).items()
        self.position = nn.ParameterDict({n: _normal(models, *p.shape, std=p.std, mean=p.mean) for n, p in trained})
        self.blocks = nn.ModuleList(Block(models, self.geometry, encoding, recipe.mlp, out_std) for _ in range(recipe.layers))
        self.norm = RMSNorm(models, d)
        self.W_U = _normal(models, d, vocabulary, std=1 / math.sqrt(d))
        self._draw(seeds)

    @torch.no_grad()
    def _draw(self, seeds: Sequence[int]) -> None:
        for index, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(seed)
            for parameter in self.parameters():
                if isinstance(parameter, Drawn):
                    parameter[index].normal_(parameter.mean_, parameter.std_, generator=generator)

    def forward(
        self, tokens: Int[Tensor, "s b t"], constants: Mapping[str, Tensor] | None = None, drop: Drop = keep
    ) -> Float[Tensor, "s b t v"]:
        """Logits of the next token at every position; ``constants`` are those of this length, if they are at hand."""
        return self.trace(tokens, constants=constants, drop=drop).logits

    def trace(
        self,
        tokens: Int[Tensor, "s b t"],
        cut_first: Collection[int] = (),
        constants: Mapping[str, Tensor] | None = None,
        drop: Drop = keep,
    ) -> Trace:
        """The forward pass with all it went through; it is the only one, so what is analysed is what is trained.

        In the layers of ``cut_first`` (from 1) no query after the first sees key 1: an intervention, empty in training.
        """
        length = tokens.shape[-1]
        position = self._position(length, self.constants(length) if constants is None else constants)
        model = torch.arange(tokens.shape[0], device=tokens.device)[:, None, None]
        x = self.W_E[model, tokens]
        if isinstance(self.encoding, StreamEncoding):
            x = x + self.encoding.stream(position.constants, dict(self.position.items())).unsqueeze(-3)
        x = drop(x)
        stream, attention = [x], []
        for layer, block in enumerate(self.blocks, 1):
            x, weights = block(x, position.without_first() if layer in cut_first else position, drop)
            stream.append(x)
            attention.append(weights)
        return Trace(stream, attention, _project(drop(self.norm(x)), self.W_U))

    def constants(self, length: int) -> dict[str, Tensor]:
        """The encoding's fixed arrays for inputs of this length, where the weights are."""
        found = {n: torch.as_tensor(a, device=self.W_E.device) for n, a in self.encoding.constants(self.geometry, length).items()}
        return {name: tensor.to(self.W_E.dtype) if tensor.is_floating_point() else tensor for name, tensor in found.items()}

    def _position(self, length: int, constants: Mapping[str, Tensor]) -> Position:
        bias = torch.full((length, length), -math.inf, device=self.W_E.device).triu(1)
        if isinstance(self.encoding, ScoreEncoding):
            bias = bias + self.encoding.scores(constants, dict(self.position.items())).unsqueeze(-4)
        return Position(constants, bias)


class Drawn(nn.Parameter):
    """A weight whose every model's slice starts normally distributed."""

    mean_: float
    std_: float


def _normal(*shape: int, std: float, mean: float = 0.0) -> Drawn:
    parameter = Drawn(torch.empty(shape))
    parameter.mean_, parameter.std_ = mean, std
    return parameter


def _project(x: Float[Tensor, "s b t i"], weight: Float[Tensor, "s i o"]) -> Float[Tensor, "s b t o"]:
    s, b, t, _ = x.shape
    return torch.bmm(x.reshape(s, b * t, -1), weight).view(s, b, t, -1)
