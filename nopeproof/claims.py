"""Claims, their scope, the evidence for them and the verdict drawn from it.

A claim says one thing (`Equals`, `Unchanged`, `ScoreIs`, `SameAttention`, `Within`, `Attends`, `Holds`, `Fails` of one of these, or
`Shown` of a class of models) about one subject, within a `Scope` that is data: the order of the quantifiers, the lengths,
the words, the vocabulary and the arithmetic. Evidence has a scope of its own; `Scope.covers` decides whether it is enough.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from nopeproof import algebra
from nopeproof.circuit import Circuit, Family
from nopeproof.errors import NopeproofError, expect
from nopeproof.models import ModelClass
from nopeproof.residual import Residual, Subspace, Vector
from nopeproof.scope import Scope as Scope

Subject = Circuit | Family | ModelClass
Kind = Literal["proved", "certified", "exhausted", "tested", "refuted", "open"]
LAST = 1 << 30  # the block that `after_last` names
FOREIGN = "a prover that is not nopeproof's"
STRENGTH: tuple[Kind, ...] = ("proved", "certified", "exhausted", "tested", "open")


@dataclass(frozen=True, order=True)
class Site:
    """A place in the stack where the residual is looked at: after the attention or the FFN of block 1, 2, ...; block 0 is the embedding."""

    block: int
    after: Literal["attention", "ffn"] = "ffn"

    def __post_init__(self) -> None:
        whole = isinstance(self.block, int) and not isinstance(self.block, bool)
        if not whole or self.block < 0 or self.after not in ("attention", "ffn") or (self.after == "attention" and not self.block):
            found = f"block {self.block!r}, after {self.after!r}"
            raise NopeproofError("a place in the stack", found, "after_attention(b) or after_ffn(b), b = 1, 2, ...; or embedding()")

    def __str__(self) -> str:
        if self.block == LAST:
            return "the last FFN"
        return "the embedding" if self.block == 0 else f"{'attention' if self.after == 'attention' else 'FFN'} {self.block}"


def embedding() -> Site:
    """The residual as embedded, h^(0)."""
    return Site(0)


def after_attention(block: int) -> Site:
    """The residual between the two sub-layers of a block, h + a."""
    return Site(block, "attention")


def after_ffn(block: int) -> Site:
    """The residual a block hands on, h^(block)."""
    return Site(block, "ffn")


def after_last() -> Site:
    """The residual that the whole stack hands on, in a family whose members have more blocks the larger T is."""
    return Site(LAST)


# --- what a claim can say --------------------------------------------------------------------------------------------


SITE = "after_attention(b), after_ffn(b), or embedding()"


def speaks_of_only(text: str, names: Set[str], where: str, *, logs: bool = True) -> None:
    """Raise NopeproofError for an expression that cannot be read, or with more than these names in it and, if `logs`, ln(n) and sqrt(n)."""
    expect(text, str, where, "a string, such as '1/t'")
    try:
        have = {v for v in algebra.read_expression(text).variables() if not (logs and v.startswith(("rt", "ln ")))}
    except algebra.NotExact as bad:
        raise NopeproofError(f"{where}: {text!r}", str(bad), "an expression such as '1/t'") from None
    if not have <= names:
        raise NopeproofError(f"{where}: {text!r}", f"the unknown name {min(have - names)!r}", "only " + ", ".join(sorted(names)))


def _subspaces(given: Sequence[Subspace], where: str) -> tuple[Subspace, ...]:
    expect(given, list | tuple | Residual, where, "a list of subspaces: [R.content]")
    for s in given:
        expect(s, Subspace, where, "subspaces of the residual stream: [R.content]")
    return tuple(given)


def _index(direction: Vector | Subspace, where: str) -> int:
    expect(direction, Vector | Subspace, where, "a direction such as R.recip")
    v = direction.vector
    if len(v.entries) != 1 or v.entries[0][1] != 1:
        raise NopeproofError(where, f"the direction {v}", "a single named coordinate")
    return v.entries[0][0]


@dataclass(frozen=True)
class Equals:
    """At every t, one coordinate of the residual at `site` is the expression `value` in t (and T)."""

    site: Site
    direction: Vector | Subspace
    value: str

    def __post_init__(self) -> None:
        expect(self.site, Site, "the place of a value", SITE)
        speaks_of_only(self.value, {"t", "T"}, "the value claimed")
        _index(self.direction, "the coordinate claimed")

    @property
    def index(self) -> int:
        """The coordinate's number."""
        return _index(self.direction, "the coordinate claimed")

    def __str__(self) -> str:
        return f"{self.direction.vector} = {self.value} after {self.site}"

    def as_json(self) -> dict:
        """What the kernel reads."""
        return {"kind": "equals", "site": [self.site.block, self.site.after], "index": self.index, "value": self.value}


