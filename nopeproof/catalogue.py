"""Things found by name: a room of frozen dataclasses needs no registry to edit.

A *spec* is how a user writes one of them down: ``NAME`` or ``NAME:field=value,field=value``, for instance
``rotary:fraction=0.25``. The name is the class attribute ``name``; the fields are the dataclass's own.
"""

from __future__ import annotations

import ast
import dataclasses
import sys
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from nopeproof.errors import NopeproofError

T = TypeVar("T")

WORDS = {int: "a whole number", bool: "True or False", str: "a word; in quotes, if it looks like a number"}
"""What a field of each type takes in a spec."""


def by_name(base: type[T]) -> dict[str, type[T]]:
    """Every named subclass of ``base``, at any depth, in alphabetical order of its name.

    A class defined elsewhere does not take the name of one of nopeproof's: what is said of "rotary" is said of ours.
    """
    found: dict[str, type[T]] = {}
    pending = list(base.__subclasses__())
    while pending:
        cls = pending.pop()
        pending.extend(cls.__subclasses__())
        if "name" in vars(cls) and (_ours(cls) or not _ours(found.get(vars(cls)["name"]))):
            found[vars(cls)["name"]] = cls
    return dict(sorted(found.items()))


def _ours(cls: type | None) -> bool:
    return cls is not None and cls.__module__.partition(".")[0] == "nopeproof"


def build(base: type[T], spec: str, what: str) -> T:
    """Make the object a spec names; ``what`` is the word for such a thing in messages.

    Raises:
        NopeproofError: no such name, no such field, a value of another type than the field's, or one the class refuses.

    >>> from nopeproof.positions import PositionalEncoding
    >>> build(PositionalEncoding, "rotary:fraction=0.25", "positional encoding")
    Rotary(fraction=0.25, base=10000.0)
    """
    name, _, options = spec.partition(":")
    known = by_name(base)
    if name not in known:
        raise NopeproofError(f"{what} {name!r}", f"there are: {', '.join(known)}", "choose one of these")
    cls = known[name]
    types = get_type_hints(cls)
    fields = {field.name: types[field.name] for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return cls(**_options(spec, options, fields))


def require(thing: Any, **fields: tuple[bool, str]) -> None:
    """Hold a named thing's fields to their ranges: each with whether its value fits, and the words for those that do.

    Raises:
        NopeproofError: one does not fit.
    """
    for field, (fits, wanted) in fields.items():
        if not fits:
            raise NopeproofError(f"{thing.name}:{field}={getattr(thing, field)!r}", f"{field} is {wanted}", f"another {field}")


def spec_of(thing: Any) -> str:
    """The shortest spec that builds ``thing`` again: fields at their defaults are left out."""
    changed = [f"{f.name}={getattr(thing, f.name)!r}" for f in dataclasses.fields(thing) if getattr(thing, f.name) != f.default]
    return thing.name + (":" + ",".join(changed) if changed else "")


def _options(spec: str, text: str, fields: dict[str, Any]) -> dict[str, Any]:
    options = {}
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if not equals or key not in fields:
            raise NopeproofError(f"{part!r} in {spec!r}", f"its fields are: {', '.join(sorted(fields)) or 'none'}",
                                 "write NAME:field=value,field=value")  # fmt: skip
        options[key] = _value(value)
        if wanted := _misfit(options[key], fields[key]):
            raise NopeproofError(f"{key} in {spec!r}", repr(options[key]), wanted)
    return options


def _misfit(value: Any, kind: Any) -> str:
    """The words for what a field of this type takes, "" if the value is that; of types that specs do not know, the class judges."""
    if get_origin(kind) is Literal:
        return "" if value in get_args(kind) else f"one of: {', '.join(map(str, get_args(kind)))}"
    if kind is float:  # whole numbers are numbers; no float is beyond the largest, and "not a number" is not within it
        fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
        return "" if fits else "a finite number"
    return "" if kind not in WORDS or type(value) is kind else WORDS[kind]


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):  # the last two: nested too deeply
        return text  # a bare word is a string
