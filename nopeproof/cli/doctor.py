"""`nopeproof doctor`: what this machine offers: versions, threads, dtypes, the facts certificates rest on, extras, tools, the ledger."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from nopeproof import ledger
from nopeproof.cli import _out, _pool
from nopeproof.errors import NopeproofError

EXTRAS = {"hf": "transformers", "paper": "typst", "smt": "z3", "slurm": "submitit", "ray": "ray", "test": "pytest"}
"""Optional groups of dependencies, and a module that tells whether one is installed."""
DTYPES = ("float64", "float32", "bfloat16", "float16", "float8_e4m3fn", "float8_e5m2")
PROBED = ("float64", "float32", "bfloat16", "float16")
State = Literal["fine", "absent", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what is there, and whether it is fine, absent (something optional) or wrong."""

    about: str
    found: str
    state: State = "fine"


@dataclass(frozen=True)
class Doctor:
    """Versions, threads, dtypes torch has here, the platform facts that certificates rest on, optional extras, the ledger folder."""

    ledger: Path | None = None
    """The ledger folder to look at. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    json: _out.Json = False

    def run(self) -> int:
        """Print the findings. 0, or 1 if something is wrong; what is absent but optional is not."""
        with _out.aside() as out:
            found = list(findings(ledger.folder(self.ledger)))
        if self.json:
            _out.document({"schema": 1, "findings": [asdict(f) for f in found], "versions": ledger.versions()}, out)
        else:
            from nopeproof.report import terminal

            _out.console(out).print(terminal.findings([asdict(f) for f in found]))
        return 1 if any(f.state == "wrong" for f in found) else 0


def findings(where: Path) -> Iterator[Finding]:
    """All of them, the machine first."""
    import torch

    yield Finding("machine", f"{platform.system()} {platform.machine()}, {_pool.cores()} cores to use")
    for tool, version in ledger.versions().items():
        yield Finding(tool, version, "wrong" if version == "not installed" else "fine")
    yield Finding("threads", f"torch uses {torch.get_num_threads()}; OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}")
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    yield Finding("GPU", cuda or "none: everything runs on the CPU", "fine" if cuda else "absent")
    yield from dtypes()
    yield from _probes()
    for extra, module in EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        yield Finding(f"extra [{extra}]", f"{module} is {'there' if there else 'not installed'}", "fine" if there else "absent")
    yield _coq()
    yield _writable(where)


def dtypes() -> Iterator[Finding]:
    """Which dtypes this build of torch can hold and, beyond holding them, add up."""
    import torch

    for name in DTYPES:
        try:
            ones = torch.ones(3).to(getattr(torch, name))
        except (AttributeError, RuntimeError, TypeError) as bad:
            yield Finding(name, f"torch does not have it here: {str(bad).splitlines()[0]}", "absent")
            continue
        try:
            (ones + ones).sum()
            yield Finding(name, "held and added")
        except (RuntimeError, NotImplementedError):
            yield Finding(name, "held and cast; torch cannot add it here", "absent")


def _probes() -> Iterator[Finding]:
    """What float certificates assume of this platform, measured. A refuted fact shrinks certificates, it does not falsify them."""
    from nopeproof.checks.certify import arithmetic
    from nopeproof.checks.probe import facts

    for dtype in PROBED:
        known = facts(arithmetic(dtype))
        yield Finding(f"{dtype} facts", "; ".join(known.failed or map(str, known.probes)), "absent" if known.failed else "fine")


def _coq() -> Finding:
    coqc = shutil.which("coqc")
    if coqc is None:
        return Finding("coqc", "not on the PATH: proofs are checked by our own kernel alone", "absent")
    try:
        said = subprocess.run([coqc, "--print-version"], capture_output=True, text=True, timeout=20, check=True).stdout.split()
    except (OSError, subprocess.SubprocessError) as bad:
        return Finding("coqc", f"{coqc} does not run: {bad}", "wrong")
    return Finding("coqc", f"{said[0] if said else 'of unknown version'} at {coqc}")


def _writable(where: Path) -> Finding:
    known: list[dict[str, Any]] = []
    try:
        ledger.Writer(where, "doctor")
        found = ledger.read_all(where)
        known += found.rows
    except NopeproofError as bad:
        return Finding("ledger", bad.message.replace("\n", ";"), "wrong")
    torn = f"; {len(found.torn)} files end in a row cut short by a kill, which is left out" if found.torn else ""
    return Finding("ledger", f"{where} can be written; it holds {len(known)} rows{torn}")
