"""False claims of many kinds. None may ever be proved or certified: each is refuted with a witness, or open with a reason.

Each is a distinct mistake, or the same mistake in a distinct place. Some are true in part: for one vocabulary, up to some
length, at depth 1, in exact arithmetic. This file protects the kernel, the scopes and the verdicts.
"""

from dataclasses import replace
from fractions import Fraction

import pytest

from nopeproof.checks import exhaust, verify
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Norm, Opaque, Unit, Units
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
from nopeproof.library import load
from nopeproof.parts import clock_basis, clock_minimal, uniform_head
from nopeproof.residual import Residual


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Less of the search for counterexamples than `verify` does: what matters here is what the provers say."""
    monkeypatch.setattr(exhaust, "SECONDS", 0.1)


R = Residual(one=1, bos=1, recip=1, pos=1, content=2)
EVERY = Embedding({"<bos>": R.one + R.bos + R.content.free("b")}, other=R.one + R.content.free("x"))
GIVEN = Embedding({"<bos>": R.one + R.bos, "a": R.one + R.content[0], "b": R.one + 2 * R.content[1]})
UNIFORM, HERE = Scope(), Scope(vocabulary="given")
EACH = Scope(order="forall T exists weights", t_max="T")
A1, F1, A2, F2 = after_attention(1), after_ffn(1), after_attention(2), after_ffn(2)

to_recip, to_pos = uniform_head([R.bos], [R.recip]), uniform_head([R.bos], [R.pos])
any_row = sum((s.free(f"q_{s.name}_") for s in R), R.zero)
theorem_2 = Head(W_Q=[R.one, -R.pos], W_K=[R.pos, R.one], W_V=[R.content[0]], W_O=[R.content[1]])
key_only = Head(W_Q=[R.one], W_K=[R.pos], W_V=[R.content[0]], W_O=[R.content[1]])


def c(*blocks, tokens=EVERY, bos="<bos>", **kw):
    return Circuit(R, tokens, blocks=blocks, bos=bos, **kw)


def family(mlp, *blocks, tokens=EVERY, heads=(to_pos,)):
    return Family(c(Block(heads, mlp), *blocks, tokens=tokens), T_min=2)


def units(first="2", last="T // 2", read=None, write=None, bias=0, extra=None):
    """The minimal clock with one thing changed."""
    start = extra or Unit(read=5 * R.one - 7 * R.pos, write=R.pos)
    return MLP([start, Units(read or 4 * R.one - "8*k - 2" * R.pos, write or R.pos.vector, bias, first, last)])


head, given_head = c(Block([to_recip])), c(Block([to_recip]), tokens=GIVEN)
clock = family(clock_minimal(R.one, R.pos))
overwrite = Block([uniform_head([R.one], [R.pos])])
recip, position = Equals(A1, R.recip, "1/t"), Equals(F1, R.pos, "t")
stack = family(clock_minimal(R.one, R.pos), Block([theorem_2, key_only], shared=[R.content]))
given = replace(EACH, vocabulary="given")


def tokens(**changed):
    return Embedding({**GIVEN.tokens, **changed})


def logit(size, on=R.bos):
    """Theorem 1's head with a logit on one kind of key."""
    return Head(W_Q=[R.one], W_K=[size * on], W_V=[R.bos], W_O=[R.recip])


def arbitrary_query(norm=None, key=R.one.vector):
    return Head(W_Q=[any_row], W_K=[key], W_V=[R.bos], W_O=[R.recip])


