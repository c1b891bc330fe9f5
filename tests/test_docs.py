"""What the README and the docs show is what one gets: every page is played here, block by block. `python tests/test_docs.py PAGE ...` writes the output anew.

A page's blocks run in order, in one empty folder. ```console: lines after `$ ` are run and what they print is compared; in
```console digits, numbers depend on the machine and are masked; ```console varies only has to run. ```python is run; with a first line `# FILE`, it is written to that file.
"""  # noqa: E501

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WIDTH = "110"
BLOCK = re.compile(r"^```(console(?: digits| varies)?|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
MASKS = ((r"\b\d+\.\d s\b", "N s"), (r"T <= \d+(?=; words)", "T <= N"))  # time, and how far the CPU came in it
DIGITS = (r"[-+]?\d[\d,.]*(e[-+]?\d+)?", "N")
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").rglob("*.md") if p.parent.name != "theory")]  # theory: made by make docs
PLAYED = [p for p in PAGES if BLOCK.search(p.read_text(encoding="utf-8"))]
SLOW = {"five-minutes.md", "reproduce.md", "test-a-model.md"}  # pages that train a model, or start processes which import torch anew


def played(kind: str, body: str) -> str:
    """A block as it comes out in the present folder."""
    if kind == "python":
        first = re.match(r"# ([\w./-]+)\n", body)
        if first:
            Path(first[1]).write_text(body, encoding="utf-8")
        else:
            exec(body, {"__name__": "docs"})
        return body
    lines = []
    for command in (line[2:] for line in body.splitlines() if line.startswith("$ ")):
        lines += [f"$ {command}", *(line.rstrip() for line in output(command).rstrip().splitlines())]
    return "\n".join(lines) + "\n"


def output(command: str) -> str:
    """What a command prints on standard output. nopeproof runs in this process: its imports are paid for once."""
    from nopeproof.cli import main

    words, out = shlex.split(command), io.StringIO()
    if words[0] == "nopeproof":
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as told:
            code = main(words[1:])
        assert code in (0, 1), (command, told.getvalue())
        return out.getvalue()
    words[:1] = {"python": [sys.executable], "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]}.get(words[0], words[:1])
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def masked(kind: str, text: str) -> str:
    """Without what depends on the machine. Numbers of any length also leave the table columns unaligned."""
    if kind == "console varies":
        return "\n".join(line for line in text.splitlines() if line.startswith("$ "))
    if kind == "console digits":
        return re.sub(r"[ \t─━]+", " ", re.sub(*DIGITS, text))
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text)
    return "\n".join(sorted(text.split())) if "T <= N" in text else text  # a number of two digits may break lines elsewhere


@pytest.mark.parametrize("page", [pytest.param(p, id=p.name, marks=[pytest.mark.slow] if p.name in SLOW else []) for p in PLAYED])
def test_a_page_shows_what_one_gets(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", WIDTH)
    monkeypatch.delenv("NOPEPROOF_LEDGER", raising=False)
    for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        assert masked(kind, played(kind, body)) == masked(kind, body)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_command_file_and_link_it_names_exists(page):
    from nopeproof.cli import verbs

    text = page.read_text(encoding="utf-8")
    for command in re.findall(r"`nopeproof ([a-z]+)", text):
        assert command in verbs(), command
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"`((?:docs|\.ci|nopeproof|tests|experiments|benchmarks|constructions)/[\w./-]*|[\w-]+\.txt)`", text):
        assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / link).exists(), link


def write(page: Path) -> None:
    """The page with the output it really has."""
    os.environ["COLUMNS"] = WIDTH
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        new = BLOCK.sub(lambda m: f"```{m[1]}\n{played(m[1], m[2])}```", text)
    page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(Path(name).resolve())
