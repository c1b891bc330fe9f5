"""What users hold: `load` finds a construction by name or file, and `Construction` runs and verifies it."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from nopeproof.circuit import Circuit, Family
from nopeproof.claims import Claim, Subject, Verdict
from nopeproof.errors import NopeproofError, expect
from nopeproof.models import ModelClass
from nopeproof.positions import PositionalEncoding

GROUP = "nopeproof.constructions"
NEAREST = 6  # names that the message about an unknown one mentions
FUNCTIONS = ("predicate", "by")  # fields of statements that hold one
KINDS = ("construction", "impossibility", "characterisation", "correction")


@dataclass(frozen=True)
class Construction:
    """A construction file: circuits, families and classes of models with the claims made about them.

    kind: what the file adds to the field, one of `KINDS`; a correction is a published statement, false as printed, with the
    counterexample and the form that holds. uses: the names of the files whose results its argument rests on. grown: where
    weights differ for each T and no `Family` says how, the claim for a given T.
    """

    name: str
    doc: str
    claims: tuple[Claim, ...]
    path: str
    kind: str = "construction"
    uses: tuple[str, ...] = ()
    grown: Callable[[int], Claim] | None = None

    @property
    def title(self) -> str:
        """The first line of the file's docstring."""
        return self.doc.strip().splitlines()[0] if self.doc.strip() else self.name

    @cached_property
    def subjects(self) -> dict[str, Subject]:
        """What the claims speak of, by name, in order."""
        return {c.subject.name: c.subject for c in self.claims}

    @property
    def weights_sha256(self) -> dict[str, str]:
        """{subject name: SHA-256 of its weights, or of the definition of a class of models}."""
        return {name: s.weights_sha256 for name, s in self.subjects.items()}

    def claim(self, id: str) -> Claim:
        """The claim with that id. Raises NopeproofError naming those there are."""
        for c in self.claims:
            if c.id == id:
                return c
        raise NopeproofError(f"the claim {id!r} of {self.name!r}", "it has " + ", ".join(c.id for c in self.claims), "one of these")

    def circuit(
        self, subject: str | None = None, *, T: int | None = None, vocabulary: Sequence[str] = ("a", "b"), seed: int = 0
    ) -> Circuit:
        """A concrete circuit to run: the named subject (default the last), its family member T, open parts drawn from `seed`."""
        names = [n for n, s in self.subjects.items() if not isinstance(s, ModelClass)]
        name = subject or (names or list(self.subjects))[-1]
        found = self.subjects.get(name)
        if found is None or isinstance(found, ModelClass):
            there = "it has " + ", ".join(names) if names else "its claims are about classes of models, which have no weights"
            raise NopeproofError(f"the subject {name!r} of {self.name!r}", there, "one of these" if names else "another construction")
        if isinstance(found, Family):
            found = found.at(max(found.T_min, 1) if T is None else T)
        return found if found.concrete else found.instance(vocabulary=vocabulary, seed=seed)

    def run(self, word: Sequence[str], arithmetic: Any = "exact", *, subject: str | None = None, seed: int = 0, **options: Any) -> Any:
        """The named trace of a run (see `nopeproof.run.run`). Tokens the file leaves open are taken from the word."""
        from nopeproof.run import run

        if isinstance(word, str) or not word:
            raise NopeproofError(
                f"a run on {word!r}", "not a list of tokens" if word else "T = 0, an empty word", "such as ['<bos>', 'a', 'b']"
            )
        for token in word:
            expect(token, str, f"a token of the word {list(word)!r}", "names, as a circuit embeds them: ['<bos>', 'a', 'b']")
        if "T" in options:
            raise NopeproofError(
                f"a run in the member for T = {options['T']}", "a run of the word's own length", "run(construction.circuit(T=...), word)"
            )
        T = max(len(word), 2)
        with_weights = {n: s for n, s in self.subjects.items() if isinstance(s, Circuit | Family)}
        subject = subject or (list(with_weights) or list(self.subjects))[-1]
        found = with_weights.get(subject) or self.circuit(subject)  # the latter raises
        if arithmetic == "symbolic":
            return run(found.at(T) if isinstance(found, Family) else found, word, arithmetic, **options)
        known = found.symbolic if isinstance(found, Family) else found
        tokens = [w for w in dict.fromkeys(word) if w not in known.embedding.tokens]
        return run(self.circuit(subject, T=T, vocabulary=tokens, seed=seed), word, arithmetic, **options)

    def attention(self, word: Sequence[str], *, subject: str | None = None, seed: int = 0) -> dict[tuple[int, int], Any]:
        """Exact attention weights, {(block, head): [T][T]}."""
        trace = self.run(word, subject=subject, seed=seed)
        return {key: h.weights for key, h in trace.heads.items()}

    def verify(self, claim: str | None = None, *, deep: bool = False) -> Verdicts:
        """Verdicts on every claim, or on one. Prints as a table; in a notebook it shows as HTML."""
        from nopeproof.checks import verify

        chosen = self.claims if claim is None else (self.claim(claim),)
        found = tuple(verify(c, deep=deep) for c in chosen)
        if deep:
            from nopeproof.export import coq

            found = tuple(map(coq.second, found))
        return Verdicts(self, found)

    def _repr_html_(self) -> str:
        from nopeproof import notebook

        return notebook.construction(self)

    def __repr__(self) -> str:
        return f"Construction({self.name!r}, {len(self.claims)} claims, {', '.join(self.subjects)})"


