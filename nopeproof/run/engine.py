"""One forward pass for every scalar arithmetic: exact, symbolic and ball differ only in the few operations named here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Literal, Protocol

from nopeproof.circuit import MLP, Circuit, Head, Norm, visible
from nopeproof.claims import Site
from nopeproof.errors import NopeproofError
from nopeproof.run.trace import HeadTrace, Trace
from nopeproof.scalars import Scalar, scalar

Row = list[Any]
_ZERO, _ONE = Fraction(0), Fraction(1)


class Arithmetic(Protocol):
    """What a number system must offer beside + - * / between its numbers."""

    name: str

    def lift(self, x: Scalar) -> Any:
        """A weight as a number of this system."""

    def exp(self, score: Any, where: str) -> Any:
        """e^score."""

    def relu(self, x: Any) -> Any:
        """max(0, x)."""

    def gelu(self, x: Any) -> Any:
        """x times the normal distribution function."""

    def rsqrt(self, x: Any) -> Any:
        """1 / sqrt(x)."""


class Forward:
    """A forward pass; `head_output` may be replaced for parts whose weights are not given (Opaque)."""

    def __init__(self, circuit: Circuit, arithmetic: Arithmetic, weights: Literal["now", "later", "never"] = "now") -> None:
        self.circuit, self.A, self.weights = circuit, arithmetic, weights
        self.zero = arithmetic.lift(_ZERO)
        self.lifted: dict[int, Any] = circuit.memo.setdefault(arithmetic.name, {}) if arithmetic.name == "exact" else {}

    def vector(self, v: Any) -> list[tuple[int, Any]]:
        """Entries lifted once; exact ones, which do not depend on a precision, once for all runs of the circuit."""
        if id(v) not in self.lifted:
            self.lifted[id(v)] = v, [(i, self.A.lift(x)) for i, x in v.entries]  # v is kept, so that its id stays its own
        return self.lifted[id(v)][1]

    def dense(self, v: Any) -> Row:
        """A full row."""
        out = [self.zero] * self.circuit.d_model
        for i, x in self.vector(v):
            out[i] = x
        return out

    def run(self, word: Sequence[str], rows: list[Row], opaque: Callable | None = None) -> Trace:
        """Run the blocks on embedded rows."""
        if self.circuit.positions.kind == "stream":
            raise self.inexact()
        residuals, heads = {Site(0): rows}, {}
        for b, block in enumerate(self.circuit.blocks, 1):
            x = self.norm(block.norm_attention, rows)
            total = rows
            for h, head in enumerate(block.heads):
                if isinstance(head, Head):
                    trace = self.head(head, x, f"block {b}, head {head.name!r}", h)
                elif opaque is None:
                    raise NopeproofError(f"a run through block {b}", f"{head.name!r} is opaque: it has no weights", "circuit.instance()")
                else:
                    trace = HeadTrace(None, None, [opaque(b, h, head, t) for t in range(1, len(word) + 1)])
                heads[b, h] = trace
                total = [add(row, out) for row, out in zip(total, trace.output, strict=True)]
            residuals[Site(b, "attention")] = total
            rows = total if block.mlp is None else self.ffn(block.mlp, self.norm(block.norm_ffn, total), total)
            residuals[Site(b)] = rows
        return Trace(self.circuit, tuple(word), self.A.name, residuals, heads)

    def head(self, head: Head, x: list[Row], where: str, number: int) -> HeadTrace:
        """Scores, weights and output of one head on normalised rows."""
        T, zero = len(x), self.zero
        reads = ([self.vector(v) for v in m] for m in (head.W_Q, head.W_K, head.W_V))
        Q, K, V = ([[dot(f, row, zero) for f in m] for row in x] for m in reads)
        columns = [self.vector(v) for v in head.W_O]
        scale = self.scale(head)
        bias = self.bias(T, number)
        scores: list[list[Any]] = [[None] * T for _ in range(T)]
        output = []
        for t in range(T):
            keys = visible(self.circuit.mask, t, T)
            for i in keys:
                s = sum((q * k for q, k in zip(Q[t], K[i], strict=True)), zero) * scale
                scores[t][i] = s if bias is None else s + bias[t][i]
            output.append(self.mix([scores[t][i] for i in keys], [V[i] for i in keys], columns, where))

        def shares() -> list[list[Any]]:
            out = [[zero] * T for _ in range(T)]
            for t in range(T):
                keys = visible(self.circuit.mask, t, T)
                terms = self.softmax([scores[t][i] for i in keys], where)
                total = sum(terms, zero)
                for i, e in zip(keys, terms, strict=True):
                    out[t][i] = e / total
            return out

        return HeadTrace(scores, shares() if self.weights == "now" else shares if self.weights == "later" else None, output)

    def softmax(self, scores: Row, where: str) -> list[Any]:
        """e^(s_i - s_first) over the visible keys: the weights before they are divided by their sum."""
        return [self.A.exp(s - scores[0], where) for s in scores]

    def mix(self, scores: Row, values: list[Row], columns: list[list[tuple[int, Any]]], where: str) -> Row:
        """W_O of the softmax average of the visible values; 0 where no key is visible."""
        row = [self.zero] * self.circuit.d_model
        if not (scores and any(columns)):
            return row
        terms = self.softmax(scores, where)
        total = sum(terms, self.zero)
        for a, column in enumerate(columns):
            mean = sum((e * v[a] for e, v in zip(terms, values, strict=True)), self.zero) / total
            for i, w in column:
                row[i] = row[i] + w * mean
        return row

    def scale(self, head: Head) -> Any:
        """1, or 1/sqrt(d_head)."""
        return self.A.lift(scalar(1) if head.scale == "1" else scalar(f"sqrt({head.d_head})/{head.d_head}"))

    def bias(self, T: int, number: int) -> list[list[Any]] | None:
        """The positional encoding's additive scores for one head, where it has exact ones."""
        kind = self.circuit.positions.kind
        if kind == "none":
            return None
        raise self.inexact()

    def inexact(self) -> NopeproofError:
        """The error for an encoding this arithmetic cannot hold."""
        return NopeproofError(
            f"the {self.A.name} run of a circuit with {self.circuit.positions!r}",
            "an encoding whose numbers are floats",
            "a torch dtype, e.g. arithmetic='float64'",
        )

    def ffn(self, mlp: MLP, x: list[Row], rows: list[Row]) -> list[Row]:
        """h + W_2 sigma(W_1^T x + b_1) + b_2, row by row."""
        act = self.A.relu if mlp.activation == "relu" else self.A.gelu
        units = [(self.vector(u.read), self.A.lift(u.bias), self.vector(u.write)) for u in mlp.units]  # type: ignore[arg-type]
        constant = self.dense(mlp.b_2)
        out = []
        for row, source in zip(rows, x, strict=True):
            new = add(row, constant)
            for read, bias, write in units:
                a = act(dot(read, source, bias))
                for i, w in write:
                    new[i] = new[i] + w * a
            out.append(new)
        return out

    def norm(self, norm: Norm | None, rows: list[Row]) -> list[Row]:
        """LayerNorm or RMSNorm with unit gain, or nothing."""
        if norm is None:
            return rows
        d, out = self.A.lift(_ONE) * self.circuit.d_model, []
        for row in rows:
            centre = sum(row, self.zero) / d if norm.kind == "layernorm" else self.zero
            moved = [x - centre for x in row]
            r = self.A.rsqrt(sum((x * x for x in moved), self.zero) / d + self.A.lift(norm.epsilon))  # type: ignore[arg-type]
            out.append([x * r for x in moved])
        return out


def dot(entries: list[tuple[int, Any]], row: Row, start: Any) -> Any:
    """start + sum of entry * row[index]."""
    for i, w in entries:
        start = start + w * row[i]
    return start


def add(a: Row, b: Row) -> Row:
    """Entrywise sum, in a new list."""
    return [x + y for x, y in zip(a, b, strict=True)]


def embed(forward: Forward, word: Sequence[str]) -> list[Row]:
    """W_E, one row a token."""
    table: dict[str, Row] = {t: forward.dense(v) for t, v in forward.circuit.embedding.tokens.items() if t in set(word)}
    return [list(table[t]) for t in word]


def require_concrete(circuit: Circuit, name: str) -> None:
    """Raise NopeproofError if the circuit is a schema rather than definite weights."""
    if not circuit.concrete:
        asked = f"the {name} run of {circuit.name!r}"
        if circuit.mentions_T:
            raise NopeproofError(asked, "weights that depend on T", "Family(circuit).at(T)")
        what = ", ".join(sorted(circuit.free)) or "opaque heads, ranges of hidden units or unspecified tokens"
        raise NopeproofError(asked, f"weights left open: {what}", "circuit.instance() (and .at(T) for a family)")
