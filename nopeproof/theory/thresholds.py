"""A clock that counts thresholds, behind any norm: right for every T, read off the family's own weights."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from nopeproof.circuit import Circuit, Family, Head, Units
from nopeproof.claims import Claim, Evidence
from nopeproof.residual import Subspace, Vector
from nopeproof.scalars import spell
from nopeproof.theory.argument import SOME_MEMBER, Argument


def counts_behind_a_norm(claim: Claim, deep: bool = False, *, families: Sequence[Family]) -> Sequence[Evidence]:
    """Each family writes t for all content with 0 < sigma <= S, sigma the root mean square behind which its block stands.

    The stream must have the pairs flag, one, recip, pos, each (z, -z); S is the class's size. Nothing is read but differences of
    pairs, so the mean that a LayerNorm takes away cancels, and every number read is divided by sigma.
    """
    a = Argument(claim, "theory.thresholds: every step of the count, for every T", SOME_MEMBER)
    a.needs("norms", "none", "layernorm", "rmsnorm")
    needed = {"mask": "causal", "bos": True, "positions": "nope", "attention": "softmax", "depth": 1, "ffn": "the units of this file"}
    for convention, value in needed.items():
        a.needs(convention, value)
    S = a.size("S")
    a.step("sigma = 1, without a norm, is at most S", S >= 1)
    behind = {_norm(family) for family in families}
    a.step(f"a family behind each of the class's norms, {', '.join(a.models.norms)}", set(a.models.norms) <= behind)
    for family in families:
        if a.step(f"{family.name}: one block of one head of one row, two ranges of units and a single one", _plain(family.symbolic)):
            says = "a causal mask, no encoding, ReLU, one norm in front of both, every token named"
            a.step(f"{family.name}: {says}", _usual(family.symbolic))
            _attention(a, family)
            _ffn(a, family, S)
    a.identity("(k + 1 + v)*(2 - (2*k + 1)/(k + 1 + u)) - 1", "(u*(2*k + 1) + v*(1 + 2*u))/(k + 1 + u)", "t = k+1+u, T = k+1+v")
    says = "not negative for t >= k + 1, as no sign is: S T (2 - (2k+1)/t)/sigma >= T (2 - (2k+1)/t) >= 1, as sigma <= S"
    a.step(says, _no_sign_negative("u*(2*k + 1) + v*(1 + 2*u)") and _no_sign_negative("k + 1 + u"))
    a.identity("y - (y - 1)", "1", "there relu(y) - relu(y - 1) = 1")
    a.identity("2 - (2*(t + u) + 1)/t", "-(2*u + 1)/t", "t <= k = t + u, u >= 0")
    a.positive("(2*u + 1)/t", {"u": 0, "t": 1}, "so y < 0, and relu(y) - relu(y - 1) = 0")
    a.identity("1 + (t - 1)", "t", "of k = 1, ..., T - 1 those with k + 1 <= t are t - 1, as t <= T")
    return a.evidence("proved")


def _no_sign_negative(polynomial: str) -> bool:
    import sympy

    return min(sympy.Poly(sympy.expand(sympy.sympify(polynomial))).coeffs()) >= 0


def _norm(family: Family) -> str:
    """The norm of the first block."""
    block = next(iter(family.symbolic.blocks), None)
    return block.norm_attention.kind if block and block.norm_attention else "none"


def _plain(circuit: Circuit) -> bool:
    """Whether it has the parts that are looked at, and no others."""
    blocks = circuit.blocks
    if len(blocks) != 1 or len(blocks[0].heads) != 1 or blocks[0].mlp is None or circuit.bos is None:
        return False
    [head] = blocks[0].heads
    return isinstance(head, Head) and len(head.W_V) == 1 and len(blocks[0].mlp.units) == 3


def _usual(circuit: Circuit) -> bool:
    """Whether the conventions are those the argument is about; `other` tokens would have to be looked at too."""
    [block] = circuit.blocks
    same = block.norm_attention == block.norm_ffn and block.mlp is not None and block.mlp.activation == "relu"
    return same and circuit.mask == "causal" and circuit.positions.kind == "none" and circuit.embedding.other is None


def _attention(a: Argument, family: Family) -> None:
    """The head averages the flag, in BOS's normed size, to 1/t."""
    circuit, [head] = family.symbolic, family.symbolic.blocks[0].heads
    R, norm = circuit.residual, circuit.blocks[0].norm_attention
    assert isinstance(head, Head)
    a.step(f"{family.name}: W_Q = W_K = 0, so the weights are 1/t", not any(v.entries for v in (*head.W_Q, *head.W_K)))  # type: ignore[union-attr]
    flags = {t: _pair(v, R.flag) for t, v in circuit.embedding.tokens.items()}
    a.step(f"{family.name}: BOS alone has a flag, the pair (1, -1)", flags == {t: int(t == circuit.bos) for t in flags})
    bos: list[Any] = [x for _, x in circuit.embedding.tokens[circuit.bos].entries]  # type: ignore[index,union-attr]
    mean, square = sum(bos) / R.d_model, sum(x * x for x in bos) / R.d_model
    [row], [column] = head.W_V, head.W_O
    w = _pair(row, R.flag)
    size = (2 * w) ** 2 if isinstance(w, Fraction) and w > 0 else None
    a.step(
        f"{family.name}: W_V reads the flag alone and divides by its normed size", _only(row, R.flag) and size == (square if norm else 1)
    )
    a.step(f"{family.name}: its sigma is BOS's root mean square: mean 0, epsilon 0", norm is None or (mean == 0 and norm.epsilon == 0))
    a.step(f"{family.name}: what is written is the pair recip", _only(column, R.recip) and _pair(column, R.recip) == 1)


