"""`nopeproof completion`: what a shell needs to complete verbs, their options, and the names of constructions."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from nopeproof import library
from nopeproof.cli import _out

BASH = """\
_nopeproof() {{
    local verb=${{COMP_WORDS[1]}} word=${{COMP_WORDS[COMP_CWORD]}} options names={names}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W {verbs} -- "$word"))
        return
    fi
    case $verb in
{cases}
    esac
    case $word in
        -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
        *) COMPREPLY=($(compgen -W "$names" -- "$word") $(compgen -f -- "$word")) ;;
    esac
}}
complete -F _nopeproof nopeproof
"""
ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"
FISH = """\
complete -c nopeproof -f -n __fish_use_subcommand -a {verbs}
complete -c nopeproof -n 'not __fish_use_subcommand' -a {names}
{cases}
"""


@dataclass(frozen=True)
class Completion:
    """Print a completion script: `source <(nopeproof completion bash)`, or `nopeproof completion fish | source`."""

    shell: Annotated[Literal["bash", "zsh", "fish"], tyro.conf.Positional]
    """The shell it is for."""

    json: _out.Json = False

    def run(self) -> int:
        """Print the script."""
        text = script(self.shell)
        if self.json:
            _out.document({"schema": 1, "shell": self.shell, "script": text})
        else:
            print(text, end="")
        return 0


def script(shell: str) -> str:
    """The script for a shell, with the verbs, options and names there are now."""
    from nopeproof.cli import verbs

    known = {verb: options(verb) for verb in verbs()}
    all_verbs, names = (shlex.quote(" ".join(x)) for x in (known, library.names()))
    if shell == "fish":
        cases = [
            f"complete -c nopeproof -n '__fish_seen_subcommand_from {verb}' -l {option[2:]}"
            for verb, found in known.items()
            for option in found
        ]
        return FISH.format(verbs=all_verbs, names=names, cases="\n".join(cases))
    cases = [f"        {verb}) options={shlex.quote(' '.join(found))} ;;" for verb, found in known.items()]
    return (ZSH if shell == "zsh" else "") + BASH.format(verbs=all_verbs, names=names, cases="\n".join(cases))


def options(verb: str) -> list[str]:
    """A verb's options, from the fields of its dataclass that are not positional."""
    from nopeproof.cli import command

    fields = [f for f in dataclasses.fields(command(verb)) if "Positional" not in str(f.type) and "_targets.Target" not in str(f.type)]
    return ["--help", *("--" + f.name.replace("_", "-") for f in fields)]
