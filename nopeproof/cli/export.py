"""`nopeproof export`: a construction for other tools: Coq, a Hugging Face model, or a safetensors file."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from nopeproof import ledger
from nopeproof.claims import Claim, Shown
from nopeproof.cli import _out, _pool, _rows, _targets
from nopeproof.errors import NopeproofError
from nopeproof.library import Construction
from nopeproof.models import ModelClass

Found = dict[str, Any]
LONGEST, POSITIONS = 12, 4096
"""Positions of the longest word that a host is tried on, unless --length says more; those it has room for."""

MEMBER = 2**16
"""The largest member T of a family: its weights, and a host's positions, are written out."""


@dataclass(frozen=True)
class Export:
    """Write claims as Coq theorems about the circuit's own weights (and check them), or the weights for other programs.

    A FILE.py is executed. Exit code 1 if Coq rejects what the kernel accepts.
    """

    targets: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="TARGET ...", help="NAME or FILE.py, with /CLAIM to pick one claim. A FILE.py is executed. Default: all."),
    ] = ()

    to: Literal["coq", "hf", "safetensors"] = "coq"
    """coq: one file a claim, and the library they rest on. hf: a model that transformers loads. safetensors: named matrices."""

    out: Path | None = None
    """The folder to write to. Default: runs/export/TO."""

    check: bool = False
    """Have coqc decide each claim, and say how long it took."""

    host: Literal["smollm3", "gpt2"] = "smollm3"
    """The model that carries the weights, with --to hf. smollm3: its norm passes them to the bit. gpt2: up to roundings in its norm."""

    dtype: str = "float32"
    """What hf and safetensors round the weights to."""

    length: int | None = None
    """Which member T of a family hf and safetensors take, 65536 at most. Default: the smallest."""

    json: _out.Json = False

    def run(self) -> int:
        """Write, check if asked, print. 0, or 1 if coqc rejects a claim."""
        with _out.aside() as out:
            where = self.out or Path("runs/export") / self.to
            if self.check and self.to != "coq":
                raise NopeproofError(f"--check with --to {self.to}", "only Coq checks what is exported", "--to coq --check")
            if self.host != "smollm3" and self.to != "hf":
                raise NopeproofError(f"--host with --to {self.to}", "only a Hugging Face model has a host", "--to hf --host " + self.host)
            if self.to == "coq" and (self.dtype != "float32" or self.length is not None):
                given = "--dtype" if self.dtype != "float32" else "--length"
                raise NopeproofError(f"{given} with --to coq", "a proof is about exact weights, at every length", "--to hf, or safetensors")
            if self.length is not None:
                _out.at_most(self.length, MEMBER, "--length")
            chosen = _targets.load_all(self.targets)
            found = list(coq(chosen, where, self.check) if self.to == "coq" else weights(self, chosen, where))
            if self.to == "coq" and not any(f["file"] for f in found):
                raise NopeproofError(
                    f"an export to Coq of {', '.join(self.targets) or 'everything'}", found[0]["reason"], "a claim with the verdict proved"
                )
            if self.json:
                _out.document({"schema": 1, "to": self.to, "exports": found, "versions": versions(self.check)}, out)
            else:
                print("\n".join(map(line, found)) + "\n" + conclusion(found, where), file=out)
        return 1 if any(f.get("accepted") is False for f in found) else 0


def versions(check: bool) -> dict[str, str]:
    """The package's versions, and Coq's if it was asked."""
    from nopeproof.export import coq

    return {**ledger.versions(), **({"coqc": coq.version()} if check else {})}


def coq(chosen: Sequence[tuple[Construction, tuple[Claim, ...]]], where: Path, check: bool) -> Iterator[Found]:
    """One entry a claim, in order: written, and what coqc says if it is asked. Raises NopeproofError if coqc is asked and missing."""
    from nopeproof.export import coq

    if check:
        coq.version()
    tag = tags(chosen)
    entries = [exported(construction, claim, where, tag(construction, claim)) for construction, claims in chosen for claim in claims]
    if any(e["file"] for e in entries):
        project(where)

    def decide(entry: Found) -> Found:
        if not (check and entry["file"]):
            return entry
        found = coq.check(Path(entry["file"]).read_text(encoding="utf-8"))
        return {**entry, "accepted": found.accepted, "seconds": round(found.seconds, 2), "reason": found.reason}

    with _out.progress() as bars, ThreadPoolExecutor(_pool.cores()) as pool:
        task = bars.add_task("", total=len(entries))
        for entry in pool.map(decide, entries):
            bars.update(task, description=f"{entry['construction']}/{entry['claim']}", advance=1)
            yield entry


