"""The kernel alone: certificates edited by hand, and every hole that was once found in it."""

import copy
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nopeproof import algebra, kernel
from nopeproof.checks.prove import candidates, certificate_for, prove
from nopeproof.checks.sample import sample
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head, Norm, Unit
from nopeproof.claims import Claim, Equals, SameAttention, Scope, ScoreIs, after_attention, after_ffn
from nopeproof.library import load
from nopeproof.parts import uniform_head
from nopeproof.residual import Residual

R = Residual(one=1, bos=1, x=1, share=1, out=1)
NO_HINTS = {"modulus": 1, "singles": 1, "units": {}}


@pytest.fixture(autouse=True)
def less_work(monkeypatch):
    """A tenth of what the kernel spends, so that what it gives up on does not take long here; every certificate we write costs less."""
    monkeypatch.setattr(kernel, "WORK", kernel.WORK // 10)


def accepted(id, name="absolute-position"):
    """A certificate the kernel accepts, to be edited."""
    found = load(name).claim(id)
    return next(c for c in candidates(found) if not rejected(c))


def rejected(certificate):
    """The kernel's reason, or None if it accepts; any other exception is a crash. Never for ever."""
    start = time.process_time()
    try:
        kernel.check(certificate)
    except kernel.Reject as bad:
        assert str(bad)
        return str(bad)
    finally:
        assert time.process_time() - start < 60
    return None


def rehash(certificate):
    """The hash that fits the edited weights: what is tested is not the hash."""
    text = json.dumps(certificate["subject"], sort_keys=True, separators=(",", ":"))
    certificate["weights_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return certificate


HEAD, MINIMAL = accepted("recip"), accepted("minimal")


# --- holes found and closed ----------------------------------------------------------------------------------------------


def test_a_key_of_a_later_layer_is_not_confused_with_its_own_keys():
    """Once the content of a key (as a query of the layer below) and of that query's keys had one name, and cancelled."""
    content_score = Head(W_Q=[R.x, -R.one], W_K=[R.one, R.x], W_V=[R.bos], W_O=[R.share], name="x_t - x_i")
    first = Block([content_score, uniform_head([R.bos], [-R.share])], shared=[R.share])
    second = Block([uniform_head([R.share], [R.out])])
    circuit = Circuit(R, Embedding({"<bos>": R.bos}, other=R.one + "x0" * R.x), [first, second], bos="<bos>")
    claim = Claim("c", circuit, Equals(after_attention(2), R.out, "0"))
    assert prove(claim).kind == "open" and sample(claim).kind == "refuted"


@pytest.mark.parametrize("statement", [ScoreIs(1, 0, "1"), SameAttention(1, 0, 1), Equals(after_attention(1), R.share, "1/t")])
@pytest.mark.parametrize("norm", [{"norm_attention": Norm("rmsnorm")}, {"norm_ffn": Norm("layernorm")}])
def test_a_norm_stops_every_kind_of_claim(statement, norm):
    """Once a score claim did not look at the norm of its own block."""
    head = Head(W_Q=[R.one], W_K=[R.one], W_V=[R.bos], W_O=[R.share])
    circuit = Circuit(
        R, Embedding({"<bos>": R.one + R.bos, "a": R.one + 3 * R.x}), [Block([head, head], shared=[R.share], **norm)], bos="<bos>"
    )
    evidence = prove(Claim("c", circuit, statement, Scope(vocabulary="given")))
    assert evidence.kind == "open" and "norm" in evidence.reason


@pytest.mark.parametrize(
    "value", ["(t - 1)/(t - 1) - 1 + 1/t", "1/t + 0/(t - 1)", "1/t + (t - 2)/(t - 2) - 1", "1/t + T/T - T/T + 0/(T - t)"]
)
def test_what_cancels_is_not_divided_by_zero(value):
    edited = copy.deepcopy(HEAD)
    edited["claim"]["value"] = value
    assert "divide by zero" in rejected(edited)


def test_a_quotient_is_divided_by_whole_even_if_its_denominator_is_a_number():
    half = kernel.Ratio(1, {(): 2})
    for x in (kernel.Ratio(3), kernel.Ratio("t"), half):
        assert ((x / half) * half - x).num == {}


def test_a_claim_about_no_words_is_not_accepted():
    """Without tokens there was nothing to check, and anything was accepted."""
    edited = copy.deepcopy(HEAD)
    edited["subject"] |= {"embed": {}, "generic": None, "bos": None}
    edited["scope"] |= {"words": "any", "vocabulary": "given"}
    edited["claim"]["value"] = "17"
    assert "no tokens" in rejected(rehash(edited))


def test_the_symbol_T_and_square_roots_are_the_same_number_at_every_position():
    """Only the symbols of the generic token differ from position to position."""
    for weight in ("sqrt(2)", "ln(3)"):
        tokens = Embedding({"<bos>": R.one + weight * R.x}, other=R.one + weight * R.x + "x0" * R.bos)
        circuit = Circuit(R, tokens, [Block([Head(W_Q=[R.x], W_K=[R.one], W_V=[R.x], W_O=[R.share])])], bos="<bos>")
        assert prove(Claim("c", circuit, Equals(after_attention(1), R.share, weight))).kind == "proved"


@pytest.mark.parametrize(
    "text",
    [
        "sqrt(10**40)",
        "ln(10**40)",
        "(((t + 1)**64)**64)**64",
        "(t + T + 1)**64*(t + T + 2)**64",
        "((((10**64)**64)**64)**64)**64",
        "((((t**64)**64)**64)**64)**64",
        "-" * 9_000 + "1",
        "(" * 4_000 + "t" + ")" * 4_000,
        "+".join(["t"] * 4_000),
        "9" * 9_000,
        "1" + "*t" * 20_000,
    ],
)
def test_an_expression_too_large_is_a_reason_and_not_a_hang(text):
    edited = copy.deepcopy(HEAD)
    edited["claim"]["value"] = text
    assert rejected(edited)
    edited = copy.deepcopy(HEAD)
    edited["subject"]["embed"]["<bos>"]["0"] = text.replace("t", "x")
    rejected(rehash(edited))


@pytest.mark.parametrize("score", ["10**15", "10**9*ln(2)", "ln(2)*ln(3)", "10**9*sqrt(2)", "ln(10**12)"])
def test_a_huge_exponent_is_no_hang(score):
    edited = copy.deepcopy(HEAD)
    head = edited["subject"]["blocks"][0]["heads"][0]
    head |= {"W_Q": [{"0": "1"}], "W_K": [{"1": score}], "W_V": [{"0": "1", "1": "1"}], "W_O": [{"2": "1"}]}
    edited["claim"]["value"] = "1/t"
    assert rejected(rehash(edited))


def test_long_division_of_exponentials_ends():
    e = lambda n: algebra.variable("e", n)  # noqa: E731
    assert algebra.divide(e(10_000), e(1) + algebra.number(1)) is None


def flood(subject):
    """Subjects of a few kilobytes that once took minutes, or would."""
    plain = {"norm_attention": None, "norm_ffn": None, "heads": [], "mlp": None}
    yield "many tokens in many cases", {"embed": {f"x{n}": {} for n in range(2_000)} | {"<bos>": {}}, "blocks": [plain] * 3}
    unit = {"read": {}, "bias": "0", "write": {}, "first": None, "last": None}
    yield "many idle units", {"blocks": [plain | {"mlp": {"activation": "relu", "b_2": {}, "units": [unit] * 20_000}}]}
    yield "many roots", {"embed": {"<bos>": {str(n): f"sqrt({10**8 - 1 - n})" for n in range(1_000)}}, "d_model": 1_000}
    yield "many blanks", {"embed": {"<bos>": {str(n): "1" + " " * 9_000 for n in range(1_000)}}, "d_model": 1_000}
    head = {"W_Q": [{}], "W_K": [{}], "W_V": [{"0": "1"}], "W_O": [{"0": "1"}], "scale": "1"}
    flags = {f"x{n}": {"0": str(n)} for n in range(40)} | {"<bos>": {}}
    yield "forty counts in a power", {"embed": flags, "blocks": [plain | {"heads": [head] * 30}]}
    ratios = {str(n): f"{10**99 + n}/{10**99 - n}" for n in range(1, 999)}
    yield "long fractions", {"d_model": 1_000, "embed": {"<bos>": ratios}, "blocks": [plain | {"mlp": {"activation": "relu", "b_2": {},
        "units": [unit | {"read": ratios, "write": ratios}] * 20}}]}  # fmt: skip


LONGEST = ("many tokens in many cases", "forty counts in a power")  # the whole budget, which is seconds


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in LONGEST else n for n, _ in flood({})])
def test_no_certificate_keeps_the_kernel_busy_for_ever(name):
    edited = copy.deepcopy(HEAD)
    edited["subject"] |= {"generic": None} | dict(flood(edited["subject"]))[name]
    edited["scope"] |= {"vocabulary": "given"}
    edited["claim"] = {"kind": "unchanged", "start": [0, "ffn"], "end": [len(edited["subject"]["blocks"]), "ffn"], "indices": [0]}
    edited["hints"] |= {"modulus": 64, "singles": 64}
    rejected(rehash(edited))


