"""Where a symbol may stand: T, k or a letter in a place that a prover does not look at must not be taken for a number.

Each of the first claims was once proved, and is false of some value of the symbol.
"""

from dataclasses import replace

import pytest

from nopeproof.checks import proof_of, verify
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Opaque, Unit, Units
from nopeproof.claims import Claim, Equals, Scope, Site, Within, after_ffn, embedding
from nopeproof.errors import NopeproofError
from nopeproof.laws import Case, Law
from nopeproof.library import load
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.theory.algorithms import Number, answers, looks, reads, scores
from nopeproof.theory.brackets import margins, recognises
from nopeproof.theory.hashes import formula, gap, peak
from nopeproof.theory.rows import each_row

HERE, ANY = Scope(vocabulary="given"), Scope(vocabulary="given", words="any")
EACH = Scope(words="any", vocabulary="given", order="forall T exists weights", t_max="T")
R = Residual(one=1, bos=1, recip=1, o=1)
TOKENS = {"<bos>": R.one + R.bos, "a": R.one}
COUNTS = Block([uniform_head([R.bos], [R.recip])])


def late(n):
    """relu(1 - n/t), which is 0 up to t = n and reaches 1/2 at t = 2 n."""
    ffn = MLP([Unit(read=R.one - n * R.recip.vector, write=R.o)])
    return Circuit(R, Embedding(TOKENS), [Block(COUNTS.heads, ffn)], bos="<bos>", name="late")


def on(**where):
    """A circuit with T in one place."""
    given = {"embedding": Embedding(TOKENS), "blocks": [COUNTS], "bos": "<bos>"}
    return Circuit(R, **{**given, **where})


T_SOMEWHERE = {
    "an embedding": on(embedding=Embedding({**TOKENS, "a": "T" * R.one})),
    "other tokens": on(embedding=Embedding(TOKENS, "T" * R.one)),
    "a head": on(blocks=[Block([uniform_head([R.bos], ["T" * R.recip])])]),
    "a hidden unit": late("T"),
    "a bias": on(blocks=[Block([], MLP([Unit(R.one, R.o, "T")]))]),
    "an output bias": on(blocks=[Block([], MLP([], b_2="T" * R.o))]),
    "how many units there are": on(blocks=[Block([], MLP([Units(R.one, R.o, 0, "1", "T // 2")]))]),
    "the read-out": on(unembedding={"a": "T" * R.one}),
}


@pytest.mark.parametrize("where", T_SOMEWHERE)
def test_no_claim_is_about_one_circuit_whose_weights_depend_on_T(where):
    """ "There are weights for every T" was proved of weights that are others for each T."""
    circuit = T_SOMEWHERE[where]
    assert circuit.mentions_T and not late(3).mentions_T
    with pytest.raises(NopeproofError, match="Family"):
        Claim("c", circuit, Within(embedding(), R.o, "0", "1/2"), HERE)
    assert Claim("c", Family(circuit), Within(embedding(), R.o, "0", "1/2"), Scope(order="forall T exists weights", t_max="T"))
    with pytest.raises(NopeproofError, match="depend on T"):
        run(circuit, ["<bos>"])


def test_the_claim_about_weights_that_know_T_is_false_of_every_circuit():
    found = verify(Claim("c", late(3), Within(after_ffn(1), R.o, "0", "1/2"), HERE))
    assert found.kind == "refuted" and found.witness and found.witness["t"] == 6


