"""Completion scripts: run by the shell itself, they offer verbs, options and names."""

import json
import shutil
import subprocess

import pytest

from nopeproof.cli import main, verbs
from nopeproof.cli.completion import script


def offered(words: list[str]) -> set[str]:
    """What bash offers after these words."""
    line = " ".join(words)
    asked = f'{script("bash")}\nCOMP_WORDS=({line}); [ -n "{words[-1]}" ] || COMP_WORDS+=(""); COMP_CWORD={len(words) - 1}\n'
    said = subprocess.run(
        ["bash", "-c", asked + '_nopeproof; printf "%s\\n" "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True
    )
    return set(said.stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_offers_verbs_options_and_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert offered(["nopeproof", "ver"]) == {"verify"}
    assert {"--deep", "--json", "--ledger"} <= offered(["nopeproof", "verify", "--"])
    assert "--targets" not in offered(["nopeproof", "verify", "--"])
    assert offered(["nopeproof", "show", "absolute-p"]) == {"absolute-position"}
    (tmp_path / "mine.py").touch()
    assert "mine.py" in offered(["nopeproof", "verify", "mi"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_verb_is_in_every_script(shell, capsys):
    assert main(["completion", shell, "--json"]) == 0
    text = json.loads(capsys.readouterr().out)["script"]
    assert all(verb in text for verb in verbs())


def test_another_shell_is_misuse(capsys):
    assert main(["completion", "csh"]) == 2