def _ffn(a: Argument, family: Family, S: int) -> None:
    """The hidden units are the thresholds of the argument."""
    circuit = family.symbolic
    R, mlp = circuit.residual, circuit.blocks[0].mlp
    assert mlp is not None
    up, down, constant = mlp.units
    same = isinstance(up, Units) and isinstance(down, Units) and up.read == down.read
    ends = [(u.first, u.last) for u in (up, down)]
    a.step(f"{family.name}: two ranges of units k = 1, ..., T - 1 that read alike", same and ends == [("1", "T - 1")] * 2)
    a.step(f"{family.name}: their biases are 0 and -1", (up.bias, down.bias) == (0, -1))
    pairs = [_only(up.write, R.pos), _pair(up.write, R.pos) == 1, _pair(down.write, R.pos) == -1, _only(down.write, R.pos)]
    a.step(f"{family.name}: they write 1 and -1 times the pair pos", all(pairs))
    last = _only(constant.write, R.pos) and _pair(constant.write, R.pos) == 1 and not constant.read.entries and constant.bias == 1  # type: ignore[union-attr]
    single = constant.first is None
    a.step(f"{family.name}: one more unit writes 1, and there is no other bias", single and last and not mlp.b_2.entries)  # type: ignore[union-attr]
    a.step(f"{family.name}: every token has the pair one = (1, -1)", all(_pair(v, R.one) == 1 for v in circuit.embedding.tokens.values()))
    a.step(f"{family.name}: no token has a code in recip or pos", all(not _touches(v, R) for v in circuit.embedding.tokens.values()))
    a.step(f"{family.name}: units read differences of the pairs one and recip alone", _only(up.read, R.one, R.recip))
    one, recip = (spell(_pair(up.read, code) or Fraction(0)) for code in (R.one, R.recip))
    a.identity(f"2*({one}) + 2*({recip})/t", f"{S}*T*(2 - (2*k + 1)/t)", f"{family.name}: what they read, times sigma; x = 1/t")


def _entries(v: Any) -> dict[int, Any]:
    return dict(v.entries) if isinstance(v, Vector) else {}


def _pair(v: Any, code: Subspace) -> Any:
    """The number z of a pair (z, -z) in these two coordinates; None if they are no such pair."""
    entries = _entries(v)
    one, two = (entries.get(i, Fraction(0)) for i in code.indices)
    opposite = v.vector * -1 if isinstance(v, Vector) else None
    return one if opposite is not None and _entries(opposite).get(code.start, Fraction(0)) == two else None


def _only(v: Any, *codes: Subspace) -> bool:
    """Whether a row is made of pairs in these codes and nothing else."""
    return all(_pair(v, c) is not None for c in codes) and set(_entries(v)) <= {i for c in codes for i in c.indices}


def _touches(v: Any, R: Any) -> bool:
    return bool(set(_entries(v)) & {*R.recip.indices, *R.pos.indices})
