"""Each task's oracle and token form, and that a file is all it takes to add one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nopeproof.tasks
from nopeproof.errors import NopeproofError
from nopeproof.tasks import task, tasks

ANSWERS = {
    "copy": ([2, 0, 1, 1], [2, 0, 1, 1]),
    "reverse": ([2, 0, 1, 1], [1, 1, 0, 2]),
    "sort": ([2, 0, 1, 1], [0, 1, 1, 2]),
    "running-parity": ([1, 1, 0, 1], [1, 0, 0, 1]),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_oracle(name: str):
    source, target = ANSWERS[name]
    assert task(name).oracle(np.array([source])).tolist() == [target]


@given(name=st.sampled_from(sorted(ANSWERS)), length=st.integers(1, 12), seed=st.integers(0, 2**32))
def test_examples_are_bos_source_sep_target_eos(name: str, length: int, seed: int):
    chosen = task(name)
    examples = chosen.examples(np.random.default_rng(seed), length, 3)
    for tokens, scored in zip(examples.tokens, examples.scored, strict=True):
        words = [chosen.vocabulary[t] for t in tokens]
        assert (words[0], words[length + 1], words[-1]) == ("<bos>", "<sep>", "<eos>")
        assert scored.tolist() == [False] * (length + 2) + [True] * (len(words) - length - 2)
        source = tokens[None, 1 : length + 1] - 3
        assert (tokens[length + 2 : -1] - 3).tolist() == chosen.oracle(source)[0].tolist()
        assert source.min() >= 0 and source.max() < chosen.symbols


def test_a_task_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "last_symbol_for_this_test.py").write_text(
        "from nopeproof.tasks import Task\n"
        "class Last(Task):\n    name = 'last-symbol-for-this-test'\n"
        "    def oracle(self, source):\n        return source[:, -1:]\n"
    )
    monkeypatch.setattr(nopeproof.tasks, "__path__", [*nopeproof.tasks.__path__, str(tmp_path)])
    assert "last-symbol-for-this-test" in tasks()
    assert task("last-symbol-for-this-test").oracle(np.array([[4, 5]])).tolist() == [[5]]


@pytest.mark.parametrize("bad", ["copie", "copy:symbols=0", "running-parity:symbols=3", "copy:size=3"])
def test_wrong_requests_are_explained(bad: str):
    with pytest.raises(NopeproofError) as caught:
        task(bad)
    assert caught.value.found and caught.value.todo


def test_no_empty_examples():
    with pytest.raises(NopeproofError):
        task("copy").examples(np.random.default_rng(0), 0, 1)
