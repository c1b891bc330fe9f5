"""Incremental decoding: one token at a time, each head's keys and values in a cache; exact numbers, or torch's.

A position is computed when its token comes and never again. Under a causal or strict mask that is the full pass, number for
number, because no state depends on later tokens. A `Window` mask is the policy by which the cache evicts: a key is deleted for
good when no later query sees it, so a cache never holds more than size + sinks of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from nopeproof.circuit import Circuit, Head, visible
from nopeproof.claims import Site
from nopeproof.errors import NopeproofError
from nopeproof.run.engine import Forward, Row, add, dot, embed, require_concrete
from nopeproof.run.exact import Exact, outside, seen
from nopeproof.run.trace import HeadTrace, Trace


@dataclass
class Cache:
    """The keys and values one head still holds, by position counted from 0."""

    keys: dict[int, Row] = field(default_factory=dict)
    values: dict[int, Row] = field(default_factory=dict)

    def keep(self, wanted: set[int]) -> None:
        """Delete all others."""
        for held in (self.keys, self.values):
            for i in set(held) - wanted:
                del held[i]


class Decoder:
    """A circuit that reads a word token by token. Raises NopeproofError for a mask that looks ahead.

    hidden: tokens whose keys never enter a cache, as where padding is masked. restart: a token that empties all caches before it
    is read, as where packed documents are masked from each other. Positions of a Window count all tokens.
    """

    def __init__(self, circuit: Circuit, *, hidden: Collection[str] = (), restart: str | None = None) -> None:
        require_concrete(circuit, "incremental")
        if circuit.mask == "none":
            found = "no mask: states depend on later tokens"
            raise NopeproofError(f"the exact incremental run of {circuit.name!r}", found, "a causal mask")
        self.circuit, self.forward = circuit, Forward(circuit, Exact())
        if circuit.positions.kind != "none":
            raise self.forward.inexact()
        self.hidden, self.restart = frozenset(hidden), restart
        self.word: list[str] = []
        self.states: dict[Site, list[Row]] = {}
        self.caches = {(b, h): Cache() for b, block in enumerate(circuit.blocks, 1) for h, _ in enumerate(block.heads)}
        self.scores: dict[tuple[int, int], list[Row]] = {key: [] for key in self.caches}
        self.outputs: dict[tuple[int, int], list[Row]] = {key: [] for key in self.caches}

    def step(self, token: str) -> Row:
        """Read one more token; the residual after the last block at its position."""
        self.word.append(token)
        if token == self.restart:
            for cache in self.caches.values():
                cache.keep(set())
        [row] = embed(self.forward, [token])
        self._keep(Site(0), row)
        for b, block in enumerate(self.circuit.blocks, 1):
            [x] = self.forward.norm(block.norm_attention, [row])
            for h, head in enumerate(block.heads):
                row = add(row, self._attend((b, h), head, x))  # type: ignore[arg-type]
            self._keep(Site(b, "attention"), row)
            if block.mlp is not None:
                [row] = self.forward.ffn(block.mlp, self.forward.norm(block.norm_ffn, [row]), [row])
            self._keep(Site(b), row)
        return outside(row)

    def _keep(self, site: Site, row: Row) -> None:
        self.states.setdefault(site, []).append(row)

    def _attend(self, key: tuple[int, int], head: Head, x: Row) -> Row:
        """Add this position's key and value to the cache, attend to what the mask shows, delete what nobody will see again."""
        forward, cache, t = self.forward, self.caches[key], len(self.word) - 1
        query, own, value = ([dot(forward.vector(v), x, forward.zero) for v in m] for m in (head.W_Q, head.W_K, head.W_V))
        if self.word[-1] not in self.hidden:
            cache.keys[t], cache.values[t] = own, value
        seen = [i for i in visible(self.circuit.mask, t, t + 1) if i in cache.keys]
        scale = forward.scale(head)
        scores = [sum((q * k for q, k in zip(query, cache.keys[i], strict=True)), forward.zero) * scale for i in seen]
        row = forward.mix(scores, [cache.values[i] for i in seen], [forward.vector(v) for v in head.W_O], f"block {key[0]}")
        cache.keep({*visible(self.circuit.mask, t + 1, t + 2)})
        line: list[Any] = [None] * (t + 1)
        for i, s in zip(seen, scores, strict=True):
            line[i] = s
        self.scores[key].append(line)
        self.outputs[key].append(row)
        return row

    @property
    def cached(self) -> int:
        """The most keys any head holds."""
        return max((len(c.keys) for c in self.caches.values()), default=0)

    def trace(self) -> Trace:
        """Everything so far, as the trace of a run; the weights are not kept."""
        T = len(self.word)
        heads = {k: HeadTrace([row + [None] * (T - len(row)) for row in self.scores[k]], None, self.outputs[k]) for k in self.caches}
        return seen(Trace(self.circuit, tuple(self.word), "incremental", {site: list(rows) for site, rows in self.states.items()}, heads))


