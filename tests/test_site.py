"""The site as `make docs` builds it: pages that open from the file system, wide and narrow, light and dark, and ask nobody for anything."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MKDOCS = ROOT / ".venv-docs" / "bin" / "mkdocs"
PAGES = ["tutorial.html", "theory/clock-margins.html", "theory/index.html"]


def hook():
    """The hook of mkdocs that sets formulas."""
    spec = importlib.util.spec_from_file_location("_docs_maths", ROOT / "docs" / "maths.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_formula_of_the_pages_can_be_set():
    maths = hook()
    found = {page.name: maths.formulas(page.read_text(encoding="utf-8")) for page in (ROOT / "docs").rglob("*.md")}
    assert sum(map(len, found.values())) >= 8
    for page in (ROOT / "docs").rglob("*.md"):
        assert "$" not in maths.CODE.sub("", maths.on_page_markdown(page.read_text(encoding="utf-8"))), page


def test_code_is_left_alone_and_a_formula_that_is_none_ends_the_build():
    maths = hook()
    code = "```console\n$ nopeproof list $HOME\n```\n"
    assert maths.on_page_markdown(code + "so $t - 1/t$ and `$x$`").startswith(code)
    assert maths.on_page_markdown("`$x$`") == "`$x$`" and "<math>" in maths.on_page_markdown("$x$")
    with pytest.raises(ValueError, match="no formula"):
        maths.on_page_markdown("costs $5 or 6$")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    if not MKDOCS.exists():
        pytest.skip("the environment of the site is not there: make docs")
    where = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "docs/catalogue.py"], cwd=ROOT, check=True, capture_output=True)
    words = [str(MKDOCS), "build", "--quiet", "--strict", "--site-dir", str(where)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"})
    return where


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("page", PAGES)
def test_a_browser_shows_the_page(site, browser, page, width, dark):
    seen = browser.look(site / page, width=width, dark=dark)
    here = site.as_uri()
    assert [url for url in seen.asked if not url.startswith((here, "data:"))] == [] and seen.dark is dark
    assert 0.01 < seen.inked[60:].mean() < 0.5
    assert dark or browser.overflow(site / page, width=width) <= 0  # code and tables move by themselves


@pytest.mark.slow
def test_formulas_are_mathml_and_no_page_names_another_place_to_load_from(site):
    pages = {p.relative_to(site).as_posix(): p.read_text(encoding="utf-8") for p in site.rglob("*.html")}
    assert all("<math" in pages[page] for page in PAGES if page != "theory/index.html") and len(pages) > 60
    for name, text in pages.items():
        loaded = re.findall(
            r"<(?:script|img|iframe|source)[^>]+src=\"?(https?:[^\" >]+)|<link[^>]+stylesheet[^>]+href=\"?(https?:[^\" >]+)", text
        )
        assert loaded == [], name
