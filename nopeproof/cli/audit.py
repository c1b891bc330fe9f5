"""`nopeproof audit`: what a real model's layers without position do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from nopeproof import ledger
from nopeproof.cli import _out

SEEDS = 2**32 - 1


@dataclass(frozen=True)
class Audit:
    """Audit a Hugging Face model in a local folder: which layers carry no position, and what follows.

    Reads safetensors only, runs no code from the folder, uses no network. Needs the extra nopeproof[hf]. The finding is added to the
    ledger, for `report`. Exit code 0, or 1 if the configuration and the layers' behaviour disagree.
    """

    folder: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL_DIR")]
    """A folder with config.json and *.safetensors."""

    seed: int = 0
    """Of the words run and of the untrained control."""

    ledger: Path | None = None
    """Where the finding is stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    json: _out.Json = False

    def run(self) -> int:
        """Audit, print, store."""
        _out.at_least(self.seed, 0, "--seed")
        _out.at_most(self.seed, SEEDS, "--seed")
        with _out.aside() as out, _out.progress() as bars:
            writer = ledger.Writer(ledger.folder(self.ledger), "audit")
            task = bars.add_task("", total=None)
            from nopeproof.hf.audit import audit

            found = audit(self.folder, seed=self.seed, tell=lambda what: bars.update(task, description=what))
        row = ledger.row("audit", data=found, command=["nopeproof", "audit", self.folder, "--seed", str(self.seed)])
        writer.append(row)
        if self.json:
            _out.document({"schema": 1, "audit": found, "versions": row["versions"]}, out)
        else:
            from nopeproof.report.audit import terminal

            _out.console(out).print(terminal(found))
        return 0 if all(x["agrees"] is not False for x in found["layers"]) else 1