def test_the_kernel_can_be_read_in_one_sitting():
    assert len(Path(kernel.__file__).read_text().splitlines()) <= 300


# --- certificates edited by hand ------------------------------------------------------------------------------------------


def edits():
    """(name, edit) pairs; each turns an accepted certificate into one that must be rejected."""

    def put(*path, value):
        def edit(c):
            for step in path[:-1]:
                c = c[step]
            c[path[-1]] = value

        return edit

    def drop(*path):
        def edit(c):
            for step in path[:-1]:
                c = c[step]
            del c[path[-1]]

        return edit

    unit = ("subject", "blocks", 0, "mlp", "units", 1)
    hint = ("hints", "units", "1.1:2r+3")
    yield from ((f"without {key}", drop(key)) for key in ("schema", "claim", "scope", "subject", "weights_sha256", "hints", "about"))
    yield from ((f"unknown key in {'.'.join(map(str, at)) or 'the top'}", put(*at, "trust", value=True)) for at in [
        (), ("claim",), ("scope",), ("subject",), ("hints",), ("subject", "blocks", 0), ("subject", "blocks", 0, "heads", 0),
        ("subject", "blocks", 0, "heads", 1), ("subject", "blocks", 0, "mlp"), unit, hint,
    ])  # fmt: skip
    yield "schema 2", put("schema", value="nopeproof-certificate/2")
    yield "quantifiers swapped", put("scope", "order", value="exists weights forall T")
    yield "quantifiers swapped, every length", lambda c: c["scope"].update(order="exists weights forall T", t_max=None)
    yield "a number of lengths", put("scope", "t_max", value=10**9)
    yield "any words", put("scope", "words", value="any")
    yield "a dtype", put("scope", "arithmetic", value="float32")
    yield "some vocabulary", put("scope", "vocabulary", value="some")
    yield "mask", put("subject", "mask", value="none")
    yield "strict mask", put("subject", "mask", value="strict")
    yield "positions", put("subject", "positions", value="alibi")
    yield "no BOS", put("subject", "bos", value=None)
    yield "BOS without embedding", put("subject", "bos", value="<s>")
    yield "no generic token", put("subject", "generic", value=None)
    yield "a token called *", put("subject", "embed", "*", value={"0": "1"})
    yield "two kinds of BOS", put("subject", "embed", "<s>", value={"0": "1", "1": "1"})
    yield "generic with the BOS flag", put("subject", "generic", "1", value="1")
    yield "generic with a free BOS flag", put("subject", "generic", "1", value="x9")
    yield "GELU", put("subject", "blocks", 0, "mlp", "activation", value="gelu")
    yield "an output bias", put("subject", "blocks", 0, "mlp", "b_2", value={"2": "1"})
    yield "a bias", put(*unit, "bias", value="1")
    yield "a bias in T", put(*unit, "bias", value="1/T")
    yield "first 3", put(*unit, "first", value="3")
    yield "first -1", put(*unit, "first", value="-1")
    yield "first 3/2", put(*unit, "first", value="3/2")
    yield "first k", put(*unit, "first", value="k")
    yield "first T", put(*unit, "first", value="T")
    yield "first missing", put(*unit, "first", value=None)
    yield "last missing", put(*unit, "last", value=None)
    yield "last one less", put(*unit, "last", value="T // 2 - 1")
    yield "last (T - 1)//2", put(*unit, "last", value="(T - 1) // 2")
    yield "last T // 0", put(*unit, "last", value="T // 0")
    yield "last T // -2", put(*unit, "last", value="T // -2")
    yield "last T // 3", put(*unit, "last", value="T // 3")
    yield "last T/2", put(*unit, "last", value="T/2")
    yield "last r", put(*unit, "last", value="r")
    yield "write in T", put(*unit, "write", "2", value="T")
    yield "coordinate 02", put(*unit, "write", "02", value="1")
    yield "coordinate -1", put(*unit, "write", "-1", value="1")
    yield "coordinate 99", put(*unit, "write", "99", value="1")
    yield "a float", put(*unit, "read", "0", value="4.0")
    yield "a JSON number", put(*unit, "read", "0", value=4)
    yield "a weight called d", put(*unit, "read", "0", value="4 + 0*d + d")
    yield "fullwidth T", put(*unit, "read", "0", value="4 + \uff34 - \uff34")
    yield "a weight x/x", put(*unit, "read", "0", value="4*x/x")
    yield "k in the embedding", put("subject", "embed", "<bos>", "0", value="k")
    yield "r in the embedding", put("subject", "generic", "0", value="1 + r")
    yield "rt2 in the embedding", put("subject", "generic", "0", value="rt2*rt2 - 1")
    yield "T in the embedding", put("subject", "generic", "0", value="T")
    yield "a hint one short", put(*hint, "active", value="r")
    yield "a hint one long", put(*hint, "active", value="r + 2")
    yield "a fractional hint", put(*hint, "active", value="r + 1/2")
    yield "a hint in k", put(*hint, "active", value="k")
    yield "a sum off by one", put(*hint, "sums", value={"2": MINIMAL["hints"]["units"]["1.1:2r+3"]["sums"]["2"] + " + 1"})
    yield "a sum that vanishes at the ends only", put(*hint, "sums", value={"2": "k*(k - 1)"})
    yield "a sum of another name", put(*hint, "sums", value={"3": "0"})
    yield "a sum with j", put(*hint, "sums", value={"2": "j"})
    yield "sums as a list", put(*hint, "sums", value=["0"])
    yield "no hints", put("hints", "units", value={})
    yield "hints as a list", put("hints", "units", value=[])
    yield "modulus 0", put("hints", "modulus", value=0)
    yield "modulus 65", put("hints", "modulus", value=65)
    yield "modulus True", put("hints", "modulus", value=True)
    yield "modulus 1", put("hints", "modulus", value=1)
    yield "singles 0", put("hints", "singles", value=0)
    yield "d_model 0", put("subject", "d_model", value=0)
    yield "d_model 2", put("subject", "d_model", value=2)
    yield "d_model huge", put("subject", "d_model", value=10**12)
    yield "d_model a float", put("subject", "d_model", value=6.0)
    yield "d_model NaN", put("subject", "d_model", value=float("nan"))
    yield "value t + 1", put("claim", "value", value="t + 1")
    yield "value T", put("claim", "value", value="T")
    yield "value r + 1", put("claim", "value", value="r + 1")
    yield "value d", put("claim", "value", value="t + d")
    yield "value i", put("claim", "value", value="i")
    yield "value of another kind", put("claim", "value", value=["t"])
    yield "index True", put("claim", "index", value=True)
    yield "index -4", put("claim", "index", value=-4)
    yield "site before the first", put("claim", "site", value=[0, "attention"])
    yield "site beyond the last", put("claim", "site", value=[2, "ffn"])
    yield "site -1", put("claim", "site", value=[-1, "ffn"])
    yield "site of three", put("claim", "site", value=[1, "ffn", 0])
    yield "kind of no goal", put("claim", "kind", value="true")
    yield "kind unhashable", put("claim", "kind", value=[])
    yield "order unhashable", put("scope", "order", value=[])
    yield "W_Q longer than W_K", lambda c: c["subject"]["blocks"][0]["heads"][0]["W_Q"].append({})
    yield "W_V longer than W_O", lambda c: c["subject"]["blocks"][0]["heads"][0]["W_V"].append({})
    yield "another scale", put("subject", "blocks", 0, "heads", 0, "scale", value="2")
    yield "an opaque head on the position", put("subject", "blocks", 0, "heads", 1, value={"opaque": [2]})
    yield "an opaque head on what the FFN reads", put("subject", "blocks", 0, "heads", 1, value={"opaque": [0]})
    yield "an opaque head on a string", put("subject", "blocks", 0, "heads", 1, value={"opaque": "2"})
    yield "blocks as a mapping", put("subject", "blocks", value={})
    yield "deep JSON", put("subject", "generic", value=_deep(5000))


