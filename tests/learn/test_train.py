"""Training is deterministic, survives a kill at any step with the same bits, and its scores mean what they say."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nopeproof import tasks
from nopeproof.errors import NopeproofError
from nopeproof.learn import graphs, store
from nopeproof.learn import train as training
from nopeproof.learn.evaluate import evaluate, greedy
from nopeproof.learn.evaluate import test_examples as examples_of
from nopeproof.learn.model import Transformer
from nopeproof.learn.recipe import Cell, Recipe
from nopeproof.learn.train import batch, clip_each, load, train


class Killed(BaseException):
    """As abrupt as a kill, for code that catches only errors."""


def outcome(run: Path) -> tuple:
    row = store.read_json(run / store.RESULT)
    return (run / store.WEIGHTS).read_bytes(), store.read_rows(run / store.METRICS), row["scores"]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 5)
    monkeypatch.setattr(training, "LOG_EVERY", 2)


@pytest.mark.parametrize("changed", [{}, {"precision": "bf16"}, {"dropout": 0.3}], ids=str)
def test_killed_and_resumed_is_bitwise_the_uninterrupted_run(cell: Cell, tmp_path: Path, monkeypatch, changed):
    cell = dataclasses.replace(cell, recipe=dataclasses.replace(cell.recipe, **{"precision": "fp32"} | changed))
    train(cell, tmp_path / "whole")
    advance = training._State.advance
    for kill_at in (3, 7, 10, 11):  # before the first checkpoint, between two, just after one, before the end

        def dying(state, step, kill_at=kill_at):
            if step == kill_at:
                raise Killed
            return advance(state, step)

        monkeypatch.setattr(training._State, "advance", dying)
        with pytest.raises(Killed):
            train(cell, tmp_path / "killed")
    monkeypatch.setattr(training._State, "advance", advance)
    train(cell, tmp_path / "killed")
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


@pytest.mark.parametrize("act", ["replace", "fsync"])
def test_a_kill_while_writing_loses_nothing(cell: Cell, tmp_path: Path, monkeypatch, act: str):
    train(cell, tmp_path / "whole")
    do = getattr(store.os, act)
    for survived in (*range(1, 10), *range(9, 0, -1)):  # a sitting dies at its n-th file moved, or n-th file or row written
        calls = iter(range(survived))

        def dying(*where, calls=calls):
            if next(calls, None) is None:
                raise Killed
            do(*where)

        monkeypatch.setattr(store.os, act, dying)
        with suppress(Killed):
            train(cell, tmp_path / "killed")
    monkeypatch.setattr(store.os, act, do)
    train(cell, tmp_path / "killed")
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


def test_a_half_written_row_is_dropped(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    store.record({"a": 1}, path)
    with path.open("ab") as file:
        file.write(b'{"a": 2')
    assert store.read_rows(path) == [{"a": 1}]
    store.record({"a": 3}, path)
    assert store.read_rows(path) == [{"a": 1}, {"a": 3}]


def test_looking_at_a_training_changes_nothing_and_uses_examples_of_its_own(cell: Cell, tmp_path: Path, monkeypatch):
    messages, streams = [], []
    monkeypatch.setattr(training, "evaluate", lambda *asked: streams.append(asked[4:]) or evaluate(*asked))
    train(cell, tmp_path / "seen", messages.append)
    assert streams == [(training.LOOK_STREAM,)] * 4 + [()]  # the last is the test
    monkeypatch.setattr(training, "looks_at", lambda done, steps: False)
    train(cell, tmp_path / "unseen")
    assert (tmp_path / "seen" / store.WEIGHTS).read_bytes() == (tmp_path / "unseen" / store.WEIGHTS).read_bytes()
    seen, unseen = (store.read_rows(tmp_path / name / store.METRICS) for name in ("seen", "unseen"))
    looks = [row.pop("look") for row in seen if "look" in row]
    assert seen == unseen and [row["step"] for row in seen] == [2, 4, 6, 8, 10, 12]
    assert [m.step for m in messages if m.accuracy] == [4, 6, 8, 10]  # of 12 steps a fifth each, seen at the next line of the log
    for found, message in zip(looks, [m for m in messages if m.accuracy], strict=True):
        assert found["length"] == [1, 3, 4, 5] and np.shape(found["exact_match"]) == (2, 4)
        assert message.accuracy == tuple(zip(found["length"], np.mean(found["exact_match"], axis=0), strict=True))
    task = tasks.task(cell.task)
    assert not np.array_equal(examples_of(task, 5, 20).tokens, examples_of(task, 5, 20, training.LOOK_STREAM).tokens)


def test_looks_take_lengths_that_the_task_has():
    assert training.look_lengths(Cell("nope", "scan", (0,), Recipe(train_length=25, test_length=48)), tasks.task("scan")) == [
        12,
        25,
        36,
        48,
    ]


def test_a_finished_run_is_not_trained_again(cell: Cell, tmp_path: Path, monkeypatch):
    first = train(cell, tmp_path)
    monkeypatch.setattr(training._State, "advance", None)
    assert train(cell, tmp_path) == first
    assert not (tmp_path / store.CHECKPOINT).exists()


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_seed_learns_the_same_whatever_it_is_stacked_with(cell: Cell, tmp_path: Path, dropout):
    recipe = dataclasses.replace(cell.recipe, precision="fp32", dropout=dropout)
    train(dataclasses.replace(cell, recipe=recipe), tmp_path / "both")
    train(dataclasses.replace(cell, recipe=recipe, seeds=(1,)), tmp_path / "alone")
    both, alone = (load_file(tmp_path / name / store.WEIGHTS) for name in ("both", "alone"))
    for name in both:
        torch.testing.assert_close(both[name][1:], alone[name], atol=1e-4, rtol=1e-3)


def test_dropout_trains_other_weights_and_tests_whole_models(cell: Cell, tmp_path: Path):
    dropped = dataclasses.replace(cell, recipe=dataclasses.replace(cell.recipe, dropout=0.3))
    assert dropped.digest != cell.digest
    train(cell, tmp_path / "whole")
    row = train(dropped, tmp_path / "dropped")
    _, model = load(tmp_path / "dropped")
    scores = evaluate(model, tasks.task(cell.task), row["scores"][0]["length"], cell.recipe.test_count)
    assert [{"seed": seed, **score} for seed, score in zip(cell.seeds, scores, strict=True)] == row["scores"]
    assert outcome(tmp_path / "dropped")[0] != outcome(tmp_path / "whole")[0]


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(rate: float):
    with pytest.raises(NopeproofError, match="dropout"):
        Recipe(dropout=rate)


def test_clip_is_each_models_own():
    parameter = torch.nn.Parameter(torch.zeros(2, 3))
    parameter.grad = torch.tensor([[3.0, 4.0, 0.0], [0.1, 0.0, 0.0]])
    clip_each([parameter], 1.0)
    torch.testing.assert_close(parameter.grad, torch.tensor([[0.6, 0.8, 0.0], [0.1, 0.0, 0.0]]))


def test_steps_share_the_length_and_nothing_else(cell: Cell):
    task = tasks.task(cell.task)
    lengths = set()
    for step in range(30):
        tokens, scored = batch(task, cell.recipe, cell.seeds, step)
        length = (tokens.shape[-1] - 3) // 2
        lengths.add(length)
        assert (scored.sum(-1) == length + 1).all()
        assert not torch.equal(tokens[0], tokens[1])
    assert lengths == {1, 2, 3}


def test_teacher_forced_exact_match_is_greedy_exact_match(tmp_path: Path):
    recipe = Recipe(layers=2, d_model=16, heads=2, train_length=2, test_length=3, test_count=60, steps=120, batch=16, max_length=16)
    cell = Cell("t5", "copy:symbols=3", (0, 1), recipe)
    train(cell, tmp_path)
    _, model = load(tmp_path)
    shares = []
    for length in (1, 2, 3):
        tokens = torch.from_numpy(examples_of(tasks.task(cell.task), length, 60).tokens).expand(2, -1, -1)
        answer = greedy(model, tokens[:, :, : length + 2], length + 1)
        by_greedy = (answer == tokens[:, :, length + 2 :]).all(-1).double().mean(-1).tolist()
        scores = evaluate(model, tasks.task(cell.task), [length], 60)
        assert [s["exact_match"][0] for s in scores] == by_greedy
        shares += by_greedy
    assert 0 < np.mean(shares) < 1  # both right and wrong answers were compared


def test_scores_by_hand():
    """A model that always says <eos> is right on one of n + 1 scored tokens."""

    class AlwaysEos(Transformer):
        def __init__(self):
            torch.nn.Module.__init__(self)
            self.W_E = torch.zeros(1, 7, 1)

        def forward(self, tokens):
            return torch.nn.functional.one_hot(torch.full_like(tokens, 2), 7) * 100.0

    (scores,) = evaluate(AlwaysEos(), tasks.task("copy:symbols=4"), [1, 3], 10)
    assert scores["exact_match"] == [0, 0]
    assert scores["token_accuracy"] == [0.5, 0.25]
    assert scores["cross_entropy"] == pytest.approx([50, 75])
    assert scores["margin"] == pytest.approx([-100, -100])


@pytest.mark.parametrize("damage", ["missing", "garbage", "other shape", "schema"])
def test_a_damaged_run_is_explained(cell: Cell, tmp_path: Path, damage: str):
    train(cell, tmp_path)
    if damage == "missing":
        (tmp_path / store.WEIGHTS).unlink()
    elif damage == "garbage":
        (tmp_path / store.WEIGHTS).write_bytes(b"not safetensors")
    else:
        config = store.read_json(tmp_path / store.CONFIG)
        config["schema"] = 99 if damage == "schema" else config["schema"]
        config["recipe"]["layers"] = 3
        store.write_json(tmp_path / store.CONFIG, config)
    with pytest.raises(NopeproofError) as caught:
        load(tmp_path)
    assert caught.value.found and caught.value.todo


def test_a_loss_that_is_no_number_ends_the_run(cell: Cell, tmp_path: Path):
    with pytest.raises(NopeproofError, match="seed 0, 1"):
        train(dataclasses.replace(cell, recipe=dataclasses.replace(cell.recipe, lr=1e30)), tmp_path)


def test_a_checkpoint_of_another_configuration_is_refused(cell: Cell, tmp_path: Path):
    state = training._State(cell, tmp_path)
    state.advance(0)
    state.save()
    with pytest.raises(NopeproofError, match="another configuration"):
        train(dataclasses.replace(cell, seeds=(0,)), tmp_path)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("pe", ["nope", "t5", "ape-learned", "rotary"])
def test_replayed_steps_are_bitwise_those_launched_one_by_one(cell: Cell, tmp_path: Path, monkeypatch, pe):
    cell = dataclasses.replace(cell, pe=pe, recipe=dataclasses.replace(cell.recipe, steps=40))
    train(cell, tmp_path / "replayed")
    monkeypatch.setattr(graphs, "EAGER", cell.recipe.steps)
    train(cell, tmp_path / "launched")
    assert outcome(tmp_path / "replayed") == outcome(tmp_path / "launched")
