"""`python -m nopeproof`."""

from nopeproof.cli import run

run()
