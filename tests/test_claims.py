"""What a claim may say of what: slips are refused where they are made, and name what is there."""

import pytest

from nopeproof.checks import verify
from nopeproof.circuit import Block, Circuit, Embedding, Head
from nopeproof.claims import (
    Attends,
    Claim,
    Equals,
    Fails,
    Holds,
    SameAttention,
    Scope,
    ScoreIs,
    Unchanged,
    Within,
    after_attention,
    after_ffn,
    embedding,
)
from nopeproof.errors import NopeproofError
from nopeproof.laws import Case, Law
from nopeproof.library import load
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.strategies import words
from nopeproof.testing import assert_claim
from nopeproof.theory.algorithms import reads
from nopeproof.theory.rows import each_row

R, OTHER = Residual(one=1, bos=1, recip=1), Residual(z=40)
CIRCUIT = Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one}), [Block([uniform_head([R.bos], [R.recip])])], bos="<bos>")
A1, HERE = after_attention(1), Scope(vocabulary="given")


def of(statement, scope=HERE, id="c"):
    return Claim(id, CIRCUIT, statement, scope)


STREAMS = {
    "a value": lambda: of(Equals(A1, OTHER.z[0], "1")),
    "a value beyond the width": lambda: of(Within(A1, OTHER.z[30], "1")),
    "a frame": lambda: of(Unchanged(embedding(), A1, [OTHER.z])),
    "the content of a score": lambda: of(ScoreIs(1, 0, "0", [OTHER.z])),
    "a law": lambda: of(Law(cases=[Case("f", "1")], reads={"f": (A1, OTHER.z[0])})),
    "what fails": lambda: of(Fails(Equals(A1, OTHER.z[0], "1"))),
    "a coordinate that is read": lambda: verify(of(reads("f", A1, OTHER.z[0], "1"))),
    "rows that are read": lambda: verify(of(each_row("f", A1, OTHER.z, lambda t, row: row[0] == 1))),
}


@pytest.mark.parametrize("name", STREAMS)
def test_no_claim_is_about_a_coordinate_of_another_stream(name):
    """Coordinate 0 of Residual(z=40) was taken for `one`, and "z = 1" was proved of a circuit without a z."""
    with pytest.raises(NopeproofError) as bad:
        STREAMS[name]()
    assert "Residual(z=40)" in bad.value.found and "recip=1" in bad.value.todo


SLIPS = {
    "a name for a direction": (lambda: Equals(A1, "recip", "1/t"), "a str: 'recip'"),
    "words for a place": (lambda: Equals("attention 1", R.recip, "1/t"), "a str: 'attention 1'"),
    "a number for an expression": (lambda: Equals(A1, R.recip, 1), "an int: 1"),
    "one subspace for a list": (lambda: Unchanged(embedding(), A1, R.one), "a Subspace"),
    "names of subspaces": (lambda: Unchanged(embedding(), A1, ["one"]), "a str: 'one'"),
    "numbers of blocks": (lambda: Unchanged(0, 1, [R.one]), "an int: 0"),
    "one subspace of a score": (lambda: ScoreIs(1, 0, "t", R.one), "a Subspace"),
    "text for a block": (lambda: of(ScoreIs("1", 0, "t")), "a str: '1'"),
    "text for a head": (lambda: of(SameAttention(1, 0, "1")), "a str: '1'"),
    "text for an offset": (lambda: of(Attends(1, 0, "x", "1/2")), "'x'"),
    "text that fails": (lambda: Fails("x"), "a str: 'x'"),
    "a number for a predicate": (lambda: Holds("x", 3), "an int: 3"),
    "a word for a scope": (lambda: of(Equals(A1, R.recip, "1/t"), "any"), "a str: 'any'"),
    "a number for an id": (lambda: of(Equals(A1, R.recip, "1/t"), id=3), "3"),
    "a name that is verified": (lambda: verify("absolute-position"), "a str: 'absolute-position'"),
    "a circuit that is asserted": (lambda: assert_claim(CIRCUIT), "a Circuit"),
    "words over a claim": (lambda: words(of(Equals(A1, R.recip, "1/t"))), "a Claim"),
    "ids for tokens": (lambda: load("absolute-position").run([0, 1, 2]), "an int: 0"),
    "a member for a run": (lambda: load("absolute-position").run(["<bos>", "a"], T=8), "the word's own length"),
    "a route in a dtype": (lambda: load("absolute-position").run(["<bos>", "a"], "float32/sdpa"), "a dtype and a route"),
    "no embedding": (lambda: Circuit(R, None), "a NoneType: None"),
    "no stream": (lambda: Circuit(Embedding({"a": R.one}), [Block([])]), "an Embedding"),
    "a head for a list of them": (lambda: Block(Head([0], [0], [R.bos], [R.recip])), "a Head"),
    "a name for a head": (lambda: Block(["uniform"]), "a str: 'uniform'"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_named_where_it_is_made(name):
    make, found = SLIPS[name]
    with pytest.raises(NopeproofError) as bad:
        make()
    assert found in bad.value.found and bad.value.asked and bad.value.todo


@pytest.mark.parametrize("answer", [None, "no", 1, [True], ()])
def test_a_predicate_answers_true_or_false(answer):
    """None, from a function without a return, was a counterexample; a list with something in it was true."""
    with pytest.raises(NopeproofError, match="True or False"):
        verify(of(Holds("says", lambda trace: answer)))


def test_so_do_those_of_numpy_and_torch():
    import numpy as np
    import torch

    two = Scope(vocabulary="given", t_max=2)
    for true in (np.bool_(True), torch.tensor(True), np.array(3) > 2):
        assert verify(of(Holds("says", lambda trace, true=true: true), two)).kind == "exhausted"
    assert verify(of(Holds("says", lambda trace: torch.tensor(1) > 2), two)).kind == "refuted"


def test_words_too_long_to_be_run_are_not():
    far = Scope(vocabulary="given", t_min=10**9)
    assert verify(of(Equals(A1, R.recip, "1/t"), far)).kind == "proved"
    found = verify(of(Equals(after_ffn(1), R.recip, "2/t"), far))
    assert found.kind == "open" and any("none of more than" in e.reason for e in found.evidence)
