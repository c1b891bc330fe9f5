"""`nopeproof reproduce`: the main job: verify everything, check properties, train and compare small models, write the report."""

from __future__ import annotations

import ast
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nopeproof import ledger
from nopeproof.cli import _lengths, _out, _pool, _properties, _rows, _script, _targets
from nopeproof.cli.limits import CLOCKS
from nopeproof.cli.report import OUT, folders, made
from nopeproof.errors import NopeproofError
from nopeproof.library import names

if TYPE_CHECKING:
    from nopeproof.cli.train import Train

PRESET = "demo"
EXPERIMENTS = Path("experiments")


@dataclass(frozen=True)
class Reproduce:
    """The main job: verify every construction, check properties, train small models and compare them, write the report.

    It goes on where it was if it is stopped, at any moment: verdicts found for these weights by this very code are kept, as are
    trained models. Exit code 1 if a claim does not stand, a property fails or a training fails; the report is written all the same.
    """

    full: bool = False
    """Afterwards every script in experiments/ as well, each of which goes on where it was. Many hours; needs a checkout."""

    names: tuple[str, ...] = ()
    """Only these constructions. Default: all."""

    steps: int | None = None
    """Optimizer steps of the small comparison, instead of the preset's."""

    scripts: tuple[str, ...] = ()
    """With --full, only these scripts, each with options of its own: such as "mutations --limit 100"."""

    out: Path | None = None
    """The report to write. Default: runs/report.html."""

    ledger: Path | None = None
    """Where rows are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    jobs: int = 0
    """Processes at the same time. 0: one a core."""

    json: _out.Json = False

    def run(self) -> int:
        """Do all steps, saying what each shows. 0 if everything stands, else 1."""
        _out.at_least(self.jobs, 0, "--jobs")
        asked = self.chosen() if self.full or self.scripts else []
        with _out.aside() as out:
            shown = _out.console(sys.stderr if self.json else out)
            say = lambda line: shown.print(line, markup=False)  # noqa: E731
            chosen = self.names or tuple(names())
            work = Work(self.ledger, self.jobs or _pool.cores(), self.out or OUT["html"], say, chosen, self.steps, asked)
            _out.writable(work.out, "the report")  # what makes no sense is refused before the work
            work.training().grid()
            for name in self.names:
                _targets.load(name)
            steps = [verify, properties, lengths, train, compare, *([experiments] if asked else []), report]
            results = [self.step(work, n, len(steps), step) for n, step in enumerate(steps, 1)]
        good = all(r["good"] for r in results)
        if self.json:
            _out.document({"schema": 1, "good": good, "steps": results, "report": str(work.out), "versions": ledger.versions()}, out)
        else:
            shown.print(f"{'Everything stands' if good else 'Not everything stands'}. Open {work.out.absolute().as_uri()}", markup=False)
        return 0 if good else 1

    def chosen(self) -> list[tuple[Path, list[str]]]:
        """The scripts to run, with their options. Raises NopeproofError outside a checkout, and for a script there is none of."""
        there = scripts()
        if not there:
            raise NopeproofError("every experiment", f"no scripts in {EXPERIMENTS.absolute()}", "a checkout of nopeproof, at its top")
        if not self.full:
            raise NopeproofError("--scripts", "it says which of the experiments, and none were asked for", "--full beside it")
        options = {words[0]: words[1:] for words in map(shlex.split, self.scripts) if words}
        for name in options:
            if name not in there:
                raise NopeproofError(f"the script {name!r}", "there are " + ", ".join(there), "one of these")
        return [(path, options.get(name, [])) for name, path in there.items() if name in options or not options]

    def step(self, work: Work, n: int, of: int, step: Callable[[Work], dict[str, Any]]) -> dict[str, Any]:
        """One step, announced and timed."""
        start = time.perf_counter()
        work.say(f"[{n}/{of}] {(step.__doc__ or '').splitlines()[0]}")
        found = {"step": step.__name__, **step(work), "seconds": round(time.perf_counter() - start, 1)}
        work.say(f"      {found['said']} ({found['seconds']:.0f} s)")
        return found


@dataclass(frozen=True)
class Work:
    """What the steps share: the ledger asked for, how many processes, the report's file, where progress is told, and what to do."""

    asked: Path | None
    jobs: int
    out: Path
    say: Callable[[str], None]
    names: tuple[str, ...] = ()
    steps: int | None = None
    scripts: Sequence[tuple[Path, Sequence[str]]] = ()
    runs: Path = field(default=Path("runs") / "train")

    @property
    def rows(self) -> Path:
        """Where rows go."""
        return ledger.folder(self.asked)

    def training(self) -> Train:
        """The small comparison, as `nopeproof train` would be asked for it."""
        from nopeproof.cli.train import Train

        return Train(preset=PRESET, steps=self.steps, out=self.runs, ledger=self.rows)

    def bar(self, task: Callable[[Any], Any], items: Sequence[Any], what: str) -> Iterator[Any]:
        """The results of all items, with a progress bar on a terminal."""
        with _out.progress() as bars:
            bar = bars.add_task("", total=len(items))
            for found in _pool.spread(task, items, self.jobs, lambda item: bars.update(bar, description=f"{what} {item.target}")):
                bars.advance(bar)
                yield found


