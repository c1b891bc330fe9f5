"""Circuits as data: what fits together, what is refused and how, instances, families, and the hash of the weights."""

from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import pytest

from nopeproof.checks.prove import prove
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Norm, Opaque, Unit, Units, Window
from nopeproof.claims import Claim, Scope, Unchanged, after_ffn, embedding
from nopeproof.errors import NopeproofError
from nopeproof.residual import Residual
from nopeproof.run import run

R, S = Residual(one=1, x=1, y=2), Residual(one=1, x=1)
HEAD = Head([0], [0], [R.one], [R.x], name="h")
E = Embedding({"<bos>": R.one, "a": R.one + R.x})


def circuit(*blocks, **options):
    return Circuit(R, E, list(blocks), **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Head([R.one], [R.one, R.x], [R.one], [R.x], name="look"), "'look'.*\n.*W_Q has 1 rows, W_K has 2"),
        (lambda: Head([0], [0], [R.one, R.x], [R.x]), "W_V has 2 rows, W_O has 1"),
        (lambda: Head([], [], [R.one], [R.x]), "W_Q and W_K without rows"),
        (lambda: Head([0], [0], [0], [0]), "no vector at all"),
        (lambda: Head([0], [0], [R.one], [S.x]), "W_O"),
        (lambda: Head([0], [0], ["one"], [R.x]), "W_V"),
        (lambda: Head([0.5 * R.one], [0], [R.one], [R.x]), "a float"),
        (lambda: Head([0], [0], [R.one], [R.x], scale="2"), "score scale"),
        (lambda: Norm("batchnorm"), "layernorm"),
        (lambda: Norm("rmsnorm", 0.1), "a float"),
        (lambda: Norm("rmsnorm", -1), "at least 0"),
        (lambda: Norm("rmsnorm", "s"), "at least 0"),
        (lambda: Unit(R.one, S.x), "write"),
        (lambda: Unit(R.one, R.x, bias=0.1), "bias"),
        (lambda: MLP([]), "no vector at all"),
        (lambda: MLP([Unit(R.one, R.x)], "tanh"), "'relu', 'gelu'"),
        (lambda: Block([HEAD, replace(HEAD, name="g")]), "'h' and 'g'.*\n.*both write x"),
        (lambda: Block([HEAD, Opaque([R.x])]), "both write x"),
        (lambda: Opaque([]), "no subspace"),
        (lambda: circuit(Block([Head([0], [0], [S.one], [S.x], name="s")])), "block 1, head 's'"),
        (lambda: circuit(Block(), Block(mlp=MLP([Unit(S.one, S.x)]))), "block 2, FFN"),
        (lambda: circuit(Block(mlp=MLP([], b_2=S.x))), "block 1, FFN"),
        (lambda: circuit(Block([Opaque([S.x])])), "block 1, head 'any'"),
        (lambda: circuit(Block([HEAD], shared=[S.x])), "block 1, shared"),
        (lambda: circuit(Block(mlp=MLP([Unit("k" * R.one, R.x)]))), "the index k"),
        (lambda: circuit(MLP([Unit(R.one, R.x)])), "block 1\n.*a MLP"),
        (lambda: Circuit(R, E, Block()), "a list"),
        (lambda: circuit(mask="future"), "'causal', 'strict', 'none'"),
        (lambda: circuit(mask=2), r"Window\(size\)"),
        (lambda: circuit(positions="alibi"), "'alibi'"),
        (lambda: circuit(bos="<s>"), "'<s>'"),
        (lambda: Circuit(R, {}), "without tokens"),
        (lambda: Circuit(R, {"a": S.x}), "the embedding of 'a'"),
        (lambda: Circuit(R, {"a": 1}), "the embedding of 'a'"),
        (lambda: circuit(unembedding={"a": S.x}), "the read-out of 'a'"),
        (lambda: Family(circuit(), 2).at(1), "starts at T = 2"),
        (lambda: Family(circuit()).at(1.5), "T = 1.5"),
        (lambda: circuit().instance({"s": 1}), "free symbols: none"),
        (lambda: Units(R.one, R.x, last="x*T").expand({"T": Fraction(2)}), "more than T"),
    ],
)
def test_what_does_not_fit_fails_at_once_and_names_the_part(make, message):
    with pytest.raises(NopeproofError, match=message) as caught:
        make()
    assert caught.value.found and caught.value.todo


def test_declared_overlaps_and_opaque_heads_may_share():
    Block([HEAD, replace(HEAD, name="g")], shared=[R.x])
    Block([Opaque([R.x]), Opaque([R.x])])


def test_circuits_are_frozen():
    with pytest.raises(FrozenInstanceError):
        circuit().mask = "none"


OPEN = {
    "embedding": Circuit(R, {"a": "s" * R.one}),
    "head": circuit(Block([replace(HEAD, W_V=["s" * R.one])])),
    "read": circuit(Block(mlp=MLP([Unit("s" * R.one, R.x)]))),
    "bias": circuit(Block(mlp=MLP([Unit(R.one, R.x, bias="s")]))),
    "b_2": circuit(Block(mlp=MLP([Unit(R.one, R.x)], b_2="s" * R.x))),
    "read-out": circuit(unembedding={"a": "s" * R.x}),
}


