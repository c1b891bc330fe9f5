"""What theory says of training, written down before the runs, and held against the ledger afterwards.

A prediction names its reason and reads its outcome off ledger rows alone: it holds, it fails, or the runs it needs are not
there. A failed one is a finding, and stays in the list. Run it after `nopeproof train` and `nopeproof compare`:

    python experiments/predictions.py --ledger experiments/ledger
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro
from _crasp import MEMBERS
from _training import append_new

from nopeproof import ledger
from nopeproof.learn.summary import LEARNED, models_of

AFTER = ("sweeps",)
Outcome = tuple[Literal["holds", "fails", "no runs"], str]
NONE: Outcome = ("no runs", "")


@dataclass(frozen=True)
class Runs:
    """The newest figures in a ledger, by what predictions ask for."""

    trained: Mapping[tuple[str, str], Mapping[int, tuple[float, float]]]
    """(task, encoding) -> seed -> exact match within the lengths trained on, and beyond; models of full depth."""
    shallow: Mapping[tuple[str, str], Mapping[int, tuple[float, float]]]
    """The same of models of one layer."""
    distances: Sequence[Mapping[str, Any]]
    """Summary of the attention distances from NoPE: task, length, other, kind, mean."""
    built: Sequence[Mapping[str, Any]]
    """Models held against the construction: see `nopeproof.learn.built`."""
    leaks: Sequence[Mapping[str, Any]]
    """NoPE models that learned their task: name, task, and what `nopeproof.analysis.leak` found."""

    @staticmethod
    def of(found: ledger.Ledger) -> Runs:
        """Read the rows; the newest of each cell counts, and only finished ones."""
        deep, shallow = {}, {}
        for row in found.of("training"):
            data = row["data"]
            if data["status"] == "finished":
                config = data["config"]
                kind = shallow if config["recipe"]["layers"] == 1 else deep
                figures = {m["seed"]: (m["exact_match_in"], m["exact_match_beyond"]) for m in models_of([data])}
                kind[config["task"], config["pe"]] = figures
        compared = [r["data"] for r in found.of("compare")]
        built = {(m["task"], m["name"]): m for data in compared for run in data["built"] for m in run["models"]}
        models = {(m["digest"], m["seed"]): m for data in compared for m in data["models"] if m["learned"] and m.get("leak")}
        leaks = [{"name": m["name"], "task": m["task"], **m["leak"]} for m in models.values()]
        distances = [row for data in (*compared, *(r["data"] for r in found.of("attention-distances"))) for row in data["summary"]]
        return Runs(deep, shallow, distances, list(built.values()), leaks)

    def pairs(self, task: str, better: str, worse: str) -> list[tuple[float, float]]:
        """Exact match beyond the lengths trained on, seed by seed, of two encodings that both learned the task."""
        one, other = self.trained.get((task, better), {}), self.trained.get((task, worse), {})
        return [(one[s][1], other[s][1]) for s in sorted(set(one) & set(other)) if one[s][0] >= LEARNED and other[s][0] >= LEARNED]


@dataclass(frozen=True)
class Prediction:
    """A statement about trained models, with the reason for it and the way to read it off the runs."""

    name: str
    says: str
    because: str
    check: Callable[[Runs], Outcome]


def ahead(tasks: Sequence[str], better: str, worse: Sequence[str]) -> Callable[[Runs], Outcome]:
    """Every seed of one encoding generalises at least as well as every encoding of the others, on each of the tasks."""

    def check(runs: Runs) -> Outcome:
        found = {f"{task}: {better} against {pe}": runs.pairs(task, better, pe) for task in tasks for pe in worse}
        there = {name: pairs for name, pairs in found.items() if pairs}
        if not there:
            return NONE
        lost = [f"{name} {a:.3f} < {b:.3f}" for name, pairs in there.items() for a, b in pairs if a < b]
        count = sum(map(len, there.values()))
        return ("fails", "; ".join(lost)) if lost else ("holds", f"{count} pairs of seeds, {len(there)} comparisons")

    return check


def ceiling(task: str, limit: float) -> Callable[[Runs], Outcome]:
    """A NoPE model of one layer stays below `limit` on lengths trained on."""

    def check(runs: Runs) -> Outcome:
        found = [inside for inside, _ in runs.shallow.get((task, "nope"), {}).values()]
        if not found:
            return NONE
        return ("holds" if max(found) < limit else "fails", "exact match " + ", ".join(f"{x:.3f}" for x in found))

    return check


def beyond(task: str, pe: str, *, at_most: float | None = None, at_least: float | None = None) -> Callable[[Runs], Outcome]:
    """Exact match beyond the lengths trained on, mean over the seeds that learned the task, is within bounds."""

    def check(runs: Runs) -> Outcome:
        found = [far for inside, far in runs.trained.get((task, pe), {}).values() if inside >= LEARNED]
        if not found:
            return NONE
        mean = sum(found) / len(found)
        fine = (at_most is None or mean <= at_most) and (at_least is None or mean >= at_least)
        return ("holds" if fine else "fails", f"mean {mean:.3f} over {len(found)} seeds")

    return check


def generalises_better(better: str, worse: str) -> Callable[[Runs], Outcome]:
    """NoPE carries one task further beyond the lengths trained on than another, in every seed."""

    def check(runs: Runs) -> Outcome:
        one, other = runs.trained.get((better, "nope"), {}), runs.trained.get((worse, "nope"), {})
        seeds = [s for s in set(one) & set(other) if one[s][0] >= LEARNED and other[s][0] >= LEARNED]
        if not seeds:
            return NONE
        said = ", ".join(f"{one[s][1]:.3f} against {other[s][1]:.3f}" for s in sorted(seeds))
        return ("holds" if all(one[s][1] > other[s][1] for s in seeds) else "fails", said)

    return check


def nearest_encoding(expected: str) -> Callable[[Runs], Outcome]:
    """In every comparison with T5, ALiBi, Rotary and sinusoids this one is nearest to NoPE; with other seeds than its own, if there are."""

    def check(runs: Runs) -> Outcome:
        kinds: dict[tuple[str, int], dict[str, dict[str, float]]] = {}
        for row in runs.distances:
            if row["kind"] in ("encoding", "encoding, other seed"):
                kinds.setdefault((row["task"], row["length"]), {}).setdefault(row["kind"], {})[row["other"]] = row["mean"]
        groups = {key: found.get("encoding, other seed", found.get("encoding", {})) for key, found in kinds.items()}
        whole = {
            key: found
            for key, found in groups.items()
            if {"t5", "alibi", "ape-sinusoidal"} <= set(found) and any(pe.startswith("rotary") for pe in found)
        }
        if not whole:
            return NONE
        nearest = {key: min(found, key=lambda pe, found=found: found[pe]) for key, found in whole.items()}
        said = ", ".join(f"{task} at {n}: {pe}" for (task, n), pe in nearest.items())
        return ("holds" if set(nearest.values()) == {expected} else "fails", said)

    return check


GENERALISES = 0.9
"""Exact match at lengths up to twice those trained on from which a task counts as carried there."""


def crasp(task: str, where: str) -> Callable[[Runs], Outcome]:
    """NoPE carries a task of C-RASP, and does not carry one that is not."""

    def check(runs: Runs) -> Outcome:
        found = [far for inside, far in runs.trained.get((task, "nope"), {}).values() if inside >= LEARNED]
        if not found:
            seen = len(runs.trained.get((task, "nope"), {}))
            return ("no runs", f"{seen} seeds, none learned the task" if seen else "")
        mean = sum(found) / len(found)
        return ("holds" if (mean >= GENERALISES) == (where == "in") else "fails", f"mean {mean:.3f} over {len(found)} seeds")

    return check


def probe_horizon(runs: Runs) -> Outcome:
    """Predicted and measured horizons agree up to a factor of two, wherever the measured one is not the longest word."""
    if not runs.leaks:
        return NONE
    said = ", ".join(
        f"{m['task']} {m['name']}: {_known(m['t_max']):.1f} predicted (spread {_known(m['delta']):.3f}), "
        f"{m['horizon']} of {m['longest']} measured"
        for m in runs.leaks
    )
    fits = [_within_two(_known(m["t_max"]), m["horizon"], m["longest"]) for m in runs.leaks]
    return ("holds" if all(fits) else "fails", said)


def _known(figure: float | None) -> float:
    return float("inf") if figure is None else figure


def _within_two(predicted: float, measured: int, longest: int) -> bool:
    at_least = measured >= longest  # then any longer prediction fits as well
    return predicted >= measured / 2 and (at_least or predicted <= 2 * measured)


def of_built(task: str, says: Callable[[Mapping[str, Any]], bool], shown: Callable[[Mapping[str, Any]], str]) -> Callable[[Runs], Outcome]:
    """Something is so of every NoPE model of a task that was held against the construction and learned its task."""

    def check(runs: Runs) -> Outcome:
        models = [m for m in runs.built if m["task"] == task and m["pe"] == "nope" and m["exact_match"] >= LEARNED]
        if not models:
            return NONE
        return ("holds" if all(map(says, models)) else "fails", ", ".join(map(shown, models)))

    return check


def _cut(model: Mapping[str, Any]) -> float:
    return model["cut_bos"]["token_accuracy"]


PREDICTIONS = (
    Prediction(
        "depth-one-copy",
        "a NoPE model of one layer does not learn copy: exact match on lengths trained on stays below .5",
        "after one layer the state depends on the prefix through the counts of its symbols: words that differ in order look alike",
        ceiling("copy", 0.5),
    ),
    Prediction(
        "depth-one-sort-above-copy",
        "a NoPE model of one layer gets more words of sort right than of copy, on lengths trained on, in every seed",
        "sort asks for counts only: the ceiling is about order, not about depth as such",
        lambda runs: _shallow(runs, "sort", "copy"),
    ),
    Prediction(
        "sort-beyond-copy",
        "NoPE carries sort further beyond the lengths trained on than copy with repeats, in every seed",
        "sort is in C-RASP and needs no position; copy with repeats is not (huang2025)",
        generalises_better("sort", "copy"),
    ),
    Prediction(
        "sort-beyond-reverse",
        "NoPE carries sort further beyond the lengths trained on than reverse, in every seed",
        "the same",
        generalises_better("sort", "reverse"),
    ),
    Prediction(
        "ape-learned-zero",
        "a learned table answers nothing beyond the lengths trained on: at most .01 on copy",
        "its later rows are never trained",
        beyond("copy", "ape-learned", at_most=0.01),
    ),
    Prediction(
        "nope-ahead",
        "NoPE generalises at least as well as whole Rotary, the sinusoids and the learned table on copy and reverse, seed by seed",
        "kazemnejad2023, Fig. 2; our own small trial",
        ahead(("copy", "reverse"), "nope", ("rotary", "ape-sinusoidal", "ape-learned")),
    ),
    Prediction(
        "nope-ahead-of-alibi-and-t5",
        "NoPE generalises at least as well as ALiBi and T5 on copy and reverse, seed by seed",
        "kazemnejad2023, mean reciprocal rank; our small trial had T5 ahead on copy",
        ahead(("copy", "reverse"), "nope", ("alibi", "t5")),
    ),
    Prediction(
        "partial-rotary-ahead",
        "Rotary on a quarter of the dimensions generalises at least as well as whole Rotary on copy and reverse",
        "three quarters of its scores are NoPE's",
        ahead(("copy", "reverse"), "rotary:fraction=0.25", ("rotary",)),
    ),
    Prediction(
        "t5-nearest",
        "of all encodings T5's attention is nearest to NoPE's, in the true Jensen-Shannon distance over all pairs of heads",
        "kazemnejad2023, Fig. 4, measured there by another formula on SCAN alone",
        nearest_encoding("t5"),
    ),
    Prediction(
        "uniform-head-found",
        "every NoPE model that learned copy has a head nearer to the 1/t pattern than any head of an untrained model",
        "kazemnejad2023, Thm 1, if SGD finds what the theorem writes down",
        of_built("copy", lambda m: bool(m["near_heads"]), lambda m: f"{m['name']}: {len(m['near_heads'])} heads"),
    ),
    Prediction(
        "bos-is-needed-for-copy",
        "cutting the edges to <bos> in layer 1 brings NoPE's token accuracy on copy below .5",
        "1/t is the share of <bos> in the prefix: without it nothing tells positions apart",
        of_built("copy", lambda m: _cut(m) < 0.5, lambda m: f"{m['name']}: {_cut(m):.3f}"),
    ),
    Prediction(
        "bos-is-not-needed-for-sort",
        "the same cut leaves NoPE's token accuracy on sort above .9",
        "sort needs no position",
        of_built("sort", lambda m: _cut(m) > 0.9, lambda m: f"{m['name']}: {_cut(m):.3f}"),
    ),
    Prediction(
        "no-bos-collapse",
        "on a constant prompt without <bos>, NoPE, T5, ALiBi and Rotary answer the same at every position; a table or sinusoids do not",
        "all values of a layer are equal, so every weighting of them is; arXiv 2512.12167, Prop. 3.2",
        lambda runs: _collapse(runs),
    ),
    Prediction(
        "parity-does-not-generalise",
        "NoPE's exact match on parity beyond the lengths trained on is at chance: below .6",
        "parity is not in C-RASP (huang2025)",
        beyond("parity", "nope", at_most=0.6),
    ),
    Prediction(
        "majority-generalises",
        "NoPE's exact match on majority beyond the lengths trained on is at least .9",
        "majority is in C-RASP: one uniform head",
        beyond("majority", "nope", at_least=0.9),
    ),
    Prediction(
        "probe-horizon",
        "position can be read off a NoPE model's stream, rounded from a linear probe for 1/t, up to T = 1 + 1/(2(e^(2 delta) - 1)), "
        "within a factor of two, with delta the typical spread of the logits of its head nearest to 1/t",
        "noise of delta on the logits of a uniform head keeps 1/t decodable up to that T and no further",
        probe_horizon,
    ),
    *(
        Prediction(
            f"c-rasp-{m.task}",
            f"NoPE's exact match on {m.task} beyond the lengths trained on is {'at least' if m.where == 'in' else 'below'} {GENERALISES}",
            f"{m.where} C-RASP: {m.because}",
            crasp(m.task, m.where),
        )
        for m in MEMBERS
    ),
)  # fmt: skip


def _shallow(runs: Runs, better: str, worse: str) -> Outcome:
    one, other = runs.shallow.get((better, "nope"), {}), runs.shallow.get((worse, "nope"), {})
    seeds = sorted(set(one) & set(other))
    if not seeds:
        return NONE
    said = ", ".join(f"{one[s][0]:.3f} against {other[s][0]:.3f}" for s in seeds)
    return ("holds" if all(one[s][0] > other[s][0] for s in seeds) else "fails", said)


def _collapse(runs: Runs) -> Outcome:
    found = {(m["pe"], m["name"]): m["constant_without_bos"] for m in runs.built if "constant_without_bos" in m}
    if not found:
        return NONE
    absolute = {"ape-learned", "ape-sinusoidal"}
    wrong = [name for (pe, name), spread in found.items() if (spread > 1e-4) != (pe in absolute)]
    return ("fails", ", ".join(wrong)) if wrong else ("holds", f"{len(found)} models")


@dataclass(frozen=True)
class Options:
    """Hold every prediction against a ledger."""

    ledger: Path = Path("experiments") / "ledger"
    """The ledger to read, with the folders in it, and to write the outcomes to."""
    no_store: bool = False
    """Only print."""


def main(asked: Options) -> None:
    """Print each outcome, and store them in one row."""
    inner = sorted(path for path in asked.ledger.glob("*") if path.is_dir())  # comparisons of one preset each
    runs = Runs.of(ledger.read_all([asked.ledger, *inner]))
    rows = []
    for p in PREDICTIONS:
        outcome, figures = p.check(runs)
        rows.append({"name": p.name, "says": p.says, "because": p.because, "outcome": outcome, "figures": figures})
        print(f"{outcome:8} {p.name}: {p.says}\n         {figures or '-'}")
    if not asked.no_store:
        command = ["python", "experiments/predictions.py", "--ledger", str(asked.ledger)]
        append_new(
            ledger.Writer(asked.ledger, "predictions", own=False), ledger.row("predictions", data={"predictions": rows}, command=command)
        )


if __name__ == "__main__":
    main(tyro.cli(Options))
