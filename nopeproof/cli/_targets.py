"""The target grammar: NAME or FILE.py, with /CLAIM to pick one claim."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from typing import Annotated

import tyro

from nopeproof.claims import Claim
from nopeproof.errors import NopeproofError
from nopeproof.library import Construction, names
from nopeproof.library import load as load_construction
from nopeproof.models import ModelClass

Target = Annotated[
    str,
    tyro.conf.Positional,
    tyro.conf.arg(metavar="TARGET", help="NAME or FILE.py, with /CLAIM to pick one claim. A FILE.py is executed."),
]


def split(target: str) -> tuple[str, str | None]:
    """("mine.py", "claim") from "mine.py/claim"; the claim is None where the target names none."""
    if target.endswith(".py"):
        return target, None
    file, found, claim = target.rpartition(".py/")
    if found:
        return file + ".py", claim
    name, slash, claim = target.partition("/")
    if slash and not claim:
        raise NopeproofError(f"the target {target!r}", "nothing after the slash", "NAME/CLAIM, or NAME for all of its claims")
    return name, claim or None


def load(target: str) -> tuple[Construction, tuple[Claim, ...]]:
    """The construction a target names, and the claims it picks. Raises NopeproofError, also for a module that fails to import."""
    name, claim = split(target)
    try:
        found = load_construction(name)
    except (NopeproofError, KeyboardInterrupt):
        raise
    except Exception as bad:  # a shipped or installed module, imported by name
        raise NopeproofError(f"the construction {name!r}", f"its module raised {type(bad).__name__}: {bad}", "mend the module") from None
    return found, found.claims if claim is None else (found.claim(claim),)


def with_weights(target: str) -> tuple[Construction, tuple[Claim, ...]]:
    """As `load`, only the claims about circuits and families. Raises NopeproofError if all are about classes of models."""
    construction, claims = load(target)
    found = tuple(c for c in claims if not isinstance(c.subject, ModelClass))
    if not found:
        raise NopeproofError(
            f"the weights of {target!r}", "claims about classes of models, which have none of their own", "nopeproof verify"
        )
    return construction, found


def load_all(targets: tuple[str, ...]) -> list[tuple[Construction, tuple[Claim, ...]]]:
    """Those named, or every construction there is."""
    return [load(t) for t in targets or names()]


@contextlib.contextmanager
def blame(construction: Construction, claim: Claim) -> Iterator[None]:
    """An exception raised in the user's own file is the user's mistake: one message. Any other is ours, and passes."""
    try:
        yield
    except NopeproofError:
        raise
    except Exception as bad:
        lines = [f.lineno for f in traceback.extract_tb(bad.__traceback__) if f.filename == construction.path]
        if not lines:
            raise
        found = f"line {lines[-1]} of {construction.path} raised {type(bad).__name__}: {bad}"
        raise NopeproofError(f"the claim {claim.id!r} of {construction.name!r}", found, "a predicate that returns True or False") from None
