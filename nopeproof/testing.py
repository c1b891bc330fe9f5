"""The kit for other people's test suites: strategies, and assertions that name the place where something differs.

Paste this into a test file and run pytest:

    import torch
    from hypothesis import given, settings, strategies as st

    import nopeproof as nope
    from nopeproof.testing import assert_claim, assert_prefix_causal, assert_same_run, circuits, perturbations, words

    R = nope.Residual(one=1, bos=1, recip=1)
    HEAD = nope.Head(W_Q=[0], W_K=[0], W_V=[R.bos], W_O=[R.recip], name="mean of bos")
    CIRCUIT = nope.Circuit(R, nope.Embedding({"<bos>": R.one + R.bos, "a": R.one, "b": R.one}), [nope.Block([HEAD])], bos="<bos>")

    def test_the_head_counts():
        statement = nope.Equals(nope.after_attention(1), R.recip, "1/t")
        assert_claim(nope.Claim("recip", CIRCUIT, statement, nope.Scope(vocabulary="given")))

    @settings(deadline=None, max_examples=25)
    @given(word=words(CIRCUIT, max_size=12))
    def test_floats_follow_the_exact_run(word):
        assert_same_run(CIRCUIT, word, ["exact", "float64", "float32", "float32/sdpa", "float32/streaming"], tol=1e-6)

    @settings(deadline=None, max_examples=20)
    @given(circuit=circuits(max_blocks=1, scores="uniform"))
    def test_no_circuit_looks_ahead(circuit):
        assert_prefix_causal(circuit, [circuit.bos or "a", "b", "a"])

    def test_my_own_model():
        embed = torch.nn.Embedding(5, 3)
        assert_prefix_causal(lambda ids: embed(ids).cumsum(1), [0, 3, 1, 4], vocabulary=5)

    @settings(deadline=None, max_examples=25)
    @given(data=st.data())
    def test_one_weight_off_is_noticed(data):
        broken, what = data.draw(perturbations(CIRCUIT))
        assert broken.weights_sha256 != CIRCUIT.weights_sha256, what
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Site, Verdict
from nopeproof.errors import NopeproofError
from nopeproof.run import Trace
from nopeproof.run import run as run_circuit
from nopeproof.strategies import all_weights, circuits, perturbations, residuals, vectors, weights, words

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    Model = Callable[[Int[Tensor, "1 T"]], Float[Tensor, "1 T *rest"]]

__all__ = [
    "all_weights",
    "assert_claim",
    "assert_prefix_causal",
    "assert_same_run",
    "circuits",
    "perturbations",
    "residuals",
    "vectors",
    "weights",
    "words",
]
SHIFTS = 3  # each later token is exchanged for up to this many others


def assert_claim(claim: Claim, deep: bool = False) -> Verdict:
    """The verdict on a claim that stands. Raises AssertionError with scope, witness and reasons for one that does not.

    `tested` is not enough to stand, and evidence of a narrower scope than the claim's is not either.
    """
    from nopeproof.checks import verify

    verdict = verify(claim, deep=deep)
    if verdict.stands:
        return verdict
    lines = [f"the claim {claim.id!r} does not stand: {claim.says}", f"  claimed for: {claim.scope}"]
    lines.append(f"  verdict:     {verdict.kind}, for {verdict.scope}")
    if verdict.witness is not None:
        lines.append("  witness:     " + ", ".join(f"{k} = {v}" for k, v in verdict.witness.items()))
    lines += [f"  {e.tool}: {e.reason}" for e in verdict.evidence if e.reason]
    raise AssertionError("\n".join(lines))


# --- the same run in two arithmetics ---------------------------------------------------------------------------------


def assert_same_run(
    first: Trace | Circuit, second: Trace | Sequence[str], arithmetics: Sequence[Any] = ("exact", "float64"), *, tol: float | Fraction = 0
) -> None:
    """Two traces agree, or a circuit's runs on one word do: `assert_same_run(trace, trace)`, `assert_same_run(circuit, word, [...])`.

    arithmetics: what `nopeproof.run.run` takes, torch ones also with a route ("float32/sdpa"); each is held against the first.
    Two numbers agree if |x - y| <= tol (1 + |x|); a ball agrees with what it may contain. Raises AssertionError naming the first
    place in the stack that differs, position t, coordinate and both numbers; NopeproofError for traces of different words.
    """
    if isinstance(first, Trace) and isinstance(second, Trace):
        return _same(first, second, tol)
    if not isinstance(first, Circuit) or isinstance(second, Trace):
        asked = f"assert_same_run({type(first).__name__}, {type(second).__name__})"
        raise NopeproofError(asked, "neither two traces nor a circuit and a word", "assert_same_run(circuit, word, ['exact', 'float32'])")
    if len(arithmetics) < 2:
        raise NopeproofError("assert_same_run", f"the arithmetics {list(arithmetics)}", "at least two")
    runs = [_run(first, second, a) for a in arithmetics]
    for other in runs[1:]:
        _same(runs[0], other, tol)
    return None


def _run(circuit: Circuit, word: Sequence[str], arithmetic: Any) -> Trace:
    name, _, route = arithmetic.partition("/") if isinstance(arithmetic, str) else (arithmetic, "", "")
    return run_circuit(circuit, word, name, **({"route": route} if route else {}))


def _same(a: Trace, b: Trace, tol: float | Fraction) -> None:
    if a.word != b.word or a.circuit.d_model != b.circuit.d_model or set(a.residuals) != set(b.residuals):
        found = f"words {list(a.word)} and {list(b.word)}, or circuits of other shapes"
        raise NopeproofError("a comparison of two traces", found, "one word, one circuit")
    for (where, x), (_, y) in zip(places(a), places(b), strict=True):
        if x is None or y is None:  # a route that never forms them
            continue
        for t, (left, right) in enumerate(zip(_grid(x), _grid(y), strict=True), 1):
            for i, (p, q) in enumerate(zip(left, right, strict=True)):
                if not _close(p, q, tol):
                    at = f"key i = {i + 1}" if where.startswith(("scores", "weights")) else a.circuit.residual.label(i)
                    names = [a.arithmetic, b.arithmetic if b.arithmetic != a.arithmetic else f"{b.arithmetic} (second)"]
                    width = max(map(len, names)) + 1
                    two = [f"  {n + ':':{width}} {_show(v)}" for n, v in zip(names, (p, q), strict=True)]
                    head = f"two runs of {a.circuit.name!r} differ: {where}, t = {t}, {at}"
                    raise AssertionError("\n".join([head, f"  word: {list(a.word)}", *two, f"  tolerance: {float(tol):g} (1 + |x|)"]))


def places(trace: Trace) -> Iterator[tuple[str, Any]]:
    """Everything a trace holds, in the order it was computed."""
    for site in sorted(trace.residuals):
        for (b, h), head in sorted(trace.heads.items()):
            if site == Site(b, "attention"):
                for part in ("scores", "weights", "output"):
                    yield f"{part} of block {b}, head {h + 1}", getattr(head, part)
        yield f"the residual after {site}", trace.residuals[site]


def _grid(x: Any) -> Any:
    return x.tolist() if hasattr(x, "tolist") else x


def _show(x: Any) -> str:
    return "masked" if x is None or x == -math.inf else f"{x!r}" if isinstance(x, float) else str(x)


def _close(a: Any, b: Any, tol: float | Fraction) -> bool:
    a, b = (None if isinstance(x, float) and x == -math.inf else x for x in (a, b))  # how torch runs write a masked score
    if a is None or b is None:
        return a is b
    if any(isinstance(x, float) and not math.isfinite(x) for x in (a, b)):
        return isinstance(a, float) and isinstance(b, float) and (a == b or (a != a and b != b))
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= tol * (1 + abs(a))
    kind = {type(x).__module__.split(".")[0] for x in (a, b)}
    if "sympy" in kind and not ("flint" in kind or hasattr(a, "enclosure") or hasattr(b, "enclosure")):
        return _close_symbols(a, b, tol)
    if kind & {"flint", "sympy"}:
        return not any(getattr(x, "free_symbols", ()) for x in (a, b)) and _close_balls(a, b, tol)
    a, b = (Fraction(x) if isinstance(x, float | int) else x for x in (a, b))
    return bool(abs(a - b) <= Fraction(tol) * (1 + abs(a)))


def _close_balls(a: Any, b: Any, tol: float | Fraction) -> bool:
    import flint

    with flint.ctx.workprec(256):
        x, y, slack = (_ball(n) for n in (a, b, Fraction(tol)))
        return not abs(x - y) > slack * (1 + abs(x))  # flint's > holds only if it holds for all points of both balls


def _ball(x: Any) -> Any:
    import flint

    if hasattr(x, "enclosure"):
        return x.enclosure(256)
    if isinstance(x, Fraction):
        return flint.arb(flint.fmpq(x.numerator, x.denominator))
    if type(x).__module__.startswith("sympy"):
        value = flint.arb(str(x.evalf(80)))  # SymPy gives digits, no bound: 10 of the 80 are not relied on
        return value + (1 + abs(value)) * flint.arb(0, 1) * flint.arb(10) ** -70
    return x if isinstance(x, flint.arb) else flint.arb(x)


def _close_symbols(a: Any, b: Any, tol: float | Fraction) -> bool:
    import sympy

    rational = lambda n: sympy.Rational(n.numerator, n.denominator)  # noqa: E731
    x, y = (n if isinstance(n, sympy.Basic) else rational(Fraction(n)) for n in (a, b))
    gap = sympy.simplify(x - y)  # type: ignore[operator]
    if gap.free_symbols or gap == 0:
        return bool(gap == 0)
    return bool(abs(sympy.N(gap, 40)) <= sympy.Float(float(tol), 40) * (1 + abs(sympy.N(x, 40))))


# --- no look at the future -------------------------------------------------------------------------------------------


def assert_prefix_causal(
    model: Circuit | Model, word: Sequence[Any], *, vocabulary: int | Sequence[Any] | None = None, arithmetic: Any = "exact", tol: float = 0
) -> None:
    """Changing the tokens after t leaves everything at positions 1..t as it was, for every t < T.

    model: a Circuit (everything in its trace is compared, in `arithmetic`), or any f(ids [1, T]) -> Tensor [1, T, ...], or one with
    `.logits` of that shape. vocabulary: what later tokens are exchanged for, or how many ids there are; by default the circuit's
    tokens, or the ids in the word. tol: |x - y| <= tol (1 + |x|), for kernels that do not add up in a fixed order.
    Raises AssertionError with both words, t and both numbers; NopeproofError for a word too short or with nothing to change to.
    """
    known: list[Any] = list(range(vocabulary)) if isinstance(vocabulary, int) else list(vocabulary or ())
    if vocabulary is not None and len(known) < 2:
        raise NopeproofError("a test of causality", f"a vocabulary of {len(known)}: {vocabulary!r}", "two tokens at least")
    tokens: list[Any] = list(model.check_word(word)) if isinstance(model, Circuit) else [int(x) for x in word]
    if isinstance(model, Circuit):
        choice, look = known or [t for t in model.tokens if t != model.bos], lambda w: list(places(_run(model, w, arithmetic)))
    else:
        choice, look = known or sorted(set(tokens)), _outputs(model)
    if len(tokens) < 2 or len(choice) < 2:
        raise NopeproofError("a test of causality", f"{len(tokens)} tokens, {len(choice)} to choose from", "two of each (vocabulary=...)")
    before = look(tokens)
    for t in range(1, len(tokens)):
        for shift in range(1, min(SHIFTS, len(choice) - 1) + 1):
            later = [choice[(choice.index(x) + shift if x in choice else shift) % len(choice)] for x in tokens[t:]]
            changed = [*tokens[:t], *later]
            _unchanged(tokens, changed, t, before, look(changed), tol)


def _unchanged(word: list, changed: list, t: int, before: list, after: list, tol: float) -> None:
    for (where, x), (_, y) in zip(before, after, strict=True):
        if x is None or y is None:
            continue
        for s, (left, right) in enumerate(zip(_grid(x)[:t], _grid(y)[:t], strict=True), 1):
            if where.startswith(("scores", "weights")):
                left, right = left[:t], right[:t]
            for i, (p, q) in enumerate(zip(left, right, strict=True)):
                if (isinstance(p, float) and math.isnan(p)) or (isinstance(q, float) and math.isnan(q)):
                    raise AssertionError(f"{where} at t = {s}, entry {i}, is not a number: {word} gives {p}, {changed} gives {q}")
                if not _close(p, q, tol):
                    raise AssertionError(
                        f"the model looks ahead: tokens after t = {t} change {where} at t = {s}, entry {i}\n"
                        f"  {word} gives {_show(p)}\n  {changed} gives {_show(q)}\n  tolerance: {tol:g} (1 + |x|)"
                    )


def _outputs(model: Model) -> Callable[[list[int]], list[tuple[str, Any]]]:
    import torch

    if getattr(model, "training", False):
        raise NopeproofError("a test of causality", "a model in training mode, where dropout is random", "model.eval()")

    def look(word: list[int]) -> list[tuple[str, Any]]:
        with torch.no_grad():
            out = model(torch.tensor([word]))
        out = getattr(out, "logits", out)
        if not isinstance(out, torch.Tensor) or tuple(out.shape[:2]) != (1, len(word)):
            found = f"shape {list(out.shape)}" if isinstance(out, torch.Tensor) else f"a {type(out).__name__}"
            raise NopeproofError(f"a model's output on ids [1, {len(word)}]", found, f"a tensor [1, {len(word)}, ...]")
        return [("the output", out[0].reshape(len(word), -1).double())]

    return look
