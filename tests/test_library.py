"""A file that lies: what is printed under the name of one of our tools is what that tool has checked."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from nopeproof import library
from nopeproof.checks import _called, proof_of, verify
from nopeproof.claims import Evidence
from nopeproof.errors import NopeproofError
from nopeproof.models import ModelClass
from nopeproof.positions import PositionalEncoding, encoding

HEAD = '''"""A file of a user's own."""
from dataclasses import dataclass, replace
from functools import partial
from nopeproof import library
from nopeproof.circuit import Circuit, Family, Head
from nopeproof.claims import Claim, Equals, Evidence, Fails, Holds, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.positions import PositionalEncoding

true = library.load("absolute-position").claim("basis")
family = true.subject.symbolic
EVERY = Scope(order="forall weights forall T", words="any")
'''
LIES = {
    "a statement that reads otherwise": """
class Mine(Equals):
    def __str__(self): return "P = NP"
claims = [replace(true, statement=Mine(true.statement.site, true.statement.direction, true.statement.value))]""",
    "the same inside Fails": """
class Mine(Equals):
    def __str__(self): return "P = NP"
claims = [replace(true, statement=Fails(Mine(true.statement.site, true.statement.direction, true.statement.value)))]""",
    "a scope that covers all": """
class Lax(Scope):
    def covers(self, other): return True
claims = [replace(true, statement=Holds("P = NP", bool), scope=Lax(order="forall T exists weights", t_max="T"))]""",
    "a family with other members": """
@dataclass(frozen=True)
class Mine(Family):
    def at(self, T): return Family.at(self, min(T, 40))
claims = [replace(true, subject=Mine(family))]""",
    "a head that writes itself down otherwise": """
class Mine(Head):
    def as_json(self): return {"opaque": [0]}
head = family.blocks[0].heads[0]
block = replace(family.blocks[0], heads=[Mine(head.W_Q, head.W_K, head.W_V, head.W_O)])
claims = [replace(true, subject=Family(replace(family, blocks=[block])))]""",
    "a mask that calls itself causal": """
class Mine(str):
    def __str__(self): return "causal"
claims = [replace(true, subject=Family(replace(family, mask=Mine("none"))))]""",
    "a claim with another judge of its scope": """
class Mine(Claim):
    says = "P = NP"
claims = [Mine(true.id, true.subject, true.statement, true.scope)]""",
}


@pytest.mark.parametrize("name", LIES)
def test_a_subclass_of_what_is_checked_is_refused(name, tmp_path):
    (tmp_path / "lie.py").write_text(HEAD + LIES[name])
    with pytest.raises(NopeproofError, match="not one of nopeproof's"):
        library.load(tmp_path / "lie.py")


def test_functions_encodings_and_everything_plain_may_be_ones_own(tmp_path):
    (tmp_path / "mine.py").write_text(
        HEAD
        + """
@dataclass(frozen=True)
class Mine(PositionalEncoding): pass
def sharp(trace, least): return trace.T >= least
where = replace(family, positions=Mine())
long = Holds("at least one token", partial(sharp, least=1))
claims = [replace(true, id="h", statement=long), replace(true, id="e", subject=Family(where)), replace(true, statement=Holds("-", bool))]
"""
    )
    assert [c.id for c in library.load(tmp_path / "mine.py").claims] == ["h", "e", "basis"]


@pytest.mark.parametrize(
    "by", ["lambda c, deep: [Evidence('proved', c.scope, 'kernel')]", "partial(lambda c, deep: [Evidence('proved', c.scope, 'kernel')])"]
)
def test_a_prover_that_is_not_ours_is_called_so(by, tmp_path):
    (tmp_path / "mine.py").write_text(HEAD + f"claims = [Claim('mine', ModelClass('all'), Shown('P = NP', {by}), EVERY)]")
    verdict = verify(library.load(tmp_path / "mine.py").claim("mine"))
    assert verdict.assuming == ("a prover that is not nopeproof's",) and "assuming [a prover" in str(verdict)
    assert all(e.tool.startswith("a prover that is not nopeproof's: ") for e in verdict.evidence)


NAMED = ["Holds('P = NP', bool, lambda c: Evidence('proved', c.scope, 'kernel'))", "of_weights('P = NP', lambda circuit: True)"]


@pytest.mark.parametrize("statement", NAMED)
def test_so_is_one_that_a_property_names_and_a_computation_of_ones_own(statement, tmp_path):
    circuit = "replace(true.subject.at(4).instance(), name='four')"
    claims = f"[Claim('mine', {circuit}, {statement}, Scope(vocabulary='given'))]"
    (tmp_path / "mine.py").write_text(f"{HEAD}from nopeproof.theory.of_weights import of_weights\nclaims = {claims}")
    assert proof_of(library.load(tmp_path / "mine.py").claim("mine")).tool.startswith("a prover that is not nopeproof's: ")


def test_no_prover_in_our_files_is_called_another(monkeypatch):
    """Every prover that a statement of ours names is nopeproof's, and what it rests on too."""
    for name in library.names():
        for claim in library.load(name).claims:
            by = getattr(claim.statement, "by", None)
            if by is not None:
                found = Evidence("open", claim.scope, "it")
                assert _called(by, [found]) == [found], f"{name}/{claim.id}"


def test_a_file_is_read_as_it_stands(tmp_path):
    """Bytecode is kept by a file's time and size; an edit that changes neither was not seen, and the old claim verified."""
    path = tmp_path / "mine.py"
    for value in ("1/t", "2/t"):
        path.write_text(HEAD + f'claims = [replace(true, statement=replace(true.statement, value="{value}"))]')
        os.utime(path, (1, 1))
        assert library.load(path).claims[0].statement.value == value  # type: ignore[union-attr]
    assert [p.name for p in tmp_path.iterdir()] == ["mine.py"]


def test_a_name_of_ours_cannot_be_taken():
    """Else a claim about learned positions in the stream would be proved of whatever has come to be called so."""

    class Taken(PositionalEncoding):
        name = "ape-learned"

    assert encoding("ape-learned").kind == "stream" and not isinstance(encoding("ape-learned"), Taken)
    models = ModelClass("learned", positions=("ape-learned",))
    collapse = library.load("no-bos-collapse").claim("every-encoding")
    assert verify(replace(collapse, subject=models)).kind != "proved"