def _deep(n):
    out = []
    for _ in range(n):
        out = [out]
    return out


@pytest.mark.parametrize(("name", "edit"), [pytest.param(n, e, id=n) for n, e in edits()])
def test_an_edited_certificate_is_rejected_with_the_reason(name, edit):
    edited = copy.deepcopy(MINIMAL)
    edit(edited)
    assert rejected(edited), "with the old hash, or with the new scope"
    if name not in ("without subject", "without weights_sha256", "deep JSON"):
        assert rejected(rehash(edited)), "also with the hash that fits"


def test_the_unedited_ones_are_accepted():
    assert rejected(HEAD) is None and rejected(MINIMAL) is None


def test_weights_swapped_under_a_certificate_are_noticed():
    edited = copy.deepcopy(HEAD)
    edited["subject"] = MINIMAL["subject"]
    assert "hash" in rejected(edited)


@pytest.mark.parametrize("cut", [1, 100, 700, -2])
def test_a_truncated_file_is_rejected_by_the_copied_kernel(tmp_path, cut):
    copied, file = tmp_path / "referee.py", tmp_path / "certificate.json"
    copied.write_text(Path(kernel.__file__).read_text())
    file.write_text(json.dumps(MINIMAL))
    run = lambda: subprocess.run([sys.executable, "-I", str(copied), str(file)], capture_output=True, text=True)  # noqa: E731
    done = run()
    assert (done.returncode, done.stdout.strip()) == (0, "accepted")
    file.write_text(json.dumps(MINIMAL)[:cut])
    done = run()
    assert done.returncode == 1 and done.stdout.startswith("rejected") and not done.stderr


