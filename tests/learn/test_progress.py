"""The bars say where every cell is, on the console they are given."""

from __future__ import annotations

import io

from rich.console import Console

from nopeproof.learn.progress import ProgressBars
from nopeproof.learn.recipe import Progress


def test_bars_name_each_cell_its_step_and_how_it_ended():
    screen = io.StringIO()
    with ProgressBars(Console(file=screen, width=100)) as bars:
        bars(Progress("first", "waiting", 0, 30))
        bars(Progress("first", "training", 20, 30, loss=0.25))
        bars(Progress("second", "kept"))
        bars(Progress("third", "failed", note="out of luck"))
    shown = screen.getvalue()
    assert all(word in shown for word in ("first", "20/30", "loss 0.250", "second", "kept", "third", "out of luck"))