def verify(work: Work) -> dict[str, Any]:
    """Every claim of every construction: proved, certified, exhausted, or why not."""
    from nopeproof.cli.verify import Job, done

    known, jobs, rows = _rows.stored(ledger.read_all(work.rows)), [], []
    for name in work.names:
        construction, claims = _targets.load(name)
        stored = [known.get(_rows.fingerprint(construction, c)) for c in claims]
        fresh = [c.id for c, r in zip(claims, stored, strict=True) if r is None or r["versions"] != ledger.versions()]
        rows += [r for c, r in zip(claims, stored, strict=True) if r is not None and c.id not in fresh]
        if fresh:
            jobs.append(Job(name, tuple(fresh), work.rows))
    kept = len(rows)
    for found in work.bar(done, jobs, "verifying"):
        rows += found
    failed = [f"{r['construction']}/{r['claim']}" for r in rows if not r["data"]["stands"]]
    for name in failed:
        work.say(f"      does not stand: {name} (nopeproof verify {name})")
    said = f"{len(rows) - len(failed)} of {len(rows)} claims of {len(work.names)} constructions stand; {kept} verdicts were kept"
    return {"said": said, "good": not failed, "claims": len(rows), "kept": kept, "failed": failed}


def properties(work: Work) -> dict[str, Any]:
    """Every circuit by every route: the runs agree, and nothing looks ahead."""
    known = ledger.read_all(work.rows)
    stored = {name: _properties.kept(name, known) for name in work.names}
    jobs = [_properties.Job(name, work.rows) for name, row in stored.items() if row is None]
    rows = [r for r in stored.values() if r is not None] + list(work.bar(_properties.done, jobs, "checking"))
    failed = [f"{r['construction']}: {text}" for r in rows for text in r["data"]["failed"]]
    for text in failed:
        work.say(f"      {text}")
    checks, skipped = (sum(len(r["data"][k]) for r in rows) for k in ("checked", "skipped"))
    said = f"{checks} checks hold, {len(failed)} fail, {skipped} do not apply and say why"
    return {"said": said, "good": not failed, "checked": checks, "skipped": skipped, "failed": failed}