def test_json_nested_too_deep_is_rejected_by_the_copied_kernel(tmp_path):
    file = tmp_path / "certificate.json"
    file.write_text("[" * 100_000)
    done = subprocess.run([sys.executable, "-I", kernel.__file__, str(file)], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout.startswith("rejected") and not done.stderr


# --- how the words are merged --------------------------------------------------------------------------------------------


def layer(scores, value, tokens=("a", "b"), bos=True, scope=None, target="1/t"):
    """One head whose logit on each token is given, averaging a value given token by token; its claim on `share`."""
    names = ["<bos>", *tokens] if bos else list(tokens)
    S = Residual(one=1, score=1, value=1, share=1)
    embed = {n: S.one + s * S.score + v * S.value for n, s, v in zip(names, scores, value, strict=True)}
    head = Head(W_Q=[S.one], W_K=[S.score], W_V=[S.value], W_O=[S.share])
    circuit = Circuit(S, Embedding(embed), [Block([head])], bos="<bos>" if bos else None)
    return Claim(
        "c", circuit, Equals(after_attention(1), S.share, target), scope or Scope(vocabulary="given", words="bos-first" if bos else "any")
    )


@pytest.mark.parametrize(
    ("scores", "value", "target", "proved"),
    [
        ((0, 0, 0), (1, 0, 0), "1/t", True),
        ((5, 5, 5), (1, 0, 0), "1/t", True),
        ((1, 0, 0), (1, 0, 0), "1/t", False),
        ((0, 0, 1), (1, 0, 0), "1/t", False),
        ((0, 0, 0), (1, 0, 1), "1/t", False),
        ((0, 0, 0), (0, 1, 1), "1 - 1/t", True),
        ((0, 0, 0), (0, 1, 2), "1 - 1/t", False),
        ((3, 1, 2), (4, 4, 4), "4", True),
        (("ln(2)", 0, 0), (1, 0, 0), "2/(t + 1)", True),
        (("ln(2)", 0, 0), (1, 0, 0), "2/(t + 2)", False),
        (("ln(4)", "2*ln(2)", "ln(2) + ln(2)"), (1, 0, 0), "1/t", True),
        (("ln(2)/2", 0, 0), (1, 0, 0), "2/(t + 1)", False),
        (("sqrt(2)", "sqrt(2)", "sqrt(8)/2"), (1, 0, 0), "1/t", True),
        (("sqrt(2)", "1", "1"), (1, 0, 0), "1/t", False),
        (("1/2", "1/2", "1/2"), (1, 0, 0), "1/t", True),
        (("x", "x", "x"), (1, 0, 0), "1/t", True),
        (("x", "y", "y"), (1, 0, 0), "1/t", False),
    ],
)
def test_token_classes_merge_only_where_scores_and_values_agree(scores, value, target, proved):
    claim = layer(scores, value, target=target)
    assert (prove(claim).kind == "proved") is proved
    assert sample(claim).kind in (("tested", "open") if proved else ("refuted", "open"))  # open: two spellings of one logarithm


def test_without_BOS_the_counts_sum_to_t_and_no_token_is_counted_once():
    assert prove(layer((0, 0), (1, 0), bos=False)).kind == "open"
    assert prove(layer((0, 7), (3, 3), bos=False, target="3")).kind == "proved"


def test_the_case_split_covers_every_position_from_the_first():
    claim = layer((0, 0, 0), (1, 0, 0), target="1/t + (t - 1)*(t - 2)*(t - 3)*(t - 4)")
    for modulus in (1, 2, 3):
        for singles in (1, 2, 4):
            assert rejected(certificate_for(claim, {"modulus": modulus, "singles": singles, "units": {}}))


def test_an_unknown_coordinate_stays_unknown_in_every_layer():
    """Two heads, two layers, two positions: whatever is not known gets names of its own, so nothing of it cancels."""
    S = Residual(one=1, a=1, b=1, out=1)
    any_score = lambda n: Head(W_Q=[S.one], W_K=[f"s{n}" * S.a], W_V=[S.a], W_O=[S.out], name=str(n))  # noqa: E731
    minus = Head(W_Q=[S.one], W_K=["s2" * S.a], W_V=[S.a], W_O=[-S.out], name="minus")
    tokens = Embedding({"<bos>": S.one}, other=S.one + S.a.free("x"))
    for blocks in ([Block([any_score(1), minus], shared=[S.out])], [Block([any_score(1)]), Block([minus])]):
        claim = Claim("c", Circuit(S, tokens, blocks, bos="<bos>"), Equals(after_attention(len(blocks)), S.out, "0"))
        assert prove(claim).kind == "open" and sample(claim, 200).kind == "refuted"


def test_values_that_depend_on_where_the_key_stands_are_not_merged():
    S = Residual(one=1, bos=1, recip=1, out=1)
    blocks = [Block([uniform_head([S.bos], [S.recip])]), Block([uniform_head([S.recip], [S.out])])]
    circuit = Circuit(S, Embedding({"<bos>": S.one + S.bos, "a": S.one}), blocks, bos="<bos>")
    for value in ("1/t", "1", "(t + 1)/(2*t)"):
        claim = Claim("c", circuit, Equals(after_attention(2), S.out, value), Scope(vocabulary="given"))
        assert prove(claim).kind == "open" and sample(claim).kind == "refuted"


@pytest.mark.parametrize("name", ["e", "r", "d", "j", "k", "t", "i", "rt2", "ln 2", "n a@t", "r@t", "?1h0.3@t"])
def test_a_symbol_named_like_one_of_the_kernels_own_is_rejected(name):
    edited = copy.deepcopy(HEAD)
    edited["subject"]["generic"]["2"] = name
    assert rejected(rehash(edited))


@pytest.mark.parametrize("token", ["a@t", "n a", "*", "?", "r@j", "", "e"])
def test_token_names_cannot_be_mistaken_for_variables(token):
    claim = layer((0, 0, 0), (1, 0, 1), tokens=("a", token))
    certificate = certificate_for(claim, NO_HINTS)
    assert rejected(certificate)
    good = certificate_for(layer((0, 0, 0), (1, 0, 0), tokens=("a", token)), NO_HINTS)
    assert (rejected(good) is None) is (token != "*")


def test_a_unit_is_never_switched_on_a_sign_it_may_not_have():
    S = Residual(one=1, x=1, out=1)
    tokens = Embedding({"<bos>": S.one}, other=S.one + S.x.free("x"))
    for read, value in ((S.x, "0"), (S.one + S.x, "1"), ("w" * S.one, "0"), ("sqrt(2)" * S.one - S.one, "0")):
        circuit = Circuit(S, tokens, [Block(mlp=MLP([Unit(read=read, write=S.out)]))], bos="<bos>")
        assert prove(Claim("c", circuit, Equals(after_ffn(1), S.out, value))).kind == "open"


def hidden(read, bias, write, first=None, last=None):
    """A hidden unit, or a range of them, as a certificate spells it."""
    return {"read": read, "bias": bias, "write": write, "first": first, "last": last}


def ffns(*layers):
    """Blocks without heads."""
    return [{"norm_attention": None, "norm_ffn": None, "heads": [], "mlp": {"activation": "relu", "b_2": {}, "units": u}} for u in layers]


def test_a_range_of_units_whose_weights_are_no_polynomials_in_k_is_rejected():
    """Their sum over k has no common denominator: x ends at -6, though what the kernel would add up is 0."""

    def certificate(denominator, sums, end):
        first = [hidden({}, f"(1 - k)/({denominator})", {"1": "1"}, "0", "0")]
        second = [hidden({"1": "-1"}, "3 - k", {"0": "1"}, "1", "2"), hidden({"1": "1"}, "0", {"0": "-7"})]
        subject = {"d_model": 2, "embed": {"a": {"1": "0"}}, "generic": None, "bos": None, "mask": "causal", "positions": "none"}
        units = {f"1.0:{case}": {"active": "0", "sums": {"1": "1 + k/2 - k**2/2"}} for case in ("1", "1r+2")}
        units |= {f"2.0:{case}": {"active": "2", "sums": {"0": sums}} for case in ("1", "1r+2")}
        scope = {k: v for k, v in Scope(words="any", vocabulary="given").as_json().items() if k != "parameters"}
        claim = {"kind": "equals", "site": [2, "ffn"], "index": 0, "value": end}
        whole = {"schema": kernel.SCHEMA, "claim": claim, "scope": scope, "hints": NO_HINTS | {"units": units}, "about": {}}
        return rehash({**whole, "subject": {**subject, "blocks": ffns(first, second)}})

    assert rejected(certificate("1", "2*k - k*(k + 1)/2", "-6")) is None  # as it is where the denominator is a number
    assert "by k" in rejected(certificate("k**2 + 1", "2*k + 3*k**2/4 + k**3/2 - k**4/4", "0"))
