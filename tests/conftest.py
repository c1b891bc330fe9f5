"""For every test: the width of a terminal is not inherited. For those that look at a page: a browser, if there is one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    """As in a pipe: pytest-xdist tells its workers COLUMNS=80, and tables are wrapped then."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("LINES", raising=False)


@dataclass(frozen=True)
class Seen:
    """What a browser made of a page: pixels [height, width, 3] from 0 to 1, and every address the page itself asked for."""

    pixels: Any
    asked: list[str]
    file: Path

    @property
    def dark(self) -> bool:
        """Whether the ground is."""
        return bool(self.pixels[-3, 3].mean() < 0.3)

    @property
    def inked(self) -> Any:
        """Which pixels are not ground."""
        return abs(self.pixels - self.pixels[-3, 3]).max(-1) > 0.3


class Browser:
    """Headless Chromium. Names are resolved nowhere, so nothing leaves the machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.numbers = folder, count()

    def run(self, page: Path, width: int, height: int, *options: str) -> str:
        """What it prints. Every run has a profile of its own: pages remember what one chose."""
        words = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        words += ["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", "--allow-file-access-from-files"]
        words += [f"--user-data-dir={self.folder}/profile{next(self.numbers)}", f"--window-size={width},{height}", *options, page.as_uri()]
        return subprocess.run(words, check=True, capture_output=True, timeout=120, text=True).stdout

    def look(self, page: Path, *, width: int = 1400, height: int = 900, dark: bool = False) -> Seen:
        """A file as it is drawn."""
        from matplotlib import image

        shot, log = self.folder / f"{next(self.numbers)}.png", self.folder / "log.json"
        self.run(page, width, height, f"--screenshot={shot}", f"--log-net-log={log}", *(["--force-dark-mode"] if dark else []))
        found = json.loads(log.read_text(encoding="utf-8"))
        start = found["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
        asked = [e["params"] for e in found["events"] if e["type"] == start and "url" in e.get("params", {})]
        # what the browser wants for itself, such as its updates, has no origin
        return Seen(image.imread(shot)[..., :3], [p["url"] for p in asked if p["initiator"] != "not an origin"], shot)

    def overflow(self, page: Path, *, width: int) -> int:
        """How many pixels of the page stand beyond the right edge, where nobody sees them without moving it. In a frame: a window
        has a least width, and the page itself may allow no script.
        """
        probe = page.with_name(f"probe-{page.name}")
        tell = "document.title = 'beyond ' + (this.contentDocument.documentElement.scrollWidth - this.contentWindow.innerWidth)"
        frame = f'<iframe src="{page.name}" style="width: {width}px; height: 900px; border: 0" onload="{tell}"></iframe>'
        probe.write_text(f"<!doctype html><title>none</title><body>{frame}</body>", encoding="utf-8")
        found = re.search(r"<title>beyond (-?\d+)</title>", self.run(probe, 1600, 1000, "--dump-dom"))
        probe.unlink()
        assert found, "the page did not load"
        return int(found[1])


@pytest.fixture(scope="session")
def browser(tmp_path_factory) -> Browser:
    """Skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    return Browser(tmp_path_factory.mktemp("browser"))