def lengths(work: Work) -> dict[str, Any]:
    """How far Theorem 1's clock goes in floats: certified, measured, and where 1/t and 1/(t + 1) collide."""
    known = ledger.read_all(work.rows)
    asked = [job for job in _lengths.asked(work.rows) if _targets.split(job.target)[0] in work.names]
    stored = {job: _lengths.kept(job, known) for job in asked}
    made = work.bar(_lengths.done, [job for job, rows in stored.items() if rows is None], "limits of")
    rows = [row for rows in [*filter(None, stored.values()), *made] for row in rows]
    failed = [f"{r['construction']}/{r['claim']} in {r['data']['arithmetic']}" for r in rows if r["data"]["contradictions"]]
    for text in failed:
        work.say(f"      a torch run contradicts the certificate of {text}")
    longest = max((r["data"]["certified"] or 0 for r in rows if r["data"]["arithmetic"].startswith("float32/")), default=0)
    said = f"{len(rows)} rows, {len(failed)} contradicted by a torch run; furthest in float32: T = {longest:,}"
    if not asked:
        said = f"nothing to measure: none of {', '.join(CLOCKS)} is among the constructions asked for"
    return {"said": said, "good": not failed, "rows": len(rows), "failed": failed}


def train(work: Work) -> dict[str, Any]:
    """A small comparison by gradient descent: NoPE beside T5's bias, learning to copy."""
    from nopeproof.cli.train import train as train_grid

    asked = work.training()
    found, _ = train_grid(asked.grid(), work.runs / PRESET, asked.command(), work.rows, workers=work.jobs)
    failed = [row["cell"] for row in found if row["status"] == "failed"]
    seconds = sum(row.get("cpu_seconds", 0.0) for row in found)
    said = f"{len(found) - len(failed)} of {len(found)} runs are trained, {seconds:.0f} CPU seconds in all sittings"
    return {"said": said, "good": not failed, "runs": [row["cell"] for row in found], "failed": failed}


def compare(work: Work) -> dict[str, Any]:
    """Trained beside built: each head's distance to the construction's 1/t, probes with their control, attention distance."""
    from nopeproof.cli.compare import Compare
    from nopeproof.cli.compare import compare as compare_runs

    cells = work.training().grid().cells()
    digests = {cell.digest for cell in cells}
    rows = [r for r in ledger.read_all(work.rows).of("compare") if r["versions"] == ledger.versions()]
    kept = next((r["data"] for r in reversed(rows) if {m["digest"] for m in r["data"]["models"]} == digests), None)
    found = kept or compare_runs(Compare(runs=tuple(work.runs / PRESET / cell.label for cell in cells), ledger=work.rows))
    nearest = min((m["uniform"]["nearest"] | {"name": m["name"]} for m in found["models"]), key=lambda x: x["nats"])
    said = (
        f"{len(found['models'])} models compared; nearest to the construction's head: {nearest['name']}, "
        f"layer {nearest['layer']}, head {nearest['head']}, {nearest['nats']:.4f} nats away"
    )
    return {"said": said, "good": True, "models": len(found["models"])}


def scripts() -> dict[str, Path]:
    """The experiments of a checkout by name, each after those whose rows or runs it reads."""
    found = {p.stem: p for p in sorted(EXPERIMENTS.glob("*.py")) if not p.name.startswith("_")}
    return {
        name: found[name] for name in TopologicalSorter({n: [a for a in _after(p) if a in found] for n, p in found.items()}).static_order()
    }


def _after(script: Path) -> Sequence[str]:
    """What a script's constant AFTER names; the script is not run for it."""
    for node in ast.parse(script.read_bytes()).body:
        if isinstance(node, ast.Assign) and [t.id for t in node.targets if isinstance(t, ast.Name)] == ["AFTER"]:
            return ast.literal_eval(node.value)
    return ()


def experiments(work: Work) -> dict[str, Any]:
    """The scripts in experiments/, one after the other."""
    failed = []
    for script, options in work.scripts:
        work.say(f"      {shlex.join([str(script), *options])}")
        if _script.run(script, options):
            failed.append(str(script))
            work.say(f"      {script} failed")
    return {"said": f"{len(work.scripts) - len(failed)} of {len(work.scripts)} scripts ended well", "good": not failed, "failed": failed}


def report(work: Work) -> dict[str, Any]:
    """The report, one file that needs nothing else."""
    found = ledger.read_all(folders(work.asked))
    ledger.write_atomic(work.out, made("html", found))
    return {"said": f"{work.out}, {work.out.stat().st_size // 1024} kB, from {len(found.rows)} rows", "good": True}
