"""Exact Transformer weights as frozen data, and every convention that changes a theorem as an explicit field.

The block is the paper's (kazemnejad2023, App. B.1, eq. 3), columns of the literature written as named vectors:

    a_t = sum over heads of W_O sum_{i <= t} softmax_i(scale * <W_Q x_t, W_K x_i>) W_V x_i,   x = norm_attention(h)
    h_t <- h_t + a_t;   h_t <- h_t + FF(norm_ffn(h_t)),   FF(x) = W_2 sigma(W_1^T x + b_1) + b_2

Positions t are 1-based; BOS, where there is one, stands at t = 1; key i is visible from t iff i <= t ("causal"), i < t
("strict"; the empty sum is 0) or always ("none"). A circuit is data: running, proving and drawing it live elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from nopeproof import scalars
from nopeproof.errors import NopeproofError
from nopeproof.positions import NoPE, PositionalEncoding
from nopeproof.residual import Residual, Subspace, Vector, as_vector
from nopeproof.scalars import Scalar, ScalarLike

Mask = Literal["causal", "strict", "none"]
Activation = Literal["relu", "gelu"]
VectorLike = Vector | Subspace | Literal[0]


def _choice(value: str, options: Sequence[str], where: str) -> None:
    if value not in options:
        raise NopeproofError(where, repr(value), "one of " + ", ".join(map(repr, options)))


def _residual_of(*groups: Sequence[Any], where: str) -> Residual:
    for x in (x for g in groups for x in g):
        if isinstance(x, Subspace | Vector):
            return x.residual
    raise NopeproofError(where, "no vector at all", "write at least one direction of the residual stream")


@dataclass(frozen=True)
class Norm:
    """A norm in front of a sub-layer: LayerNorm or RMSNorm with unit gain; epsilon is added to the (centred) mean square."""

    kind: Literal["layernorm", "rmsnorm"]
    epsilon: ScalarLike = 0

    def __post_init__(self) -> None:
        _choice(self.kind, ("layernorm", "rmsnorm"), "a norm's kind")
        epsilon = scalars.scalar(self.epsilon, "a norm's epsilon")
        if scalars.symbols(epsilon) or (isinstance(epsilon, Fraction) and epsilon < 0):
            raise NopeproofError("a norm's epsilon", str(self.epsilon), "a number of at least 0")
        object.__setattr__(self, "epsilon", epsilon)

    def as_json(self) -> dict:
        """Plain data."""
        return {"kind": self.kind, "epsilon": scalars.spell(self.epsilon)}  # type: ignore[arg-type]


@dataclass(frozen=True)
class Head:
    """One attention head. W_Q, W_K, W_V: rows, functionals on the stream; W_O: columns, vectors in it. scale as named.

    W_Q and W_K have d_head rows; W_V has as many rows as W_O has columns. Raises NopeproofError if they do not.
    """

    W_Q: Sequence[VectorLike]
    W_K: Sequence[VectorLike]
    W_V: Sequence[VectorLike]
    W_O: Sequence[VectorLike]
    scale: Literal["1", "1/sqrt(d_head)"] = "1"
    name: str = "head"

    def __post_init__(self) -> None:
        where = f"the head {self.name!r}"
        residual = _residual_of(self.W_Q, self.W_K, self.W_V, self.W_O, where=where)
        for matrix in ("W_Q", "W_K", "W_V", "W_O"):
            rows = tuple(as_vector(x, residual, f"{where}, {matrix}") for x in getattr(self, matrix))
            object.__setattr__(self, matrix, rows)
        for one, two in (("W_Q", "W_K"), ("W_V", "W_O")):
            n, m = len(getattr(self, one)), len(getattr(self, two))
            if n != m:
                raise NopeproofError(f"{where}", f"{one} has {n} rows, {two} has {m}", "the same number (0 makes a zero row)")
            if not n:
                raise NopeproofError(where, f"{one} and {two} without rows", "at least one (0 makes a zero row)")
        _choice(self.scale, ("1", "1/sqrt(d_head)"), f"{where}, its score scale")

    @property
    def d_head(self) -> int:
        """Rows of W_Q."""
        return len(self.W_Q)

    @property
    def writes(self) -> frozenset[int]:
        """Coordinates the head can change."""
        return frozenset(i for column in self.W_O for i in column.indices)  # type: ignore[union-attr]

    def vectors(self) -> Iterator[Vector]:
        """Every row and column."""
        for matrix in (self.W_Q, self.W_K, self.W_V, self.W_O):
            yield from matrix  # type: ignore[misc]

    def map(self, f: Callable[[Vector], Vector]) -> Head:
        """The same head with f applied to every row and column."""
        rows = {m: [f(v) for v in getattr(self, m)] for m in ("W_Q", "W_K", "W_V", "W_O")}
        return replace(self, **rows)

    def as_json(self) -> dict:
        """Plain data; names are left out, they change nothing."""
        rows = {m: [_sparse(v) for v in getattr(self, m)] for m in ("W_Q", "W_K", "W_V", "W_O")}
        return {**rows, "scale": self.scale}


@dataclass(frozen=True)
class Opaque:
    """Any head, or heads, or whole layers, of which only one thing is assumed: they write nothing outside `writes`."""

    writes_to: Sequence[Subspace]
    name: str = "any"

    def __post_init__(self) -> None:
        if not self.writes_to:
            raise NopeproofError(f"the opaque head {self.name!r}", "no subspace to write to", "Opaque([R.content])")

    @property
    def residual(self) -> Residual:
        """The stream."""
        return self.writes_to[0].residual

    @property
    def writes(self) -> frozenset[int]:
        """Coordinates it may change."""
        return frozenset(i for s in self.writes_to for i in s.indices)

    def vectors(self) -> Iterator[Vector]:
        """None: its weights are not given."""
        return iter(())

    def map(self, f: Callable[[Vector], Vector]) -> Opaque:
        """Itself."""
        return self

    def as_json(self) -> dict:
        """Plain data."""
        return {"opaque": sorted(self.writes)}

    def instance(self, rng: random.Random) -> Head:
        """One concrete member: a uniform head with random rational W_V, W_O (uniform, so that exact runs stay rational)."""
        R, rows = self.residual, 2
        draw = [Vector.of(R, {i: _draw(rng) for i in range(R.d_model)}) for _ in range(rows)]
        columns = [Vector.of(R, {i: _draw(rng) for i in sorted(self.writes)}) for _ in range(rows)]
        zero: list[VectorLike] = [0] * rows
        return Head(W_Q=zero, W_K=zero, W_V=draw, W_O=columns, name=self.name)


@dataclass(frozen=True)
class Unit:
    """One hidden unit: h += write * sigma(<read, x> + bias). `read` is a column of W_1, `write` of W_2."""

    read: VectorLike
    write: VectorLike
    bias: ScalarLike = 0
    first: None = None
    last: None = None

    def __post_init__(self) -> None:
        residual = _residual_of((self.read, self.write), where="a hidden unit")
        object.__setattr__(self, "read", as_vector(self.read, residual, "a hidden unit's read"))
        object.__setattr__(self, "write", as_vector(self.write, residual, "a hidden unit's write"))
        object.__setattr__(self, "bias", scalars.scalar(self.bias, "a hidden unit's bias"))

    def as_json(self) -> dict:
        """Plain data."""
        first, last = self.first, self.last
        return {"read": _sparse(self.read), "write": _sparse(self.write), "bias": scalars.spell(self.bias), "first": first, "last": last}  # type: ignore[arg-type]

    def at(self, values: Mapping[str, Scalar]) -> Unit:
        """The concrete unit with numbers for symbols."""
        f = lambda v: v.substitute(values)  # noqa: E731
        return Unit(f(self.read), f(self.write), scalars.substitute(self.bias, values))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Units(Unit):
    """Hidden units k = first, ..., last, their weights polynomials in k; last is "linear in T" or "(linear in T) // n"."""

    first: str = "1"  # type: ignore[assignment]
    last: str = "T"  # type: ignore[assignment]

    def expand(self, values: dict[str, Fraction]) -> list[Unit]:
        """The units at a given T."""
        start, end = (self._count(text, values) for text in (self.first, self.last))
        return [Unit.at(self, {**values, "k": Fraction(k)}) for k in range(start, end + 1)]

    @staticmethod
    def _count(text: str, values: dict[str, Fraction]) -> int:
        top, _, floor = text.partition("//")
        value = scalars.substitute(scalars.scalar(top, "a number of hidden units"), values)
        if not isinstance(value, Fraction) or (floor and not floor.strip().isdigit()):
            raise NopeproofError(f"the number of hidden units {text!r}", "more than T and numbers", "such as T - 1 or T // 2")
        return int(value // int(floor or 1))


@dataclass(frozen=True)
class MLP:
    """The feed-forward sub-layer as a list of hidden units (columns of W_1 with rows of W_2), and an output bias."""

    units: Sequence[Unit]
    activation: Activation = "relu"
    b_2: VectorLike = 0

    def __post_init__(self) -> None:
        _choice(self.activation, ("relu", "gelu"), "an FFN's activation")
        residual = _residual_of([u.read for u in self.units], [u.write for u in self.units], [self.b_2], where="an FFN")
        object.__setattr__(self, "units", tuple(self.units))
        object.__setattr__(self, "b_2", as_vector(self.b_2, residual, "an FFN's b_2"))

    @property
    def writes(self) -> frozenset[int]:
        """Coordinates the FFN can change."""
        return frozenset(i for u in self.units for i in u.write.indices) | frozenset(self.b_2.indices)  # type: ignore[union-attr]

    def as_json(self) -> dict:
        """Plain data."""
        return {"activation": self.activation, "b_2": _sparse(self.b_2), "units": [u.as_json() for u in self.units]}


@dataclass(frozen=True)
class Block:
    """Attention, then FFN, each with a residual connection. Heads that write one coordinate twice must be declared `shared`."""

    heads: Sequence[Head | Opaque] = ()
    mlp: MLP | None = None
    norm_attention: Norm | None = None
    norm_ffn: Norm | None = None
    shared: Sequence[Subspace] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "heads", tuple(self.heads))
        shared = {i for s in self.shared for i in s.indices}
        for n, head in enumerate(self.heads):
            for other in self.heads[:n]:
                both = (head.writes & other.writes) - shared
                if both and not (isinstance(head, Opaque) and isinstance(other, Opaque)):
                    label = _residual_of(self._all(), where="a block").label(min(both))
                    raise NopeproofError(
                        f"the heads {other.name!r} and {head.name!r} of one block",
                        f"both write {label}",
                        "write to separate subspaces, or declare Block(shared=[...])",
                    )

    def _all(self) -> list:
        return [v for h in self.heads for v in (list(h.vectors()) or list(getattr(h, "writes_to", ())))]

    def as_json(self) -> dict:
        """Plain data."""
        norm = lambda n: None if n is None else n.as_json()  # noqa: E731
        return {
            "norm_attention": norm(self.norm_attention),
            "norm_ffn": norm(self.norm_ffn),
            "heads": [h.as_json() for h in self.heads],
            "mlp": None if self.mlp is None else self.mlp.as_json(),
        }


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

    def __post_init__(self) -> None:
        R = self.residual
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
        _choice(self.mask, ("causal", "strict", "none"), "the mask")
        if not tokens and other is None:
            raise NopeproofError(f"the circuit {self.name!r}", "an embedding without tokens", "Embedding({'a': ...})")
        if self.bos is not None and self.bos not in tokens:
            raise NopeproofError(f"bos={self.bos!r}", f"embedded tokens: {', '.join(tokens) or 'none'}", "embed it, or bos=None")
        for b, block in enumerate(self.blocks, 1):
            self._fits(b, block)
        if self.unembedding is not None:
            readout = {t: as_vector(v, R, f"the read-out of {t!r}") for t, v in self.unembedding.items()}
            object.__setattr__(self, "unembedding", readout)

    def _fits(self, b: int, block: Block) -> None:
        if not isinstance(block, Block):
            raise NopeproofError(f"block {b}", f"a {type(block).__name__}", "Block(heads=[...], mlp=...)")
        units = block.mlp.units if block.mlp else ()
        ffn = [v for u in units for v in (u.read, u.write)] + ([block.mlp.b_2] if block.mlp else [])
        heads = [(f"head {h.name!r}", [*h.vectors(), *(s[0] for s in getattr(h, "writes_to", ()))]) for h in block.heads]
        for where, vectors in [*heads, ("FFN", ffn), ("shared", [s[0] for s in block.shared])]:
            for v in vectors:
                as_vector(v, self.residual, f"block {b}, {where}")
        for u in units:
            loose = "k" in (u.read.symbols | u.write.symbols | scalars.symbols(u.bias))  # type: ignore[union-attr,arg-type]
            if loose and not isinstance(u, Units):
                raise NopeproofError(f"block {b}, FFN", "the index k in a single unit", "Units(first=..., last=...)")

    @property
    def d_model(self) -> int:
        """Width of the stream."""
        return self.residual.d_model

    @property
    def tokens(self) -> tuple[str, ...]:
        """The named tokens, BOS among them."""
        return tuple(self.embedding.tokens)

    def vectors(self) -> Iterator[Vector]:
        """Every vector of weights."""
        yield from self.embedding.tokens.values()  # type: ignore[misc]
        for block in self.blocks:
            for h in block.heads:
                yield from h.vectors()
            for u in block.mlp.units if block.mlp else ():
                yield from (u.read, u.write)  # type: ignore[misc]
            if block.mlp:
                yield block.mlp.b_2  # type: ignore[misc]
        yield from (self.unembedding or {}).values()  # type: ignore[misc]

    @cached_property
    def free(self) -> frozenset[str]:
        """Free symbols of the weights, T and those of `other` not counted."""
        biases = [scalars.symbols(u.bias) for b in self.blocks for u in (b.mlp.units if b.mlp else ())]  # type: ignore[arg-type]
        return frozenset().union(*(v.symbols for v in self.vectors()), *biases) - {"k", "T"}

    @property
    def concrete(self) -> bool:
        """True if every weight is a definite number, so that the circuit can be run."""
        units = [u for b in self.blocks for u in (b.mlp.units if b.mlp else ())]
        heads = [h for b in self.blocks for h in b.heads]
        biases = [scalars.symbols(u.bias) for u in units]  # type: ignore[arg-type]
        symbolic = frozenset().union(*(v.symbols for v in self.vectors()), *biases) or any(isinstance(u, Units) for u in units)
        return not (symbolic or self.free or self.embedding.other is not None or any(isinstance(h, Opaque) for h in heads))

    def instance(self, values: Mapping[str, ScalarLike] | None = None, *, vocabulary: Sequence[str] = ("a", "b"), seed: int = 0) -> Circuit:
        """A concrete member: numbers for free symbols (those not in `values` drawn), tokens for `other`, heads for Opaque."""
        rng = random.Random(seed)
        given = {k: scalars.scalar(v, f"the value of {k}") for k, v in (values or {}).items()}
        unknown = set(given) - self.free
        if unknown:
            raise NopeproofError(
                f"a value for {sorted(unknown)[0]!r}", f"free symbols: {', '.join(sorted(self.free)) or 'none'}", "one of these"
            )
        number = {s: given.get(s, _draw(rng)) for s in sorted(self.free)}
        put = lambda v: v.substitute(number)  # noqa: E731
        tokens = {t: put(v) for t, v in self.embedding.tokens.items()}
        if self.embedding.other is not None:
            for word in [w for w in vocabulary if w not in tokens]:
                own = {s: _draw(rng) for s in sorted(self.embedding.other.symbols)}  # type: ignore[union-attr]
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
            "embed": {t: _sparse(v) for t, v in self.embedding.tokens.items()},
            "generic": None if other is None else _sparse(other),
            "bos": self.bos,
            "mask": self.mask,
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

    Its instances are derived from the symbolic circuit and never written twice. "For all T there are weights."
    """

    symbolic: Circuit
    T_min: int = 1

    @property
    def name(self) -> str:
        """The circuit's name."""
        return self.symbolic.name

    @property
    def weights_sha256(self) -> str:
        """The symbolic circuit's hash: it fixes all instances."""
        return self.symbolic.weights_sha256

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
            return replace(mlp, units=units, b_2=put(mlp.b_2)) if units else None

        blocks = [replace(b, heads=[h.map(put) for h in b.heads], mlp=ffn(b.mlp)) for b in c.blocks]
        tokens = {t: put(v) for t, v in c.embedding.tokens.items()}
        other = c.embedding.other
        readout = c.unembedding and {t: put(v) for t, v in c.unembedding.items()}
        embedding = Embedding(tokens, None if other is None else put(other))
        return replace(c, embedding=embedding, blocks=blocks, unembedding=readout, name=f"{c.name}[T={T}]")


def _sparse(v: Any) -> dict[str, str]:
    return {str(i): scalars.spell(x) for i, x in v.entries}


def _draw(rng: random.Random) -> Scalar:
    return Fraction(rng.choice([-3, -2, -1, 1, 2, 3]), rng.choice([1, 2, 3]))
