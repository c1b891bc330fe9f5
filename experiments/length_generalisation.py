"""The tables of length generalisation: exact match by length with intervals, and mean reciprocal rank beside the published one.

    python experiments/length_generalisation.py

Reads the training rows of a ledger, writes one row. A model below the share that counts as learned enters no ranking, and is
named. The published figures are of other models, of 107 million weights, on text: beside, not against.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from _training import LEDGER, append_new, plain_start, trained

from nopeproof import ledger
from nopeproof.learn.summary import accuracy, models_of, ranking

AFTER = ("sweeps",)
PUBLISHED = {
    "source": "kazemnejad2023, Fig. 1, and the results published with it; mean of three seeds beyond the lengths trained on",
    "mean_reciprocal_rank": {"nope": 0.687, "t5": 0.549, "alibi": 0.502, "rotary:fraction=0.25": 0.330, "ape-sinusoidal": 0.215},
    "exact_match": {
        "copy": {"nope": 0.305, "t5": 0.420, "alibi": 0.331, "rotary:fraction=0.25": 0.011, "ape-sinusoidal": 0.028},
        "reverse": {"nope": 0.237, "t5": 0.249, "alibi": 0.173, "rotary:fraction=0.25": 0.083, "ape-sinusoidal": 0.020},
        "sort": {"nope": 1.0, "t5": 1.0, "alibi": 0.63, "rotary:fraction=0.25": 0.50, "ape-sinusoidal": 0.10},
    },
}
"""Its Rotary turns a quarter of the dimensions, which the paper does not say; figures for sort are read off a plot."""


@dataclass(frozen=True)
class LengthGeneralisation:
    """Tables of exact match and rank, from the training rows of models of one depth."""

    ledger: Path = LEDGER
    """The ledger to read and to add the row to."""
    layers: int = 4
    """Depth of the models."""

    def run(self) -> None:
        """Print the tables and store them."""
        cells = [data for data in trained(self.ledger, self.layers) if plain_start(data)]
        models = models_of(cells)
        data = {"accuracy": accuracy(models), "ranking": ranking(models), "published": PUBLISHED, "layers": self.layers}
        for row in data["accuracy"]:
            far = row["beyond"]
            said = f"{far['mean']:.3f} ({far['low']:.3f} to {far['high']:.3f})" if far else "not learned"
            beside = PUBLISHED["exact_match"].get(row["task"], {}).get(row["pe"])
            print(
                f"{row['task']:10} {row['pe']:22} learned {row['learned']}/{row['seeds']}  longer {said}"
                + (f"  published {beside}" if beside else "")
            )
        for row in data["ranking"]["rows"]:
            print(f"{row['name']:33} mean reciprocal rank {row['mean']:.3f} ({row['low']:.3f} to {row['high']:.3f})")
        command = ["python", "experiments/length_generalisation.py", "--layers", str(self.layers)]
        row = ledger.row("length-generalisation", data=data, command=command)
        append_new(ledger.Writer(self.ledger, "length-generalisation", own=False), row)


if __name__ == "__main__":
    tyro.cli(LengthGeneralisation).run()
