"""What to train, as data: recipe, cell, preset. Imports no torch, so a command line can list presets at once."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nopeproof import catalogue, positions, tasks
from nopeproof.errors import NopeproofError

SCHEMA = 1  # raised whenever the same configuration would no longer train the same weights
MOST_SEED = 2**63 - 1
"""The largest seed: numpy takes any, torch 64 bits."""


@dataclass(frozen=True)
class Recipe:
    """How one model is built and trained. The defaults are the smallest that reached the trends of kazemnejad2023."""

    layers: int = 4
    """Blocks, each attention and MLP; with 2, NoPE did not learn copy."""
    d_model: int = 64
    """Width of the residual stream."""
    heads: int = 4
    """Attention heads per layer."""
    mlp: int = 4
    """Hidden width of the MLP, in units of d_model."""
    max_length: int = 64
    """Rows of a learned position table, in tokens."""
    train_length: int = 10
    """Longest length trained on; each step draws one length uniformly from 1 to this."""
    test_length: int = 20
    """Longest length tested on."""
    test_count: int = 200
    """Test examples per length."""
    steps: int = 3000
    """Optimizer steps."""
    batch: int = 16
    """Examples per step at the longest training length; shorter ones come in larger batches of equal cost."""
    batch_cap: int = 64
    """The most examples per step."""
    lr: float = 2e-3
    """Peak learning rate of AdamW, reached after the warm-up and then brought down linearly to 0."""
    warmup: float = 0.06
    """Share of the steps spent warming up."""
    betas: tuple[float, float] = (0.9, 0.98)
    """Decay of AdamW's two moments."""
    weight_decay: float = 0.05
    """AdamW's decoupled weight decay, on matrices only."""
    clip: float = 1.0
    """Largest gradient norm, of each model by itself."""
    precision: Literal["bf16", "fp32"] = "fp32"
    """Arithmetic of the matrix products in training; weights and tests are fp32. bf16 is slow where a CPU has no such units."""

    start: Literal["random", "construction"] = "random"
    """Where training starts: drawn weights, or drawn weights with the construction's head and its rows written in (`start`)."""
    disturbed: float = 0.0
    """Noise on the construction's own weights, a share of the standard deviation of drawn ones."""
    dropout: float = 0.0
    """Share of activations zeroed in training, where T5 does so; kazemnejad2023 trains with .1."""

    def __post_init__(self) -> None:
        sizes = [f.name for f in dataclasses.fields(self) if isinstance(getattr(self, f.name), int) and getattr(self, f.name) < 1]
        if sizes:
            raise NopeproofError(f"a recipe with {', '.join(sizes)} below 1", "every size counts something", "raise it")
        if self.d_model % self.heads:
            raise NopeproofError(f"d_model {self.d_model} over {self.heads} heads", "the heads do not divide it", "change either")
        if not 0 <= self.dropout < 1:
            raise NopeproofError(f"dropout of {self.dropout}", "it is the share of activations that is zeroed", "at least 0, below 1")

    def batch_at(self, length: int) -> int:
        """Examples per step at one length: about the same number of tokens at each."""
        return min(self.batch_cap, max(1, self.batch * self.train_length // (length + 1)))

    def lr_at(self, step: int) -> float:
        """Learning rate of a step counted from 0."""
        warm = max(1, round(self.warmup * self.steps))
        return self.lr * min((step + 1) / warm, (self.steps - step) / max(1, self.steps - warm))


YOUNGER: dict[str, Any] = {"start": "random", "disturbed": 0.0, "dropout": 0.0}
"""Fields of a recipe that came after its schema, with the values under which the older configurations trained."""


@dataclass(frozen=True)
class Cell:
    """One square of a grid: an encoding, a task, and the seeds trained together in one stacked model."""

    pe: str
    task: str
    seeds: tuple[int, ...]
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        # Unknown names fail here, before any training. Spelled-out defaults must not make another cell.
        object.__setattr__(self, "pe", catalogue.spec_of(positions.encoding(self.pe)))
        object.__setattr__(self, "task", catalogue.spec_of(tasks.task(self.task)))
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise NopeproofError(f"seeds {self.seeds}", "a cell needs at least one seed, each once", "list different seeds")
        if not all(0 <= seed <= MOST_SEED for seed in self.seeds):
            raise NopeproofError(f"seeds {self.seeds}", f"a seed is a whole number from 0 to {MOST_SEED}", "other seeds")

    def config(self) -> dict[str, Any]:
        """Everything that decides the result, JSON-able; fields younger than the schema only where they differ from their default."""
        found = {"schema": SCHEMA, **json.loads(json.dumps(dataclasses.asdict(self)))}
        for name, default in YOUNGER.items():
            if found["recipe"][name] == default:
                del found["recipe"][name]
        return found

    @staticmethod
    def from_config(config: dict[str, Any]) -> Cell:
        """The cell a configuration describes.

        Raises:
            NopeproofError: it was written under another schema version or with other keys.
        """
        if not isinstance(config, dict):
            raise NopeproofError("a run's config.json", f"it holds {json.dumps(config)[:40]}", "train it again")
        if config.get("schema") != SCHEMA:
            raise NopeproofError(f"a run of schema {config.get('schema')}", f"this version reads schema {SCHEMA}", "train it again")
        try:
            recipe = dict(config["recipe"])
            recipe["betas"] = tuple(recipe["betas"])
            return Cell(config["pe"], config["task"], tuple(config["seeds"]), Recipe(**recipe))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            found = f"it has missing or unknown keys, or other values than ours: {error}"
            raise NopeproofError("a run's config.json", found, "train it again") from error

    @property
    def digest(self) -> str:
        """Hash of the configuration, 12 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.config(), sort_keys=True).encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """Name of the run's folder: readable, and different whenever the configuration is."""
        readable = f"{self.task}-{self.pe}".replace(":", "_").replace("=", "").replace(",", "_").replace("'", "")
        return f"{readable}-{self.digest}"


@dataclass(frozen=True)
class Search:
    """A learning-rate search, alike for every encoding: short runs of one seed, judged on lengths trained on only."""

    lrs: tuple[float, ...] = (1e-3, 2e-3, 4e-3)
    """Peak rates tried. The one with the least cross-entropy is taken."""
    task: str = "copy"
    """What is learned in the search."""
    seed: int = 1000
    """A seed that the grid itself does not use."""
    steps: int = 500
    """Steps of each run, with the whole schedule of warm-up and decay."""

    def cells(self, pe: str, recipe: Recipe) -> tuple[Cell, ...]:
        """One cell a rate."""
        short = dataclasses.replace(recipe, steps=self.steps, test_length=recipe.train_length, test_count=100)
        return tuple(Cell(pe, self.task, (self.seed,), dataclasses.replace(short, lr=lr)) for lr in self.lrs)


@dataclass(frozen=True)
class Preset:
    """A declarative grid: every encoding on every task, all seeds of a cell stacked."""

    name: str
    summary: str
    pes: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    recipe: Recipe = field(default_factory=Recipe)
    search: Search | None = None
    """How each encoding's learning rate is found; None takes the recipe's."""
    own_lengths: bool = False
    """Train each task to its own length (`Task.trained_to`) and test to twice it, instead of the recipe's lengths."""

    def cells(self, lrs: Mapping[str, float] | None = None) -> tuple[Cell, ...]:
        """The grid's cells, task by task; ``lrs`` gives the learning rate of an encoding where it is not the recipe's."""
        found = {pe: dataclasses.replace(self.recipe, lr=(lrs or {}).get(pe, self.recipe.lr)) for pe in self.pes}
        return tuple(Cell(pe, task, self.seeds, self._of(task, found[pe])) for task, pe in itertools.product(self.tasks, self.pes))

    def _of(self, task: str, recipe: Recipe) -> Recipe:
        if not self.own_lengths:
            return recipe
        limit = tasks.task(task).trained_to
        return dataclasses.replace(recipe, train_length=limit, test_length=2 * limit)


@dataclass(frozen=True)
class Progress:
    """One message of a training in progress; ``loss`` is in nats per token, averaged over the stacked models."""

    cell: str
    state: Literal["waiting", "training", "testing", "finished", "kept", "failed"]
    step: int = 0
    steps: int = 0
    loss: float | None = None
    note: str = ""
    accuracy: tuple[tuple[int, float], ...] = ()
    """(length, exact match averaged over the stacked models) where the models were just looked at."""


Listener = Callable[[Progress], None]

BATTERY = (
    *("copy-one-symbol", "copy-one-symbol-twice", "replace", "copy", "copy-twice", "reverse", "reverse-twice", "reverse-then-copy"),
    *("addition", "polynomial", "sort", "sort-numbers", "summation", "parity", "lego", "scan", "pcfg"),
)
"""The 17 task variants of kazemnejad2023."""
FIVE = ("nope", "t5", "alibi", "rotary:fraction=0.25", "ape-sinusoidal")
"""The encodings of kazemnejad2023, whose Rotary turns a quarter of the dimensions."""
SCRATCHPADS = ("", "co", "icovr", "covr", "iovr", "icvr", "icor", "icov")
"""Its formats: none, computation and output alone, all five components, and all but one."""
SHORT = Recipe(steps=2000)
"""Two thirds of the steps: enough for copy to be learned on the lengths trained on."""

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "demo",
            "NoPE and T5 bias on copy, 2 seeds, shortened: the comparison inside `make reproduce`",
            pes=("nope", "t5"),
            tasks=("copy",),
            seeds=(0, 1),
            recipe=SHORT,
        ),
        Preset(
            "quick",
            "every encoding on copy, reverse and sort, 3 seeds, shortened, learning rates searched",
            pes=("nope", "t5", "alibi", "rotary", "rotary:fraction=0.25", "fire", "ape-sinusoidal", "ape-learned"),
            tasks=("copy", "reverse", "sort"),
            seeds=(0, 1, 2),
            recipe=SHORT,
            search=Search(),
        ),
        Preset(
            "theory",
            "NoPE where theory says what it can: parity, majority and position modulo 3, at each task's own lengths",
            pes=("nope",),
            tasks=("parity", "majority", "position-mod"),
            seeds=(0, 1, 2),
            recipe=SHORT,
            own_lengths=True,
        ),
        Preset(
            "c-rasp",
            "NoPE on further tasks that are known to be in C-RASP or not, at each task's own lengths",
            pes=("nope",),
            tasks=(
                *("count", "copy-one-symbol", "copy-one-symbol-twice", "first-token", "replace", "copy-distinct"),
                *("running-parity", "summation", "lego"),
            ),
            seeds=(0, 1, 2),
            recipe=SHORT,
            own_lengths=True,
        ),
        Preset(
            "shallow",
            "NoPE of one layer on copy and sort: the ceiling of depth one",
            pes=("nope",),
            tasks=("copy", "sort"),
            seeds=(0, 1, 2),
            recipe=dataclasses.replace(SHORT, layers=1, steps=1000),
        ),
        Preset(
            "scan-small",
            "the encodings of kazemnejad2023 on SCAN, its task for attention distances, to 12 actions and tested to 24, 3 seeds",
            pes=FIVE,
            tasks=("scan",),
            seeds=(0, 1, 2),
            recipe=dataclasses.replace(SHORT, train_length=12, test_length=24, test_count=100),
            search=Search(task="scan"),
        ),
        Preset(
            "scratchpad",
            "NoPE and T5 bias on addition with each scratchpad of kazemnejad2023, to 4 digits and tested to 8, 3 seeds",
            pes=("nope", "t5"),
            tasks=tuple("addition" + (f":scratchpad={parts}" if parts else "") for parts in SCRATCHPADS),
            seeds=(0, 1, 2),
            recipe=dataclasses.replace(SHORT, train_length=4, test_length=8, test_count=100, batch=8, max_length=512),
        ),
        Preset(
            "paper-small",
            "every encoding on the battery's 17 variants at their own lengths, 3 seeds, learning rates searched",
            pes=("nope", "t5", "alibi", "rotary", "rotary:fraction=0.25", "fire", "ape-sinusoidal", "ape-learned"),
            tasks=BATTERY,
            seeds=(0, 1, 2),
            recipe=Recipe(max_length=256),
            search=Search(),
            own_lengths=True,
        ),
        Preset(
            "gpu",
            "the battery at the published size: 12 layers, d_model 768, lengths to 40, dropout, bf16",
            pes=("nope", "t5", "alibi", "rotary", "rotary:fraction=0.25", "fire", "ape-sinusoidal", "ape-learned"),
            tasks=BATTERY,
            seeds=(256788, 234054, 146317),
            recipe=Recipe(
                layers=12,
                d_model=768,
                heads=12,
                max_length=1024,
                train_length=20,
                test_length=40,
                steps=40_000,
                batch=64,
                batch_cap=256,
                lr=3e-5,
                betas=(0.9, 0.999),
                precision="bf16",
                dropout=0.1,
            ),
            search=Search(lrs=(1e-5, 3e-5, 1e-4), steps=2000),
        ),
    )
}
