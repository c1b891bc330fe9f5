"""Where a claim is meant, or evidence holds: the order of the quantifiers, lengths, words, vocabulary and arithmetic as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from nopeproof.errors import NopeproofError

Order = Literal["exists weights forall T", "forall T exists weights", "forall weights forall T"]
Words = Literal["bos-first", "any"]
Vocabulary = Literal["every", "given"]
Parameters = Literal["all", "one"]
ORDERS: dict[Order, str] = {
    "exists weights forall T": "\u2203w \u2200T",
    "forall T exists weights": "\u2200T \u2203w",
    "forall weights forall T": "\u2200w \u2200T",
}


@dataclass(frozen=True)
class Scope:
    """Where a claim is meant, or evidence holds. t_max: None for every length, "T" for the family's own T, or a number.

    t_min, t_max: the lengths of words, at every position of which a statement speaks; so in a word of 5 it speaks of t = 1 too.
    words: "bos-first" is one BOS, at t = 1; "any" every word. vocabulary: "every" or "given". parameters: "all" values
    of the free symbols and Opaque parts, or "one" instance of them.
    """

    order: Order = "exists weights forall T"
    t_min: int = 1
    t_max: int | Literal["T"] | None = None
    words: Words = "bos-first"
    vocabulary: Vocabulary = "every"
    arithmetic: str = "real"
    parameters: Parameters = "all"

    def __post_init__(self) -> None:
        for name, options in (("order", Order), ("words", Words), ("vocabulary", Vocabulary), ("parameters", Parameters)):
            if getattr(self, name) not in get_args(options):
                known = ", ".join(map(repr, get_args(options)))
                raise NopeproofError(f"the {name} of a scope", repr(getattr(self, name)), f"one of {known}")
        if type(self.t_min) is not int or not (self.t_max in (None, "T") or type(self.t_max) is int):
            raise NopeproofError("a scope", f"lengths {self.t_min!r} to {self.t_max!r}", 'whole numbers; t_max may be None, or "T"')
        bad = self.t_min < 1 or (isinstance(self.t_max, int) and self.t_max < self.t_min)
        if bad:
            raise NopeproofError("a scope", f"lengths {self.t_min} to {self.t_max}", "1 <= t_min <= t_max")
        uniform = self.order != "forall T exists weights"
        if self.t_max == ("T" if uniform else None):
            todo = "t_max=None, or a number" if uniform else 't_max="T": each member speaks of t <= T'
            raise NopeproofError(f"a scope with the order {self.order!r}", f"t_max={self.t_max!r}", todo)

    def covers(self, claim: Scope) -> bool:
        """Whether evidence with this scope is enough for a claim with that one."""
        if self.order == claim.order == "forall T exists weights":  # both speak of t <= T in the member for T
            lengths = self.t_max == claim.t_max or self.t_max in (None, "T")
        else:
            lengths = self.t_max is None or (isinstance(self.t_max, int) and isinstance(claim.t_max, int) and self.t_max >= claim.t_max)
        return (
            (self.order == claim.order or (self.order, claim.order) == ("exists weights forall T", "forall T exists weights"))
            and self.t_min <= claim.t_min
            and lengths
            and (self.words == claim.words or self.words == "any")
            and (self.vocabulary == claim.vocabulary or self.vocabulary == "every")
            and (self.parameters == claim.parameters or self.parameters == "all")
            and self.arithmetic == claim.arithmetic
        )

    def __str__(self) -> str:
        parts = [ORDERS[self.order], self._lengths()]
        parts.append({"bos-first": "words starting with their one BOS", "any": "every word"}[self.words])
        parts.append({"every": "every vocabulary", "given": "this vocabulary"}[self.vocabulary])
        if self.parameters == "one":
            parts.append("one choice of the free weights")
        if self.arithmetic != "real":
            parts.append(self.arithmetic)
        return "; ".join(parts)

    def _lengths(self) -> str:
        if self.t_max == "T":
            return "every t <= T" + (f", words of at least {self.t_min}" if self.t_min > 1 else "")
        if self.t_max is None:
            return "every T" + (f" >= {self.t_min}" if self.t_min > 1 else "")
        return f"T = {self.t_max}" if self.t_min == self.t_max > 1 else f"{self.t_min} <= " * (self.t_min > 1) + f"T <= {self.t_max}"

    def as_json(self) -> dict:
        """Plain data."""
        return dict(vars(self))
