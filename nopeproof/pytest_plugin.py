"""A pytest plugin: Hypothesis profiles for slow, exact runs. It changes nothing until a suite asks for it.

    pytest --nopeproof-profile auto          "nopeproof-ci" where the environment sets CI, else "nopeproof"
    nopeproof_profile = auto                 the same, in pytest.ini or [tool.pytest.ini_options]
    pytest --hypothesis-profile nopeproof    Hypothesis's own option knows both names too

Both have no deadline (an exact run may take seconds) and print a blob that replays a failure; "nopeproof-ci" also draws the
same examples every time. Hypothesis is imported only when a profile is asked for; torch and sympy never are.
"""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import pytest

PROFILES = ("nopeproof", "nopeproof-ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option and one ini value of the same meaning; the option wins."""
    says = f"Hypothesis profile: {', '.join(PROFILES)}, or auto (the environment variable CI decides)"
    parser.getgroup("nopeproof").addoption("--nopeproof-profile", choices=("auto", *PROFILES), default=None, help=says)
    parser.addini("nopeproof_profile", says, default="")


@pytest.hookimpl(tryfirst=True)  # before Hypothesis's plugin looks up its own --hypothesis-profile
def pytest_configure(config: pytest.Config) -> None:
    """Register the profiles if anyone asks for one, and load ours if our option or ini does."""
    name = asked(config)
    if name is None and config.getoption("--hypothesis-profile", default=None) not in PROFILES:
        return
    if importlib.util.find_spec("hypothesis") is None:
        raise pytest.UsageError("a nopeproof profile: hypothesis is not installed; `pip install hypothesis`, or leave the profile out")
    register()
    if name is not None:
        from hypothesis import settings

        settings.load_profile(name)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which profile was loaded, where one was."""
    name = asked(config)
    return None if name is None else f"nopeproof: Hypothesis profile {name}"


def asked(config: pytest.Config) -> str | None:
    """The profile that option or ini names, "auto" resolved; None if neither does. Raises pytest.UsageError for an unknown one."""
    name: Any = config.getoption("--nopeproof-profile", default=None) or config.getini("nopeproof_profile") or None
    if name == "auto":
        return PROFILES[bool(os.environ.get("CI"))]
    if name is not None and name not in PROFILES:
        raise pytest.UsageError(f"nopeproof_profile = {name}: known are auto, {', '.join(PROFILES)}")
    return name


def register() -> None:
    """Make both profiles known to Hypothesis, without loading either."""
    from hypothesis import settings

    # said outright, because Hypothesis's own default turns derandomize on where CI is set
    settings.register_profile("nopeproof", deadline=None, print_blob=True, derandomize=False)
    settings.register_profile("nopeproof-ci", deadline=None, print_blob=True, derandomize=True)
