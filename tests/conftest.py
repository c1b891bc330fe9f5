"""For every test: the width of a terminal is not inherited. pytest-xdist tells its workers COLUMNS=80, and tables are wrapped then."""

import pytest


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    """As in a pipe."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("LINES", raising=False)
