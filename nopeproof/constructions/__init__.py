"""The shipped constructions. In a checkout they stand at the top level, in `constructions/`; in a wheel, beside this file."""

from pathlib import Path

_root = Path(__file__).resolve().parents[2]
_beside = _root / "constructions"
_project = _root / "pyproject.toml"
# Only in our own checkout: a folder of that name beside somebody's site-packages is not ours to import.
if _beside.is_dir() and _project.is_file() and 'name = "nopeproof"' in _project.read_text(encoding="utf-8"):
    __path__.append(str(_beside))
