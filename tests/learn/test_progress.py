"""Progress says where every cell is, how well it answers by length and how long it will take, on the console it is given."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nopeproof.learn import progress
from nopeproof.learn.progress import ProgressBars
from nopeproof.learn.recipe import Progress

MESSAGES = (
    Progress("first", "waiting", 0, 30),
    Progress("first", "training", 10, 30, loss=0.5, accuracy=((5, 0.875), (10, 0.25))),
    Progress("first", "training", 20, 30, loss=0.25),
    Progress("second", "kept"),
    Progress("third", "waiting", 0, 40),
    Progress("third", "failed", note="out of luck"),
)


def told(terminal: bool) -> str:
    screen = io.StringIO()
    with ProgressBars(Console(file=screen, width=120, force_terminal=terminal, color_system=None)) as bars:
        for message in MESSAGES:
            bars(message)
    return screen.getvalue()


def test_bars_name_each_cell_its_step_what_it_answers_and_how_it_ended():
    shown = told(terminal=True)
    assert all(word in shown for word in ("first", "20/30", "loss 0.250", "right 5:0.88 10:0.25", "second", "kept", "third", "out of luck"))
    assert "all cells" in shown and "60/70" in shown  # a failed cell is over: 20 + 40 of 30 + 40


def test_without_a_terminal_there_is_a_line_for_each_look_and_each_end(monkeypatch: pytest.MonkeyPatch):
    clock = iter((100.0, 160.0, 220.0))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert told(terminal=False).splitlines() == [
        "first  10/30  loss 0.500  right 5:0.88 10:0.25",
        "second  kept  about 1 min left",  # 10 steps in 60 s, 10 to go
        "third  out of luck  about 0 min left",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_brackets_of_a_reason_are_shown_as_they_are(terminal: bool):
    screen = io.StringIO()
    with ProgressBars(Console(file=screen, width=120, force_terminal=terminal, color_system=None)) as bars:
        bars(Progress("first", "waiting", 0, 30))
        bars(Progress("first", "failed", note="[red] no [/such] file"))
    assert "[red] no [/such] file" in screen.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_why_a_cell_waits_again_is_said_though_its_bar_soon_says_other_things(terminal: bool):
    screen = io.StringIO()
    with ProgressBars(Console(file=screen, width=120, force_terminal=terminal, color_system=None)) as bars:
        bars(Progress("first", "waiting", 0, 30, note="trained again: [its weights] are gone"))
        bars(Progress("first", "training", 10, 30, loss=0.5))
    assert "first  trained again: [its weights] are gone" in screen.getvalue()
