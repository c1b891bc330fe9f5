"""Mutation: change one weight at a time and see whether anything notices. No refuted mutant may be accepted.

Each mutant is *refuted* (an exact run breaks a claim: the witness is kept), *satisfies* every claim still (proved again,
exhausted where the claim is bounded, or nothing that the claim reads has changed), or is *unresolved*. A mutant that the
kernel or another prover accepts and an exact run refutes is an alarm. Equivalent mutants are common and no scandal: an entry
of W_Q changes nothing while W_K = 0.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from typing import Any, Literal

from nopeproof import kernel, ledger
from nopeproof.checks import proof_of
from nopeproof.checks.enclosed import untouched
from nopeproof.checks.evaluate import Witness, trimmed
from nopeproof.checks.exhaust import VOCABULARY, exhaust, guarded, instance, look, named, words
from nopeproof.checks.mutants import Mutant, mutants
from nopeproof.checks.prove import certificate_for, prove, unit_hints
from nopeproof.checks.sample import sample
from nopeproof.circuit import Circuit, Embedding, Family, Head, Opaque
from nopeproof.claims import Claim, Fails, SameAttention, ScoreIs, Shown
from nopeproof.errors import NopeproofError
from nopeproof.residual import Vector

LIMIT, SEED = 800, 0
SECONDS = 5.0  # for a bounded claim that a mutant may still satisfy
LONG, A_LOOK = 64, 0.5  # no search of SECONDS gets through all words up to LONG: beyond it, so many seconds are a look for a witness
ALL_WORDS, CONSTANT, WORDS = 4, 9, 40  # every word up to 4 tokens (WORDS a length), constant ones up to 9
UNREAD = "nothing that the claim reads has changed"
ALIKE = -1  # the instance in which all contents are one
Status = Literal["refuted", "satisfies", "unresolved"]


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant. by: the claim an exact run refutes, or how the claims were settled. alarm: a prover accepts it."""

    mutant: Mutant
    status: Status
    by: str
    witness: Witness | None = None
    alarm: bool = False

    @property
    def brief(self) -> str:
        """One line."""
        return f"{self.mutant.name}: {self.mutant.where}: {self.mutant.change}  ({self.by})"

    def as_json(self) -> dict:
        """Plain data."""
        m = self.mutant
        at = {"subject": m.name, "where": m.where, "change": m.change}
        return {**at, "status": self.status, "by": self.by, "witness": self.witness, "alarm": self.alarm}


@dataclass(frozen=True)
class Mutation:
    """All outcomes for one construction, of `possible` mutants in all."""

    outcomes: tuple[Outcome, ...]
    possible: int
    seconds: float

    @property
    def counts(self) -> dict[str, int]:
        """{status: how many}."""
        found = Counter(o.status for o in self.outcomes)
        return {s: found[s] for s in ("refuted", "satisfies", "unresolved")}

    @property
    def alarms(self) -> tuple[Outcome, ...]:
        """Mutants that a prover accepts and an exact run refutes: a bug in one of the two."""
        return tuple(o for o in self.outcomes if o.alarm)

    def as_json(self) -> dict:
        """Plain data."""
        head = {"possible": self.possible, "tried": len(self.outcomes), **self.counts, "alarms": len(self.alarms)}
        return {**head, "seconds": round(self.seconds, 2), "mutants": [o.as_json() for o in self.outcomes]}


# --- what becomes of them --------------------------------------------------------------------------------------------------


