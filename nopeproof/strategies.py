"""Hypothesis strategies for circuits and words: draw them in your own property tests.

    @given(data=st.data(), circuit=circuits())
    def test_my_tool(data, circuit):
        word = data.draw(words(circuit, max_size=6))

Examples shrink towards short words of the first token, few blocks, and weights of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from hypothesis import strategies as st

from nopeproof import scalars
from nopeproof.circuit import MLP, Activation, Block, Circuit, Embedding, Head, Mask, Norm, Unit
from nopeproof.errors import NopeproofError, expect
from nopeproof.residual import Residual, Vector
from nopeproof.scalars import Scalar

Scores = Literal["uniform", "exact", "any"]
BOS = "<bos>"
NAMES = ("one", "content", "mark", "recip", "place", "spare")


def words(
    source: Circuit | Sequence[str], min_size: int = 1, max_size: int = 8, *, repeated_bos: bool = False
) -> st.SearchStrategy[tuple[str, ...]]:
    """Words of T = min_size..max_size tokens, BOS counted, over a circuit's named tokens or a given vocabulary.

    A circuit's BOS stands at t = 1, and elsewhere only with `repeated_bos`. Raises NopeproofError if there are no such words.
    """
    expect(source, Circuit | Sequence, "words", "a Circuit, or a list of tokens; of a construction: words(construction.circuit())")
    tokens, bos = (source.tokens, source.bos) if isinstance(source, Circuit) else (tuple(source), None)
    first = () if bos is None else (bos,)
    rest = [t for t in tokens if t != bos or repeated_bos]
    if isinstance(source, str) or not 1 <= min_size <= max_size or (not rest and min_size > len(first)):
        asked = f"words of {min_size} to {max_size} tokens over {source if isinstance(source, str) else list(tokens)}"
        raise NopeproofError(asked, f"BOS {bos!r}, other tokens {rest}", "1 <= min_size <= max_size, and a list of tokens to draw from")
    if not rest:
        return st.just(first)
    tail = st.lists(st.sampled_from(rest), min_size=max(min_size - len(first), 0), max_size=max_size - len(first))
    return tail.map(lambda word: (*first, *word))


def residuals(max_subspaces: int = 4, max_width: int = 2) -> st.SearchStrategy[Residual]:
    """Residual streams with the first few of the names `NAMES`, each of width 1..max_width."""
    widths = st.lists(st.integers(1, max_width), min_size=1, max_size=min(max_subspaces, len(NAMES)))
    return widths.map(lambda ws: Residual(**dict(zip(NAMES, ws, strict=False))))


def weights(largest: int = 3, denominators: Sequence[int] = (1, 2, 3, 4)) -> st.SearchStrategy[Fraction]:
    """Small rationals, 0 first."""
    return st.builds(Fraction, st.integers(-largest, largest), st.sampled_from(list(denominators)))


def vectors(residual: Residual, indices: Sequence[int] | None = None) -> st.SearchStrategy[Vector]:
    """Vectors with small rational entries at the given coordinates (all of them by default), 0 elsewhere."""
    where = list(range(residual.d_model)) if indices is None else list(indices)
    rows = st.lists(weights(), min_size=len(where), max_size=len(where))
    return rows.map(lambda row: Vector.of(residual, dict(zip(where, row, strict=True))))


@st.composite
def circuits(
    draw: st.DrawFn,
    max_blocks: int = 2,
    *,
    masks: Sequence[Mask] = ("causal",),
    norms: Sequence[Norm | None] = (None,),
    activations: Sequence[Activation] = ("relu",),
    scores: Scores = "exact",
    max_heads: int = 2,
    max_units: int = 3,
    vocabulary: Sequence[str] = ("a", "b"),
) -> Circuit:
    """Concrete circuits with named subspaces and small rational weights, with and without BOS, biases, heads and FFNs.

    scores: "uniform", W_Q = 0, so that an exact run stays rational; "exact", scores read only what holds rationals, so that an
    exact run of a circuit without norm and GELU always succeeds (keep words short: sums of exponentials of two blocks grow fast);
    "any", which only "ball" and torch runs take in general.
    """
    R, bos = draw(residuals()), draw(st.sampled_from([None, BOS]))
    tokens = [*([] if bos is None else [bos]), *vocabulary]
    rational, blocks = set(range(R.d_model)), []
    for _ in range(draw(st.integers(0, max_blocks))):
        reads = [] if scores == "uniform" else sorted(rational) if scores == "exact" else range(R.d_model)
        heads = draw(st.lists(_heads(R, reads), max_size=max_heads))
        mlp = draw(st.none() | _ffns(R, activations, max_units))
        one, two = draw(st.sampled_from(list(norms))), draw(st.sampled_from(list(norms)))
        blocks.append(Block(heads, mlp, norm_attention=one, norm_ffn=two, shared=list(R)))
        rational -= _left_rational(blocks[-1], rational)
    embedding = {t: draw(vectors(R)) for t in tokens}
    readout = draw(st.none() | st.fixed_dictionaries({t: vectors(R) for t in vocabulary}))
    mask = draw(st.sampled_from(list(masks)))
    return Circuit(R, Embedding(embedding), blocks, bos=bos, mask=mask, unembedding=readout, name="random")


@st.composite
def _heads(draw: st.DrawFn, R: Residual, reads: Sequence[int]) -> Head:
    rows = lambda n, at=None: [draw(vectors(R, at)) for _ in range(n)]  # noqa: E731
    d_head, d_value = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    scale: Literal["1", "1/sqrt(d_head)"] = draw(st.sampled_from(["1", "1/sqrt(d_head)"]))  # type: ignore[arg-type]
    return Head(W_Q=rows(d_head, reads), W_K=rows(d_head, reads), W_V=rows(d_value), W_O=rows(d_value), scale=scale, name="random")


@st.composite
def _ffns(draw: st.DrawFn, R: Residual, activations: Sequence[Activation], max_units: int) -> MLP:
    unit = st.builds(Unit, vectors(R), vectors(R), weights())
    return MLP(draw(st.lists(unit, min_size=1, max_size=max_units)), draw(st.sampled_from(list(activations))), draw(vectors(R)))


def _left_rational(block: Block, rational: set[int]) -> set[int]:
    """Coordinates a block may fill with numbers that are no rationals: softmax averages, and what units make of them."""
    lost: set[int] = set()
    for head in block.heads:
        reads = {i for v in (*head.W_Q, *head.W_K, *head.W_V) for i in v.indices}  # type: ignore[union-attr]
        scored = all(any(v.indices for v in m) for m in (head.W_Q, head.W_K))  # type: ignore[union-attr]
        if scored or not reads <= rational or block.norm_attention:
            lost |= head.writes
    for unit in block.mlp.units if block.mlp else ():
        if not set(unit.read.indices) <= rational - lost or block.norm_ffn:  # type: ignore[union-attr]
            lost |= set(unit.write.indices)  # type: ignore[union-attr]
    return lost


# --- one weight at a time --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weight:
    """One weight of a circuit: where it stands, its value, and the circuit with another one in its place."""

    where: str
    value: Scalar
    put: Callable[[Scalar], Circuit]


def places(circuit: Circuit) -> Iterator[tuple[str, Vector | Scalar, Callable[[Any], Circuit]]]:
    """(where, the vector or bias there, the circuit with another in its place), in the order of the stack."""
    embedding = circuit.embedding
    for token, v in embedding.tokens.items():
        swap = lambda new, token=token: replace(circuit, embedding=replace(embedding, tokens={**embedding.tokens, token: new}))  # noqa: E731
        yield f"the embedding of {token!r}", v, swap  # type: ignore[misc]
    if embedding.other is not None:
        yield "the embedding of other tokens", embedding.other, lambda new: replace(circuit, embedding=replace(embedding, other=new))  # type: ignore[misc]
    for b, block in enumerate(circuit.blocks):
        for where, v, rebuild in _block_vectors(block):
            yield f"block {b + 1}, {where}", v, lambda new, b=b, rebuild=rebuild: _with_block(circuit, b, rebuild(new))
    for token, v in (circuit.unembedding or {}).items():
        swap = lambda new, token=token: replace(circuit, unembedding={**(circuit.unembedding or {}), token: new})  # noqa: E731
        yield f"the read-out of {token!r}", v, swap  # type: ignore[misc]


def all_weights(circuit: Circuit, zeros: bool = False) -> list[Weight]:
    """Every nonzero weight (with `zeros` every weight) of embedding, heads, FFNs and read-out, in the order of the stack."""
    found: list[Weight] = []
    for where, v, put in places(circuit):
        if not isinstance(v, Vector):
            found += [Weight(where, v, put)] if zeros or v != 0 else []
            continue
        have = dict(v.entries)
        for i in range(circuit.d_model) if zeros else have:
            change = lambda x, i=i, have=have, put=put: put(Vector.of(circuit.residual, {**have, i: x}))  # noqa: E731
            found.append(Weight(f"{where} at {circuit.residual.label(i)}", have.get(i, Fraction(0)), change))
    return found


@st.composite
def perturbations(draw: st.DrawFn, circuit: Circuit, *, zeros: bool = False) -> tuple[Circuit, str]:
    """(the circuit with one weight changed by a small rational, which weight that is: where, from what to what).

    With `zeros`, weights that are 0 may change too. Raises NopeproofError for a circuit without such a weight.
    """
    choice = all_weights(circuit, zeros)
    if not choice:
        raise NopeproofError(f"a changed weight of {circuit.name!r}", "only zeros", "perturbations(circuit, zeros=True)")
    weight = draw(st.sampled_from(choice))
    size = draw(st.builds(Fraction, st.integers(1, 3), st.sampled_from([1, 2, 3])))
    new = scalars.add(weight.value, draw(st.sampled_from([1, -1])) * size)
    return weight.put(new), f"{weight.where}: {scalars.spell(weight.value)} -> {scalars.spell(new)}"


def _with_block(circuit: Circuit, b: int, block: Block) -> Circuit:
    blocks = list(circuit.blocks)
    blocks[b] = block
    return replace(circuit, blocks=blocks)


def _block_vectors(block: Block) -> Iterator[tuple[str, Any, Callable[[Any], Block]]]:
    """(where, vector or bias, the block with another in its place); heads may then write what was not theirs."""
    free = {"shared": [*block.shared, *_subspaces(block)]}
    for h, head in enumerate(block.heads):
        if not isinstance(head, Head):
            continue
        for matrix in ("W_Q", "W_K", "W_V", "W_O"):
            for n, v in enumerate(getattr(head, matrix)):

                def rebuild(new: Vector, h: int = h, head: Head = head, matrix: str = matrix, n: int = n) -> Block:
                    changed = replace(head, **{matrix: _swap(getattr(head, matrix), n, new)})
                    return replace(block, heads=_swap(block.heads, h, changed), **free)

                yield f"head {h + 1} {head.name!r}, {matrix}[{n}]", v, rebuild
    if block.mlp is None:
        return
    mlp = block.mlp
    for k, unit in enumerate(mlp.units):
        for part, name in (("read", "W_1"), ("bias", "b_1"), ("write", "W_2")):

            def remake(new: Any, k: int = k, unit: Unit = unit, part: str = part) -> Block:
                return replace(block, mlp=replace(mlp, units=_swap(mlp.units, k, replace(unit, **{part: new}))))

            yield f"FFN unit {k + 1}, {name}", getattr(unit, part), remake
    yield "FFN, b_2", mlp.b_2, lambda new: replace(block, mlp=replace(mlp, b_2=new))


def _subspaces(block: Block) -> list:
    vector = next((v for h in block.heads for v in h.vectors()), None)
    return [] if vector is None else list(vector.residual)


def _swap(items: Sequence, n: int, new: Any) -> list:
    out = list(items)
    out[n] = new
    return out
