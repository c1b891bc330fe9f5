"""Each assumption of a construction as a transformation that removes just that one: claim in, weaker claim out.

All of them are derived from the claim's own circuit and scope; none is written for one construction. A transformation
that finds nothing to remove returns None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from nopeproof import scalars
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Norm, Opaque, Unit, Units
from nopeproof.claims import Claim, Holds, SameAttention, ScoreIs
from nopeproof.residual import Vector

NOISE = Fraction(1, 256)


@dataclass(frozen=True)
class Assumption:
    """One assumption, by name, and the claim without it."""

    name: str
    removed: str
    drop: Callable[[Claim], Claim | None]


def _with(claim: Claim, circuit: Circuit, **scope: Any) -> Claim:
    subject = replace(claim.subject, symbolic=circuit) if isinstance(claim.subject, Family) else circuit
    return replace(claim, subject=subject, scope=replace(claim.scope, **scope))


def _blocks(claim: Claim, change: Callable[[Block], Block]) -> Claim | None:
    """The claim with every block changed; None if none is."""
    circuit = claim.circuit
    blocks = [replace(change(b), shared=list(circuit.residual)) for b in circuit.blocks]
    same = all(x.as_json() == y.as_json() for x, y in zip(blocks, circuit.blocks, strict=True))
    return None if same else _with(claim, replace(circuit, blocks=blocks))


def _heads(claim: Claim, change: Callable[[Head, int], Head]) -> Claim | None:
    def every(block: Block) -> Block:
        return replace(block, heads=[change(h, n) if isinstance(h, Head) else h for n, h in enumerate(block.heads)])

    return _blocks(claim, every)


def no_bos(claim: Claim) -> Claim | None:
    """Words over the other tokens."""
    circuit = claim.circuit
    rest: Any = {t: v for t, v in circuit.embedding.tokens.items() if t != circuit.bos}
    if circuit.bos is None or not (rest or circuit.embedding.other is not None):
        return None
    return _with(claim, replace(circuit, bos=None, embedding=Embedding(rest, circuit.embedding.other)), words="any")


def bos_anywhere(claim: Claim) -> Claim | None:
    """BOS as a token among others: it may be late, recur or be missing."""
    circuit = claim.circuit
    return None if circuit.bos is None else _with(claim, replace(circuit, bos=None), words="any")


def bos_again(claim: Claim) -> Claim | None:
    """One BOS at t = 1, and possibly more of them."""
    return None if claim.circuit.bos is None or claim.scope.words == "any" else _with(claim, claim.circuit, words="any")


def mask(kind: str) -> Callable[[Claim], Claim | None]:
    """Another mask; a claim about scores with i <= t says nothing where i = t is hidden."""

    def change(claim: Claim) -> Claim | None:
        unsaid = kind == "strict" and isinstance(claim.statement, ScoreIs | SameAttention)
        return None if claim.circuit.mask == kind or unsaid else _with(claim, replace(claim.circuit, mask=kind))  # type: ignore[arg-type]

    return change


def _row(circuit: Circuit, name: str) -> Vector:
    return sum((s.free(f"{name}_{s.name}_") for s in circuit.residual), circuit.residual.zero)


def _uniform(head: Head) -> bool:
    return not any(v.indices for v in (*head.W_Q, *head.W_K))  # type: ignore[union-attr]


def any_scores(claim: Claim) -> Claim | None:
    """Heads with W_Q = W_K = 0 get arbitrary ones."""
    row = lambda name: [_row(claim.circuit, name)]  # noqa: E731
    return _heads(claim, lambda h, n: replace(h, W_Q=row(f"zq{n}"), W_K=row(f"zk{n}")) if _uniform(h) else h)


def any_query(claim: Claim) -> Claim | None:
    """Heads with W_Q = W_K = 0 get an arbitrary W_Q, and keys that read what is 1 everywhere."""
    one = _everywhere_one(claim.circuit)
    if one is None:
        return None
    return _heads(claim, lambda h, n: replace(h, W_Q=[_row(claim.circuit, f"zq{n}")], W_K=[one]) if _uniform(h) else h)


def zero_query(claim: Claim) -> Claim | None:
    """Heads whose W_Q is left open get W_Q = 0."""
    return _heads(claim, lambda h, n: replace(h, W_Q=[0] * h.d_head) if any(v.symbols for v in h.W_Q) else h)  # type: ignore[union-attr]


def norm(kind: Literal["layernorm", "rmsnorm"]) -> Callable[[Claim], Claim | None]:
    """A norm before every attention."""
    put = lambda b: replace(b, norm_attention=Norm(kind)) if b.heads and b.norm_attention is None else b  # noqa: E731
    return lambda claim: _blocks(claim, put)


def no_norm(claim: Claim) -> Claim | None:
    """No norms."""
    return _blocks(claim, lambda b: replace(b, norm_attention=None, norm_ffn=None))


def other_scale(claim: Claim) -> Claim | None:
    """1/sqrt(d_head) for 1 and back, where there are scores and d_head > 1."""
    swap = {"1": "1/sqrt(d_head)", "1/sqrt(d_head)": "1"}
    return _heads(claim, lambda h, n: replace(h, scale=swap[h.scale]) if h.d_head > 1 and not _uniform(h) else h)  # type: ignore[arg-type]


def uncorrected(claim: Claim) -> Claim | None:
    """Where an FFN writes over a coordinate it reads, it writes the value itself and not the value less what stands there."""
    R = claim.circuit.residual

    def change(block: Block) -> Block:
        if block.mlp is None or block.mlp.activation != "relu":
            return block
        reads = {i for u in block.mlp.units for i in u.read.indices}  # type: ignore[union-attr]
        fresh = {i for h in block.heads for i in h.writes} & reads & block.mlp.writes
        again = [Unit(read=Vector.of(R, {i: Fraction(1)}), write=Vector.of(R, {i: Fraction(1)})) for i in sorted(fresh)]
        return replace(block, mlp=replace(block.mlp, units=[*block.mlp.units, *again]))

    return _blocks(claim, change)


def narrower(claim: Claim) -> Claim | None:
    """One hidden unit fewer in every FFN: ranges end earlier, lists lose their last unit."""

    def fewer(mlp: MLP) -> MLP | None:
        ranges = [u for u in mlp.units if isinstance(u, Units)]
        units = [replace(u, last=_earlier(u.last)) if isinstance(u, Units) else u for u in mlp.units] if ranges else list(mlp.units[:-1])
        return replace(mlp, units=units) if units or mlp.b_2.indices else None  # type: ignore[union-attr]

    return _blocks(claim, lambda b: b if b.mlp is None else replace(b, mlp=fewer(b.mlp)))


def _earlier(last: str) -> str:
    top, _, floor = last.partition("//")
    return f"{scalars.spell(scalars.add(scalars.scalar(top), Fraction(-int(floor or 1))))}" + (f" // {floor.strip()}" if floor else "")


def _rows_of(circuit: Circuit) -> list[dict]:
    other = circuit.embedding.other
    return [dict(v.entries) for v in (*circuit.embedding.tokens.values(), *([] if other is None else [other]))]  # type: ignore[union-attr]


def _everywhere_one(circuit: Circuit) -> Vector | None:
    """A direction that is 1 at every token."""
    at = [i for i in range(circuit.d_model) if all(row.get(i) == 1 for row in _rows_of(circuit))]
    return Vector.of(circuit.residual, {at[0]: Fraction(1)}) if at else None


def _flag(circuit: Circuit) -> int | None:
    """A coordinate that is a number at BOS and 0 at every other token."""
    mine = dict(circuit.embedding.tokens.get(circuit.bos or "", circuit.residual.zero).entries)  # type: ignore[union-attr]
    return next((i for i, x in mine.items() if isinstance(x, Fraction) and sum(i in row for row in _rows_of(circuit)) == 1), None)


def no_tie(claim: Claim) -> Claim | None:
    """A logit of 2^-8 for BOS where scores are equal."""
    one, flag = _everywhere_one(claim.circuit), _flag(claim.circuit)
    if one is None or flag is None:
        return None
    key = Vector.of(claim.circuit.residual, {flag: NOISE})
    return _heads(claim, lambda h, n: replace(h, W_Q=[*h.W_Q, one], W_K=[*h.W_K, key]) if h.scale == "1" else h)


def leak(claim: Claim) -> Claim | None:
    """Every token but BOS has 2^-8 in the flag that marks BOS."""
    circuit, e, flag = claim.circuit, claim.circuit.embedding, _flag(claim.circuit)
    if flag is None or len(_rows_of(circuit)) == 1:
        return None
    noise = Vector.of(circuit.residual, {flag: NOISE})
    tokens = {t: v if t == circuit.bos else v + noise for t, v in e.tokens.items()}  # type: ignore[operator]
    return _with(claim, replace(circuit, embedding=Embedding(tokens, None if e.other is None else e.other + noise)))  # type: ignore[operator]


def crowded(claim: Claim) -> Claim | None:
    """A further head in every block that has any, of which nothing is known and which writes to the whole stream."""
    more = Opaque(list(claim.circuit.residual), name="writes everywhere")
    return _blocks(claim, lambda b: replace(b, heads=[*b.heads, more], shared=list(claim.circuit.residual)) if b.heads else b)


def dtype(name: str) -> Callable[[Claim], Claim | None]:
    """Floats for real numbers. A predicate, which was written for exact ones, sees the floats as the rationals they are."""

    def drop(claim: Claim) -> Claim | None:
        if claim.scope.arithmetic != "real":
            return None
        said = claim.statement
        if isinstance(said, Holds):
            claim = replace(claim, statement=Holds(said.says, lambda trace: said.of(trace.exactly())))
        return _with(claim, claim.circuit, arithmetic=name)

    return drop


def one_member(claim: Claim) -> Claim | None:
    """The weights for T = 4 at every length."""
    if not isinstance(claim.subject, Family) or claim.scope.t_max != "T":
        return None
    return replace(
        claim,
        subject=claim.subject.at(max(4, claim.subject.T_min)),
        scope=replace(claim.scope, order="exists weights forall T", t_max=None),
    )


ASSUMPTIONS = (
    Assumption("BOS", "no BOS", no_bos),
    Assumption("BOS first", "BOS anywhere or nowhere", bos_anywhere),
    Assumption("BOS unique", "BOS may recur", bos_again),
    Assumption("own key visible", "strict mask (i < t)", mask("strict")),
    Assumption("causal mask", "no mask", mask("none")),
    Assumption("strict mask", "causal mask (i <= t)", lambda c: mask("causal")(c) if c.circuit.mask == "strict" else None),
    Assumption("W_Q = W_K = 0", "both arbitrary", any_scores),
    Assumption("W_Q = 0", "W_Q arbitrary, equal keys", any_query),
    Assumption("W_Q arbitrary", "W_Q = 0", zero_query),
    Assumption("exact tie", "BOS logit 2^-8", no_tie),
    Assumption("flag of BOS alone", "content leaks 2^-8 into it", leak),
    Assumption("rows of one's own", "another head writes everywhere", crowded),
    Assumption("no RMSNorm", "RMSNorm before attention", norm("rmsnorm")),
    Assumption("no LayerNorm", "LayerNorm before attention", norm("layernorm")),
    Assumption("norm", "no norm", no_norm),
    Assumption("score scale", "1 and 1/sqrt(d_head) exchanged", other_scale),
    Assumption("residual correction", "t, not t - 1/t: no correction", uncorrected),
    Assumption("FFN width", "one hidden unit fewer", narrower),
    Assumption("weights for each T", "the weights for T = 4", one_member),
    Assumption("exact, not float32", "float32", dtype("float32")),
    Assumption("exact, not bfloat16", "bfloat16", dtype("bfloat16")),
)
