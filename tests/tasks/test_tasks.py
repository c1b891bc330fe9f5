"""Each task's oracle against an independent one, its token form, its text form, and that a file is all it takes to add one."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nopeproof.tasks
from nopeproof.errors import NopeproofError
from nopeproof.tasks import BOS, EOS, SEP, task, tasks
from nopeproof.tasks.addition import Addition

BATTERY = [
    *("copy-one-symbol", "copy-one-symbol-twice", "replace", "copy", "copy-twice", "reverse", "reverse-twice", "reverse-then-copy"),
    *("addition", "polynomial", "sort", "sort-numbers", "summation", "parity", "lego", "scan", "pcfg"),
]
BY_HAND = {
    "copy": ("w2 w0 w1 w1", "w2 w0 w1 w1"),
    "copy-twice": ("w2 w0", "w2 w0 [NEXT] w2 w0"),
    "copy-one-symbol": ("w3 w3", "w3 w3"),
    "copy-one-symbol-twice": ("w3 w3", "w3 w3 w3 w3"),
    "replace": ("w6 w1 w6 w6 w6", "w1 w1 w1"),
    "reverse": ("w2 w0 w1 w1", "w1 w1 w0 w2"),
    "reverse-twice": ("w2 w0", "w0 w2 [NEXT] w0 w2"),
    "reverse-then-copy": ("w2 w0", "w0 w2 [NEXT] w2 w0"),
    "sort": ("w2 w0 w1 w1", "w0 w1 w1 w2"),
    "addition": ("5 3 7 2 6 + 1 9 1 7", "5 5 6 4 3"),
    "addition:backwards=True": ("9 9 + 1", "0 0 1"),
    "polynomial": ("-1 -2 ^2 3 ^0 1 ^3", "0"),
    "sort-numbers": ("3 1 , 4 1 , 5 9 , 1 2 6 , 5 3 3 , 1 0", "1 0 , 3 1 , 4 1 , 5 9 , 1 2 6 , 5 3 3"),
    "summation": ("1 2 3 4 7", "7"),
    "parity": ("1 0 0 1 1", "no"),
    "lego": ("a - 1 b - a c + b d + c ? c", "+"),
    "scan": ("jump twice and run left", "Jump Jump Left Run"),
    "pcfg": ("shift prepend S0 S1 S2 , S3 S4", "S4 S0 S1 S2 S3"),
    "running-parity": ("1 1 0 1", "1 0 0 1"),
    "majority": ("1 0 0 1", "no"),
    "count": ("1 0 1 1", "1 1 1"),
    "position-mod": ("w1 w1 w0 w5", "w1 w2 w0 w1"),
    "first-token": ("w4 w2 w2", "w4"),
    "copy-distinct": ("w4 w2", "w4 w2"),
}
ALL = sorted({spec.partition(":")[0] for spec in BY_HAND})


def drawn(spec: str, length: int, seed: int, count: int = 3) -> list[tuple[list[str], list[str]]]:
    """Sources and targets in tokens, cut out of the token ids."""
    chosen = task(spec)
    examples = chosen.examples(np.random.default_rng(seed), length, count)
    found = []
    for tokens, scored in zip(examples.tokens, examples.scored, strict=True):
        at, end = int(scored.argmax()), int(np.flatnonzero(scored)[-1])
        assert tokens[0] == BOS and tokens[at - 1] == SEP and tokens[end] == EOS and scored[at : end + 1].all()
        assert (tokens[end:] == EOS).all() and tokens[:end].tolist().count(EOS) == 0
        words = [chosen.vocabulary[t] for t in tokens]
        found.append((words[1 : at - 1], words[at:end]))
    return found


def test_the_battery_is_there_and_every_task_is_checked_by_hand():
    assert len(BATTERY) == 17 and set(BATTERY) <= set(ALL) == set(tasks())


@pytest.mark.parametrize("spec", BY_HAND)
def test_oracle_by_hand(spec: str):
    source, target = BY_HAND[spec]
    assert task(spec).answer(source.split()) == target.split()


@given(name=st.sampled_from(ALL), length=st.integers(1, 12), seed=st.integers(0, 2**32))
def test_examples_are_bos_source_sep_target_eos_with_the_right_target(name: str, length: int, seed: int):
    chosen = task(name)
    assert len(set(chosen.vocabulary)) == len(chosen.vocabulary)
    for source, target in drawn(name, length, seed):
        assert target == chosen.answer(source)


INDEPENDENT = {
    "addition": lambda s: str(eval("".join(re.sub(r"\b0+(?=\d)", "", part) for part in re.split(r"(\+)", "".join(s))))),
    "summation": lambda s: str(eval("+".join(s)) % 10),
    "parity": lambda s: ["yes", "no"][int("".join(s), 2).bit_count() % 2],
    "majority": lambda s: ["no", "yes"][int(np.median([int(b) for b in s]) > 0.5)],
    "count": lambda s: "1" * sum(map(int, s)),
    "polynomial": lambda s: str(eval("+".join(f"({c})*({s[0]})**{d[1:]}" for c, d in zip(s[1::2], s[2::2], strict=True))) % 10),
    "sort-numbers": lambda s: ",".join(map(str, sorted(map(int, "".join(s).split(","))))),
    "lego": lambda s: "+-"[_chain("".join(s)).count("-") % 2],
}


def _chain(source: str) -> str:
    """The signs on the way back from what is asked to 1."""
    clauses = {c[0]: (c[1], c[2]) for c in re.findall(r"([a-z])([+-])([a-z1])", source.partition("?")[0])}
    found, at = "", source[-1]
    while at != "1":
        sign, at = clauses[at]
        found += sign
    return found


@given(name=st.sampled_from(sorted(INDEPENDENT)), length=st.integers(1, 16), seed=st.integers(0, 2**32))
def test_written_oracles_agree_with_independent_ones(name: str, length: int, seed: int):
    for source, target in drawn(name, length, seed):
        assert "".join(target) == INDEPENDENT[name](source)


@given(length=st.integers(1, 16), seed=st.integers(0, 2**32))
def test_length_measures(length: int, seed: int):
    size = {name: drawn(name, length, seed, 1)[0][0] for name in ("addition", "lego", "sort-numbers", "pcfg", "polynomial", "replace")}
    assert max(len(number) for number in "".join(size["addition"]).split("+")) == length
    assert len(size["lego"]) == 3 * length + 2 and len(size["polynomial"]) == 2 * length + 1 and len(size["replace"]) == length + 2
    assert size["sort-numbers"].count(",") == length - 1
    assert sum(token.islower() for token in size["pcfg"]) == length


MISSING = {23, 29, 31, 34, 35, *range(37, 40), *range(41, 48)}  # numbers of actions that no command has


def test_scan_is_the_published_grammar():
    from nopeproof.tasks.scan import commands

    groups = commands()
    assert sum(map(len, groups.values())) == len({c for group in groups.values() for c in group}) == 20_910
    assert max(groups) == 48 and MISSING.isdisjoint(groups) and len(groups) == 48 - len(MISSING)
    known = {
        "jump around left thrice": " ".join(["Left Jump"] * 12),
        "turn opposite left after run": "Run Left Left",
        "turn around right twice": " ".join(["Right"] * 8),
        "walk opposite right and look": "Right Right Walk Look",
    }
    for command, actions in known.items():
        assert task("scan").answer(command.split()) == actions.split()
        assert tuple(command.split()) in groups[len(actions.split())]
    assert all(len(target) == n for n in (1, 7, 33) for _, target in drawn("scan", n, 0))


def test_pcfg_operations():
    known = {
        "append copy S1 S2 , S3": "S1 S2 S3", "swap S1 S2 S3": "S3 S2 S1", "swap S1 S2 S3 S4": "S4 S2 S3 S1", "echo S1 S2": "S1 S2 S2",
        "repeat S1 S2": "S1 S2 S1 S2", "remove_first S1 , reverse S2 S3": "S3 S2", "remove_second echo S1 , S2": "S1 S1", "swap S1": "S1",
    }  # fmt: skip
    for source, answer in known.items():
        assert task("pcfg").answer(source.split()) == answer.split()
    with pytest.raises(NopeproofError, match="left over"):
        task("pcfg").answer(["copy", "S1", ",", "S2"])


TEXT = {
    "copy": ("a b c", "Copy: a b c ", "a b c", "a b c"),
    "replace": ("6 > 6 6 6", "Replace 6 with > in 6 6 6 ", "> > >", "> > >"),
    "reverse": ("a b c", "Reverse: a b c ", "c b a", "c b a"),
    "addition": ("5 3 + 1 9", "Compute 5 3 + 1 9 ? ", "7 2", "The answer is 7 2."),
    "polynomial": (
        "-1 -2 ^2 3 ^0 1 ^3",
        "Evaluate at x = - 1 in - 2 * x ** 2 + 3 * x ** 0 + 1 * x ** 3 ? ",
        "0",
        "The answer is 0.",
    ),
    "sort": ("M E F", "Sort the following list [ M, E, F ]. ", "E F M", "The sorted list is [ E, F, M ]."),
    "sort-numbers": (
        "2 4 6 8 , 8 6 3",
        "Sort the following list [ 2 4 6 8, 8 6 3 ]. ",
        "8 6 3 , 2 4 6 8",
        "The sorted list is [ 8 6 3, 2 4 6 8 ].",
    ),
    "summation": ("3 3 1 8", "Compute: 3 + 3 + 1 + 8 .", "5", "The answer is 5 ."),
    "parity": ("1 0 0 1 1", "Is the number of 1's even in the sequence [ 1, 0, 0, 1, 1 ] ? ", "no", "The answer is No."),
    "lego": (
        "q - 1 t - q c + t f - c ? c",
        "If q = -1, t = - q, c = + t, f = - c. Then, what is the value of c? ",
        "+",
        "The answer is +1.",
    ),
    "scan": ("walk after turn right", "Solve: walk after turn right", "Right Walk", "Right Walk"),
}


@pytest.mark.parametrize("name", TEXT)
def test_text_form_of_the_paper(name: str):
    source, prompt, answer, reply = TEXT[name]
    assert task(name).prompt(source.split()) == prompt and task(name).reply(answer.split()) == reply


@given(
    name=st.sampled_from(["addition", "summation", "parity", "polynomial", "sort-numbers", "lego"]),
    parts=st.just({"o"}) | st.sets(st.sampled_from("icovr"), min_size=1),
    length=st.integers(1, 8),
    seed=st.integers(0, 2**32),
)
def test_scratchpads_show_the_chosen_components_and_end_with_the_answer(name: str, parts: set[str], length: int, seed: int):
    parts = parts - {"v"} if name in ("sort-numbers", "lego") else parts
    chosen = task(name + (f":scratchpad={''.join(sorted(parts))}" if parts else ""))
    markers = {"i": "in", "c": "comp", "o": "out", "v": "var", "r": "re"}
    for source, target in drawn(nopeproof.catalogue.spec_of(chosen), length, seed):
        plain = task(name).answer(source)
        assert chosen.answer(source) == plain
        if not parts:
            assert target == plain
            continue
        cut = target.index("thus")
        assert target[cut + 1 :] == plain
        steps = " ".join(target[:cut]).split(" # ")
        for step in steps:
            assert {letter for letter, marker in markers.items() if marker in step.split()} == parts
        if parts == {"o"}:  # then the steps' outputs alone must give the answer
            outputs = [step.removeprefix("out").split() for step in steps]
            assert plain == OUTPUTS.get(name, lambda out: out[-1][-1:])(outputs)


OUTPUTS = {
    "addition": lambda out: [digit for (digit,) in reversed(out)],
    "parity": lambda out: ["yes", "no"][int(out[-1][0])].split(),
    "sort-numbers": lambda out: " , ".join(map(" ".join, out)).split(),
}


def test_a_scratchpad_of_addition_by_hand():
    target = Addition(scratchpad="rvoci").target(["5", "7", "+", "1", "6"])
    first = " ".join(target).partition(" # ")[0]
    assert first == "in 7 6 comp 7 + 6 + 0 = 1 3 out 3 var carry 1 re 5 + 1"


def test_a_task_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "last_symbol_for_this_test.py").write_text(
        "from nopeproof.tasks import Task\n"
        "class Last(Task):\n    name = 'last-symbol-for-this-test'\n"
        "    def oracle(self, source):\n        return source[:, -1:]\n"
    )
    monkeypatch.setattr(nopeproof.tasks, "__path__", [*nopeproof.tasks.__path__, str(tmp_path)])
    assert "last-symbol-for-this-test" in tasks()
    assert task("last-symbol-for-this-test").oracle(np.array([[4, 5]])).tolist() == [[5]]


@pytest.mark.parametrize(
    "bad",
    ["copie", "copy:symbols=0", "running-parity:symbols=3", "copy:size=3", "parity:symbols=9", "lego:scratchpad=v", "addition:scratchpad=x",
     "parity:scratchpad=cc", "position-mod:k=9", "replace:symbols=1", "pcfg:letters=0",
     "copy:symbols=2.5", "copy:symbols=x", "copy:symbols=nan",
     "copy:symbols=", "copy:symbols=True", "copy:symbols=1000000000", "position-mod:symbols=1000000000", "replace:symbols=1000000000",
     "pcfg:letters=1000000000", "pcfg:longest=1000000000", "addition:backwards=1", "addition:scratchpad=1"],
)  # fmt: skip
def test_wrong_requests_are_explained(bad: str):
    with pytest.raises(NopeproofError) as caught:
        task(bad)
    assert caught.value.found and caught.value.todo


@pytest.mark.parametrize(
    ("spec", "length"), [("copy", 0), ("parity", 0), ("copy-distinct:symbols=3", 4), ("lego", 27), ("scan", 35), ("scan", 49)]
)
def test_lengths_a_task_does_not_have_are_refused(spec: str, length: int):
    with pytest.raises(NopeproofError) as caught:
        task(spec).examples(np.random.default_rng(0), length, 1)
    assert caught.value.found and caught.value.todo


def test_an_unknown_token_is_named():
    with pytest.raises(NopeproofError, match="tokens:"):
        task("copy").answer(["w1", "zebra"])
