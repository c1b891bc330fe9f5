"""What is written in is the construction: exactly 1/t times one number, whatever the word, and disturbed only where asked."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from nopeproof import tasks
from nopeproof.analysis.attention_distance import uniform_map
from nopeproof.learn.recipe import Cell
from nopeproof.learn.start import RECIP, write_construction
from nopeproof.learn.train import build


def started(cell: Cell, **changes) -> Cell:
    return dataclasses.replace(cell, recipe=dataclasses.replace(cell.recipe, start="construction", **changes))


def test_the_reserved_row_holds_a_fixed_multiple_of_one_over_t_in_every_word(cell: Cell):
    model = build(started(cell))
    words = torch.randint(3, 7, (2, 5, 12), generator=torch.Generator().manual_seed(1))
    words[:, :, 0] = tasks.BOS
    with torch.no_grad():
        for block in model.blocks:
            block.W_2.zero_()  # the MLP of a drawn model writes anywhere; what is looked at is the head  # type: ignore[operator]
        trace = model.trace(words)
    torch.testing.assert_close(trace.attention[0][:, :, 0], torch.tensor(uniform_map(12)).float().expand(2, 5, 12, 12))
    recip = trace.stream[1][..., RECIP] * torch.arange(1, 13)
    torch.testing.assert_close(recip, recip[:, :1, :1].expand(2, 5, 12), atol=1e-5, rtol=1e-5)
    assert recip.min() > 0.1


def test_nothing_else_is_changed(cell: Cell):
    plain, built = build(cell), build(started(cell))
    changed = {name for (name, a), b in zip(plain.named_parameters(), built.parameters(), strict=True) if not torch.equal(a, b)}
    assert changed == {"W_E", "blocks.0.attention.W_QKV", "blocks.0.attention.W_O"}
    torch.testing.assert_close(plain.W_E[..., 3:], built.W_E[..., 3:])


def test_noise_is_the_seeds_own_and_in_proportion(cell: Cell):
    exact, little, much = (build(started(cell, disturbed=x)) for x in (0.0, 0.01, 0.02))
    torch.testing.assert_close(2 * (little.W_E - exact.W_E), much.W_E - exact.W_E, atol=1e-5, rtol=1e-4)
    alone = build(dataclasses.replace(started(cell, disturbed=0.02), seeds=(1,)))
    torch.testing.assert_close(alone.W_E, much.W_E[1:])
    assert not torch.equal(much.W_E[0, :, 0], much.W_E[1, :, 0])


def test_it_is_another_cell_and_older_configurations_keep_their_digest(cell: Cell):
    assert "start" not in cell.config()["recipe"]
    new = started(cell, disturbed=0.5)
    assert new.digest != cell.digest != started(cell).digest and Cell.from_config(new.config()) == new


def test_written_twice_is_written_once(cell: Cell):
    model = build(started(cell))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    write_construction(model, started(cell).recipe, cell.seeds)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("name", ["theory", "paper-small"])
def test_presets_with_lengths_of_their_own(name: str):
    from nopeproof.learn.recipe import PRESETS

    for cell in PRESETS[name].cells():
        assert (cell.recipe.train_length, cell.recipe.test_length) == (limit := tasks.task(cell.task).trained_to, 2 * limit)