@pytest.mark.parametrize("where", ["embedding", "other", "W_Q", "W_K", "W_V", "W_O", "b_2", "unembedding", "unit", "bias"])
def test_the_index_of_hidden_units_stands_nowhere_else(where):
    """k was taken for a number >= 0: relu(k) - k = 0 was proved, of an embedding k that no run gives a value."""
    P = Residual(x=1, o=1)
    rows = {"W_Q": [P.x], "W_K": [P.x], "W_V": [P.x], "W_O": [P.o]}
    parts = {
        "embedding": {"embedding": Embedding({"a": "k" * P.x - "k" * P.o})},
        "other": {"embedding": Embedding({"a": P.x}, "k" * P.x)},
        "b_2": {"blocks": [Block([], MLP([], b_2="k" * P.o))]},
        "unembedding": {"unembedding": {"a": "k" * P.x}},
        "unit": {"blocks": [Block([], MLP([Unit("k" * P.x, P.o)]))]},
        "bias": {"blocks": [Block([], MLP([Unit(P.x, P.o, "k")]))]},
    }
    head = {"blocks": [Block([Head(**{**rows, where: ["k" * rows.get(where, [P.x])[0]]})])]} if where.startswith("W_") else {}
    with pytest.raises(NopeproofError, match="index k"):
        Circuit(P, **{"embedding": Embedding({"a": P.x}), **(head or parts[where])})
    assert Circuit(P, Embedding({"a": P.x}), [Block([], MLP([Units("k" * P.x, P.o, "k", "1", "3")]))]).symbols == {"k"}


# --- behind a norm --------------------------------------------------------------------------------------------------------


def test_the_last_block_of_a_hash_is_looked_at_too():
    """ "Key t has the largest score" was proved for a W_Q times a free q + 10^9, "for every q"; it is false from q = -10^9 on."""
    claim = next(c for c in load("layer-norm-hash").claims if isinstance(c.subject, Circuit) and c.circuit.blocks[-1].norm_attention)
    plain, head = claim.circuit, claim.circuit.blocks[-1].heads[0]
    with_last = lambda head: replace(plain, blocks=[*plain.blocks[:-1], replace(plain.blocks[-1], heads=[head])])  # noqa: E731
    times = lambda f: with_last(replace(head, W_Q=[f * x for x in head.W_Q]))  # noqa: E731
    for statement in (peak("the largest"), formula("as it is", "t*i", "1"), gap("between", "0", "1")):
        for last in (times("q + 1000000000"), with_last(Opaque([plain.residual.content]))):
            found = proof_of(replace(claim, subject=last, statement=statement))
            assert found.kind == "open" and "left open" in found.reason
    assert proof_of(replace(claim, subject=times(2), statement=peak("the largest"))).kind == "proved"
    assert verify(replace(claim, subject=times(-1), statement=peak("the largest"))).kind == "refuted"


# --- functions of a row ---------------------------------------------------------------------------------------------------

Z, ROW = Residual(one=1, z=1), Residual(row=2)
ONE, ONE_ZERO = Circuit(Z, Embedding({"a": Z.one})), Circuit(ROW, Embedding({"a": ROW.row[0]}))
TESTS = {
    "a negative power": lambda t, row: row[0] == t**-1,
    "truth of 0": lambda t, row: row[1],
    "order": lambda t, row: row[0] > 0,
    "not": lambda t, row: not t - 1,
    "a power that is a number": lambda t, row: t ** row[0] == t,
}


@pytest.mark.parametrize("name", TESTS)
def test_a_symbol_answers_like_the_number_or_not_at_all(name):
    assert proof_of(Claim("c", ONE_ZERO, each_row("a function", embedding(), ROW.row, TESTS[name]), ANY)).kind == "open"


def test_what_is_equal_or_not_is_still_proved():
    fine = each_row("1, 0", embedding(), ROW.row, lambda t, row: row[0] and not row[1] and row[0] ** 2 == 1 and t != 0)
    assert proof_of(Claim("c", ONE_ZERO, fine, ANY)).kind == "proved"


# --- laws -------------------------------------------------------------------------------------------------------------------


