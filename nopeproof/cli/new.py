"""`nopeproof new`: a construction file to start from, which already runs, verifies, and says what is still open."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from nopeproof.cli import _out
from nopeproof.errors import NopeproofError

TEMPLATE = '''\
"""@TITLE@: one line that says what the circuit computes, and for which lengths.

Then the argument, for a reader who will not open the weights: what each head averages, what the FFN makes of it, and
what would break it. This text is what `nopeproof show @FILE@` and the report print.

`nopeproof verify @FILE@` checks the claims at the end. One is proved for every length; one is still open, and its
note says why. When all stand, put the file into constructions/, or ship it in a package of your own.
"""

from nopeproof import Block, Circuit, Claim, Embedding, Equals, Head, Holds, Residual, Scope, after_attention

# The residual stream has named rows. Nothing is ever addressed by a number.
R = Residual(one=1, bos=1, recip=1, content=2)

# One head. W_Q = 0 makes all scores equal, so it averages `bos` over the t visible positions and writes the mean, 1/t.
head = Head(W_Q=[0], W_K=[0], W_V=[R.bos], W_O=[R.recip], name="mean of bos")

# Weights are exact: integers, fractions such as "2/3", or free symbols, which stand for every value at once. `other`
# is the embedding of any further token: with free content, what is proved holds for every vocabulary.
embedding = Embedding({"<bos>": R.one + R.bos}, other=R.one + R.content.free("x"))
circuit = Circuit(R, embedding, blocks=[Block(heads=[head])], bos="<bos>", name="@NAME@")


def falls(trace):
    """A property of one run, as Python: the mean falls from each position to the next."""
    means = trace.at(after_attention(1), R.recip)
    return all(here > there for here, there in zip(means, means[1:], strict=False))


# A scope says where a claim is meant. The default: one set of weights for every length, words that start with their one
# BOS, every vocabulary, real numbers. Scope(t_max=6) is about words of at most 6 tokens, Scope(arithmetic="float16") about a dtype.
everywhere = Scope()

claims = [
    # The kernel proves this for every length. Claim "1/(t + 1)" instead, and see the smallest word that refutes it.
    Claim("recip", circuit, Equals(after_attention(1), R.recip, "1/t"), everywhere, source="this file"),
    # Python code cannot be proved, only run: all short words, then random longer ones. So this one does not stand for
    # every length. Bound its scope, Scope(t_max=6, vocabulary="given", parameters="one"), or say it in a form that can be proved.
    Claim(
        "falls",
        circuit,
        Holds("recip falls from each position to the next", falls),
        everywhere,
        source="this file",
        note="open: it follows from `recip`, but nothing here proves it for every length",
    ),
]
'''


@dataclass(frozen=True)
class New:
    """Write a construction file that already runs and verifies, with comments that teach, and says what is still open."""

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME", help="A name such as my-lemma, or the FILE.py to write.")]

    json: _out.Json = False

    def run(self) -> int:
        """Write the file and say what to do next. Never overwrites one."""
        path = target(self.name)
        alone(path)
        write(path, text(path))
        following = [f"nopeproof verify {path}", f"nopeproof show {path}", f"nopeproof report {path}"]
        if self.json:
            _out.document({"schema": 1, "file": str(path), "next": following})
        else:
            print(f"{path} is written. It runs as it is: one claim is proved, one is left open.\n\n  " + "\n  ".join(following[:2]))
        return 0


def target(name: str) -> Path:
    """The file for a name: my_lemma.py here for my-lemma; a path ending in .py is taken as it is."""
    path = Path(name) if name.endswith(".py") else Path(name.replace("-", "_") + ".py")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", path.stem) or (not name.endswith(".py") and len(path.parts) > 1):
        raise NopeproofError(f"a construction called {name!r}", "not a name", "letters, digits and dashes, such as my-lemma; or FILE.py")
    return path


def alone(path: Path) -> None:
    """Raises NopeproofError for the name of a module: Python, started in that folder, would take the new file for it."""
    found = None if path.exists() else importlib.util.find_spec(path.stem)  # one that is there is refused for that
    installed = found is not None and found.origin is not None and Path(found.origin).parent.absolute() != path.parent.absolute()
    if installed or path.stem in sys.stdlib_module_names:
        there = f"Python has a module {path.stem!r}, which the file would stand before"
        raise NopeproofError(f"a construction called {path.stem!r}", there, f"another name, such as my-{path.stem.replace('_', '-')}")


def text(path: Path) -> str:
    """The file's contents."""
    name = path.stem.replace("_", "-")
    return TEMPLATE.replace("@TITLE@", name.replace("-", " ").capitalize()).replace("@NAME@", name).replace("@FILE@", path.name)


def write(path: Path, contents: str) -> None:
    """Write a file that is not there yet. Raises NopeproofError where one is, or where none can be."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(contents)
    except FileExistsError:
        raise NopeproofError(f"a new file {path}", "it is there already, and is left as it is", "another name") from None
    except OSError as bad:
        raise NopeproofError(f"a new file {path}", bad.strerror or str(bad), "a folder that exists and that you may write to") from None
