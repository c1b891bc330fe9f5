"""A script in a process of its own that ends when the process that asked for it does, however that one ended.

A script that went on alone after a kill would write to the same files as the one started next.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nopeproof.cli._pool import follow

STDIN, STDERR = 0, 2


def run(script: Path, options: Sequence[str] = ()) -> int:
    """Run a script as `python SCRIPT OPTIONS` does and return its exit code; what it prints goes to standard error."""
    words = [sys.executable, "-m", "nopeproof.cli._script", str(script), *options]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=STDERR) as process:
        return process.wait()


def _main() -> None:
    follow(lambda: os.read(STDIN, 1))  # nobody writes there: it returns when the other end of the pipe is gone
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    _main()