@dataclass(frozen=True)
class Within(Equals):
    """At every t, |coordinate - value| < error, strictly."""

    error: str = "1/2"

    def __post_init__(self) -> None:
        super().__post_init__()
        speaks_of_only(self.error, set(), "the error claimed")

    def __str__(self) -> str:
        return f"|{self.direction.vector} - ({self.value})| < {self.error} after {self.site}"

    def as_json(self) -> dict:
        """Plain data; outside the kernel's fragment."""
        return {**super().as_json(), "kind": "within", "error": self.error}


@dataclass(frozen=True)
class Unchanged:
    """At every t, the residual at `end` equals that at `start` on the given subspaces: the frame of a construction."""

    start: Site
    end: Site
    subspaces: Sequence[Subspace]

    def __post_init__(self) -> None:
        for site in (self.start, self.end):
            expect(site, Site, "the places of a frame claim", SITE)
        object.__setattr__(self, "subspaces", _subspaces(self.subspaces, "what a frame claim says is unchanged"))
        if self.end < self.start:
            raise NopeproofError("a frame claim", f"{self.end} is before {self.start}", "start first")

    @property
    def indices(self) -> list[int]:
        """All coordinates that must stay."""
        return [i for s in self.subspaces for i in s.indices]

    def __str__(self) -> str:
        return f"{', '.join(s.name for s in self.subspaces)} unchanged from {self.start} to {self.end}"

    def as_json(self) -> dict:
        """What the kernel reads."""
        ends = {n: [s.block, s.after] for n, s in (("start", self.start), ("end", self.end))}
        return {"kind": "unchanged", **ends, "indices": self.indices}


@dataclass(frozen=True)
class ScoreIs:
    """For all i <= t: score_ti = value(t, i) + c, with c one function of the `content` coordinates of h_t and h_i alone."""

    block: int
    head: int
    value: str
    content: Sequence[Subspace] = ()

    def __post_init__(self) -> None:
        speaks_of_only(self.value, {"t", "i"}, "the score claimed")
        object.__setattr__(self, "content", _subspaces(self.content, "the content of a score"))

    @property
    def indices(self) -> list[int]:
        """The content coordinates."""
        return [i for s in self.content for i in s.indices]

    def __str__(self) -> str:
        extra = f" + f({', '.join(s.name for s in self.content)})" if self.content else ""
        return f"score = {self.value}{extra} in block {self.block}, head {self.head + 1}"

    def as_json(self) -> dict:
        """What the kernel reads."""
        return {"kind": "score", "block": self.block, "head": self.head, "value": self.value, "content": self.indices}


@dataclass(frozen=True)
class SameAttention:
    """Two heads of a block have equal attention weights, because their scores differ by a function of t alone."""

    block: int
    head: int
    other: int

    def __str__(self) -> str:
        return f"heads {self.head + 1} and {self.other + 1} of block {self.block} attend alike"

    def as_json(self) -> dict:
        """What the kernel reads."""
        return {"kind": "same_attention", "block": self.block, "head": self.head, "other": self.other}


@dataclass(frozen=True)
class Attends:
    """At every t beyond `offset`, the key t - offset has more than `least` of the weight: 0 is the diagonal, 1 the previous token."""

    block: int
    head: int
    offset: int
    least: str

    def __post_init__(self) -> None:
        speaks_of_only(self.least, set(), "the least weight claimed")
        if type(self.offset) is not int or self.offset < 0:
            raise NopeproofError("the offset of a key", repr(self.offset), "a whole number, 0 or more: no later key is visible")

    def __str__(self) -> str:
        key = "the diagonal key" if self.offset == 0 else f"key t - {self.offset}"
        return f"{key} has more than {self.least} of the weight in block {self.block}, head {self.head + 1}"

    def as_json(self) -> dict:
        """Plain data; outside the kernel's fragment."""
        return {"kind": "attends", **vars(self)}


@dataclass(frozen=True)
class Holds:
    """Any property of a run: `predicate(trace)` is True. It can be tested, exhausted and refuted; proved by the prover it names, if any.

    Where a word has no exact run, the predicate is asked about one in balls, and what its comparisons do not decide there stays open.
    Of a family it says that the member for T has the property on words of T tokens.
    """

    says: str
    predicate: Callable[[Any], bool] = field(compare=False)
    by: Callable[[Claim], Evidence] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        asked, todo = f"the predicate {self.says!r}", "a function of a trace: lambda trace: ..."
        if not callable(self.predicate):
            expect(self.predicate, (), asked, todo)
        try:
            takes = inspect.signature(self.predicate)
        except ValueError:  # of something built in, which says nothing of its arguments
            return
        try:
            takes.bind("a trace")
        except TypeError as bad:
            raise NopeproofError(asked, f"a function of {takes}: {bad}", todo) from None

    def of(self, trace: Any) -> bool:
        """What the predicate says of a run. Raises NopeproofError where that is neither true nor false."""
        said: Any = self.predicate(trace)
        if not (str(getattr(said, "dtype", "")).endswith("bool") and not said.ndim):  # those of numpy and of torch will do
            expect(said, bool, f"the predicate {self.says!r}", "a function that returns True or False")
        return bool(said)

    def __str__(self) -> str:
        return self.says

    def as_json(self) -> dict:
        """Plain data; outside the kernel's fragment."""
        return {"kind": "holds", "says": self.says}