def claims():
    # off by one, and values that agree with the truth only in places
    for value in (
        "1/(t + 1)",
        "2/t",
        "1/t + 1/1000000",
        "1",
        "0",
        "1/t + (t - 1)/1000",
        "1/t + (t - 1)*(t - 2)*(t - 3)",
        "1/(2*t - 1)",
        "1/T",
    ):
        yield f"recip is {value}", head, Equals(A1, R.recip, value), UNIFORM
    for value in ("t + 1", "t - 1", "T", "t + (T - t)", "t*(t + 1)/2", "t + (t - 1)*(t - 2)*(t - 3)*(t - 4)*(t - 5)"):
        yield f"position is {value}", clock, Equals(F1, R.pos, value), EACH
    yield "the position one sub-layer too early", clock, Equals(A1, R.pos, "t"), EACH
    yield "the position in another coordinate", clock, Equals(F1, R.recip, "t"), EACH
    # the order of the quantifiers
    for T in (2, 5, 8):
        yield f"the weights for T = {T} at every length", clock.at(T), position, UNIFORM
    # widths, slopes, biases, ends of the range
    yield "one unit fewer", family(units(last="(T - 2) // 2")), position, EACH
    yield "true to T - 1 only", family(units(last="(T - 1) // 2")), position, EACH
    yield "a third of the units", family(units(last="T // 3")), position, EACH
    yield (
        "two units fewer in the basis",
        family(MLP([clock_basis(R.one, R.pos).units[0], Units(2 * R.one - "2*k" * R.pos, R.pos, 0, "2", "T - 2")])),
        position,
        EACH,
    )
    yield "starts one late", family(units(first="3")), position, EACH
    yield "starts one early", family(units(first="1")), position, EACH
    yield "starts before zero", family(units(first="-1")), position, EACH
    yield "wrong slope", family(units(read=4 * R.one - "8*k - 1" * R.pos)), position, EACH
    yield "wrong offset", family(units(read=5 * R.one - "8*k - 2" * R.pos)), position, EACH
    yield "wrong bias", family(units(bias="1/100")), position, EACH
    yield "bias 1/k-like: k", family(units(bias="k")), position, EACH
    yield "wrong sign of the write", family(units(write=-R.pos)), position, EACH
    yield "write grows with k", family(units(write="k" * R.pos)), position, EACH
    yield "wrong first unit", family(units(extra=Unit(read=5 * R.one - 6 * R.pos, write=R.pos))), position, EACH
    yield "an output bias", family(replace(clock_minimal(R.one, R.pos), b_2=R.pos.vector)), position, EACH
    yield "GELU", family(replace(clock_minimal(R.one, R.pos), activation="gelu")), position, EACH
    yield (
        "the residual counted twice: writes t over 1/t",
        family(MLP([Unit(R.one, R.pos), Units(R.one - "k" * R.pos, 2 * R.pos, 0, "1", "T - 1")])),
        position,
        EACH,
    )
    # frames
    yield "frame with the row written", head, Unchanged(embedding(), A1, [R.recip]), UNIFORM
    yield "frame of the whole stream", clock, Unchanged(A1, F1, list(R)), EACH
    yield "frame with an opaque head on it", c(Block([Opaque([R.content])])), Unchanged(embedding(), A1, [R.content]), UNIFORM
    yield (
        "frame under a unit that is sometimes on",
        c(Block([to_recip], MLP([Unit(R.one - 2 * R.recip, R.content[0])]))),
        Unchanged(A1, F1, [R.content]),
        UNIFORM,
    )
    yield "frame under a bias", c(Block(mlp=MLP([Unit(R.one, R.content[1], "-1/2")]))), Unchanged(embedding(), F1, [R.content]), UNIFORM
    yield "frame over two layers", c(Block([to_recip]), overwrite), Unchanged(A1, A2, [R.one, R.recip, R.pos]), UNIFORM
    # masks and words
    for mask in ("strict", "none"):
        yield f"mask {mask}", replace(given_head, mask=mask), recip, HERE
        yield f"mask {mask}, every vocabulary", replace(head, mask=mask), recip, UNIFORM
    yield "BOS anywhere", given_head, recip, replace(HERE, words="any")
    yield "BOS anywhere, every vocabulary", head, recip, replace(UNIFORM, words="any")
    yield "no BOS", c(Block([to_recip]), tokens=Embedding({"a": R.one, "b": R.one}), bos=None), recip, replace(HERE, words="any")
    yield (
        "a flag on every token, no BOS",
        c(Block([to_recip]), tokens=Embedding({"a": R.one + R.bos}), bos=None),
        recip,
        replace(HERE, words="any"),
    )
    yield (
        "no BOS, any content",
        c(Block([to_recip]), tokens=Embedding({}, other=R.one + R.content.free("x")), bos=None),
        recip,
        replace(UNIFORM, words="any"),
    )
    # embeddings and vocabularies
    yield "another token with the flag", c(Block([to_recip]), tokens=tokens(b=R.one + R.bos)), recip, HERE
    yield "another token with a small flag", c(Block([to_recip]), tokens=tokens(b=R.one + Fraction(1, 10**9) * R.bos)), recip, HERE
    yield "BOS without its flag", c(Block([to_recip]), tokens=tokens(**{"<bos>": R.one.vector})), recip, HERE
    yield "true of these tokens, said of all", given_head, recip, UNIFORM
    yield "free flag", c(Block([to_recip]), tokens=replace(EVERY, other=R.one + R.bos.free("f"))), recip, UNIFORM
    yield "written into a row that is not empty", c(Block([to_recip]), tokens=tokens(a=R.one + R.recip)), recip, HERE
    # scores that are not uniform
    yield "a BOS logit", c(Block([logit("1/1000")]), tokens=GIVEN), recip, HERE
    yield "a BOS logit ln 2", c(Block([logit("ln(2)")])), recip, UNIFORM
    yield "the sink off by one", c(Block([logit("ln(3)")])), Equals(A1, R.recip, "3/(t + 3)"), UNIFORM
    yield "a content logit", c(Block([logit("1", R.content[0])]), tokens=GIVEN), recip, HERE
    yield "W_K reads the content of any vocabulary", c(Block([arbitrary_query(key=R.one + R.content[0])])), recip, UNIFORM
    yield "W_K reads the flag, W_Q arbitrary", c(Block([arbitrary_query(key=R.bos.vector)])), recip, UNIFORM
    yield "W_V reads content too", c(Block([uniform_head([R.bos + R.content[0]], [R.recip])])), recip, UNIFORM
    yield "a second head on the row", c(Block([to_recip, uniform_head([R.content[0]], [R.recip])], shared=[R.recip])), recip, UNIFORM
    yield "an opaque head on the row", c(Block([Opaque([R.recip])])), recip, UNIFORM
    yield "an opaque layer below that writes the flag", c(Block([Opaque([R.bos])]), Block([to_recip])), Equals(A2, R.recip, "1/t"), UNIFORM
    # norms
    for kind in ("rmsnorm", "layernorm"):
        normed = Block([arbitrary_query()], norm_attention=Norm(kind, "1/2"))
        yield f"W_Q arbitrary under {kind}", c(normed, tokens=GIVEN), recip, HERE
        score = Block([Head(W_Q=[R.one], W_K=[R.one], W_V=[R.bos], W_O=[R.recip])], norm_attention=Norm(kind, "1/2"))
        yield f"the score as without {kind}", c(score, tokens=GIVEN), ScoreIs(1, 0, "1"), HERE
        yield (
            f"the FFN as without {kind}",
            c(Block(mlp=MLP([Unit(R.one, R.pos)]), norm_ffn=Norm(kind, "1/2")), tokens=GIVEN),
            Equals(F1, R.pos, "1"),
            HERE,
        )
    yield (
        "a head without its row of W_Q under RMSNorm",
        c(Block([to_recip], norm_attention=Norm("rmsnorm", "1/2")), tokens=GIVEN),
        recip,
        HERE,
    )
    # scores
    for value in ("i - t + 1", "t - i", "i", "2*(i - t)", "i - t + (t - i)*(t - i - 1)", "(i - t)*t/t + 1/t"):
        yield f"score is {value}", stack, ScoreIs(2, 0, value), EACH
    yield "key-only with the wrong sign", stack, ScoreIs(2, 1, "-i"), EACH
    yield "key-only as a relative score", stack, ScoreIs(2, 1, "i - t"), EACH
    yield "the same without t in the stream", c(Block([to_pos]), Block([theorem_2])), ScoreIs(2, 0, "i - t"), UNIFORM
    yield "the same at depth 1", c(Block([theorem_2])), ScoreIs(1, 0, "i - t"), UNIFORM
    scaled = family(clock_minimal(R.one, R.pos), Block([replace(theorem_2, scale="1/sqrt(d_head)")]))
    yield "1/sqrt(d_head) left out", scaled, ScoreIs(2, 0, "i - t"), EACH
    yield "1/sqrt(d_head) taken as 1/2", scaled, ScoreIs(2, 0, "(i - t)/2"), EACH
    reads = Head(W_Q=[R.one, -R.pos, R.content[0] + R.pos], W_K=[R.pos, R.one, R.content[0]], W_V=[0], W_O=[R.content[0]])
    leaky = family(clock_minimal(R.one, R.pos), Block([reads]))
    yield "content reads position", leaky, ScoreIs(2, 0, "i - t", [R.content]), EACH
    yield (
        "content left out of the score",
        family(clock_minimal(R.one, R.pos), Block([replace(reads, W_Q=[R.one, -R.pos, R.content[0]])])),
        ScoreIs(2, 0, "i - t"),
        EACH,
    )
    # same attention
    other = lambda **w: family(clock_minimal(R.one, R.pos), Block([theorem_2, replace(key_only, **w)], shared=[R.content]))  # noqa: E731
    yield "twice the slope attends alike", other(W_K=[2 * R.pos]), SameAttention(2, 0, 1), EACH
    yield "the other sign attends alike", other(W_K=[-R.pos]), SameAttention(2, 0, 1), EACH
    yield "content at the key attends alike", other(W_K=[R.pos + R.content[0]]), SameAttention(2, 0, 1), EACH
    yield "a shift in i attends alike", other(W_Q=[R.pos]), SameAttention(2, 0, 1), EACH
    yield "another scale attends alike", other(W_Q=[R.one, 0], W_K=[R.pos, 0], scale="1/sqrt(d_head)"), SameAttention(2, 0, 1), EACH
    # depth
    yield "overwritten by a later layer", family(clock_minimal(R.one, R.pos), overwrite), Equals(A2, R.pos, "t"), EACH
    yield "true at depth 1, said of depth 2", c(Block([to_recip]), Block([to_recip])), Equals(A2, R.recip, "1/t"), UNIFORM
    yield (
        "the average of 1/t as a constant",
        c(Block([to_recip]), Block([uniform_head([R.recip], [R.pos])])),
        Equals(A2, R.pos, "1"),
        UNIFORM,
    )
    yield "the average of 1/t as 1/t", c(Block([to_recip]), Block([uniform_head([R.recip], [R.pos])])), Equals(A2, R.pos, "1/t"), UNIFORM
    yield (
        "the average of t as (t + 2)/2",
        family(clock_basis(R.one, R.pos), Block([uniform_head([R.pos], [R.content[0]])]), tokens=tokens(a=R.one.vector)),
        Equals(A2, R.content[0], "(t + 2)/2"),
        given,
    )
    yield "a second FFN adds one", family(clock_basis(R.one, R.pos), Block(mlp=MLP([Unit(R.one, R.pos)]))), Equals(F2, R.pos, "t"), EACH
    cancelling = [
        Head(W_Q=[R.content[0], -R.one], W_K=[R.one, R.content[0]], W_V=[R.bos], W_O=[R.recip]),
        uniform_head([R.bos], [-R.recip]),
    ]
    low = Embedding({"<bos>": R.bos.vector}, other=R.one + R.content.free("x"))
    yield (
        "contents of two positions confused",
        c(Block(cancelling, shared=[R.recip]), Block([uniform_head([R.recip], [R.pos])]), tokens=low),
        Equals(A2, R.pos, "0"),
        UNIFORM,
    )
    # piecewise: right in all cases but one
    for cut in (2, 3, 7):
        step = MLP([Unit(R.recip - Fraction(1, cut) * R.one, R.pos)])
        yield f"0 from t = {cut} on, said of every t", c(Block([to_recip], step)), Equals(F1, R.pos, "0"), UNIFORM
    yield (
        "right at even t only",
        family(MLP([Unit(5 * R.one - 6 * R.pos, R.pos), Units(4 * R.one - "8*k - 4" * R.pos, R.pos, 0, "2", "T // 2")])),
        position,
        EACH,
    )
    yield "right at t = 1 only", c(Block([to_recip])), Equals(A1, R.recip, "1/t**2"), UNIFORM
    # errors, dtypes
    yield "within, but not strictly", given_head, Within(A1, R.recip, "1/t + 1/2"), replace(HERE, t_max=4)
    yield (
        "a sink within 1/2 at every length",
        c(Block([Head([R.one], ["ln(100)" * R.bos], [R.one - R.bos], [100 * R.pos])]), tokens=GIVEN),
        Within(A1, R.pos, "t - 1"),
        HERE,
    )
    for dtype in ("bfloat16", "float16", "float32", "float64"):
        yield f"exactly 1/t in {dtype}", given_head, recip, replace(HERE, arithmetic=dtype)
    yield (
        "exactly t in bfloat16",
        replace(family(clock_minimal(R.one, R.pos), tokens=GIVEN)),
        position,
        replace(given, arithmetic="bfloat16"),
    )
    yield (
        "within 1/2 at every length in bfloat16",
        family(clock_basis(R.one, R.pos), tokens=GIVEN),
        Within(F1, R.pos, "t"),
        replace(given, arithmetic="bfloat16"),
    )
    # inequalities off by one: in the gain, the length, the bound, the position, the vocabulary, the depth
    sink = lambda B, gain=None: Head([R.one], [f"ln({B})" * R.bos], [R.one - R.bos], [(gain or B) * R.pos])  # noqa: E731
    rounded, six = Within(A1, R.pos, "t - 1"), replace(HERE, t_max=6)
    for B in (45, 44, 1):
        yield f"a sink of {B} rounds up to 6", c(Block([sink(B)]), tokens=GIVEN), rounded, six
    yield "a sink of 46 rounds up to 7", c(Block([sink(46)]), tokens=GIVEN), rounded, replace(HERE, t_max=7)
    yield "a sink of 46 is within 49/100", c(Block([sink(46)]), tokens=GIVEN), replace(rounded, error="49/100"), six
    yield "a sink of 46 is a clock of t", c(Block([sink(46)]), tokens=GIVEN), Within(A1, R.pos, "t"), six
    yield "a sink with a gain one too large", c(Block([sink(46, 47)]), tokens=GIVEN), rounded, replace(HERE, t_max=7)
    yield "a sink of these tokens, said of all", c(Block([sink(46)]), tokens=GIVEN), rounded, replace(UNIFORM, t_max=6)
    yield "a sink behind any words", c(Block([sink(46)]), tokens=GIVEN), rounded, replace(six, words="any")
    yield "a sink that a later block adds to", c(Block([sink(46)]), Block([sink(46)]), tokens=GIVEN), replace(rounded, site=A2), six
    yield "1/t within a hair of nothing", given_head, Within(A1, R.recip, "0", "1"), HERE
    yield "1/t within what only a long word breaks", given_head, Within(A1, R.recip, "1/19", "18/19"), replace(HERE, t_max=3)
    yield "equal up to one length more", family(clock_minimal(R.one, R.pos), tokens=GIVEN).at(4), position, six
    # negatives and properties
    yield "not always 1/t", given_head, Fails(recip), HERE
    yield "not always unchanged", given_head, Fails(Unchanged(embedding(), A1, [R.one, R.bos])), HERE
    yield "not always t in its family", family(clock_minimal(R.one, R.pos), tokens=GIVEN), Fails(position), given
    yield (
        "never the same state twice",
        given_head,
        Holds("no state twice", lambda trace: len({tuple(r) for r in trace.final}) == trace.T and "a" not in trace.word[2:]),
        HERE,
    )
    yield (
        "true up to length 5",
        given_head,
        Holds("1/t above 1/6", lambda trace: all(x > Fraction(1, 6) for x in trace.at(A1, "recip"))),
        HERE,
    )


