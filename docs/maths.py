"""Formulas between dollar signs become MathML before Markdown sees them: a hook of mkdocs. Code is left alone.

A formula that does not parse ends the build, so none is shown as it was typed.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the site's environment has no nopeproof, and needs none of what it depends on

from nopeproof.mathml import math

CODE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
FORMULA = re.compile(r"\$([^$\n]+)\$")


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with its formulas set. Raises ValueError for one that is none."""
    parts = CODE.split(markdown)
    return "".join(part if n % 2 else FORMULA.sub(lambda m: math(m[1]), part) for n, part in enumerate(parts))


def formulas(markdown: str) -> list[str]:
    """What stands between dollar signs, outside of code."""
    return [f for n, part in enumerate(CODE.split(markdown)) if n % 2 == 0 for f in FORMULA.findall(part)]