@pytest.mark.parametrize("part", OPEN)
def test_a_free_symbol_anywhere_leaves_a_circuit_open_until_it_gets_a_number(part):
    found = OPEN[part]
    assert found.free == {"s"} and not found.concrete
    with pytest.raises(NopeproofError, match="left open: s"):
        run(found, ["a"])
    closed = found.instance({"s": "2/3"})
    assert closed.concrete and not closed.free
    for arithmetic in ("exact", "ball", "float32", "symbolic"):
        run(closed, ["a"], arithmetic)
    assert found.instance({"s": "ln(2)"}).concrete and found.instance({"s": "u"}).free == {"u"}
    assert found.instance(seed=1).weights_sha256 == found.instance(seed=1).weights_sha256


@pytest.mark.parametrize(
    "block", [Block([Opaque([R.x])]), Block(mlp=MLP([Units("k" * R.one, R.x)])), Block(mlp=MLP([Unit(R.one, R.x, bias="T")]))]
)
def test_opaque_heads_and_weights_in_T_leave_it_open_too(block):
    assert not circuit(block).concrete


def test_opaque_heads_become_heads_that_keep_their_promise():
    closed = circuit(Block([Opaque([R.y], "other"), HEAD])).instance(seed=3)
    assert closed.concrete and closed.blocks[0].heads[0].writes <= set(R.y.indices)


def test_other_tokens_come_with_symbols_of_their_own():
    found = Circuit(R, Embedding({"<bos>": R.one}, other=R.y.free("c")), bos="<bos>").instance(vocabulary=("u", "v"))
    assert found.tokens == ("<bos>", "u", "v") and found.concrete


def test_a_family_puts_T_everywhere():
    units = [Units("k" * R.one, R.x, first="2", last="T // 2"), Unit(R.one, R.x, bias="T")]
    symbolic = circuit(Block([replace(HEAD, W_V=["T" * R.one])], MLP(units, b_2="T" * R.y[0])), unembedding={"a": "T" * R.x})
    member = Family(symbolic).at(7)
    mlp = member.blocks[0].mlp
    assert member.concrete and [u.read.entries for u in mlp.units] == [((0, Fraction(n)),) for n in (2, 3, 1)]
    assert mlp.units[-1].bias == 7 and mlp.b_2 == 7 * R.y[0] and member.unembedding["a"] == 7 * R.x
    assert Family(circuit(Block(mlp=MLP([Units(R.one, R.x, last="T - 1")])))).at(1).blocks[0].mlp is None


def test_an_ffn_keeps_its_output_bias_where_no_units_are_left():
    R = Residual(one=1, x=1)
    ffn = MLP([Units(R.one, R.one, last="T - 2")], b_2=R.x)
    family = Family(Circuit(R, {"<bos>": R.one, "a": R.one}, [Block(mlp=ffn)], bos="<bos>"))
    for T in (1, 2, 3):
        assert run(family.at(T), ["<bos>", "a"][:T]).at(after_ffn(1), R.x) == [1] * min(T, 2)


def test_the_hash_sees_weights_and_conventions_and_no_names():
    base = circuit(Block([HEAD]))
    renamed = replace(base, name="else", blocks=[Block([replace(HEAD, name="else")])])
    assert base.weights_sha256 == renamed.weights_sha256
    norm = Block([HEAD], norm_attention=Norm("rmsnorm"))
    changed = [
        replace(base, mask="strict"),
        replace(base, mask=Window(2)),
        replace(base, mask=Window(2, sinks=1)),
        replace(base, bos="<bos>"),
        circuit(norm),
        circuit(Block([replace(HEAD, scale="1/sqrt(d_head)")])),
    ]
    assert len({c.weights_sha256 for c in [base, *changed]}) == 7


def test_grouped_queries_are_counted_by_their_keys_and_values():
    query, value = replace(HEAD, W_Q=[R.x], W_O=[R.y[0]], name="g"), replace(HEAD, W_V=[R.x], W_O=[R.y[1]], name="v")
    assert [Block(heads).kv_heads for heads in ([], [HEAD], [HEAD, query], [HEAD, query, value], [Opaque([R.y])])] == [0, 1, 1, 2, 0]


def test_a_window_is_outside_the_kernels_fragment_and_says_so():
    claim = Claim(
        "x", circuit(Block([HEAD]), mask=Window(3)), Unchanged(embedding(), after_ffn(1), [R.one]), Scope(words="any", vocabulary="given")
    )
    evidence = prove(claim)
    assert evidence.kind == "open" and "window 3" in evidence.reason


@pytest.mark.parametrize("T_min", [0, -3, True, 2.0, "2"])
def test_a_family_starts_at_a_whole_number(T_min):
    with pytest.raises(NopeproofError, match="T_min"):
        Family(circuit(), T_min)