class Judge:
    """Tries the words that have refuted other mutants first; then all short words, constant ones, and the prover."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        self.claims = [guarded(c) for c in claims if not isinstance(c.statement, Fails | Shown)]
        self.killers: dict[str, Counter] = {c.id: Counter() for c in self.claims}
        found = {c.id: prove(c) for c in self.claims}
        self.hints = {id: e.certificate["hints"] for id, e in found.items() if e.certificate is not None}
        self.beyond = {c.id for c in self.claims if c.id not in self.hints and proves(c)}
        self.read = {c.id: trimmed(c.circuit, c.statement).as_json() for c in self.claims}
        self.originals = {c.id: self.parts(c, {}) for c in self.claims}

    def __call__(self, mutant: Mutant) -> Outcome:
        """The outcome over all claims about the subject."""
        how, alarm, refuted, unsettled, memory, subject = set(), False, None, None, {}, mutant.subject
        for original in [c for c in self.claims if c.subject.name == mutant.name]:
            claim = replace(original, subject=subject)
            if original.id in self.hints and trimmed(claim.circuit, claim.statement).as_json() == self.read[original.id]:
                how.add(UNREAD)  # as it was proved of the original, and no run could tell
                continue
            accepted = self.kernel_accepts(claim, memory)
            if refuted is not None and not accepted:
                continue
            witness, reason = (None, "") if self.parts(claim, memory) == self.originals[claim.id] else self.refute(claim, accepted, memory)
            settled = "proved" if accepted else ""
            if witness is None and not accepted and unsettled is None:
                settled, witness = self.settle(claim)
            if witness is not None:
                accepted = accepted or (claim.id in self.beyond and bool(proves(claim)))
                alarm, refuted = alarm or accepted, refuted or (claim.id, witness)
            elif not settled:
                unsettled = unsettled or f"{claim.id}: {reason or 'no proof, and no counterexample found'}"
            how.add(settled)
        if refuted is not None:
            return Outcome(mutant, "refuted", refuted[0], refuted[1], alarm)
        return Outcome(mutant, "unresolved", unsettled) if unsettled else Outcome(mutant, "satisfies", ", ".join(sorted(how)))

    def kernel_accepts(self, claim: Claim, memory: dict) -> bool:
        """With the original's hints, or with the prover's own for the same case split."""
        hints = self.hints.get(claim.id)
        if hints is None:
            return False
        key = ("hints", hints["modulus"], hints["singles"])
        for fresh in (False, True) if hints["units"] else (False,):
            try:
                if fresh and key not in memory:
                    memory[key] = None  # if no hints are found, none are sought again for the next claim
                    memory[key] = unit_hints(claim, {**hints, "units": {}})
                if fresh and memory[key] is None:
                    return False
                kernel.check(certificate_for(claim, {**hints, "units": memory[key]} if fresh else hints))
            except (kernel.Reject, ValueError):
                continue
            return True
        return False

    def refute(self, claim: Claim, briefly: bool, memory: dict) -> tuple[Witness | None, str]:
        """A place where an exact run breaks the claim, and why a run could not be made. briefly: the kernel has accepted it."""
        reason, killers = "", self.killers[claim.id]
        known = [key for key, _ in killers.most_common(6)]
        for T, seed, word in [*known, *(w for w in self.words(claim, briefly) if w not in known)]:
            try:
                found, _ = look(self.part(claim, T, seed, memory), word, claim.scope, claim.statement, T)
                witness = next(found, None)
            except NopeproofError as bad:
                reason = bad.message.replace("\n", ";")
                break
            if witness is not None:
                killers[T, seed, word] += 1
                return {**witness, "T": T, "seed": seed}, ""
        return None, reason

    def parts(self, claim: Claim, memory: dict) -> list[Circuit] | None:
        """What the claim reads off the circuit, in two members and two instances. If no mutation shows here, no run will."""
        try:
            return [self.part(claim, T, seed, memory) for T in (6, 7) for seed in (0, 1)]
        except NopeproofError:
            return None

    @staticmethod
    def part(claim: Claim, T: int, seed: int, memory: dict) -> Circuit:
        """The concrete circuit, without what the claim does not read."""
        subject = claim.weights
        T = max(T, subject.T_min) if isinstance(subject, Family) else 0
        if (T, seed) not in memory:
            found = named(subject.at(T) if isinstance(subject, Family) else subject, claim.scope)
            memory[T, seed] = alike(found) if seed == ALIKE else instance(found, seed)
        if (claim.id, T, seed) not in memory:
            memory[claim.id, T, seed] = trimmed(memory[T, seed], claim.statement)
        return memory[claim.id, T, seed]

    @staticmethod
    def words(claim: Claim, briefly: bool) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        """(T, seed, word): every word up to ALL_WORDS, then longer ones of one token, in two instances; briefly, a few of them.

        A score that is a value and some function of the contents is looked at where all contents are the same, too.
        """
        circuit, low = claim.circuit, claim.weights.T_min if isinstance(claim.weights, Family) else 1
        small = named(replace(circuit, blocks=(), unembedding=None), claim.scope)
        small = small if small.embedding.other is None else instance(small)
        end = claim.scope.t_max if isinstance(claim.scope.t_max, int) else CONSTANT
        others = [t for t in small.tokens if t != circuit.bos] or list(small.tokens if claim.scope.words == "any" else ())
        seeds, first = (0,) if circuit.concrete or briefly else (0, 1), claim.scope.t_min
        contents = isinstance(claim.statement, ScoreIs) and bool(claim.statement.content) and not circuit.concrete
        for seed in (*seeds, *((ALIKE,) if contents else ())):
            for length in range(first, min(end, max(first, ALL_WORDS - (seed != 0) - briefly)) + 1):
                for _, word in zip(range(WORDS), words(small, length, claim.scope.words), strict=False):
                    yield max(length, low), seed, word
            for length in range(max(first, ALL_WORDS + 1), 1 + min(end, ALL_WORDS + 2 if briefly else CONSTANT)):
                for token in others[:2]:
                    word = [token] * length if circuit.bos is None else [circuit.bos, *[token] * (length - 1)]
                    yield max(length, low), seed, tuple(word)

    @staticmethod
    def settle(claim: Claim) -> tuple[str, Witness | None]:
        """How the claim is shown to hold of the mutant, or a longer search for a witness; ("", None) if neither."""
        if kind := proves(claim):
            return kind, None
        if untouched(claim):
            return "nothing writes there", None
        if (compared := where_keys_differ(claim)) and (kind := proves(compared)):
            return f"{kind} from t = 2 on; one key at t = 1", None
        if isinstance(claim.scope.t_max, int):
            try:
                found = exhaust(claim, SECONDS if claim.scope.t_max <= LONG else A_LOOK)
            except NopeproofError:  # a run that has no value, a norm of nothing say, settles nothing
                return "", None
            if found.kind == "exhausted" and found.scope.covers(claim.scope):
                return "exhausted", None
            if found.kind == "refuted":
                return "", dict(found.witness or {})
        found = sample(claim)
        return "", dict(found.witness or {}) if found.kind == "refuted" else None


def alike(circuit: Circuit) -> Circuit:
    """The instance in which every free weight is 1, hence all contents the same, and opaque parts write nothing."""
    tokens = dict(circuit.embedding.tokens)
    for token in VOCABULARY if circuit.embedding.other is not None else ():
        tokens.setdefault(token, circuit.embedding.other)  # type: ignore[arg-type]
    none = Head(W_Q=[0], W_K=[0], W_V=[0], W_O=[circuit.residual.zero])
    blocks = [replace(b, heads=[none if isinstance(h, Opaque) else h for h in b.heads]) for b in circuit.blocks]
    whole = replace(circuit, embedding=Embedding(tokens), blocks=blocks)
    return whole.instance(dict.fromkeys(whole.free, Fraction(1)))


def where_keys_differ(claim: Claim) -> Claim | None:
    """A claim that two heads attend alike, of the circuit in which they do not read at the query what only BOS has; None if it is another.

    At t = 1 there is one key and nothing to compare; from t = 2 on such a coordinate is 0, if nothing in front of the heads writes there.
    """
    statement, subject = claim.statement, claim.subject
    circuit = claim.circuit
    plain = circuit.mask == "causal" and circuit.bos is not None and claim.scope.words == "bos-first" and claim.scope.arithmetic == "real"
    if not isinstance(statement, SameAttention) or not plain or not isinstance(subject, Circuit | Family):
        return None
    block = circuit.blocks[statement.block - 1]
    pair = (statement.head, statement.other)
    if block.norm_attention is not None or any(isinstance(block.heads[h], Opaque) for h in pair):
        return None
    others = [v for x, v in circuit.embedding.tokens.items() if x != circuit.bos]
    others += [] if circuit.embedding.other is None else [circuit.embedding.other]
    written = {i for v in others for i in v.indices}  # type: ignore[union-attr]
    written |= {i for b in circuit.blocks[: statement.block - 1] for part in (*b.heads, *([b.mlp] if b.mlp else [])) for i in part.writes}
    drop = lambda v: Vector(v.residual, tuple((i, x) for i, x in v.entries if i in written))  # noqa: E731
    heads = [replace(h, W_Q=[drop(q) for q in h.W_Q]) if n in pair else h for n, h in enumerate(block.heads)]  # type: ignore[union-attr]
    blocks = [*circuit.blocks[: statement.block - 1], replace(block, heads=heads), *circuit.blocks[statement.block :]]
    changed = replace(circuit, blocks=blocks)
    return replace(claim, subject=replace(subject, symbolic=changed) if isinstance(subject, Family) else changed)


def proves(claim: Claim) -> str:
    """ "proved" or "certified" if the prover that looks at this claim accepts it as stated, else ""."""
    proof = proof_of(claim)
    return proof.kind if proof.kind in ("proved", "certified") and proof.scope.covers(claim.scope) else ""


def mutate(
    claims: Sequence[Claim],
    limit: int | None = LIMIT,
    *,
    known: Mapping[tuple[str, str, str], Mapping[str, Any]] | None = None,
    tell: Callable[[Outcome, int], None] = lambda outcome, total: None,
) -> Mutation:
    """The outcomes of up to `limit` mutants (None: all) of the subjects that the claims speak of.

    Weights that are not 0 come first; of the zeros an even sample fills the rest. known: outcomes of an earlier run that was cut
    short, by the mutant's key, as `Outcome.as_json` writes them. tell: called with each new outcome and the number of mutants.
    Raises NopeproofError for claims that are all of the form `Fails`, or about classes of models: no mutant can break them.
    """
    start, known = time.process_time(), known or {}
    claims = [c for c in claims if not isinstance(c.statement, Fails | Shown)]
    if not claims:
        raise NopeproofError(
            "mutants", "no claim that a changed weight could break", "a construction with a positive claim about a circuit"
        )
    chosen, possible = choose(claims, limit)
    judge = None
    outcomes = []
    for mutant in chosen:
        if mutant.key in known:
            outcomes.append(Outcome(mutant, **{k: known[mutant.key][k] for k in ("status", "by", "witness", "alarm")}))
            continue
        judge = judge or Judge(claims)
        outcomes.append(judge(mutant))
        tell(outcomes[-1], len(chosen))
    return Mutation(tuple(outcomes), possible, time.process_time() - start)


def choose(claims: Sequence[Claim], limit: int | None) -> tuple[list[Mutant], int]:
    """(the mutants to try, how many there are): the same ones every time."""
    subjects = list({c.subject.name: c.weights for c in claims}.values())
    parts = [mutants(subject) for subject in subjects]
    some, zeros = (list(chain.from_iterable(part[n] for part in parts)) for n in (0, 1)) if limit is None else ([], [])
    counts = [sum(len(part[n]) for part in parts) for n in (0, 1)]
    rng = random.Random(SEED)
    for n, target in ((0, some), (1, zeros)) if limit is not None else ():
        room = min(limit - len(some), counts[n])  # type: ignore[operator]
        picked = sorted(rng.sample(range(counts[n]), room))
        target += [_nth([part[n] for part in parts], k) for k in picked]
    return [*some, *zeros], sum(counts)


def _nth(parts: Sequence[Sequence[Mutant]], n: int) -> Mutant:
    for part in parts:
        if n < len(part):
            return part[n]
        n -= len(part)
    raise IndexError(n)


def ledger_row(construction: str, claims: Sequence[Claim], found: Mutation, command: Sequence[str] = ()) -> ledger.Row:
    """The totals as a row, with every mutant that is unresolved or an alarm."""
    sha256 = {c.subject.name: c.weights.weights_sha256 for c in claims if not isinstance(c.statement, Fails | Shown)}
    data = {k: v for k, v in found.as_json().items() if k not in ("mutants", *found.counts)}
    data |= {"counts": found.counts, "unresolved": [o.brief for o in found.outcomes if o.status == "unresolved"]}
    data |= {"alarm": [o.brief for o in found.alarms]}
    claim = claims[0].id if len(claims) == 1 else None
    return ledger.row("mutation", construction=construction, claim=claim, weights_sha256=sha256, data=data, command=command)
