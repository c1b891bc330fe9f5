"""Interventions do exactly what they say, and the verdict follows its rule."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nopeproof.analysis.attention_distance import uniform_map
from nopeproof.learn.built import CutBos, ablated, constant_spread, hold_beside, single, uniform, verdict
from nopeproof.learn.model import Transformer
from nopeproof.learn.recipe import Cell
from nopeproof.learn.train import build, train

WORDS = torch.randint(3, 7, (1, 3, 9), generator=torch.Generator().manual_seed(5))


@pytest.fixture
def model(cell: Cell) -> Transformer:
    return single(build(cell), cell, 1)


def test_one_of_the_stack_is_that_model(cell: Cell):
    both = build(cell)
    torch.testing.assert_close(single(both, cell, 1)(WORDS), both(WORDS.expand(2, -1, -1))[1:], atol=1e-5, rtol=1e-4)


def test_a_swapped_head_has_exactly_the_uniform_pattern_and_the_other_heads_keep_theirs(model: Transformer):
    before, after = model.trace(WORDS), uniform(model, [(1, 2)]).trace(WORDS)
    np.testing.assert_allclose(after.attention[0][0, :, 1].detach(), np.broadcast_to(uniform_map(9), (3, 9, 9)), atol=1e-7)
    torch.testing.assert_close(after.attention[0][:, :, 0], before.attention[0][:, :, 0])
    assert not torch.allclose(after.logits, before.logits)


def test_an_ablated_head_writes_nothing(model: Transformer):
    gone = ablated(model, [(1, 1), (1, 2)])
    stream = gone.trace(WORDS).stream
    silent = single_layer_without_attention(gone, stream[0])
    torch.testing.assert_close(stream[1], silent)
    assert not torch.allclose(model.trace(WORDS).stream[1], stream[1])


def single_layer_without_attention(model: Transformer, x: torch.Tensor) -> torch.Tensor:
    block = model.blocks[0]
    return x + (block.norm_mlp(x).flatten(0, 2) @ block.W_1[0]).relu().view(*x.shape[:3], -1) @ block.W_2[0]  # type: ignore[operator,index]


def test_cutting_hides_key_one_from_later_queries_in_the_named_layers_only(model: Transformer):
    whole, cut = model.trace(WORDS), model.trace(WORDS, cut_first=(1,))
    assert not cut.attention[0][..., 1:, 0].any() and cut.attention[1][..., 1:, 0].all()
    torch.testing.assert_close(cut.attention[0][..., 0, 0], torch.ones_like(cut.attention[0][..., 0, 0]))
    torch.testing.assert_close(cut.attention[0].sum(-1), whole.attention[0].sum(-1))
    torch.testing.assert_close(CutBos(model, (1,))(WORDS), cut.logits)


@pytest.mark.parametrize(("pe", "collapses"), [("nope", True), ("t5", True), ("alibi", True), ("rotary", True), ("ape-sinusoidal", False)])
def test_a_constant_prompt_without_bos_collapses_unless_positions_are_absolute(cell: Cell, pe: str, collapses: bool):
    spread = constant_spread(build(Cell(pe, cell.task, (0,), cell.recipe)), 4)
    assert (spread < 1e-4) == collapses


GOOD, BAD = {"exact_match": 1.0}, {"exact_match": 0.5}


@pytest.mark.parametrize(
    ("plain", "heads", "all_gone", "each", "expected"),
    [
        (BAD, 1, BAD, [BAD], "not learned"),
        (GOOD, 0, GOOD, [], "something else"),
        (GOOD, 2, GOOD, [GOOD, GOOD], "something else"),
        (GOOD, 2, BAD, [GOOD, BAD], "found"),
        (GOOD, 2, BAD, [GOOD, GOOD], "found redundantly"),
    ],
)
def test_verdict(plain, heads, all_gone, each, expected):
    assert verdict(plain, heads, {"each": each, "all": all_gone, "others": GOOD}) == expected


def test_a_run_beside_the_construction(cell: Cell, tmp_path: Path):
    train(cell, tmp_path)
    found = hold_beside(tmp_path, words_per_length=4, count=10)
    assert json.loads(json.dumps(found, allow_nan=False)) == found == hold_beside(tmp_path, words_per_length=4, count=10)
    assert [m["name"] for m in found["models"]] == ["nope/0", "nope/1"]
    for m in found["models"]:
        assert m["verdict"] == "not learned" and m["constant_without_bos"] < 1e-4
        assert (
            all(head["nats"] < found["floor"] for head in m["near_heads"])
            and len(m["swaps"]) == len(m["near_heads"])
            and m["heads"] == len(m["ablate"]["each"]) == 0
        )


def test_the_floor_is_of_drawn_weights_even_where_training_starts_from_the_construction(cell: Cell, tmp_path: Path):
    given = dataclasses.replace(cell, recipe=dataclasses.replace(cell.recipe, start="construction", steps=1))
    train(given, tmp_path)
    found = hold_beside(tmp_path, words_per_length=4, count=10)
    assert found["floor"] > 1e-4
    assert all({k: m["near_heads"][0][k] for k in ("layer", "head")} == {"layer": 1, "head": 1} for m in found["models"])
