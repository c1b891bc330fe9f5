"""Attack finds what is planted: bugs of many kinds, each in a circuit or claim that is right almost everywhere."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from nopeproof.checks.attack import attack
from nopeproof.checks.evaluate import violations
from nopeproof.checks.exhaust import EXTREMES, instance, members, trace_of, words
from nopeproof.checks.search import Budget
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Norm, Opaque, Unit
from nopeproof.claims import (
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
from nopeproof.parts import clock_basis, clock_minimal, uniform_head
from nopeproof.residual import Residual

R = Residual(one=1, bos=1, recip=1, pos=1, content=2)
TOKENS = {"<bos>": R.one + R.bos, "a": R.one + R.content[0], "b": R.one + R.content[1]}
GIVEN, HERE = Embedding(TOKENS), Scope(vocabulary="given")
EVERY = Embedding({"<bos>": R.one + R.bos}, other=R.one + R.content.free("x"))
EACH = Scope(order="forall T exists weights", t_max="T", vocabulary="given")
A1, F1 = after_attention(1), after_ffn(1)
recip, position = Equals(A1, R.recip, "1/t"), Equals(F1, R.pos, "t")
to_recip, to_pos = uniform_head([R.bos], [R.recip], name="1/t"), uniform_head([R.bos], [R.pos], name="1/t into pos")
relative = Head(W_Q=[R.one, -R.pos], W_K=[R.pos, R.one], W_V=[0], W_O=[R.content[0]], name="i - t")


def circuit(*blocks, tokens=GIVEN, **kw):
    return Circuit(R, tokens, blocks, bos=kw.pop("bos", "<bos>"), **kw)


def ffn(*units, tokens=GIVEN, heads=(to_recip,)):
    return circuit(Block(heads, MLP(list(units))), tokens=tokens)


def hat(t):
    """Units that are on at position t alone: a hat over 1/t that is 0 at 1/(t - 1) and 1/(t + 1)."""
    left, top, right = Fraction(1, t + 1), Fraction(1, t), Fraction(1, t - 1)
    up, down = 1 / (top - left), 1 / (right - top)
    slopes = [(up, left), (-up - down, top), (down, right)]
    return [Unit(R.recip - knot * R.one, slope * R.content[0]) for slope, knot in slopes]


def clock(extra=(), mlp=None, *blocks):
    mlp = mlp or clock_minimal(R.one, R.pos)
    return Family(circuit(Block([to_pos], replace(mlp, units=[*mlp.units, *extra])), *blocks), T_min=2)


def counting(unit):
    """Shares of a and b in pos and recip, 1/t in bos after BOS."""
    head = uniform_head([R.content[0], R.content[1], R.bos], [R.pos, R.recip, R.bos], name="counts")
    return circuit(Block([head], MLP([unit]), shared=list(R)))


kept = Unchanged(A1, F1, [R.content])
many = Embedding({**TOKENS, **dict.fromkeys("cdefg", R.one + R.content[0]), "h": R.one + "1/1048576" * R.bos})
stack = Block(
    [relative, Head(W_Q=[R.one], W_K=[R.pos + "1/1024" * R.bos], W_V=[0], W_O=[R.content[0]], name="i, nearly")], shared=[R.content]
)

# name: (claim's subject, statement, scope, the length at which it first fails, or None where that is not certain)
PLANTED = {
    "off by one beyond a large T": (clock().at(40), Equals(F1, R.pos, "t"), HERE, 42),
    "off by one beyond a larger T": (clock(mlp=clock_basis(R.one, R.pos)).at(100), Equals(F1, R.pos, "t"), HERE, 101),
    "wrong for one token of eight, by 2^-20": (circuit(Block([to_recip]), tokens=many), recip, HERE, 2),
    "wrong with two BOS only": (circuit(Block([to_recip])), recip, replace(HERE, words="any"), 2),
    "wrong at t = T only": (clock([Unit(R.one - "T - 1/2" * R.pos, R.pos)]), position, EACH, 2),
    "wrong at t = T only, beyond T = 30": (clock([Unit("T" * R.one - "T**2 - T/2 + 15" * R.pos, R.pos)]), position, EACH, 31),
    "wrong in words of more than 20 tokens": (ffn(Unit(R.one - "41/2" * R.recip, R.content[0])), kept, HERE, 21),
    "content leaks by 2^-20": (circuit(Block([uniform_head([R.bos + "1/1048576" * R.content[1]], [R.recip])])), recip, HERE, 2),
    "wrong at t = 7 only": (ffn(*hat(7)), kept, HERE, 7),
    "wrong at t = 33 only": (ffn(*hat(33)), kept, HERE, 33),
    "a free weight beyond 100": (ffn(Unit(R.content[0] - 100 * R.one, R.content[1]), tokens=EVERY), kept, Scope(), None),
    "a free weight between 0 and 1/1000": (
        circuit(Block(mlp=MLP([Unit(1000 * R.content[0], R.pos), Unit(1000 * R.content[0] - R.one, -R.pos)])), tokens=EVERY),
        Holds("pos is 0 or 1", lambda trace: all(x in (0, 1) for x in trace.at(F1, "pos"))),
        Scope(),
        None,
    ),
    "an opaque head on the row": (circuit(Block([to_recip, Opaque([R.recip])], shared=[R.recip])), recip, HERE, None),
    "a missing mask": (circuit(Block([to_recip]), mask="none"), recip, HERE, 2),
    "a strict mask": (circuit(Block([to_recip]), mask="strict"), recip, HERE, 1),
    "no BOS": (circuit(Block([to_recip]), bos=None, tokens={"a": R.one + R.content[0]}), recip, replace(HERE, words="any"), 1),
    "17 a's and b's are one too many": (counting(Unit(R.pos + R.recip - 17 * R.bos, R.content[0])), kept, HERE, 19),
    "a stranger at position 9 of 17": (
        circuit(),
        Holds("no b at 9", lambda trace: trace.T != 17 or [t for t, x in enumerate(trace.word, 1) if x == "b"] != [9]),
        HERE,
        17,
    ),
    "b after a, after 12 other tokens": (
        circuit(),
        Holds("no ab late", lambda trace: not any(trace.word[t : t + 2] == ("a", "b") for t in range(12, trace.T))),
        HERE,
        14,
    ),
    "a key score off at BOS by 2^-10": (clock((), None, stack), ScoreIs(2, 1, "i"), EACH, 1),
    "two heads alike but for BOS": (clock((), None, stack), SameAttention(2, 0, 1), EACH, 2),
    "a norm in front": (circuit(Block([to_recip], norm_attention=Norm("rmsnorm", "1/2"))), recip, HERE, 1),
    "GELU, where only balls run": (clock(mlp=replace(clock_minimal(R.one, R.pos), activation="gelu")), position, EACH, 1),
    "exactly 1/t in bfloat16": (circuit(Block([to_recip])), recip, replace(HERE, arithmetic="bfloat16"), 3),
    "within 1/2 at every length in bfloat16": (
        clock(mlp=clock_basis(R.one, R.pos)),
        Within(F1, R.pos, "t"),
        replace(EACH, arithmetic="bfloat16"),
        None,
    ),
    "member 23 is wrong on short words": (
        Family(
            circuit(Block(mlp=MLP([Unit("T - 22" * R.one, R.pos), Unit("T - 23" * R.one, -2 * R.pos), Unit("T - 24" * R.one, R.pos)]))), 2
        ),
        Equals(F1, R.pos, "0"),
        EACH,
        1,
    ),
}


PARAMS = [pytest.param(*p, id=name, marks=[pytest.mark.slow] * (name == "off by one beyond a larger T")) for name, p in PLANTED.items()]
BRIEF = Budget(seconds=0.1, examples=20)


@pytest.mark.parametrize(("subject", "statement", "scope", "length"), PARAMS)
def test_a_planted_bug_is_found_and_made_small(subject, statement, scope, length):
    found = attack(Claim("planted", subject, statement, scope), Budget(seconds=0.5))
    assert found.broken and found.witness is not None, str(found)
    word = tuple(found.witness["word"])
    assert length in (None, len(word)), str(found)
    T, seed = found.witness["T"], found.witness["seed"]
    member = instance(subject.at(T) if isinstance(subject, Family) else subject, seed)
    trace = trace_of(member, word, scope, statement)
    assert next(violations(statement, trace, T), None) is not None  # the witness says all that is needed to see it again
    assert [row["token"] for row in found.rows] == list(word)[: len(found.rows)]
    if "t" in found.witness:
        assert "<--" in str(found) and any(row[""] for row in found.rows)


def test_the_smallest_is_smallest():
    """Where an attack says so, running all smaller words finds none."""
    claims = [Claim(name, *rest) for name, (*rest, length) in PLANTED.items() if length is not None and length < 8]
    sure = [(c, a) for c in claims if (a := attack(c, BRIEF)).minimal]
    assert len(sure) >= 12
    for claim, found in sure:
        assert found.witness is not None
        size, seed = len(found.witness["word"]), found.witness["seed"]
        for length in range(1, size):
            for T, circuit in members(claim, length, seed):
                for word in words(circuit, length, claim.scope.words):
                    assert not list(violations(claim.statement, trace_of(circuit, word, claim.scope, claim.statement), T)), (claim.id, word)


TRUE = {
    "1/t": (circuit(Block([to_recip])), recip, HERE),
    "1/t, whatever the content": (circuit(Block([to_recip]), tokens=EVERY), recip, Scope()),
    "t in each member": (clock(), position, EACH),
    "i - t": (clock((), None, stack), ScoreIs(2, 0, "i - t"), EACH),
    "a content term": (
        circuit(Block([Head(W_Q=[R.content[0]], W_K=[R.content[1]], W_V=[0], W_O=[R.pos])])),
        ScoreIs(1, 0, "0", [R.content]),
        HERE,
    ),
    "a content term of each member": (
        Family(circuit(Block([Head(W_Q=["T" * R.content[0]], W_K=[R.content[0]], W_V=[0], W_O=[R.pos])])), 2),
        ScoreIs(1, 0, "0", [R.content]),
        EACH,
    ),
    "a frame under a strict mask": (circuit(Block([to_recip]), mask="strict"), Unchanged(embedding(), A1, [R.one]), HERE),
    "the same head twice, strict": (
        circuit(Block([to_recip, to_recip], shared=[R.recip]), mask="strict"),
        SameAttention(1, 0, 1),
        HERE,
    ),
}


@pytest.mark.parametrize(("subject", "statement", "scope"), [pytest.param(*p, id=name) for name, p in TRUE.items()])
def test_a_true_claim_is_not_broken_and_the_effort_is_told(subject, statement, scope):
    found = attack(Claim("true", subject, statement, scope), BRIEF)
    assert found.witness is None and not found.broken and found.rows == ()
    told = {m.name: m for m in found.methods}
    assert told["every word"].words >= 7 and told["one token"].longest >= 9 and told["Hypothesis, led by the distance"].words > 0
    assert "which proves nothing" in str(found) and all(m.name in str(found) for m in found.methods)
    open_parts = isinstance(subject, Circuit) and not subject.concrete
    assert (len(told["short words in other instances"].instances) == 4 + 1 + len(EXTREMES) - 1) if open_parts else True


def test_a_bounded_claim_is_tried_within_its_bound_and_to_its_end():
    claim = Claim("t", clock().at(6), Equals(F1, R.pos, "t"), replace(HERE, t_max=7))
    found = attack(claim, BRIEF)
    assert found.witness is None and {m.name: m.longest for m in found.methods}["every word"] == 7
    wrong = attack(replace(claim, scope=replace(HERE, t_max=8)), Budget(seconds=2.0))
    assert wrong.broken and len(wrong.witness["word"]) == 8 and wrong.minimal  # type: ignore[index]


def test_a_true_negative_is_shown_and_not_called_broken():
    found = attack(Claim("not", circuit(Block([to_recip]), mask="none"), Fails(recip), HERE), BRIEF)
    assert found.witness is not None and not found.broken and "as the claim says there is" in str(found)
    never = attack(Claim("not", circuit(Block([to_recip])), Fails(recip), HERE), BRIEF)
    assert never.witness is None and not never.broken


def test_the_contents_of_two_words_may_disagree():
    leaky = Head(W_Q=[R.one], W_K=[R.recip], W_V=[0], W_O=[R.pos], name="reads 1/t")
    claim = Claim("content", circuit(Block([to_recip]), Block([leaky])), ScoreIs(2, 0, "0", [R.one]), HERE)
    found = attack(claim, BRIEF)
    assert found.broken and "same_contents_in" in found.witness  # type: ignore[operator]


def test_a_long_drawing_shows_where_it_fails_and_the_json_all_of_it():
    found = attack(Claim("far", *PLANTED["wrong at t = 33 only"][:3]), Budget(seconds=0.5))
    drawn = str(found).splitlines()
    assert any("..." in line for line in drawn) and len([line for line in drawn if "<--" in line]) == 1 and len(drawn) < 20
    data = found.as_json()
    assert len(data["rows"]) == 33 and data["refuted"] and data["witness"]["t"] == 33 and json.loads(json.dumps(data)) == data


def test_a_circuit_that_cannot_be_run_says_why():
    no_value = Circuit(R, Embedding({"a": R.zero}), [Block([to_recip], norm_attention=Norm("rmsnorm"))])
    found = attack(Claim("none", no_value, Holds("fine", lambda trace: True), replace(HERE, words="any")), BRIEF)
    assert found.witness is None and "a zero vector" in str(found)


def test_an_instance_that_a_dtype_cannot_hold_does_not_end_the_search():
    loud = Circuit(
        R,
        EVERY,
        [Block(mlp=MLP([Unit(R.content[0] + "1/2" * R.content[1], R.pos), Unit(R.content[1] - 1000 * R.one, R.pos)]))],
        bos="<bos>",
    )
    found = attack(Claim("f", loud, Unchanged(embedding(), F1, [R.one]), replace(Scope(), arithmetic="float16")), BRIEF)
    other = {m.name: m for m in found.methods}["short words in other instances"]
    assert not found.broken and other.passed_over > 0 and other.words > 0 and "the dtype ends at 65504" in str(found)


def test_a_budget_of_nothing_is_refused():
    for kwargs in ({"seconds": 0}, {"longest": 0}, {"instances": 0}, {"examples": 0}):
        with pytest.raises(NopeproofError, match="more than 0 seconds"):
            Budget(**kwargs)


# --- extreme instances -------------------------------------------------------------------------------------------------


def test_each_free_weight_takes_each_extreme_value_and_0_comes_first():
    found = [instance(circuit(tokens=EVERY), seed) for seed in range(-1, -2 - len(EXTREMES), -1)]
    rows = [tuple(dict(c.embedding.tokens[t].entries).get(i, 0) for t in "ab" for i in R.content.indices) for c in found]
    assert set(rows[0]) == {0} and all(set(column) == set(EXTREMES) for column in zip(*rows[1:], strict=True))
    assert all(c.concrete for c in found) and instance(found[0], 5) is found[0]
    with_query = circuit(Block([Head(W_Q=[R.one.vector * "q"], W_K=[R.one], W_V=[R.bos], W_O=[R.recip])]))
    assert {str(instance(with_query, -s).blocks[0].heads[0].W_Q) for s in range(2, 10)} != {
        str(instance(with_query, -1).blocks[0].heads[0].W_Q)
    }