CLAIMS = list(claims())


def test_there_are_many_and_each_is_its_own():
    assert len(CLAIMS) >= 100 and len({name for name, *_ in CLAIMS}) == len(CLAIMS)


LONG = ("write grows with k", "the average of t as (t + 2)/2")  # a search of many seconds before they are given up


def case(name, *rest):
    return pytest.param(*rest, id=name, marks=[pytest.mark.slow] if name in LONG else [])


@pytest.mark.parametrize(("subject", "statement", "scope"), [case(*found) for found in CLAIMS])
def test_a_false_claim_is_refuted_or_open_and_never_stands(subject, statement, scope):
    claim = Claim("false", subject, statement, scope)
    verdict = verify(claim)
    assert not verdict.stands and verdict.kind != "proved"
    for e in [e for e in verdict.evidence if e.kind in ("proved", "certified")]:  # true of less than is claimed, as its scope says
        assert e.kind == "certified" and not e.scope.covers(claim.scope) and isinstance(e.scope.t_max, int)
    if verdict.kind == "refuted":
        assert verdict.witness and verdict.witness["word"] and verdict.witness["found"] != verdict.witness["expected"]
    else:
        assert any(e.reason for e in verdict.evidence)


@pytest.mark.parametrize("id", ["recip", "recip-frame", "basis", "minimal", "minimal-frame"])
@pytest.mark.parametrize(
    "change", [{"words": "any"}, {"arithmetic": "float32"}, {"arithmetic": "float64"}, {"order": "exists weights forall T", "t_max": None}]
)
def test_a_scope_a_step_too_wide_is_not_proved(id, change):
    claim = load("absolute-position").claim(id)
    subject = claim.subject.at(4) if isinstance(claim.subject, Family) and "order" in change else claim.subject
    wider = replace(claim, subject=subject, scope=replace(claim.scope, **change))
    if wider.scope == claim.scope or (id.endswith("frame") and "order" in change):
        return
    verdict = verify(wider)
    assert verdict.kind not in ("proved", "certified") and not verdict.stands