def tags(chosen: Sequence[tuple[Construction, tuple[Claim, ...]]]) -> Callable[[Construction, Claim], str]:
    """What is put behind a claim's name where another's file would be called the same; "" where none would.

    All claims of the constructions count, chosen or not, so that a claim has one name whichever are exported with it.
    """
    called = lambda construction, claim: f"{coq_name(construction.name)}/{coq_name(claim.id)}"  # noqa: E731
    there = {c.path: c for c, _ in chosen}.values()
    times = Counter(called(construction, claim) for construction in there for claim in construction.claims)

    def tag(construction: Construction, claim: Claim) -> str:
        whole = f"{construction.name}/{claim.id} {_rows.fingerprint(construction, claim)}"
        return hashlib.sha256(whole.encode()).hexdigest()[:8] if times[called(construction, claim)] > 1 else ""

    return tag


def coq_name(name: str) -> str:
    """As Coq reads it, in small letters: there are file systems that tell no others."""
    from nopeproof.export import coq

    return coq.identifier(name).lower()


def exported(construction: Construction, claim: Claim, where: Path, tag: str = "") -> Found:
    """A claim's file; or no file and the reason, for one that is not in the kernel's fragment."""
    from nopeproof.export import coq

    entry: Found = {"construction": construction.name, "claim": claim.id, "file": None, "accepted": None, "seconds": None, "reason": ""}
    if isinstance(claim.subject, ModelClass) or isinstance(claim.statement, Shown):
        return {**entry, "reason": "outside fragment K: not about the weights of one circuit or family"}
    try:
        return {**entry, "file": str(coq.write(construction.name, claim, where, tag))}
    except coq.Outside as bad:
        return {**entry, "reason": bad.found}


def project(where: Path) -> None:
    """_CoqProject, for those who compile the folder themselves or read it in an editor."""
    from nopeproof.export.coq.coqc import REALS, library

    files = [f"Nopeproof/{p.name}" for p in [*library(), REALS]] + sorted(
        p.relative_to(where).as_posix() for p in where.glob("*/*.v") if p.parent.name != "Nopeproof"
    )
    ledger.write_atomic(where / "_CoqProject", ("-Q Nopeproof Nopeproof\n" + "\n".join(files) + "\n").encode())


def weights(asked: Export, chosen: Sequence[tuple[Construction, tuple[Claim, ...]]], where: Path) -> Iterator[Found]:
    """One entry a construction, or a claim's circuit if one is named: where its weights are."""
    from nopeproof.export import hf, safetensors

    for construction, claims in chosen:
        subject = claims[0].subject.name if len(claims) < len(construction.claims) else list(construction.subjects)[-1]
        circuit = construction.circuit(subject, T=asked.length)
        file = where / re.sub(r"[^\w.-]+", "-", f"{construction.name}-{subject}").strip("-")
        entry = {"construction": construction.name, "circuit": circuit.name, "weights_sha256": circuit.weights_sha256}
        if asked.to == "safetensors":
            yield {**entry, "file": str(safetensors.write(circuit, file.with_name(file.name + ".safetensors"), asked.dtype))}
            continue
        longest = asked.length or LONGEST
        written = hf.write(circuit, file, asked.dtype, longest=max(longest, POSITIONS), to=asked.host)
        about = [c for c in construction.claims if c.subject.name == subject]
        yield {**entry, "file": str(written), "host": hf.report(written, circuit, about, asked.dtype, longest)}


def line(found: Found) -> str:
    """One entry in words."""
    name = f"{found['construction']}/{found['claim'] if 'claim' in found else found['circuit']}"
    if found["file"] is None:
        return f"not exported  {name}: {found['reason']}"
    if found.get("accepted") is None:
        return "\n".join([f"written       {name}: {found['file']}", *survival(found.get("host"))])
    verdict = "accepted" if found["accepted"] else "REJECTED"
    return f"{verdict}  {found['seconds']:6.1f} s  {name}" + (f": {found['reason']}" if found["reason"] else "")


def survival(host: Found | None) -> list[str]:
    """What became of the claims in the host, a line each: errors over the words run, there and in our own run of that dtype."""
    if host is None:
        return []
    apart = f"attention differs from our own run by {host['attention_difference']:.1e} at most"
    lines = [f"  in {host['host']}, {host['dtype']}, {host['words']} words of up to {host['longest']} positions: {apart}"]
    for c in host["claims"]:
        kept = f"survives to T = {c['to']}" if c["survives"] else f"DOES NOT SURVIVE beyond T = {c['to']}, fails at T = {c['fails_at']}"
        lines.append(f"  {c['claim']} {kept}: {c['says']}; error {c['host_error']:.1e}, in our own run {c['own_error']:.1e}")
    if host["not_looked_at"]:
        lines.append(f"  not looked at, as they are not about a coordinate of the stream: {', '.join(host['not_looked_at'])}")
    return lines


def conclusion(found: Sequence[Found], where: Path) -> str:
    """How many of each, and where."""
    written = [f for f in found if f["file"]]
    decided = [f for f in written if f.get("accepted") is not None]
    said = f"; coqc accepts {sum(f['accepted'] for f in decided)} of {len(decided)}" if decided else ""
    return f"{len(written)} of {len(found)} exported to {where}{said}"
