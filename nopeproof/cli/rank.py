"""`nopeproof rank`: the least head dimension that expresses a relative bias, for a named family or a table of your own."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import tyro

from nopeproof.errors import NopeproofError

DEFAULT_LENGTHS = (16, 64, 256, 1024)
WOERDEMAN_LONGEST = 64
DEGREE = 64
"""Of a polynomial: its numbers grow with it, and twice this takes minutes."""


@dataclass(frozen=True)
class Rank:
    """The least d_head with <q_t, k_i> = f(t - i) + g(t), exactly, and the length at which a given d_head is not enough."""

    bias: Annotated[str, tyro.conf.Positional]
    """A family, such as alibi, t5 or polynomial:degree=3, or a file .json or .csv with f(0), f(1), ..."""

    T: tuple[int, ...] = ()
    """Lengths to answer for. Default: 16 64 256 1024, or the whole table of a file."""

    d_head: int | None = None
    """Also the least length whose bias no head of this dimension expresses."""

    woerdeman: bool = False
    """Compute each rank up to T = 64 a second time, by Woerdeman's formula (which assumes his theorem)."""

    json: bool = False
    """One JSON document on standard output and nothing else."""

    def run(self) -> int:
        """Print the answer. 0, or 1 if the two computations disagree."""
        found = answer(self)
        print(json.dumps(found, indent=2) if self.json else shown(found))
        return 0 if all(row.get("woerdeman", row["rank"]) == row["rank"] for row in found["ranks"]) else 1


def answer(asked: Rank) -> dict[str, Any]:
    """The JSON document. Raises NopeproofError for an unknown family, an unreadable table, or a length it does not have."""
    from nopeproof.theory import biases, ranks

    own = read_table(Path(asked.bias)) if asked.bias.endswith((".json", ".csv")) else None
    lengths = asked.T or (DEFAULT_LENGTHS if own is None else (len(own),))
    family = None if own is not None else biases.bias(asked.bias)
    degree = getattr(family, "degree", 0)
    if degree > DEGREE:
        raise NopeproofError(f"the rank of {asked.bias}", f"numbers of {degree} times the digits: the most is {DEGREE}", "a smaller degree")

    def table(T: int) -> list[Fraction]:
        return family.table(T) if family is not None else own[:T]  # type: ignore[index]

    longest = 4096 if own is None else len(own)
    bad = next((T for T in lengths if not 1 <= T <= longest), None)
    if bad is not None:
        raise NopeproofError(f"the rank at T = {bad}", f"{asked.bias} has lengths 1 to {longest}", "one of these")
    rows = []
    for T in lengths:
        row: dict[str, Any] = {"T": T, "rank": ranks.relative_bias_rank(table(T)), "verdict": "proved"}
        if asked.woerdeman and T <= WOERDEMAN_LONGEST:
            row["woerdeman"] = ranks.woerdeman_rank(table(T))
            row["woerdeman_verdict"] = "proved assuming [woerdeman1989]"
        rows.append(row)
    found: dict[str, Any] = {"schema": 1, "bias": asked.bias, "ranks": rows}
    if asked.d_head is not None:
        if asked.d_head < 0:
            raise NopeproofError(f"d_head = {asked.d_head}", "a negative dimension", "0 or more")
        beyond = biases.first_length_beyond(table, asked.d_head, longest)
        found["d_head"] = {"d_head": asked.d_head, "first_length_beyond": beyond, "looked_up_to": longest}
        if isinstance(family, biases.T5Bias):
            every = biases.t5_every_table_beyond(asked.d_head, family.buckets, family.max_distance)
            found["d_head"]["every_table_whose_last_two_buckets_differ"] = every
    return found


def shown(found: dict[str, Any]) -> str:
    """The answer for a terminal."""
    lines = [f"{found['bias']}: least d_head for f(t - i) + g(t) on T positions"]
    for row in found["ranks"]:
        more = f"   by Woerdeman's formula {row['woerdeman']}, {row['woerdeman_verdict']}" if "woerdeman" in row else ""
        lines.append(f"  T = {row['T']:>5}   d_head = {row['rank']:>5}   {row['verdict']}{more}")
    if "d_head" in found:
        d = found["d_head"]
        end = (
            f"up to T = {d['looked_up_to']} it is enough"
            if d["first_length_beyond"] is None
            else f"not enough from T = {d['first_length_beyond']} on"
        )
        lines.append(f"  d_head = {d['d_head']}: {end}")
        if "every_table_whose_last_two_buckets_differ" in d:
            lines.append(
                f"  for every table whose last two buckets differ: not enough from T = {d['every_table_whose_last_two_buckets_differ']} on"
            )
    return "\n".join(lines)


def read_table(path: Path) -> list[Fraction]:
    """f(0), f(1), ... from a JSON list or a CSV file, decimals taken exactly. Raises NopeproofError for anything else."""
    asked = f"the bias table {path}"
    if not path.is_file():
        raise NopeproofError(asked, "no such file", "a .json list or a .csv file of numbers, or a family such as alibi")
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            data = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
            cells = data if isinstance(data, list) else None
        else:
            cells = [c.strip() for row in csv.reader(text.splitlines()) for c in row if c.strip()]
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as bad:
        raise NopeproofError(asked, f"not readable: {bad}", "a .json list or a .csv file of numbers") from None
    if not cells:
        raise NopeproofError(asked, "no list of numbers in it", "[0, -1, -2] or one number a line")
    out = []
    for d, cell in enumerate(cells):
        try:
            if not isinstance(cell, str) or len(cell) > 100 or "e" in cell.lower():  # 1e999999999 is a short way to fill a memory
                raise ValueError
            out.append(Fraction(cell))
        except (ValueError, ZeroDivisionError):
            raise NopeproofError(asked, f"f({d}) = {str(cell)[:40]!r}", "plain numbers such as -1, 0.25 or 1/3") from None
    return out