def test_a_law_that_speaks_of_T_says_nothing_of_a_family():
    """T is the length of the word in a law, and the longest length in a family's weights."""
    law = Law(cases=[Case("f", "T")], reads={"f": (embedding(), Z.one)})
    for least in (1, 5):
        claim = Claim("c", Family(Circuit(Z, Embedding({"a": "T" * Z.one})), T_min=least), law, EACH)
        assert proof_of(claim).kind == "open" and not verify(claim).stands
    assert proof_of(Claim("c", ONE, Law(cases=[Case("f + T", "T + 1")], reads={"f": (embedding(), Z.one)}), ANY)).kind == "proved"


@pytest.mark.parametrize("symbol", ["q", "T", "k"])
def test_a_law_reads_numbers(symbol):
    with pytest.raises(NopeproofError, match="coefficients"):
        Law(cases=[Case("f", "0", relation=">=")], reads={"f": (embedding(), symbol * Z.one)})


def test_a_law_that_divides_by_zero_says_where():
    law = Law(cases=[Case("f/(t - 3)", "f/(t - 3)")], reads={"f": (embedding(), Z.one)})
    with pytest.raises(NopeproofError, match="at t = 3"):
        verify(Claim("c", ONE, law, ANY))


# --- places that are not there ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block, after", [(-1, "ffn"), (0, "attention"), (1, "norm"), (True, "ffn"), ("1", "ffn")])
def test_no_site_before_the_embedding(block, after):
    with pytest.raises(NopeproofError, match="a place in the stack"):
        Site(block, after)


def test_blocks_and_heads_that_the_circuit_does_not_have():
    with pytest.raises(NopeproofError, match="block 7"):
        Claim("c", ONE, Law(cases=[Case("f", "1")], reads={"f": (after_ffn(7), Z.one)}), ANY)
    far = [reads("far", after_ffn(7), Z.one, "1"), looks("far", 3, 0, "t", "0")]
    far += [scores("far", b, h, "0", {}, {}) for b, h in ((1, 0), (0, 0), (1, -1))]
    for statement in far:
        found = proof_of(Claim("c", ONE, statement, ANY))
        assert found.kind == "open" and found.reason
        with pytest.raises(NopeproofError):
            verify(Claim("c", ONE, statement, ANY))


@pytest.mark.parametrize(
    "make, what",
    [
        (lambda: reads("f", embedding(), Z.one, "T"), "'T'"),
        (lambda: reads("f", embedding(), Z.one, "n + m", n=Number()), "'m'"),
        (lambda: scores("f", 1, 0, "t - i", {}, {}), "'i'"),
        (lambda: looks("f", 1, 0, "t - d", "0"), "'d'"),
        (lambda: reads("f", embedding(), Z.one, "t +"), "the expression"),
        (lambda: answers("f", "|", "shuffled", "0"), "copied"),
    ],
)
def test_a_statement_names_what_it_speaks_of(make, what):
    """An unknown order of the answers was taken for "reversed", and T in an expression for a number."""
    with pytest.raises(NopeproofError, match=what):
        make()


def test_one_kind_of_bracket_is_a_list_of_one():
    """With one kind d is a coordinate; the predicates took it for a row, and could not be run."""
    B = Residual(step=1, d=1, below=1, under=1)
    depth = Block([uniform_head([B.step], [B.d])], MLP([Unit(read=-1 * B.d, write=B.below)]))
    layers = [depth, Block([uniform_head([B.below], [B.under])])]
    circuit = Circuit(B, Embedding({"(": B.step.vector, ")": -1 * B.step}), layers)
    for statement in (recognises("balanced", ["()"]), margins("wide", ["()"])):
        assert verify(Claim("c", circuit, statement, ANY)).kind == "proved"
        assert verify(Claim("c", replace(circuit, mask="none"), statement, ANY)).kind != "proved"
    assert verify(Claim("c", replace(circuit, mask="none"), recognises("balanced", ["()"]), ANY)).kind == "refuted"


def test_equality_up_to_a_length_asks_for_T_as_well():
    with pytest.raises(NopeproofError, match="Family"):
        Claim("c", late("T"), Equals(after_ffn(1), R.o, "0"), Scope(vocabulary="given", t_max=50))
