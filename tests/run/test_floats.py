"""Float runs by hand: rounding of weights, masks, scales, norms, GELU, encodings, dtypes, devices."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Norm, Unit
from nopeproof.claims import Site, after_attention, after_ffn, embedding
from nopeproof.errors import NopeproofError
from nopeproof.positions import ALiBi, LearnedAPE, NoPE, Rotary, SinusoidalAPE, alibi_slopes, sinusoid
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.run.dtypes import nearest, torch_dtype
from nopeproof.run.floats import run_batch
from nopeproof.scalars import scalar
from nopeproof.strategies import circuits, words
from nopeproof.testing import assert_same_run
from nopeproof.theory.precision import FORMATS, round_to

ROUTES = ("materialised", "sdpa", "streaming")
R = Residual(one=1, bos=1, recip=1, content=2)
UNIFORM = Head([0], [0], [R.bos], [R.recip], name="uniform")
TOKENS = {"<bos>": R.one + R.bos, "a": R.one + R.content[0], "b": R.one + R.content[1]}
CIRCUIT = Circuit(R, Embedding(TOKENS), [Block([UNIFORM])], bos="<bos>")
WORD = ["<bos>", "a", "b", "b", "a"]
LOOK = Head([R.content[0], R.content[1]], [2 * R.content[0], R.one], [R.content[0]], [R.recip], scale="1/sqrt(d_head)", name="look")


# --- weights ---------------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(
    st.fractions(-1000, 1000) | st.fractions(max_denominator=10**30, min_value=0, max_value=2),
    st.sampled_from(["float64", "float32", "float16", "bfloat16"]),
)
def test_weights_are_rounded_as_the_theory_of_formats_says(x, dtype):
    assert Fraction(nearest(x, getattr(torch, dtype))) == round_to(x, FORMATS[dtype])


@pytest.mark.parametrize(("dtype", "p"), [("bfloat16", 8), ("float16", 11), ("float32", 24)])
def test_no_weight_is_rounded_twice(dtype, p):
    """Just above the middle of two neighbours, by less than the next wider format can see: a second rounding would go to the even one."""
    x = 1 + Fraction(1, 2**p) + Fraction(1, 2**80)
    assert float(x) == 1 + 2**-p  # float64 already sees the middle
    assert nearest(x, getattr(torch, dtype)) == 1 + 2 ** (1 - p)
    assert torch.tensor(float(x), dtype=torch.float64).to(getattr(torch, dtype)).item() == 1.0
    circuit = replace(CIRCUIT, embedding=Embedding({**TOKENS, "a": x * R.one}))
    assert run(circuit, ["<bos>", "a"], dtype).at(embedding(), R.one)[1].item() == 1 + 2 ** (1 - p)


def test_subnormals_largest_numbers_and_beyond():
    tiny, top = Fraction(1, 2**24), Fraction(65504)
    assert (
        nearest(tiny, torch.float16) == 2**-24
        and nearest(tiny / 2, torch.float16) == 0.0
        and nearest(tiny * Fraction(3, 5), torch.float16) == 2**-24
    )
    assert nearest(top + 15, torch.float16) == 65504
    with pytest.raises(NopeproofError, match="wider range"):
        nearest(top + 16, torch.float16)


def test_roots_and_logarithms_are_rounded_through_balls():
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        for text, value in (
            ("sqrt(2)", math.sqrt(2)),
            ("ln(3)/7", math.log(3) / 7),
            ("2*sqrt(3) - ln(10)", 2 * math.sqrt(3) - math.log(10)),
        ):
            got = nearest(scalar(text), dtype)
            assert abs(got - value) <= torch.finfo(dtype).eps / 2 * abs(value) * 1.001 + 1e-15
    assert nearest(scalar("2*ln(2) - ln(4)"), torch.float64) == 0.0  # equal to 0, by a relation the polynomial does not show
    with pytest.raises(NopeproofError, match="middle of two floats"):
        nearest(scalar(f"2*ln(2) - ln(4) + 1 + 1/{2**8}"), torch.bfloat16)


# --- hand cases ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", torch.float32, "torch.float64"])
def test_the_uniform_head_gives_one_over_t(dtype, route):
    trace = run(CIRCUIT, WORD, dtype, route=route)
    got = trace.at(after_attention(1), R.recip)
    assert got.dtype is torch_dtype(dtype) and got.shape == (5,)
    eps = torch.finfo(got.dtype).eps
    assert torch.allclose(got.double(), 1 / torch.arange(1, 6).double(), rtol=2 * eps, atol=0)
    head = trace.head(1)
    assert head.output.shape == (5, R.d_model)
    assert head.weights is None if route != "materialised" else head.weights.shape == (5, 5)


@pytest.mark.parametrize("route", ROUTES)
def test_strict_mask_first_row_is_the_empty_sum(route):
    trace = run(replace(CIRCUIT, mask="strict"), WORD, "float64", route=route)
    assert trace.at(after_attention(1), R.recip).tolist() == pytest.approx([0, 1, 1 / 2, 1 / 3, 1 / 4])
    assert not any(x.isnan().any() for x in trace.residuals.values())
    if route == "materialised":
        assert trace.head(1).weights[0].tolist() == [0] * 5 and trace.head(1).scores[0].tolist() == [-math.inf] * 5
    alone = run(replace(CIRCUIT, mask="strict"), ["<bos>"], "float32", route=route)
    assert alone.head(1).output.tolist() == [[0] * R.d_model]


@pytest.mark.parametrize("route", ROUTES)
def test_without_a_mask_every_position_sees_all(route):
    assert run(replace(CIRCUIT, mask="none"), WORD, "float64", route=route).at(after_attention(1), R.recip).tolist() == pytest.approx(
        [1 / 5] * 5
    )


def test_score_scale_and_masked_scores():
    circuit = replace(CIRCUIT, blocks=[Block([LOOK])])
    scores = run(circuit, WORD, "float64").head(1).scores
    assert scores[1, 1].item() == pytest.approx(2 / math.sqrt(2)) and scores[2, 1].item() == pytest.approx(1 / math.sqrt(2))
    assert scores[1, 2].item() == -math.inf
    plain = run(replace(circuit, blocks=[Block([replace(LOOK, scale="1")])]), WORD, "float64").head(1).scores
    assert plain[1, 1].item() == 2
    weights = run(circuit, WORD, "float64").head(1).weights
    e = math.exp(2 / math.sqrt(2))
    assert weights[1].tolist() == pytest.approx([1 / (1 + e), e / (1 + e), 0, 0, 0])


def test_several_heads_add_up_and_sdpa_agrees():
    circuit = replace(CIRCUIT, blocks=[Block([UNIFORM, LOOK], shared=[R.recip])])
    assert_same_run(circuit, WORD, ["exact", "ball", "float64", "float64/sdpa"], tol=1e-12)
    trace = run(circuit, WORD, "float64")
    total = trace.at(embedding()) + trace.head(1, 0).output + trace.head(1, 1).output
    assert torch.equal(total, trace.at(after_attention(1)))


def test_norms_of_a_known_vector():
    S = Residual(x=4)
    vector = S.x[0] + 3 * S.x[1] - S.x[2] + 5 * S.x[3]  # mean 2, deviations -1, 1, -3, 3, mean square 5; raw mean square 9
    copy = [Unit(read=S.x[i], write=S.x[i]) for i in range(4)]
    for norm, want in (
        (Norm("layernorm"), [1 + 0, 3 + 5**-0.5, -1 + 0, 5 + 3 * 5**-0.5]),
        (Norm("rmsnorm", 7), [1 + 1 / 4, 3 + 3 / 4, -1, 5 + 5 / 4]),
    ):
        circuit = Circuit(S, Embedding({"a": vector}), [Block(mlp=MLP(copy), norm_ffn=norm)])
        for dtype in ("float64", "float32", "bfloat16"):
            got = run(circuit, ["a"], dtype).final[0].double()
            assert got.tolist() == pytest.approx(want, rel=4 * torch.finfo(torch_dtype(dtype)).eps)
    attention = Circuit(S, Embedding({"a": vector}), [Block([Head([0], [0], [S.x[3]], [S.x[0]])], norm_attention=Norm("layernorm"))])
    assert run(attention, ["a"], "float64").final[0, 0].item() == pytest.approx(1 + 3 * 5**-0.5)


@pytest.mark.parametrize("arithmetic", ["float32", "ball", "exact"])
def test_the_norm_of_a_zero_vector_needs_an_epsilon(arithmetic):
    S = Residual(x=2)
    circuit = Circuit(S, Embedding({"a": S.zero}), [Block(mlp=MLP([Unit(S.x[0], S.x[1])]), norm_ffn=Norm("rmsnorm"))])
    if arithmetic == "ball":
        assert not run(circuit, ["a"], "ball").final[0][1].is_finite()
        return
    with pytest.raises(NopeproofError, match="epsilon > 0"):
        run(circuit, ["a"], arithmetic)


def test_gelu_is_the_erf_form():
    S = Residual(x=1, y=1)
    circuit = Circuit(S, Embedding({"a": 2 * S.x}), [Block(mlp=MLP([Unit(S.x, S.y, bias="-1/2")], "gelu", b_2=3 * S.y))])
    want = 3 + 1.5 * (1 + math.erf(1.5 / math.sqrt(2))) / 2
    assert run(circuit, ["a"], "float64").at(after_ffn(1), S.y).item() == pytest.approx(want, rel=1e-15)
    with pytest.raises(NopeproofError, match="GELU"):
        run(circuit, ["a"], "exact")


def test_directions_and_read_outs_of_float_traces():
    circuit = replace(CIRCUIT, unembedding={"a": R.recip, "b": "1/2" * R.one - R.recip})
    trace = run(circuit, WORD, "float64")
    assert trace.at(after_attention(1), R.one - 2 * R.recip).tolist() == pytest.approx([1 - 2 / t for t in range(1, 6)])
    assert trace.logits()[1]["b"].item() == pytest.approx(0)
    assert trace.at(Site(1), "content").shape == (5, 2) and trace.at(Site(1), R.zero).tolist() == [0] * 5


@settings(max_examples=25, deadline=None)
@given(st.data(), circuits(scores="any"), st.sampled_from(ROUTES[:2]))
def test_a_batch_gives_the_traces_of_its_words(data, circuit, route):
    length = data.draw(st.integers(1, 5))
    batch = data.draw(st.lists(words(circuit, min_size=length, max_size=length), min_size=1, max_size=4))
    for word, trace in zip(batch, run_batch(circuit, batch, "float64", route), strict=True):
        assert trace.word == word
        assert_same_run(trace, run(circuit, word, "float64", route=route), tol=1e-9)


# --- positional encodings --------------------------------------------------------------------------------------------


def test_stream_encodings_are_added_to_the_embedding():
    even = Residual(x=4)
    trace = run(Circuit(even, Embedding({"a": even.zero}), positions=SinusoidalAPE()), ["a"] * 3, "float64")
    assert np.allclose(trace.final.numpy(), sinusoid(3, 4))
    with pytest.raises(NopeproofError, match="an even width"):
        run(replace(CIRCUIT, positions=SinusoidalAPE()), WORD, "float64")


@pytest.mark.parametrize("mask", ["causal", "strict"])
def test_alibi_slopes_by_head(mask):
    circuit = replace(CIRCUIT, positions=ALiBi(), mask=mask, blocks=[Block([UNIFORM, replace(UNIFORM, name="second")], shared=[R.recip])])
    for h, slope in enumerate(alibi_slopes(2)):
        scores = run(circuit, WORD, "float64").head(1, h).scores
        assert scores[3, :3].tolist() == pytest.approx([-3 * slope, -2 * slope, -slope])
    assert_same_run(circuit, WORD, ["float64", "float64/sdpa"], tol=1e-12)
    with pytest.raises(NopeproofError, match="depend on the query"):
        run(circuit, WORD, "float64", route="streaming")


def test_rotary_scores_depend_on_the_distance_alone():
    head = Head([R.one, 0], [R.one, 0], [R.bos], [R.recip], name="turned")
    circuit = replace(CIRCUIT, positions=Rotary(), blocks=[Block([head])])
    scores = run(circuit, WORD, "float64").head(1).scores
    assert all(scores[t, i].item() == pytest.approx(math.cos(t - i)) for t in range(5) for i in range(t + 1))
    assert_same_run(circuit, WORD, ["float64", "float64/sdpa"], tol=1e-12)
    with pytest.raises(NopeproofError, match="depend on the query"):
        run(circuit, WORD, "float64", route="streaming")


@pytest.mark.parametrize("arithmetic", ["exact", "ball", "symbolic"])
@pytest.mark.parametrize("blocks", [[], [Block([UNIFORM])]])
def test_exact_runs_refuse_encodings_made_of_floats(arithmetic, blocks):
    even = replace(CIRCUIT, positions=SinusoidalAPE(), blocks=blocks)
    with pytest.raises(NopeproofError, match="torch dtype"):
        run(even, WORD, arithmetic)


def test_trained_encodings_are_refused_and_nope_is_not():
    with pytest.raises(NopeproofError, match="trained parameters"):
        run(replace(CIRCUIT, positions=LearnedAPE()), WORD, "float32")
    assert_same_run(run(replace(CIRCUIT, positions=NoPE()), WORD, "float32"), run(CIRCUIT, WORD, "float32"))


# --- bad input -------------------------------------------------------------------------------------------------------

ARITHMETICS = ["exact", "ball", "symbolic", "float32"]


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize(
    ("word", "message"),
    [
        (["<bos>", "z"], "'z' at t = 2"),
        ([], "T = 0"),
        (["a"], "expects '<bos>'"),
        ("<bos>", "one string"),
        (7, "a int"),
        ([["<bos>"]], "known tokens"),
    ],
)
def test_bad_words(arithmetic, word, message):
    with pytest.raises(NopeproofError, match=message):
        run(CIRCUIT, word, arithmetic)


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        *((d, "nor a torch dtype") for d in ("float99", "nn", 3)),
        *((d, "not floating") for d in ("int32", torch.int64, "complex64", "bool")),
        ("exakt", "neither exact, symbolic or ball"),
        ("float8_e4m3fn", "another dtype"),
    ],
)
def test_bad_dtypes(dtype, message):
    with pytest.raises(NopeproofError, match=message):
        run(CIRCUIT, WORD, dtype)


def test_bad_routes_devices_batches_and_open_weights():
    with pytest.raises(NopeproofError, match="materialised, sdpa, streaming"):
        run(CIRCUIT, WORD, "float32", route="flash")
    with pytest.raises(NopeproofError, match="another dtype or device"):
        run(CIRCUIT, WORD, "float32", device="nowhere")
    with pytest.raises(NopeproofError, match="words of one length"):
        run_batch(CIRCUIT, [WORD, WORD[:2]])
    with pytest.raises(NopeproofError, match="weights left open: s"):
        run(replace(CIRCUIT, embedding=Embedding({**TOKENS, "a": "s" * R.one})), WORD, "float32")
    with pytest.raises(NopeproofError, match=r"100000 in torch\.float16"):
        run(replace(CIRCUIT, embedding=Embedding({**TOKENS, "a": 100000 * R.one})), WORD, "float16")
    with pytest.raises(NopeproofError, match="block 1 head 0"):
        run(CIRCUIT, WORD, "float32").head(2)
    with pytest.raises(NopeproofError, match="the trace has"):
        run(CIRCUIT, WORD, "float32").at(after_ffn(2))
    with pytest.raises(NopeproofError, match="without unembedding"):
        run(CIRCUIT, WORD, "float32").logits()
    assert list(run_batch(CIRCUIT, [])) == []
    with pytest.raises(NopeproofError, match=r"family\.at\(T\)"):
        run(Family(CIRCUIT), WORD, "float32")  # type: ignore[arg-type]
    for arithmetic, option in (("exact", "route"), ("symbolic", "bits"), ("ball", "device"), ("float32", "bits"), (torch.float32, "bits")):
        with pytest.raises(NopeproofError, match=f"the option {option!r}"):
            run(CIRCUIT, WORD, arithmetic, **{option: 1})


def test_streaming_reaches_lengths_whose_square_would_not_fit():
    T = 1 << 20
    got = run(CIRCUIT, ["<bos>"] + ["a"] * (T - 1), "float64", route="streaming").at(after_attention(1), R.recip)
    assert torch.allclose(got, 1 / torch.arange(1, T + 1).double(), rtol=1e-13)


def test_a_float_run_as_exact_numbers_has_the_floats_themselves_and_no_masked_score():
    R = Residual(one=1, bos=1, recip=1)
    head = Head(W_Q=[0], W_K=[0], W_V=[R.bos], W_O=[R.recip])
    circuit = Circuit(R, {"<bos>": R.one + R.bos, "a": R.one}, [Block([head])], bos="<bos>")
    floats = run(circuit, ["<bos>", "a", "a"], "float32")
    exact = floats.exactly()
    assert exact.at(after_attention(1), R.recip)[2] == Fraction(11184811, 2**25) != Fraction(1, 3)
    assert exact.head(1).scores[0] == [0, None, None] and exact.head(1).weights[1][:2] == [Fraction(1, 2)] * 2
    wide = replace(circuit, embedding=Embedding({"<bos>": R.one * 10**38, "a": R.one}), blocks=[Block(mlp=MLP([Unit(R.one, 99 * R.one)]))])
    with pytest.raises(NopeproofError, match="inf"):
        run(wide, ["<bos>"], "float32").exactly()