@dataclass(frozen=True)
class Fails:
    """The statement inside is false within the scope: a true negative, shown by the witness it comes with."""

    statement: Equals | Within | Unchanged | ScoreIs | SameAttention | Attends | Holds

    def __post_init__(self) -> None:
        expect(self.statement, (Equals, Unchanged, ScoreIs, SameAttention, Attends, Holds), "what fails", "a statement: Fails(Equals(...))")

    def __str__(self) -> str:
        return f"not always: {self.statement}"

    def as_json(self) -> dict:
        """Plain data; shown by an exact run of the witness, not by the kernel."""
        return {"kind": "fails", "statement": self.statement.as_json()}


@dataclass(frozen=True)
class Shown:
    """A statement about every model of a class, with the prover that shows it: `by(claim, deep)` finds the evidence anew each time.

    The prover (in `nopeproof.theory`) reads its hypotheses off the claim's subject and scope, and says "open" where they do
    not hold; it computes the steps of the argument exactly, so that a false step shows.
    """

    says: str
    by: Callable[[Claim, bool], Sequence[Evidence]] = field(compare=False)

    def __str__(self) -> str:
        return self.says

    def as_json(self) -> dict:
        """Plain data; outside the kernel's fragment."""
        return {"kind": "shown", "says": self.says}


Statement = Equals | Within | Unchanged | ScoreIs | SameAttention | Attends | Holds | Fails | Shown


@dataclass(frozen=True)
class Claim:
    """One statement about one subject, with its scope and source ("key, where in it"; the key stands in paper/refs.bib)."""

    id: str
    subject: Subject
    statement: Statement
    scope: Scope = field(default_factory=Scope)
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        where = f"the claim {self.id!r}"
        if not isinstance(self.id, str) or not self.id:
            raise NopeproofError("a claim's id", repr(self.id), "a short name of its own, such as 'recip'")
        expect(self.subject, Circuit | Family | ModelClass, f"{where}, its subject", "a Circuit, a Family or a ModelClass")
        expect(self.statement, Statement, f"{where}, its statement", "Equals, Unchanged, ScoreIs, ...")
        expect(self.scope, Scope, f"{where}, its scope", "Scope(...)")
        if isinstance(self.subject, Family) and self.scope.order != "forall T exists weights":
            raise NopeproofError(
                where, "a Family with the order 'exists weights forall T'", "Scope(order='forall T exists weights', t_max='T')"
            )
        if isinstance(self.subject, Circuit) and self.subject.mentions_T:
            raise NopeproofError(where, "a Circuit whose weights depend on T, which is another one for each T", "Family(circuit)")
        if not isinstance(self.subject, ModelClass) and self.scope.order == "forall weights forall T":
            found = f"the order {self.scope.order!r} about one {type(self.subject).__name__}"
            raise NopeproofError(
                where, found, "'exists weights forall T': all weights are spoken of where the subject is a class of models"
            )
        if isinstance(self.subject, ModelClass) != isinstance(self.statement, Shown):
            found = f"a {type(self.statement).__name__} about a {type(self.subject).__name__}"
            raise NopeproofError(where, found, "Shown, and only Shown, about a ModelClass")
        if isinstance(self.subject, Circuit | Family):
            self._fits(self.statement.statement if isinstance(self.statement, Fails) else self.statement, where)

    def _fits(self, statement: Any, where: str) -> None:
        spoken = [
            *getattr(statement, "subspaces", ()),
            *getattr(statement, "content", ()),
            *([statement.direction] if hasattr(statement, "direction") else []),
        ]
        for part in [*spoken, *(what for _, what in getattr(statement, "reads", {}).values())]:
            if part.residual != self.circuit.residual:
                raise NopeproofError(where, f"it speaks of a coordinate of {part.residual!r}", f"one of {self.circuit.residual!r}")
        grows = isinstance(self.subject, Family) and self.subject.grows
        depth = 1 if grows else len(self.circuit.blocks)  # blocks further on are other ones in each member
        sites = [getattr(statement, n) for n in ("site", "start", "end") if hasattr(statement, n)]
        sites += [site for site, _ in getattr(statement, "reads", {}).values()]  # of a law
        least = 1 if hasattr(statement, "block") else 0  # heads stand in blocks from 1 on
        for b in [s.block for s in sites] + [getattr(statement, "block", 0)]:
            expect(b, int, f"{where}, its block", "a whole number from 1 on")
            if not (least <= b <= depth or (grows and b == LAST)):
                raise NopeproofError(where, f"it speaks of block {b}; the circuit has {depth}", "an existing block")
        if hasattr(statement, "block"):
            for number in (statement.head, getattr(statement, "other", 0)):
                expect(number, int, f"{where}, its head", "a whole number from 0 on")
            heads = len(self.circuit.blocks[statement.block - 1].heads)
            for h in (statement.head, getattr(statement, "other", 0)):
                if not 0 <= h < heads:
                    raise NopeproofError(
                        where, f"head number {h} (from 0) of block {statement.block}, which has {heads}", "an existing head"
                    )

    @property
    def weights(self) -> Circuit | Family:
        """The subject, if it has weights. Raises NopeproofError where the claim is about a class of models."""
        if isinstance(self.subject, ModelClass):
            found = f"it is about {self.subject.name!r}, a class of models without weights of its own"
            raise NopeproofError(f"the weights of the claim {self.id!r}", found, "`nopeproof verify`, or a claim about a circuit")
        return self.subject

    @property
    def circuit(self) -> Circuit:
        """The circuit, or the family's symbolic one. Raises NopeproofError where the claim is about a class of models."""
        found = self.weights
        return found.symbolic if isinstance(found, Family) else found

    @property
    def says(self) -> str:
        """The statement in words."""
        return str(self.statement)


