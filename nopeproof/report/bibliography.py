"""The sources: entries of `paper/refs.bib` by key, whole and unread, for citations and for other people's papers."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path

KEY = re.compile(r"\b([a-z]+\d{4}[a-z]?)\b")
OWN = """@software{nopeproof,
  title   = {nopeproof: what a {Transformer} without positional encoding represents, with proofs},
  version = {VERSION}
}"""


def keys(source: str) -> list[str]:
    """The keys in a claim's source, in order.

    >>> keys("chiang2022, FIRST; kazemnejad2023, Thm 1")
    ['chiang2022', 'kazemnejad2023']
    """
    return list(dict.fromkeys(KEY.findall(source)))


def folder() -> Path | None:
    """Where refs.bib and main.typ are: inside an installed package, or in a checkout beside it. None where they did not come along."""
    package = Path(str(resources.files("nopeproof")))
    return next((f for f in (package / "paper", package.parent / "paper") if (f / "refs.bib").is_file()), None)


@cache
def entries() -> dict[str, str]:
    """{key: its BibTeX entry}; none where the file did not come along."""
    where = folder()
    text = "" if where is None else (where / "refs.bib").read_text(encoding="utf-8")
    starts = [(m.start(), m.group(1)) for m in re.finditer(r"^@\w+\{([^,\s]+),", text, re.MULTILINE)]
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return {key: text[start:end].strip() for (start, key), end in zip(starts, ends, strict=True)}


def cited(key: str) -> str:
    """An entry as one line of plain text: authors, title, year. The key itself where there is no entry."""
    entry = entries().get(key, "")
    found = re.findall(r"^\s*(\w+)\s*=\s*\{(.*)\},?$", entry, re.MULTILINE)
    fields = {name: re.sub(r"\\[^a-zA-Z]|\\|[{}]", "", value) for name, value in found}
    fields["author"] = fields.get("author", "").replace(" and ", ", ")
    return ". ".join(fields[f] for f in ("author", "title", "year") if fields.get(f)) or key
