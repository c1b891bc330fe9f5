"""The command line. A verb is a file in this folder with a dataclass of the same name: its fields are the options, `run` the work.

Exit codes: 0 all stands as stated, 1 a claim does not, 2 misuse or an interrupted command. Only the verb asked for is
imported, and a verb imports what it needs when it runs, so that help is instant.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from nopeproof.errors import NopeproofError

ORDER = ("list", "show", "verify", "new", "train", "compare", "report", "reproduce", "doctor")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a disk without room answers, to whatever is written."""
USAGE = """usage: nopeproof VERB [OPTIONS]

What a Transformer without positional encoding (NoPE) can and cannot compute, with proofs.

verbs:
{verbs}

`nopeproof VERB --help` explains one. A target is NAME or FILE.py, with /CLAIM to pick one claim;
a FILE.py is executed. `--json` prints one JSON document on standard output and nothing else there.
Exit codes: 0 all stands as stated, 1 a claim does not, 2 misuse."""


def verbs() -> list[str]:
    """Every verb there is: the most used first, then the rest by name."""
    found = [m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")]
    return sorted(found, key=lambda v: (ORDER.index(v) if v in ORDER else len(ORDER), v))


def command(verb: str) -> type[Any]:
    """The dataclass of a verb. Raises NopeproofError for an unknown one, with the nearest."""
    known = verbs()
    if verb not in known:
        close = difflib.get_close_matches(verb, known, 1)
        raise NopeproofError(
            f"the verb {verb!r}", "there are " + ", ".join(known), f"nopeproof {close[0]}" if close else "nopeproof --help"
        )
    return getattr(import_module(f"{__name__}.{verb}"), verb.capitalize())


def usage() -> str:
    """The help of the program: the first line of each verb's docstring."""
    width = max(map(len, verbs()))
    lines = [f"  {v:{width}}  {(command(v).__doc__ or '').strip().splitlines()[0]}" for v in verbs()]
    return USAGE.format(verbs="\n".join(lines))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. A user's mistake is one message on standard error, without a traceback."""
    words = [*(sys.argv[1:] if argv is None else argv)]  # not list(): that is a verb here
    return _guarded(lambda: _dispatch(words))


def run() -> None:
    """The process `nopeproof`: ends with the exit code, quietly if nobody reads its output any more."""
    code = main()
    sys.exit(max(code, _guarded(lambda: sys.stdout.flush() or 0)))


def _unread() -> None:
    """Send what is still buffered nowhere; else the interpreter complains about the closed pipe when it exits."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage(), file=sys.stdout if words else sys.stderr)
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        from nopeproof import __version__

        print(f"nopeproof {__version__}")
        return 0
    if words[0].startswith("-"):
        raise NopeproofError(
            f"the option {words[0]!r}", "no verb before it", "nopeproof VERB [OPTIONS]; `nopeproof --help` lists the verbs"
        )
    chosen = command(words[0])
    empty = next((n for n, word in enumerate(words) if not word or (word.startswith("--") and word.endswith("="))), None)
    if empty is not None:  # a path of "" would be the current folder
        found = "it is empty: not a name, a path or a number, as where a shell's variable is not set"
        raise NopeproofError(f"the argument after `nopeproof {' '.join(words[:empty])}`", found, "a value, or the command without it")
    import tyro

    return tyro.cli(chosen, prog=f"nopeproof {words[0]}", args=words[1:], config=(tyro.conf.FlagCreatePairsOff,)).run()


def _guarded(work: Callable[[], int]) -> int:
    try:
        return work()
    except NopeproofError as bad:
        print(f"nopeproof: {bad.message}", file=sys.stderr)
    except KeyboardInterrupt:
        print("nopeproof: interrupted", file=sys.stderr)
    except BrokenPipeError:
        _unread()
        return 0
    except OSError as bad:
        if bad.errno not in FULL:
            raise
        _unread()
        print(f"nopeproof: writing {bad.filename or 'the output'}\n  found: {bad.strerror}\n  try:   free space", file=sys.stderr)
    except SystemExit as end:  # tyro's own: 0 after --help, 2 after a mistake
        return end.code if isinstance(end.code, int) else 2
    return 2