def run(circuit: Circuit, word: Sequence[str]) -> Trace:
    """The trace of reading a word token by token. Raises NopeproofError for a bad word, an unmasked circuit or inexact numbers."""
    decoder = Decoder(circuit)
    for token in circuit.check_word(word):
        decoder.step(token)
    return decoder.trace()


def run_floats(forward: Any, words: Sequence[Sequence[str]]) -> tuple[dict[Site, Any], dict[tuple[int, int], HeadTrace]]:
    """The same in torch, on a batch of words of one length, by the matrices of a float `Forward`: residuals and heads' outputs.

    Each token goes through every layer by itself, [batch, 1, d_model]; a head's keys and values are appended to its cache, and
    those that the mask hides for good are deleted. Raises NopeproofError for a mask that looks ahead or a positional encoding.
    """
    import torch

    circuit, embedded = forward.circuit, forward.embed(words)
    if circuit.mask == "none" or circuit.positions.kind != "none":
        found = f"the mask {circuit.mask}, positions {circuit.positions!r}"
        raise NopeproofError(f"incremental decoding of {circuit.name!r}", found, "a causal mask, and NoPE")
    caches: dict[tuple[int, int], dict[int, tuple[Any, Any]]] = {}
    residuals: dict[Site, list[Any]] = {}
    outputs: dict[tuple[int, int], list[Any]] = {}
    for t in range(embedded.shape[1]):
        row = embedded[:, t : t + 1]
        residuals.setdefault(Site(0), []).append(row)
        for b, block in enumerate(circuit.blocks, 1):
            x = forward.norm(block.norm_attention, row, f"block {b}, in front of the attention")
            for h, head in enumerate(block.heads):
                out = _attend_floats(forward, head, x, t, caches.setdefault((b, h), {}))
                outputs.setdefault((b, h), []).append(out)
                row = row + out
            residuals.setdefault(Site(b, "attention"), []).append(row)
            row = forward.ffn(block, row, f"block {b}, in front of the FFN")
            residuals.setdefault(Site(b), []).append(row)
    whole = {site: torch.cat(rows, -2) for site, rows in residuals.items()}
    return whole, {key: HeadTrace(None, None, torch.cat(rows, -2)) for key, rows in outputs.items()}


def _attend_floats(forward: Any, head: Head, x: Any, t: int, cache: dict[int, tuple[Any, Any]]) -> Any:
    import torch

    query, own, value = (x @ forward.matrix(head, m).T for m in ("W_Q", "W_K", "W_V"))
    cache[t] = (own, value)
    seen = visible(forward.circuit.mask, t, t + 1)
    later = set(visible(forward.circuit.mask, t + 1, t + 2))
    if seen:
        keys, values = (torch.cat([cache[i][n] for i in seen], -2) for n in (0, 1))
        scores = query @ keys.transpose(-1, -2) * (1.0 if head.scale == "1" else head.d_head**-0.5)
        mean = scores.softmax(-1) @ values
    else:
        mean = torch.zeros_like(value)
    for i in set(cache) - later:
        del cache[i]
    return mean @ forward.matrix(head, "W_O")
