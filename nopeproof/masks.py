"""Which keys a query sees, as data: the causal mask, the strict one, none at all, and a sliding window with sinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nopeproof.errors import NopeproofError

NAMES = ("causal", "strict", "none")


@dataclass(frozen=True)
class Window:
    """A causal mask that forgets: position t sees its last `size` positions, t - size < i <= t, and the first `sinks`, i <= sinks.

    It is also what a KV cache of `size` entries computes that evicts the oldest key, and keeps `sinks` of them for ever. Raises
    NopeproofError unless size >= 1 and sinks >= 0.
    """

    size: int
    sinks: int = 0

    def __post_init__(self) -> None:
        for name, least in (("size", 1), ("sinks", 0)):
            x = getattr(self, name)
            if isinstance(x, bool) or not isinstance(x, int) or x < least:
                raise NopeproofError(f"a window's {name}", repr(x), f"a whole number of at least {least}")

    def __str__(self) -> str:
        return f"window {self.size}" + (f" + {self.sinks} sinks" if self.sinks else "")


Mask = Literal["causal", "strict", "none"] | Window


def check_mask(mask: object) -> None:
    """Raise NopeproofError for anything but a name of `NAMES` or a Window."""
    if not isinstance(mask, Window) and mask not in NAMES:
        raise NopeproofError("the mask", repr(mask), "one of " + ", ".join(map(repr, NAMES)) + ", or Window(size)")


def visible(mask: Mask, t: int, T: int) -> Sequence[int]:
    """The keys that the query at t sees in a word of T positions, in order; t and the keys counted from 0.

    >>> list(visible("causal", 2, 4)), list(visible(Window(2, sinks=1), 3, 4))
    ([0, 1, 2], [0, 2, 3])
    """
    if isinstance(mask, Window):
        recent = range(max(t + 1 - mask.size, 0), t + 1)
        return [*range(min(mask.sinks, recent.start)), *recent]
    return {"causal": range(t + 1), "strict": range(t), "none": range(T)}[mask]
