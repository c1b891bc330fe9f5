"""The torch run: any floating dtype and device, by routes that differ in how attention is summed.

"materialised": scores, softmax and average as T x T matrices. "sdpa": torch's scaled_dot_product_attention. "streaming": one
prefix scan over the keys, linear in T, for heads whose queries read the same everywhere, so that a score is the key's alone.
"incremental": token by token, one row at a time through every layer, with a KV cache (run/incremental.py).
Weights are the exact ones rounded once, to the nearest number of the dtype, ties to even; float64 is never a stop in between.
Tables of positional encodings are formulas in floats, so those go through float64. Axes: leading ... is a batch of words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from nopeproof.circuit import MLP, Block, Circuit, Head, Norm, Window
from nopeproof.claims import Site
from nopeproof.errors import NopeproofError
from nopeproof.positions import Geometry, PositionalEncoding
from nopeproof.run.dtypes import nearest, require_kernels, torch_dtype
from nopeproof.run.engine import require_concrete
from nopeproof.run.trace import HeadTrace, Trace

Route = Literal["materialised", "sdpa", "streaming", "incremental"]


def run(
    circuit: Circuit, word: Sequence[str], dtype: torch.dtype | str = "float32", route: Route = "materialised", device: str = "cpu"
) -> Trace:
    """The trace of a concrete circuit on a word of T tokens, in tensors: residuals [T, d_model], scores and weights [T, T].

    Masked scores are -inf; sdpa and streaming form no scores or weights (None). Raises NopeproofError for a bad word, a dtype
    torch lacks or that is not floating, a device or kernel that is not there, a trained encoding, weights left open or beyond the
    dtype's range, a norm of a zero vector, and for streaming a head whose scores depend on the query.
    """
    return next(run_batch(circuit, [word], dtype, route, device))


def run_batch(
    circuit: Circuit,
    words: Sequence[Sequence[str]],
    dtype: torch.dtype | str = "float32",
    route: Route = "materialised",
    device: str = "cpu",
) -> Iterator[Trace]:
    """One trace a word, from one forward pass over words of the same length. Raises NopeproofError as `run` does."""
    require_concrete(circuit, "float")
    if route not in get_args(Route):
        raise NopeproofError(f"the route {route!r}", "no such route", "one of " + ", ".join(get_args(Route)))
    number = torch_dtype(dtype)
    known = [circuit.check_word(word) for word in words]
    if len({len(word) for word in known}) > 1:
        raise NopeproofError("a batch of words", f"lengths {sorted({len(w) for w in known})}", "words of one length")
    require_kernels(number, device)
    name = str(number).removeprefix("torch.") + ("" if route == "materialised" else f"/{route}")
    if not known:
        return iter(())
    with torch.no_grad():
        forward = Forward(circuit, number, device, route, len(known[0]))
        if route == "incremental":
            from nopeproof.run.incremental import run_floats

            residuals, heads = run_floats(forward, known)
        else:
            residuals, heads = forward.run(known)
    return (
        Trace(
            circuit,
            word,
            name,
            {site: x[n] for site, x in residuals.items()},
            {k: HeadTrace(*(None if x is None else x[n] for x in (h.scores, h.weights, h.output))) for k, h in heads.items()},
        )
        for n, word in enumerate(known)
    )


@dataclass
class Forward:
    """One pass over a batch of words of length T."""

    circuit: Circuit
    dtype: torch.dtype
    device: str
    route: Route
    T: int
    hidden: Bool[Tensor, "T T"] | None = field(init=False)

    def __post_init__(self) -> None:
        if self.circuit.positions.parameters(Geometry(1, self.circuit.d_model, self.T)):
            found = "an encoding with trained parameters"
            raise NopeproofError(f"a run with {self.circuit.positions!r}", found, "an encoding that is a formula, such as ALiBi()")
        mask = self.circuit.mask
        self.hidden = None
        if self.route == "streaming":  # it must stay linear in T
            if isinstance(mask, Window):
                raise NopeproofError("the streaming run of a sliding window", f"the mask {mask}", "route='materialised' or 'sdpa'")
        elif mask != "none":
            self.hidden = torch.ones(self.T, self.T, dtype=torch.bool, device=self.device).triu(0 if mask == "strict" else 1)
            if isinstance(mask, Window):
                gone = torch.ones_like(self.hidden).tril(-mask.size)
                gone[:, : mask.sinks] = False
                self.hidden |= gone

    def matrix(self, part: Any, name: str) -> Float[Tensor, "n d_model"]:
        """The rows of one matrix of a head (by its name) or an FFN ("read", "write", "b_2"), rounded once for all runs of the circuit."""
        known = self.circuit.memo.setdefault((self.dtype, self.device), {})
        if (id(part), name) not in known:  # the circuit holds its parts, so that an id means one as long as this memo lives
            rows = [getattr(u, name) for u in part.units] if name in ("read", "write") else getattr(part, name)
            known[id(part), name] = self.rounded([rows] if name == "b_2" else rows)
        return known[id(part), name]

    def rounded(self, vectors: Sequence[Any]) -> Float[Tensor, "n d_model"]:
        """Sparse exact vectors as rounded rows."""
        out = torch.zeros(len(vectors), self.circuit.d_model, dtype=torch.float64)
        entries = [(n, i, nearest(x, self.dtype)) for n, v in enumerate(vectors) for i, x in v.entries]
        if entries:
            rows, columns, values = zip(*entries, strict=True)
            out[list(rows), list(columns)] = torch.tensor(values, dtype=torch.float64)
        return out.to(self.dtype).to(self.device)  # the cast changes nothing: every value is one of the dtype's

    def run(self, words: Sequence[Sequence[str]]) -> tuple[dict[Site, Tensor], dict[tuple[int, int], HeadTrace]]:
        """Residuals [batch, T, d_model] by site, and the heads' traces."""
        rows = self.embed(words)
        if self.circuit.positions.kind == "stream":
            rows = rows + self.positions("stream", Geometry(1, self.circuit.d_model, self.T))
        residuals, heads = {Site(0): rows}, {}
        for b, block in enumerate(self.circuit.blocks, 1):
            x = self.norm(block.norm_attention, rows, f"block {b}, in front of the attention")
            for h, head in enumerate(block.heads):
                heads[b, h] = self.head(head, x, self.bias(block, h), f"block {b}, head {head.name!r}")  # type: ignore[arg-type]
                rows = rows + heads[b, h].output
            residuals[Site(b, "attention")] = rows
            rows = self.ffn(block, rows, f"block {b}, in front of the FFN")
            residuals[Site(b)] = rows
        return residuals, heads

    def embed(self, words: Sequence[Sequence[str]]) -> Float[Tensor, "batch T d_model"]:
        """W_E, one row a token."""
        tokens = {t: n for n, t in enumerate(sorted({t for word in words for t in word}))}
        table = self.rounded([self.circuit.embedding.tokens[t] for t in tokens])
        return table[torch.tensor([[tokens[t] for t in word] for word in words], device=self.device)]

    def norm(self, norm: Norm | None, x: Float[Tensor, "... T d_model"], where: str) -> Float[Tensor, "... T d_model"]:
        """LayerNorm or RMSNorm with unit gain, by torch's own kernels (half formats accumulate in float32 there)."""
        if norm is None:
            return x
        kernel = F.layer_norm if norm.kind == "layernorm" else F.rms_norm
        out = kernel(x, x.shape[-1:], eps=nearest(norm.epsilon, torch.float64))  # type: ignore[arg-type]
        if bool(x.isfinite().all()) and not bool(out.isfinite().all()):
            raise NopeproofError(f"the norm in {where}", "a zero vector, and epsilon = 0", "an epsilon > 0")
        return out

    def ffn(self, block: Block, rows: Float[Tensor, "... T d_model"], where: str) -> Float[Tensor, "... T d_model"]:
        """h + W_2 sigma(W_1^T x + b_1) + b_2."""
        mlp = block.mlp
        if mlp is None:
            return rows
        before = self.norm(block.norm_ffn, rows, where) @ self.matrix(mlp, "read").T + self.biases(mlp)
        after = before.relu() if mlp.activation == "relu" else F.gelu(before)
        return rows + (after @ self.matrix(mlp, "write") + self.matrix(mlp, "b_2")[0])

    def biases(self, mlp: MLP) -> Float[Tensor, " units"]:
        """The hidden units' biases, rounded once."""
        known = self.circuit.memo.setdefault((self.dtype, self.device), {})
        if (id(mlp), "bias") not in known:
            exact = [nearest(u.bias, self.dtype) for u in mlp.units]  # type: ignore[arg-type]
            known[id(mlp), "bias"] = torch.tensor(exact, dtype=torch.float64).to(self.dtype).to(self.device)
        return known[id(mlp), "bias"]

    def head(self, head: Head, x: Float[Tensor, "... T d_model"], bias: Tensor | None, where: str) -> HeadTrace:
        """Scores, weights and output of one head on normalised rows."""
        Q, K, V = (x @ self.matrix(head, m).T for m in ("W_Q", "W_K", "W_V"))
        if self.circuit.positions.kind == "rotate" and head.d_head:
            geometry = Geometry(1, head.d_head, self.T)
            Q, K = self.positions("rotate", geometry, Q), self.positions("rotate", geometry, K)
        scale = 1.0 if head.scale == "1" else head.d_head**-0.5
        attend = {"materialised": self.materialised, "sdpa": self.sdpa, "streaming": self.streaming}[self.route]
        scores, weights, average = attend(Q, K, V, scale, bias, where)
        return HeadTrace(scores, weights, average @ self.matrix(head, "W_O"))

    def materialised(self, Q: Tensor, K: Tensor, V: Tensor, scale: float, bias: Tensor | None, where: str) -> tuple[Tensor, Tensor, Tensor]:
        """Everything formed: scores and weights [..., T, T]."""
        scores = Q @ K.transpose(-1, -2) * scale
        scores = scores if bias is None else scores + bias
        if self.hidden is None:
            weights = scores.softmax(-1)
            return scores, weights, weights @ V
        scores = scores.masked_fill(self.hidden, -math.inf)
        weights = scores.softmax(-1).masked_fill(self.hidden, 0)  # a row that sees no key is 0, not 0/0
        return scores, weights, weights @ V

    def sdpa(self, Q: Tensor, K: Tensor, V: Tensor, scale: float, bias: Tensor | None, where: str) -> tuple[None, None, Tensor]:
        """torch's own kernel, whichever it picks."""
        four = (x.reshape(-1, 1, *x.shape[-2:]) for x in (Q, K, V))
        plain = bias is None and self.circuit.mask == "causal"
        mask = None if self.hidden is None else ~self.hidden
        if bias is not None:
            mask = bias if self.hidden is None else bias.masked_fill(self.hidden, -math.inf)
        out = F.scaled_dot_product_attention(*four, attn_mask=None if plain else mask, is_causal=plain, scale=scale)
        out = out.reshape(*V.shape)
        return None, None, self.none_at_first(out) if self.circuit.mask == "strict" else out

    def streaming(self, Q: Tensor, K: Tensor, V: Tensor, scale: float, bias: Tensor | None, where: str) -> tuple[None, None, Tensor]:
        """Prefix sums of e^s and e^s V around the running maximum of s, in log2 T vectorised steps; float32 sums for half formats."""
        same_keys = bool(K.eq(K[..., :1, :]).all())  # one number for all keys of a query, which softmax does not see
        if bias is not None or not (same_keys or bool(Q.eq(Q[..., :1, :]).all())):
            raise NopeproofError(f"the streaming run of {where}", "scores that depend on the query", "route='materialised' or 'sdpa'")
        wide = torch.promote_types(self.dtype, torch.float32)
        top = (K @ Q[..., 0, :, None] * scale).to(wide) * (not same_keys)
        sums = torch.cat([torch.ones_like(top), V.to(wide)], -1)  # the denominator is the sum of a value that is 1 everywhere
        step = 1
        while step < self.T:  # now row t holds the sum over keys t - step + 1 .. t, divided by e^top
            highest = torch.maximum(top[..., step:, :], top[..., :-step, :])
            both = sums[..., step:, :] * (top[..., step:, :] - highest).exp() + sums[..., :-step, :] * (top[..., :-step, :] - highest).exp()
            top = torch.cat([top[..., :step, :], highest], -2)
            sums = torch.cat([sums[..., :step, :], both], -2)
            step *= 2
        out = (sums[..., 1:] / sums[..., :1]).to(self.dtype)
        if self.circuit.mask == "none":
            out = out[..., -1:, :].expand(V.shape)
        return None, None, self.none_at_first(out.roll(1, -2)) if self.circuit.mask == "strict" else out

    @staticmethod
    def none_at_first(out: Float[Tensor, "... T n"]) -> Float[Tensor, "... T n"]:
        """Position 1 of a strict mask sees no key: the empty sum."""
        return torch.cat([torch.zeros_like(out[..., :1, :]), out[..., 1:, :]], -2)

    def bias(self, block: Block, number: int) -> Float[Tensor, "T T"] | None:
        """What the positional encoding adds to one head's scores."""
        if self.circuit.positions.kind != "scores":
            return None
        return self.positions("scores", Geometry(len(block.heads), 1, self.T))[number]

    def positions(self, verb: str, geometry: Geometry, *args: Tensor) -> Tensor:
        """The encoding's formula on this run's dtype."""
        encoding: PositionalEncoding = self.circuit.positions
        tables = {n: torch.from_numpy(a).to(self.device) for n, a in encoding.constants(geometry, self.T).items()}
        tables = {n: a.to(self.dtype) if a.is_floating_point() else a for n, a in tables.items()}
        formula = getattr(encoding, verb)
        return formula(*args, tables) if verb == "rotate" else formula(tables, {})
