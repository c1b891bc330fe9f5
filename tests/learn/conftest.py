"""Cells small enough to train in a second."""

from __future__ import annotations

import pytest
import torch

from nopeproof.learn.recipe import Cell, Preset, Recipe

TINY = Recipe(layers=2, d_model=16, heads=2, mlp=2, train_length=3, test_length=5, test_count=20, steps=12, batch=8, max_length=16)


@pytest.fixture
def cell() -> Cell:
    return Cell("nope", "copy:symbols=4", (0, 1), TINY)


@pytest.fixture
def grid() -> Preset:
    return Preset("tiny", "two encodings on copy", ("nope", "t5"), ("copy:symbols=4",), (0, 1), TINY)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Cells of a second: more threads than cores, with tests in parallel, only wait for each other."""
    torch.set_num_threads(1)
