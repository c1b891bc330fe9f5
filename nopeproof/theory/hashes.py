"""The layer-norm hash, for every length: scores behind a LayerNorm as roots of rational functions of t and i, and their inequalities.

In front of the norm the stream at t is x(t), rational in t and the same at every token (`counting`, on the blocks below). LayerNorm without
epsilon divides x - mean by r(t), r^2 = R(t) the mean square of that. So

    score(t, i) = N(t, i)/sqrt(R(t) R(i)),      N and R rational, read off the weights.

Each statement below is one about N and R: an identity of rational functions, or a sign, decided by the signs of coefficients in
t - (least t) and i - 1 and t - i. Squares are compared where both sides are shown to be > 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from nopeproof import kernel
from nopeproof.circuit import Circuit, Head
from nopeproof.claims import Claim, Evidence, Holds
from nopeproof.kernel import Ratio
from nopeproof.theory.algorithms import shown_by
from nopeproof.theory.counting import Counting
from nopeproof.theory.places import NUMBER, Undecided, lowest, number, put, weight

Goal = Callable[["Hash"], Iterator[str]]


class Hash:
    """N(t, i) and R(t) of the first head of the last block, which stands behind a LayerNorm. Raises Undecided."""

    def __init__(self, run: Counting, last: Any) -> None:
        places = run.after(2 * len(run.circuit.blocks))
        general = [p.x for p in places if p.token != run.circuit.bos]
        if not general or any({v for y in x for v in y.names()} - {"t"} for x in general):
            raise Undecided("the stream in front of the norm is not a function of t alone")
        same = all(not (y - z).num for x in general[1:] for y, z in zip(x, general[0], strict=True))
        at_one = [put(y, {"t": Ratio(1)}) for y in general[0]]
        first = [p.x for p in places if p.token == run.circuit.bos]
        if not same or any((y - z).num for x in first for y, z in zip(x, at_one, strict=True)):
            raise Undecided("the stream in front of the norm depends on the token")
        head, d = last.heads[0], run.circuit.d_model
        centre = sum(general[0], Ratio(0)) / Ratio(d)
        x = [lowest(y - centre) for y in general[0]]
        self.R = lowest(sum((y * y for y in x), Ratio(0)) / Ratio(d))
        at_i = [put(y, {"t": Ratio("i")}) for y in x]
        self.N = lowest(run.score(head, x, at_i))

    def at(self, text: str) -> Ratio:
        """An expression in t and i, over polynomials that are > 0 for t, i >= 1."""
        return put(kernel.read(text, {"t": Ratio("d") + 1, "i": Ratio("j") + 1}), {"d": Ratio("t") - 1, "j": Ratio("i") - 1})

    def positive(self, x: Ratio, t: Ratio, i: Ratio | None = None, strict: bool = True) -> bool:
        """Whether x > 0 (not strict: >= 0) with polynomials in variables >= 0 for t and i: by signs of coefficients."""
        y = put(x, {"t": t} | ({} if i is None else {"i": i}))
        known = all(v in ("t", "i") or v.startswith(NUMBER) for v in y.names())
        return known and all(c > 0 for p in (y.num, y.den) for c in p.values()) and () in y.den and (not strict or () in y.num)


def behind(goal: Goal) -> Callable[[Claim], Evidence]:
    """The prover for a goal about the head behind the norm of the last block."""

    def by(claim: Claim) -> Evidence:
        circuit: Any = claim.subject
        fits = isinstance(circuit, Circuit) and circuit.blocks and circuit.blocks[-1].norm_attention is not None
        norm: Any = circuit.blocks[-1].norm_attention if fits else None
        if not fits or norm.kind != "layernorm" or number(weight(str(norm.epsilon))) or not circuit.blocks[-1].heads:
            return Evidence("open", claim.scope, "counting prover", reason="the last block is no head behind a LayerNorm without epsilon")
        if circuit.free or circuit.mentions_T or not all(isinstance(h, Head) for h in circuit.blocks[-1].heads):
            return Evidence("open", claim.scope, "counting prover", reason="an opaque head, or weights left open, in the last block")
        below = replace(claim, subject=replace(circuit, blocks=circuit.blocks[:-1]))
        return shown_by(lambda run: goal(Hash(run, circuit.blocks[-1])))(below)

    return by


T_ANY, I_ANY, LATER = Ratio("t") + 1, Ratio("i") + 1, Ratio("i") + 2 + Ratio("t")
"""t >= 1; i >= 1; and t > i with i >= 1, when I_ANY is put for i: t = i + 1 + (a number >= 0)."""


def formula(says: str, top: str, bottom: str) -> Holds:
    """score > 0 and score^2 bottom = top^2 at every t >= i, the two being expressions in t and i."""

    def predicate(trace: Any) -> bool:
        scores = trace.head(len(trace.circuit.blocks), 0).scores
        read = lambda text, t, i: number(kernel.read(text, {"t": Ratio(t), "i": Ratio(i)}))  # noqa: E731
        pairs = [(t, i, scores[t - 1][i - 1]) for t in range(1, trace.T + 1) for i in range(1, t + 1)]
        return all(s > 0 and s * s * read(bottom, t, i) == read(top, t, i) ** 2 for t, i, s in pairs)

    def goal(h: Hash) -> Iterator[str]:
        R, a, b = h.R * put(h.R, {"t": Ratio("i")}), h.at(top), h.at(bottom)
        if not h.positive(h.N, T_ANY, I_ANY) or not h.positive(h.R, T_ANY):
            raise Undecided("the score is not shown to be > 0")
        if (h.N * h.N * b - a * a * R).num:
            raise Undecided("the square of the score is another")
        yield f"N > 0, R > 0 and N^2 ({bottom}) = ({top})^2 R(t) R(i)"

    return Holds(says, predicate, behind(goal))


def peak(says: str) -> Holds:
    """At every t the key t has a larger score than every other."""

    def predicate(trace: Any) -> bool:
        scores = trace.head(len(trace.circuit.blocks), 0).scores
        return all(scores[t][t] > scores[t][i] for t in range(trace.T) for i in range(t))

    def goal(h: Hash) -> Iterator[str]:
        own, other = put(h.N, {"i": Ratio("t")}), h.N
        if not h.positive(own, T_ANY) or not h.positive(h.R, T_ANY):
            raise Undecided("the score at i = t is not shown to be > 0")
        # N(t, t)/R(t) > |N(t, i)|/sqrt(R(t) R(i)), squared and multiplied by R(t)^2 R(i)
        gap = own * own * put(h.R, {"t": Ratio("i")}) - other * other * h.R
        if not h.positive(gap, LATER, I_ANY):
            raise Undecided("the score at i = t is not shown to be the largest")
        yield "N(t, t)^2 R(i) > N(t, i)^2 R(t) for t > i"

    return Holds(says, predicate, behind(goal))


def gap(says: str, least: str, most: str) -> Holds:
    """least <= score_tt - score_t,t-1 <= most at every t >= 2, the two being expressions in t, over what is > 0 for t >= 2."""

    def predicate(trace: Any) -> bool:
        scores = trace.head(len(trace.circuit.blocks), 0).scores
        read = lambda text, t: number(kernel.read(text, {"t": Ratio(t)}))  # noqa: E731
        gaps = [(t + 1, scores[t][t] - scores[t][t - 1]) for t in range(1, trace.T)]
        return all(g >= read(least, t) and g <= read(most, t) for t, g in gaps)

    def goal(h: Hash) -> Iterator[str]:
        late, t = Ratio("t") + 2, Ratio("t")
        low, high = (put(kernel.read(text, {"t": Ratio("d") + 2}), {"d": t - 2}) for text in (least, most))
        own, before = put(h.N, {"i": t}), put(h.N, {"i": t - 1})
        if (own - h.R).num or not h.positive(h.R, T_ANY) or not h.positive(before, late, strict=False):
            raise Undecided("the score at i = t is not 1, or the one before it is not shown to be >= 0")
        square = before * before / (h.R * put(h.R, {"t": t - 1}))  # of the score at t - 1
        for name, bound, sign in (("least", low, 1), ("most", high, -1)):
            rest = bound * -1 + 1
            if not h.positive(rest, late) or not h.positive((rest * rest - square) * sign, late, strict=False):
                raise Undecided(f"the {name} gap is not shown")
        yield "(1 - most)^2 <= score^2 <= (1 - least)^2 at i = t - 1, and 1 - most > 0"

    return Holds(says, predicate, behind(goal))
