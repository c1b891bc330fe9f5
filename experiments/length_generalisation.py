"""The tables of length generalisation, from training rows alone: `nopeproof compare --rows` on the ledger of the experiments.

    python experiments/length_generalisation.py

Exact match, token accuracy, cross-entropy and margin by length, the order of the encodings, and the figures of kazemnejad2023 beside
them. One row for each recipe that cells were trained with, if it says anything new.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from _training import LEDGER, trained

from nopeproof.cli import _out
from nopeproof.cli.compare import Compare, generalisation

AFTER = ("sweeps",)


@dataclass(frozen=True)
class LengthGeneralisation:
    """Print the tables and store them."""

    ledger: Path = LEDGER
    """The ledger to read and to add rows to."""

    def run(self) -> None:
        """Raises NopeproofError where nothing is trained."""
        trained(self.ledger)
        asked = Compare(rows=True, ledger=self.ledger)
        asked.show(generalisation(asked), {}, _out.console())


if __name__ == "__main__":
    tyro.cli(LengthGeneralisation).run()
