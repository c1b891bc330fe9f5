"""What the README shows is what one gets: its example is run here, command by command. `python tests/test_readme.py` writes it anew."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
WIDTH = "110"
FENCE = re.compile(r"```console\n(.*?)```", re.DOTALL)
MASKS = ((r"\d+\.\d s\b", "N s"), (r"T <= \d+(?=; words)", "T <= N"))  # time, and how far the CPU came in it


def fence(text: str) -> str:
    """The example with its output."""
    found = FENCE.findall(text)
    assert len(found) == 1
    return found[0]


def commands(text: str) -> list[str]:
    """Its commands."""
    return [line[2:] for line in fence(text).splitlines() if line.startswith("$ ")]


def played(text: str) -> str:
    """The example as it comes out in the present folder."""
    from nopeproof.cli import main

    lines = []
    for command in commands(text):
        words, out = shlex.split(command), io.StringIO()
        if words[0] == "nopeproof":
            with contextlib.redirect_stdout(out):
                assert main(words[1:]) in (0, 1), command
        else:
            subprocess.run(words, check=True)
        lines += [f"$ {command}", *(line.rstrip() for line in out.getvalue().rstrip().splitlines())]
    return "\n".join(lines) + "\n"


def masked(text: str) -> str:
    """Without what depends on the machine."""
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text)
    return text


def test_the_example_is_what_one_gets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", WIDTH)
    text = README.read_text(encoding="utf-8")
    assert masked(played(text)) == masked(fence(text))
    assert "proved" in text and "refuted" in text


def test_the_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code) == 1
    exec(code[0].replace("c.verify()", 'assert c.verify("recip").stands'), {})


@pytest.mark.parametrize("command", re.findall(r"`nopeproof ([a-z]+)", README.read_text(encoding="utf-8")))
def test_every_command_it_names_exists(command):
    from nopeproof.cli import verbs

    assert command in verbs()


def test_every_file_and_target_it_names_exists():
    text = README.read_text(encoding="utf-8")
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"`((?:docs|\.ci)/[\w./-]+|[\w-]+\.txt)`", text):
        assert (README.parent / path).exists(), path


if __name__ == "__main__":
    here = README.read_text(encoding="utf-8")
    os.environ["COLUMNS"] = WIDTH
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        new = played(here)
    README.write_text(FENCE.sub(lambda _: f"```console\n{new}```", here), encoding="utf-8")