@dataclass(frozen=True)
class Verdicts:
    """The verdicts on a construction's claims, in order."""

    construction: Construction
    verdicts: tuple[Verdict, ...]

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __getitem__(self, which: int | str) -> Verdict:
        if isinstance(which, str):
            return next(v for v in self.verdicts if v.claim.id == self.construction.claim(which).id)
        return self.verdicts[which]

    @property
    def stands(self) -> bool:
        """Whether every claim stands as stated."""
        return all(v.stands for v in self.verdicts)

    def as_json(self) -> dict:
        """The construction's entry of `verify --json`."""
        claims = [
            {
                "id": v.claim.id,
                "subject": v.claim.subject.name,
                "statement": v.claim.says,
                "scope": v.claim.scope.as_json(),
                "source": v.claim.source,
                "verdict": v.kind,
                "stands": v.stands,
                "verdict_scope": v.scope.as_json(),
                "evidence": [e.as_json() for e in v.evidence],
            }
            for v in self.verdicts
        ]
        return {
            "name": self.construction.name,
            "title": self.construction.title,
            "weights_sha256": self.construction.weights_sha256,
            "claims": claims,
        }

    def __str__(self) -> str:
        width = max(len(v.claim.id) for v in self.verdicts)
        return "\n".join(f"{v.claim.id:{width}}  {v.kind:9}  {v.claim.says}  [{v.scope}]" for v in self.verdicts)

    def _repr_html_(self) -> str:
        from nopeproof import notebook

        return notebook.verdicts(self, f"{self.construction.name}: {self.construction.title}")


def names() -> list[str]:
    """Every construction that can be loaded by name: ours, and those other packages offer through entry points."""
    return sorted(_modules())


def load(target: str | Path) -> Construction:
    """A construction by name ("absolute-position") or by file ("mine.py", which is executed).

    Raises NopeproofError for an unknown name, a missing file, or a file that does not run or makes no claim.
    """
    text = str(target)
    if text.endswith(".py"):
        return _from_module(_execute(Path(text)), Path(text).stem)
    known = _modules()
    if text not in known:
        like = text.replace("_", "-")
        near = sorted(known, key=lambda n: difflib.SequenceMatcher(None, like, n).ratio(), reverse=True)[:NEAREST]
        close = difflib.get_close_matches(like, near, 1, cutoff=0.75)
        hint = f"did you mean {close[0]}?" if close else "`nopeproof list`, or a path ending in .py"
        raise NopeproofError(f"the construction {text!r}", f"known: {', '.join(near)} and {len(known) - len(near)} more", hint)
    return _from_module(importlib.import_module(known[text]), text)


