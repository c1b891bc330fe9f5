"""The comparison Transformer: causal, permutation-blind exactly when it should be, and stacked models do not mix."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nopeproof import positions
from nopeproof.learn.model import Dropout, Transformer
from nopeproof.learn.recipe import Recipe

TINY = Recipe(layers=2, d_model=16, heads=2, mlp=2, max_length=16)
SPECS = ["nope", "t5", "alibi", "rotary", "rotary:fraction=0.5", "ape-learned:std=1.0", "ape-sinusoidal", "fire"]


def model(spec: str, *seeds: int, recipe: Recipe = TINY) -> Transformer:
    return Transformer(recipe, positions.encoding(spec), 7, seeds)


def tokens(models: int, length: int = 9) -> torch.Tensor:
    return torch.randint(0, 7, (models, 3, length), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("spec", SPECS)
def test_a_prefix_does_not_see_what_follows(spec: str):
    built, words = model(spec, 0), tokens(1)
    torch.testing.assert_close(built(words)[:, :, :5], built(words[:, :, :5]), atol=1e-5, rtol=1e-4)


@given(order=st.permutations(range(7)))
@settings(max_examples=15, deadline=None)
def test_one_nope_layer_is_blind_to_the_order_of_the_prefix(order: list[int]):
    built, words = model("nope", 0, recipe=Recipe(layers=1, d_model=16, heads=2)), tokens(1, 8)
    shuffled = torch.cat([words[:, :, order], words[:, :, 7:]], dim=-1)
    torch.testing.assert_close(built(words)[:, :, -1], built(shuffled)[:, :, -1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("spec", SPECS[1:])
def test_one_layer_with_an_encoding_is_not(spec: str):
    built, words = model(spec, 0, recipe=Recipe(layers=1, d_model=16, heads=2)), tokens(1, 8)
    with torch.no_grad():
        if spec == "t5":
            built.position["bias"].mul_(50)
    shuffled = torch.cat([words[:, :, :7].flip(-1), words[:, :, 7:]], dim=-1)
    assert (built(words)[:, :, -1] - built(shuffled)[:, :, -1]).abs().max() > 1e-3


def test_two_nope_layers_see_order():
    built, words = model("nope", 0), tokens(1, 8)
    shuffled = torch.cat([words[:, :, :7].flip(-1), words[:, :, 7:]], dim=-1)
    assert (built(words)[:, :, -1] - built(shuffled)[:, :, -1]).abs().max() > 1e-3


@pytest.mark.parametrize("spec", SPECS)
def test_a_stacked_model_is_the_model_alone(spec: str):
    words = tokens(1)
    together = model(spec, 3, 8)(words.expand(2, -1, -1))
    torch.testing.assert_close(together[1:], model(spec, 8)(words), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(together[0], together[1])


@pytest.mark.parametrize("spec", SPECS)
def test_trace_holds_causal_distributions_and_every_layers_stream(spec: str):
    trace = model(spec, 0, 1).trace(tokens(2))
    assert len(trace.attention) == 2 and len(trace.stream) == 3
    for weights in trace.attention:
        assert weights.shape == (2, 3, 2, 9, 9)
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 2, 9))
        assert not weights.triu(1).any()


@pytest.mark.parametrize("spec", SPECS)
def test_every_weight_is_trained(spec: str):
    built = model(spec, 0, 1)
    built(tokens(2)).square().sum().backward()
    assert [n for n, p in built.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_dropout_stands_where_t5_has_it_and_leaves_the_attention_seen_whole():
    """The embedding; in each layer attention weights, attention output, hidden units, MLP output; the last norm."""
    met = []

    def drop(x: torch.Tensor) -> torch.Tensor:
        met.append(tuple(x.shape[2:]))
        return 2 * x

    built, words = model("nope", 0), tokens(1)
    trace = built.trace(words, drop=drop)
    stream, weights, hidden = (9, 16), (2, 9, 9), (9, 32)
    assert met == [stream, *[weights, stream, hidden, stream] * 2, stream]
    torch.testing.assert_close(trace.attention[0].sum(-1), torch.ones(1, 3, 2, 9))
    assert not torch.allclose(trace.logits, built(words))


def test_dropout_is_drawn_anew_for_each_model_and_step_and_keeps_the_mean():
    x, where = torch.ones(2, 40, 500), torch.device("cpu")
    dropped = Dropout(0.25, (3, 8), 7, where)(x)
    torch.testing.assert_close(dropped.unique(), torch.tensor([0.0, 4 / 3]))
    for part in dropped:
        assert float((part == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert not torch.equal(dropped[0], dropped[1])
    assert torch.equal(dropped[1], Dropout(0.25, (8,), 7, where)(x[:1])[0])
    assert not torch.equal(dropped, Dropout(0.25, (3, 8), 8, where)(x))
    twice = Dropout(0.25, (3, 8), 7, where)
    assert torch.equal(twice(x), dropped) and not torch.equal(twice(x), dropped)
