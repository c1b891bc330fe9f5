"""The one exception a user's mistake raises: what was asked, what is there, what to do."""

from __future__ import annotations

from typing import Any


class NopeproofError(Exception):
    """A request that cannot be met. `asked`, `found` and `todo` are full phrases, shown in that order."""

    def __init__(self, asked: str, found: str = "", todo: str = "") -> None:
        self.asked, self.found, self.todo = asked, found, todo
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The three layers, one a line; empty layers are left out."""
        lines = [self.asked]
        if self.found:
            lines.append(f"  found: {self.found}")
        if self.todo:
            lines.append(f"  try:   {self.todo}")
        return "\n".join(lines)


def expect(x: Any, kinds: Any, asked: str, todo: str) -> None:
    """Raise NopeproofError, naming what is there, unless x is of the kinds given."""
    if not isinstance(x, kinds):
        shown, name = repr(x), type(x).__name__
        found = f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}: {shown if len(shown) <= 60 else shown[:57] + '...'}"
        raise NopeproofError(asked, found, todo)