def _modules() -> dict[str, str]:
    """{name: module path}."""
    import nopeproof.constructions as ours

    found = {
        m.name.replace("_", "-"): f"nopeproof.constructions.{m.name}"
        for m in pkgutil.iter_modules(ours.__path__)
        if not m.name.startswith("_")
    }
    for entry in importlib.metadata.entry_points(group=GROUP):
        found.setdefault(entry.name, entry.value)
    return found


def _execute(path: Path) -> ModuleType:
    asked = f"the construction file {path}"
    if not path.is_file():
        raise NopeproofError(asked, "no such file" if not path.exists() else "not a file", "`nopeproof new NAME` writes one to start from")
    spec = importlib.util.spec_from_file_location(f"_nopeproof_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise NopeproofError(asked, "Python cannot load it", "a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        # the text itself: bytecode that is kept beside it goes by its time and size, and an edit may change neither
        exec(compile(path.read_bytes(), str(spec.origin), "exec"), module.__dict__)
    except NopeproofError:
        raise
    except SyntaxError as bad:
        where = f" in line {bad.lineno}" if bad.lineno else ""
        raise NopeproofError(asked, f"a syntax error{where}: {bad.msg}", "a Python file") from None
    except (Exception, SystemExit) as bad:
        line = next((f.lineno for f in reversed(traceback.extract_tb(bad.__traceback__)) if f.filename == spec.origin), None)  # absolute
        where = f"line {line} raised" if line else "it cannot be read:"
        raise NopeproofError(asked, f"{where} {type(bad).__name__}: {bad}", "a file that runs when imported") from None
    return module


def _only_our_types(claims: Sequence[Claim], asked: str) -> None:
    """Raises NopeproofError where a claim, its scope or its weights hold an object of a class that nopeproof does not define.

    A subclass may print, cover, run or write itself down otherwise than what it is taken for: what is checked would not be what is said.
    Positional encodings may be anyone's, and so may functions.
    """
    plain, seen = (str, int, bool, float, type(None), Fraction), set()
    todo: list[tuple[str, Any]] = [(f"the claim {c.id!r}", c) for c in claims]
    while todo:
        where, x = todo.pop()
        if type(x) in plain or id(x) in seen or isinstance(x, PositionalEncoding):
            continue
        seen.add(id(x))
        if isinstance(x, Mapping):
            todo += [(where, y) for pair in x.items() for y in pair]
        elif type(x) in (list, tuple, set, frozenset, range):
            todo += [(where, y) for y in x]
        elif type(x).__module__.partition(".")[0] != "nopeproof":
            raise NopeproofError(
                f"{asked}, {where}", f"an object of the class {type(x).__name__}, which is not one of nopeproof's", "its own classes"
            )
        elif dataclasses.is_dataclass(x):
            todo += [(where, getattr(x, f.name)) for f in dataclasses.fields(x) if f.name not in FUNCTIONS]


def _from_module(module: ModuleType, name: str) -> Construction:
    import nopeproof.constructions as ours

    asked = f"the construction {name!r}"
    claims = getattr(module, "claims", None)
    if not isinstance(claims, list | tuple) or not claims:
        raise NopeproofError(asked, "no `claims`" if claims is None else "an empty or unusable `claims`", "claims = [Claim(...), ...]")
    for c in claims:
        if not isinstance(c, Claim):
            raise NopeproofError(asked, f"a {type(c).__name__} among its claims", "Claim(id, subject, statement)")
    if not module.__name__.startswith(f"{ours.__name__}."):
        _only_our_types(claims, asked)
    ids = [c.id for c in claims]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise NopeproofError(asked, f"two claims called {twice[0]!r}", "ids of their own")
    kind, uses = getattr(module, "kind", "construction"), getattr(module, "uses", ())
    if kind not in KINDS:
        raise NopeproofError(f"{asked}, its kind", repr(kind), "one of " + ", ".join(KINDS))
    if isinstance(uses, str) or not all(isinstance(u, str) for u in uses):
        raise NopeproofError(f"{asked}, its uses", repr(uses), 'a list of names: uses = ["absolute-position"]')
    return Construction(name, module.__doc__ or "", tuple(claims), str(module.__file__), kind, tuple(uses), getattr(module, "grown", None))
