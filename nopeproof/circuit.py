"""Exact Transformer weights as frozen data, and every convention that changes a theorem as an explicit field.

The block is the paper's (kazemnejad2023, App. B.1, eq. 3), columns of the literature written as named vectors:

    a_t = sum over heads of W_O sum_{i <= t} softmax_i(scale * <W_Q x_t, W_K x_i>) W_V x_i,   x = norm_attention(h)
    h_t <- h_t + a_t;   h_t <- h_t + FF(norm_ffn(h_t)),   FF(x) = W_2 sigma(W_1^T x + b_1) + b_2

Positions t are 1-based; BOS, where there is one, stands at t = 1; key i is visible from t iff i <= t ("causal"), i < t
("strict"; the empty sum is 0), always ("none"), or within a `Window`. The parts of a block stand in nopeproof.sublayers, the
masks in nopeproof.masks; both are re-exported here. A circuit is data: running, proving and drawing it live elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

from nopeproof import scalars
from nopeproof.errors import NopeproofError, expect
from nopeproof.masks import Mask, Window, check_mask, visible
from nopeproof.positions import NoPE, PositionalEncoding
from nopeproof.residual import Residual, Vector, as_vector
from nopeproof.scalars import ScalarLike
from nopeproof.sublayers import MLP, Activation, Block, Head, Norm, Opaque, Unit, Units, VectorLike, draw, sparse

__all__ = [
    "MLP",
    "Activation",
    "Block",
    "Circuit",
    "Embedding",
    "Family",
    "Head",
    "Mask",
    "Norm",
    "Opaque",
    "Unit",
    "Units",
    "VectorLike",
    "Window",
    "visible",
]


@dataclass(frozen=True)
class Embedding:
    """W_E by columns: a vector for each named token, and `other` for any further token, its free symbols its own."""

    tokens: Mapping[str, VectorLike]
    other: VectorLike | None = None


@dataclass(frozen=True)
class Circuit:
    """A whole decoder stack as data. Raises NopeproofError, naming the part, if anything does not fit together.

    Free symbols in the weights mean "for every value"; `Opaque` heads mean "whatever it is"; `Embedding.other` means
    "for every vocabulary". Proofs are about all of them; `instance` picks one of each to run.
    """

    residual: Residual
    embedding: Embedding
    blocks: Sequence[Block] = ()
    bos: str | None = None
    mask: Mask = "causal"
    positions: PositionalEncoding = field(default_factory=NoPE)
    unembedding: Mapping[str, VectorLike] | None = None
    name: str = "circuit"
    memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What runs have worked out of the weights, such as their rounded matrices; a circuit made by `replace` starts anew."""

    def __post_init__(self) -> None:
        R = self.residual
        expect(R, Residual, "a circuit's residual stream", "Circuit(Residual(...), Embedding(...), [Block(...)])")
        expect(self.embedding, Embedding | Mapping, "a circuit's embedding", "Embedding({token: vector}), or the dictionary alone")
        if not isinstance(self.embedding, Embedding):
            object.__setattr__(self, "embedding", Embedding(self.embedding))
        tokens = {t: as_vector(v, R, f"the embedding of {t!r}") for t, v in self.embedding.tokens.items()}
        other = self.embedding.other
        other = None if other is None else as_vector(other, R, "the embedding of other tokens")
        object.__setattr__(self, "embedding", Embedding(tokens, other))
        if not isinstance(self.blocks, Sequence):
            raise NopeproofError(f"the blocks of {self.name!r}", f"a {type(self.blocks).__name__}", "a list: blocks=[Block(...)]")
        if not isinstance(self.positions, PositionalEncoding):
            raise NopeproofError("the positional encoding", f"{self.positions!r}", "one of nopeproof.positions, such as NoPE()")
        object.__setattr__(self, "blocks", tuple(self.blocks))
        check_mask(self.mask)
        if not tokens and other is None:
            raise NopeproofError(f"the circuit {self.name!r}", "an embedding without tokens", "Embedding({'a': ...})")
        if self.bos is not None and self.bos not in tokens:
            raise NopeproofError(f"bos={self.bos!r}", f"embedded tokens: {', '.join(tokens) or 'none'}", "embed it, or bos=None")
        for b, block in enumerate(self.blocks, 1):
            self._fits(b, block)
        if self.unembedding is not None:
            readout = {t: as_vector(v, R, f"the read-out of {t!r}") for t, v in self.unembedding.items()}
            object.__setattr__(self, "unembedding", readout)
        single = {"k"} & self._symbols(lambda u: not isinstance(u, Units))
        if single or (other is not None and "k" in other.symbols):
            raise NopeproofError(f"the circuit {self.name!r}", "the index k outside a range of units", "Units(first=..., last=...)")

    def _repr_html_(self) -> str:
        from nopeproof import notebook

        return notebook.circuit(self)

    def _fits(self, b: int, block: Block) -> None:
        if not isinstance(block, Block):
            raise NopeproofError(f"block {b}", f"a {type(block).__name__}", "Block(heads=[...], mlp=...)")
        units = block.mlp.units if block.mlp else ()
        ffn = [v for u in units for v in (u.read, u.write)] + ([block.mlp.b_2] if block.mlp else [])
        heads = [(f"head {h.name!r}", [*h.vectors(), *(s[0] for s in getattr(h, "writes_to", ()))]) for h in block.heads]
        for where, vectors in [*heads, ("FFN", ffn), ("shared", [s[0] for s in block.shared])]:
            for v in vectors:
                as_vector(v, self.residual, f"block {b}, {where}")

    @property
    def d_model(self) -> int:
        """Width of the stream."""
        return self.residual.d_model

    @property
    def tokens(self) -> tuple[str, ...]:
        """The named tokens, BOS among them."""
        return tuple(self.embedding.tokens)

    def vectors(self, units: bool = True) -> Iterator[Vector]:
        """Every vector of weights, with or without those of hidden units."""
        yield from self.embedding.tokens.values()  # type: ignore[misc]
        for block in self.blocks:
            for h in block.heads:
                yield from h.vectors()
            for u in block.mlp.units if block.mlp and units else ():
                yield from (u.read, u.write)  # type: ignore[misc]
            if block.mlp:
                yield block.mlp.b_2  # type: ignore[misc]
        yield from (self.unembedding or {}).values()  # type: ignore[misc]

    def _symbols(self, of: Callable[[Unit], bool]) -> frozenset[str]:
        """The symbols of all weights but those of hidden units that are left out, and of `other`."""
        units = [u for b in self.blocks for u in (b.mlp.units if b.mlp else ()) if of(u)]
        parts = [v.symbols for u in units for v in (u.read, u.write)]  # type: ignore[union-attr]
        rest = [v.symbols for v in self.vectors(units=False)]
        return frozenset().union(*rest, *parts, *(scalars.symbols(u.bias) for u in units))  # type: ignore[arg-type]

    @cached_property
    def symbols(self) -> frozenset[str]:
        """Every symbol in the weights but those of `other`: free ones, T, and k in ranges of hidden units."""
        return self._symbols(lambda u: True)

    @cached_property
    def free(self) -> frozenset[str]:
        """Free symbols of the weights, T and those of `other` not counted."""
        return self.symbols - {"k", "T"}

    @cached_property
    def mentions_T(self) -> bool:
        """Whether the weights, or how many hidden units there are, depend on T: then this is no one circuit, but a rule for each T."""
        ranges = [u for b in self.blocks for u in (b.mlp.units if b.mlp else ()) if isinstance(u, Units)]
        other = self.embedding.other
        return "T" in self.symbols or any("T" in u.first + u.last for u in ranges) or (other is not None and "T" in other.symbols)  # type: ignore[union-attr]

    @cached_property
    def concrete(self) -> bool:
        """True if every weight is a definite number, so that the circuit can be run."""
        units = [u for b in self.blocks for u in (b.mlp.units if b.mlp else ())]
        heads = [h for b in self.blocks for h in b.heads]
        symbolic = self.symbols or any(isinstance(u, Units) for u in units)
        return not (symbolic or self.embedding.other is not None or any(isinstance(h, Opaque) for h in heads))

    def instance(self, values: Mapping[str, ScalarLike] | None = None, *, vocabulary: Sequence[str] = ("a", "b"), seed: int = 0) -> Circuit:
        """A concrete member: numbers for free symbols (those not in `values` drawn), tokens for `other`, heads for Opaque."""
        rng = random.Random(seed)
        given = {k: scalars.scalar(v, f"the value of {k}") for k, v in (values or {}).items()}
        unknown = set(given) - self.free
        if unknown:
            raise NopeproofError(
                f"a value for {sorted(unknown)[0]!r}", f"free symbols: {', '.join(sorted(self.free)) or 'none'}", "one of these"
            )
        number = {s: given.get(s, draw(rng)) for s in sorted(self.free)}
        put = lambda v: v.substitute(number)  # noqa: E731
        tokens = {t: put(v) for t, v in self.embedding.tokens.items()}
        if self.embedding.other is not None:
            for word in [w for w in vocabulary if w not in tokens]:
                own = {s: draw(rng) for s in sorted(self.embedding.other.symbols)}  # type: ignore[union-attr]
                tokens[word] = self.embedding.other.substitute(own)  # type: ignore[union-attr]
        blocks = [
            replace(
                b,
                heads=[h.instance(rng) if isinstance(h, Opaque) else h.map(put) for h in b.heads],
                shared=list(self.residual),
                mlp=b.mlp and replace(b.mlp, units=[u if isinstance(u, Units) else u.at(number) for u in b.mlp.units], b_2=put(b.mlp.b_2)),
            )
            for b in self.blocks
        ]
        readout = self.unembedding and {t: put(v) for t, v in self.unembedding.items()}
        return replace(self, embedding=Embedding(tokens), blocks=blocks, unembedding=readout)

    def as_json(self) -> dict:
        """The weights as plain data, in the form the kernel reads; names of heads and subspaces are left out."""
        other = self.embedding.other
        return {
            "d_model": self.d_model,
            "embed": {t: sparse(v) for t, v in self.embedding.tokens.items()},
            "generic": None if other is None else sparse(other),
            "bos": self.bos,
            "mask": str(self.mask),
            "positions": "none" if self.positions.kind == "none" else repr(self.positions),
            "blocks": [b.as_json() for b in self.blocks],
        }

    @cached_property
    def weights_sha256(self) -> str:
        """SHA-256 of the canonical JSON of `as_json`."""
        text = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def check_word(self, word: Sequence[str]) -> tuple[str, ...]:
        """The word as a tuple. Raises NopeproofError for an empty one, an unknown token, or a missing BOS."""
        if isinstance(word, str) or not isinstance(word, Sequence):
            found = "one string" if isinstance(word, str) else f"a {type(word).__name__}"
            raise NopeproofError(f"the word {word!r}", found, "a list of tokens, such as ['<bos>', 'a']")
        word = tuple(word)
        if not word:
            raise NopeproofError("a run on a word", "T = 0, an empty word", "at least one token")
        for t, token in enumerate(word, 1):
            if not isinstance(token, str) or token not in self.embedding.tokens:
                raise NopeproofError(f"the token {token!r} at t = {t}", f"known tokens: {', '.join(self.tokens)}", "one of these")
        if self.bos is not None and word[0] != self.bos:
            raise NopeproofError(f"a word starting with {word[0]!r}", f"the circuit expects {self.bos!r} at t = 1", f"[{self.bos!r}, ...]")
        return word


