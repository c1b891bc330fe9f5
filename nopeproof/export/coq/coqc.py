"""Running coqc: the library is compiled once into a cache, a sealed file is accepted if its theorem needs no axiom."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nopeproof.errors import NopeproofError

FILES = ("Model", "Numbers", "Poly", "Symbolic", "Heads", "Means", "Units", "Sound")
REALS = Path(__file__).parent / "Real.v"  # for the reader; nothing rests on it
CLOSED = "Closed under the global context"
SEAL = "(* sha256 of what follows: {} *)\n"
LONGEST = 3600.0  # seconds: a claim that takes longer is not accepted


@dataclass(frozen=True)
class Checked:
    """What coqc said of one file: whether it accepts, in how many seconds, and if not, why."""

    accepted: bool
    seconds: float
    reason: str = ""


def available() -> bool:
    """Whether there is a coqc on the PATH."""
    return shutil.which("coqc") is not None


@lru_cache(maxsize=1)
def version() -> str:
    """Such as "8.16.1". Raises NopeproofError where there is none."""
    if not available():
        raise NopeproofError("checking a proof with Coq", "no coqc on the PATH", "apt-get install coq libcoq-stdlib, or opam install coq")
    said = subprocess.run(["coqc", "--print-version"], capture_output=True, text=True, check=True).stdout
    return said.split()[0]


def library() -> list[Path]:
    """The sources that every exported file rests on, in the order in which they are compiled."""
    return [Path(__file__).parent / f"{name}.v" for name in FILES]


def compiled() -> Path:
    """The folder of the compiled library, made if it is not there: one for each version of Coq and of the sources."""
    whole = hashlib.sha256(version().encode())
    for path in library():
        whole.update(path.read_bytes())
    home = _home()
    folder = home / f"coq-{whole.hexdigest()[:16]}"
    if not folder.is_dir():
        _compile(home, folder)
    return folder


@lru_cache(maxsize=1)
def _home() -> Path:
    """The user's cache; where there is none to write to, a folder of this process alone: a compiled library is believed."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nopeproof"
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="nopeproof-"))
    return home if os.access(home, os.W_OK) else Path(tempfile.mkdtemp(prefix="nopeproof-"))


def _compile(home: Path, folder: Path) -> None:
    """Compile aside and move: a killed or a second process never leaves half a library."""
    with tempfile.TemporaryDirectory(dir=home) as made:
        new = Path(made) / "new"
        new.mkdir()
        for source in library():
            shutil.copy(source, new)
            done = _coqc(new, new / source.name, LONGEST)
            if done.returncode:
                raise NopeproofError(
                    f"compiling {source.name} of the Coq library", done.stderr.strip()[-500:], "Coq 8.16, which it is tested with"
                )
        try:
            new.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise


def _coqc(where: Path, file: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["coqc", "-q", "-Q", str(where), "Nopeproof", str(file)], capture_output=True, text=True, timeout=seconds, cwd=file.parent
    )


def seal(body: str) -> str:
    """The file with the hash of its text in its first line, so that an edit is noticed before Coq is asked."""
    return SEAL.format(hashlib.sha256(body.encode()).hexdigest()) + body


def check(source: str, seconds: float = LONGEST) -> Checked:
    """Whether coqc accepts the text of an exported file, without any axiom. Raises NopeproofError where there is no coqc."""
    _, line, body = source.partition("\n")
    if not line or seal(body) != source:
        return Checked(False, 0.0, "the file was edited after it was written: its text is not what its first line says")
    where = compiled()
    start = time.perf_counter()
    try:
        done = _ask(where, source, seconds)
    except subprocess.TimeoutExpired:
        return Checked(False, time.perf_counter() - start, f"no answer within {seconds:g} s")
    return _answer(done, time.perf_counter() - start)


def run(source: str) -> str:
    """What coqc prints of a file over the library. Raises NopeproofError where there is no coqc, or it finds an error."""
    done = _ask(compiled(), source, LONGEST)
    if done.returncode:
        raise NopeproofError("a run of coqc", _error(done.stderr), "a file that Coq accepts")
    return done.stdout


def _ask(where: Path, source: str, seconds: float) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "claim.v"
        file.write_text(source, encoding="utf-8")
        return _coqc(where, file, seconds)


def _answer(done: subprocess.CompletedProcess[str], seconds: float) -> Checked:
    if done.returncode:
        return Checked(False, seconds, _error(done.stderr))
    if done.stdout.strip() != CLOSED:
        return Checked(False, seconds, f"it rests on more than Coq's logic: {done.stdout.strip()[:500]}")
    return Checked(True, seconds)


def _error(said: str) -> str:
    """The message without the place, on one line."""
    found = re.search(r"Error:\s*(.*)", said, re.DOTALL)
    return " ".join((found.group(1) if found else said).split())[:500]
