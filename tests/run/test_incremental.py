"""Incremental decoding against the full pass, and what a cache holds."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nopeproof import library
from nopeproof.circuit import Block, Circuit, Embedding, Head, Norm, Window, visible
from nopeproof.errors import NopeproofError
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.run.incremental import Decoder
from nopeproof.strategies import circuits, words
from nopeproof.testing import assert_same_run

R = Residual(one=1, bos=1, recip=1)
MASKS = ("causal", "strict", Window(1), Window(2), Window(3, sinks=1), Window(2, sinks=2))


@settings(max_examples=20, deadline=None)
@given(data=st.data(), circuit=circuits(masks=MASKS, scores="uniform"))
def test_token_by_token_is_the_full_pass_number_for_number(data, circuit):
    word = data.draw(words(circuit, max_size=4))
    full, cached = run(circuit, word), run(circuit, word, "incremental")
    assert cached.residuals == full.residuals
    assert {k: (h.scores, h.output) for k, h in cached.heads.items()} == {k: (h.scores, h.output) for k, h in full.heads.items()}


@settings(max_examples=12, deadline=None)
@given(data=st.data(), circuit=circuits(masks=MASKS, max_blocks=1))
def test_windows_in_every_arithmetic(data, circuit):
    word = data.draw(words(circuit, max_size=6))
    assert_same_run(circuit, word, ["ball", "float64", "float64/sdpa", "float64/incremental"], tol=1e-9)


def clock(mask):
    """The head of Theorem 1 under a mask."""
    head = Head([0], [0], [R.bos], [R.recip], name="1/t")
    return Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one}), [Block([head])], bos="<bos>", mask=mask)


@settings(max_examples=15, deadline=None)
@given(data=st.data(), circuit=circuits(masks=MASKS, scores="any", norms=(None, Norm("rmsnorm", "1/8"), Norm("layernorm", "1/8"))))
def test_a_cache_in_torch_is_the_full_pass_up_to_rounding(data, circuit):
    word = data.draw(words(circuit, max_size=9))
    full, cached = (run(circuit, word, "float64", route=route).final for route in ("materialised", "incremental"))
    assert (full - cached).abs().max() <= 1e-12 * (1 + full.abs().max())


@pytest.mark.parametrize(("mask", "most"), [(Window(1), 0), (Window(3), 2), (Window(3, sinks=2), 4)])
def test_a_window_bounds_the_cache_between_tokens(mask, most):
    decoder = Decoder(clock(mask))
    for token in ["<bos>", *"aaaaaaa"]:
        decoder.step(token)
    assert decoder.cached == most


def test_a_causal_cache_holds_everything():
    decoder = Decoder(clock("causal"))
    for token in ["<bos>", *"aaa"]:
        decoder.step(token)
    assert decoder.cached == 4


UNEVEN = library.load("kv-cache").subjects["clock"].at(12)
PADDED = replace(UNEVEN, embedding=Embedding({**UNEVEN.embedding.tokens, "<pad>": UNEVEN.residual.one + 5 * UNEVEN.residual.content}))


def states(tokens, **options):
    """The last block's rows of a word read token by token."""
    decoder = Decoder(PADDED, **options)
    return [decoder.step(token) for token in tokens]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from("ab"), max_size=5), st.integers(1, 4))
def test_masked_padding_is_neutral_and_visible_padding_is_not(rest, pads):
    word, padding = ["<bos>", *rest], ["<pad>"] * pads
    assert states(padding + word, hidden={"<pad>"})[pads:] == states(word) == states(word + padding, hidden={"<pad>"})[: len(word)]
    assert states(padding + word)[pads:] != states(word)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from("ab"), max_size=4), st.lists(st.sampled_from("ab"), min_size=1, max_size=4))
def test_packed_documents_need_a_mask_between_them(first, second):
    one, two = ["<bos>", *first], ["<bos>", *second]
    assert states(one + two, restart="<bos>") == states(one) + states(two)
    assert states(one + two) != states(one) + states(two)


@given(st.integers(1, 5), st.integers(0, 3), st.integers(0, 12))
def test_a_window_sees_the_last_keys_and_the_sinks(size, sinks, t):
    assert list(visible(Window(size, sinks), t, t + 1)) == [i for i in range(t + 1) if i > t - size or i < sinks]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Window(0), "size"),
        (lambda: Window(True), "size"),
        (lambda: Window(2, sinks=-1), "sinks"),
        (lambda: Decoder(clock("none")), "later tokens"),
        (lambda: run(clock(Window(2)), ["<bos>", "a"], "float32", route="streaming"), "sliding window"),
        (lambda: run(clock("causal"), ["a"], "incremental"), "expects '<bos>'"),
        (lambda: run(clock("none"), ["<bos>"], "float32", route="incremental"), "a causal mask"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(NopeproofError, match=message):
        make()