@dataclass(frozen=True)
class Family:
    """T -> Circuit for T >= T_min, from one circuit whose weights are polynomials in T and whose FFN has `Units` up to T.

    Its instances are derived from the symbolic circuit and never written twice. "For all T there are weights." Raises NopeproofError
    for a T_min that is no whole number of at least 1.
    """

    symbolic: Circuit
    T_min: int = 1
    grows: ClassVar[bool] = False  # whether the number of blocks depends on T

    def __post_init__(self) -> None:
        if isinstance(self.T_min, bool) or not isinstance(self.T_min, int) or self.T_min < 1:
            raise NopeproofError(f"the family {self.symbolic.name!r}", f"T_min = {self.T_min!r}", "a whole number of at least 1")

    @property
    def name(self) -> str:
        """The circuit's name."""
        return self.symbolic.name

    @property
    def weights_sha256(self) -> str:
        """The symbolic circuit's hash: it fixes all instances."""
        return self.symbolic.weights_sha256

    def _repr_html_(self) -> str:
        from nopeproof import notebook

        return notebook.circuit(self.symbolic, self.T_min)

    def at(self, T: int) -> Circuit:
        """The member for words of up to T positions. Raises NopeproofError for T below T_min."""
        if isinstance(T, bool) or not isinstance(T, int) or self.T_min > T:
            raise NopeproofError(
                f"the member T = {T!r} of {self.name!r}", f"the family starts at T = {self.T_min}", f"a whole number T >= {self.T_min}"
            )
        at = {"T": Fraction(T)}
        c = self.symbolic
        put = lambda v: v.substitute(at)  # noqa: E731

        def ffn(mlp: MLP | None) -> MLP | None:
            if mlp is None:
                return None
            units = [w for u in mlp.units for w in (u.expand(at) if isinstance(u, Units) else [u.at(at)])]
            return replace(mlp, units=units, b_2=put(mlp.b_2)) if units or mlp.b_2.indices else None  # type: ignore[union-attr]

        blocks = [replace(b, heads=[h.map(put) for h in b.heads], mlp=ffn(b.mlp)) for b in c.blocks]
        tokens = {t: put(v) for t, v in c.embedding.tokens.items()}
        other = c.embedding.other
        readout = c.unembedding and {t: put(v) for t, v in c.unembedding.items()}
        embedding = Embedding(tokens, None if other is None else put(other))
        return replace(c, embedding=embedding, blocks=blocks, unembedding=readout, name=f"{c.name}[T={T}]")