# --- evidence and verdict --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evidence:
    """What a check found: its kind, the scope it really covers, the tool, and a witness where there is one.

    witness: JSON-able, with the word, the positions, what was expected and what is there. certificate: what a proof
    rests on, for the kernel to read again. reason: why a check could not say more. steps: what a named prover computed, in order.
    """

    kind: Kind
    scope: Scope
    tool: str
    seconds: float = 0.0
    witness: Mapping[str, Any] | None = None
    reason: str = ""
    assumes: tuple[str, ...] = ()
    certificate: Mapping[str, Any] | None = field(default=None, repr=False)
    steps: tuple[str, ...] = ()

    def as_json(self) -> dict:
        """Plain data, without the certificate."""
        out = {k: v for k, v in vars(self).items() if k not in ("certificate", "scope", "assumes", "steps")}
        return {**out, "scope": self.scope.as_json(), "assumes": list(self.assumes), "steps": list(self.steps)}


@dataclass(frozen=True)
class Verdict:
    """What is known of a claim: the strongest evidence's kind and scope, and whether the claim stands as stated."""

    claim: Claim
    kind: Kind
    scope: Scope
    stands: bool
    evidence: tuple[Evidence, ...]

    @property
    def witness(self) -> Mapping[str, Any] | None:
        """The counterexample, or for a true negative the example; None where there is none."""
        return next((e.witness for e in self.evidence if e.witness is not None), None)

    @property
    def assuming(self) -> tuple[str, ...]:
        """What the deciding evidence rests on without proving it: keys of cited theorems, and a prover that is not ours."""
        enough = next((e for e in self.evidence if e.kind == self.kind and (not self.stands or e.scope.covers(self.claim.scope))), None)
        return () if enough is None else tuple(a for a in enough.assumes if a == FOREIGN or re.fullmatch(r"[a-z]+\d{4}[a-z]?", a))

    def _repr_html_(self) -> str:
        from nopeproof import notebook

        return notebook.verdicts([self])

    def __str__(self) -> str:
        resting = f" assuming [{', '.join(self.assuming)}]" if self.assuming else ""
        return f"{self.kind}{resting}: {self.claim.says}  [{self.scope}]"


def judge(claim: Claim, evidence: Sequence[Evidence]) -> Verdict:
    """Draw the verdict. A refutation wins; otherwise the strongest evidence, and the claim stands only if it covers the scope.

    Evidence is never added up: many samples do not make a proof, and `tested` lets no claim stand.
    """
    order = sorted(evidence, key=lambda e: (not e.scope.covers(claim.scope), STRENGTH.index(e.kind) if e.kind != "refuted" else -1))
    refuted = next((e for e in order if e.kind == "refuted"), None)
    if refuted is not None:
        return Verdict(claim, "refuted", refuted.scope, False, tuple(evidence))
    enough = [e for e in order if e.scope.covers(claim.scope) and e.kind in ("proved", "certified", "exhausted")]
    if enough:
        return Verdict(claim, enough[0].kind, claim.scope, True, tuple(evidence))
    partial = min((e for e in order if e.kind != "open"), key=lambda e: STRENGTH.index(e.kind), default=None)
    kind: Kind = "open" if partial is None or partial.kind == "proved" else partial.kind
    return Verdict(claim, kind, partial.scope if partial else claim.scope, False, tuple(evidence))
