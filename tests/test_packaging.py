"""The package as others meet it: what it ships, what an import costs, one version, one bibliography, the rules of the house."""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import nopeproof

ROOT = Path(__file__).parents[1]
ROOMS = [p for p in (ROOT / "nopeproof").rglob("*.py") if p != ROOT / "nopeproof" / "__init__.py"]
BIB = (ROOT / "paper" / "refs.bib").read_text(encoding="utf-8")
KEYS = re.findall(r"^@\w+\{(\w+),$", BIB, re.MULTILINE)
SHIPPED = sorted(p.stem for p in (ROOT / "constructions").glob("*.py") if not p.stem.startswith("_"))


def python(code: str, path: Path, cwd: Path) -> list[str]:
    """What `code` prints, as JSON, in a fresh interpreter that sees nopeproof in `path` before anywhere else."""
    head = f"import sys, json; sys.path.insert(0, {str(path)!r})\n"
    done = subprocess.run([sys.executable, "-c", head + code], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


LIST = "import pkgutil, nopeproof.constructions as c; print(json.dumps(sorted(m.name for m in pkgutil.iter_modules(c.__path__))))"


def layout(folder: Path, project: str | None, beside: dict[str, str], within: tuple[str, ...] = ()) -> Path:
    """A copy of the bridge alone in `folder`, with a pyproject.toml, files in constructions/ beside it and files within the package."""
    package = folder / "nopeproof" / "constructions"
    package.mkdir(parents=True)
    (folder / "nopeproof" / "__init__.py").touch()
    shutil.copy(ROOT / "nopeproof" / "constructions" / "__init__.py", package)
    for name in within:
        (package / f"{name}.py").touch()
    if project is not None:
        (folder / "pyproject.toml").write_text(project, encoding="utf-8")
    if beside:
        (folder / "constructions").mkdir()
    for name, text in beside.items():
        (folder / "constructions" / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def test_a_checkout_lists_the_folder_at_the_top(tmp_path):
    assert python(LIST, ROOT, tmp_path) == SHIPPED  # from another directory
    assert python(LIST, ROOT, ROOT) == SHIPPED


def test_a_wheel_lists_what_stands_beside_the_bridge(tmp_path):
    folder = layout(tmp_path / "site", None, {}, ("shipped",))
    assert python(LIST, folder, tmp_path) == ["shipped"]


@pytest.mark.parametrize("project", [None, '[project]\nname = "stranger"\n', '[project]\nname = "nopeproof-extras"\n', ""])
def test_a_strangers_folder_is_not_ours(tmp_path, project):
    stranger = {"__init__": 'raise RuntimeError("imported")', "theirs": 'raise RuntimeError("imported")'}
    folder = layout(tmp_path / "site", project, stranger, ("shipped",))
    assert python(LIST, folder, tmp_path) == ["shipped"]
    assert python(LIST, folder, folder) == ["shipped"]


def test_our_own_project_is_recognised(tmp_path):
    folder = layout(tmp_path / "site", '[project]\nname = "nopeproof"\n', {"ours": ""})
    assert python(LIST, folder, tmp_path) == ["ours"]


HEAVY = "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'sympy', 'matplotlib', 'hypothesis', 'transformers'})))"


@pytest.mark.parametrize(
    "what", ["import nopeproof", "import nopeproof; nopeproof.Circuit, nopeproof.Claim, nopeproof.load", "import nopeproof.pytest_plugin"]
)
def test_what_an_import_costs(tmp_path, what):
    assert python(f"{what}\n{HEAVY}", ROOT, tmp_path) == []


def test_every_public_name_is_there():
    tree = ast.parse((ROOT / "nopeproof" / "__init__.py").read_text(encoding="utf-8"))
    guarded = [node for test in tree.body if isinstance(test, ast.If) for node in test.body]
    typed = {(a.name, node.module) for node in guarded if isinstance(node, ast.ImportFrom) for a in node.names}
    assert typed == {(name, f"nopeproof.{module}") for name, module in nopeproof._HOME.items()}
    for name in nopeproof._HOME:
        assert getattr(nopeproof, name) is not None and name in dir(nopeproof)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        nopeproof.nothing  # noqa: B018


def test_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"] and project["tool"]["hatch"]["version"]["path"] == "nopeproof/__init__.py"
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited is not None and cited[1] == nopeproof.__version__
    assert f"## {nopeproof.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def requirements() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    return [r for r in [*project["dependencies"], *(r for extra in extras for r in extra)] if not r.startswith("nopeproof")]


@pytest.mark.parametrize("requirement", requirements())
def test_every_requirement_is_pinned_within_its_range(requirement):
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split())
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    wanted = Requirement(requirement)
    pinned = pins[canonicalize_name(wanted.name)]
    assert "+" not in pinned, "a local version suffix exists on one index only"
    assert pinned in wanted.specifier


def test_bibliography_parses():
    assert len(KEYS) == BIB.count("@") and len(set(KEYS)) == len(KEYS) > 20
    depth = 0
    for c in BIB:
        depth += {"{": 1, "}": -1}.get(c, 0)
        assert depth >= 0
    assert depth == 0
    for entry in re.split(r"^@", BIB, flags=re.MULTILINE)[1:]:
        fields = dict(re.findall(r"^  (\w+)\s*= \{(.*)\},?$", entry, re.MULTILINE))
        assert {"author", "title", "year"} <= set(fields) and re.fullmatch(r"\d{4}", fields["year"]), entry
        assert "," not in fields["author"], f"names are written First Last and joined by and: {entry}"


def test_every_key_in_our_prose_resolves():
    prose = [
        *ROOMS,
        *(ROOT / "constructions").glob("*.py"),
        *(ROOT / "experiments").rglob("*.py"),
        *(ROOT / "docs").glob("*.md"),
        ROOT / "README.md",
    ]
    used = {(k, p.name) for p in prose for k in re.findall(r"\b([a-z]{3,}(?:19|20)\d\d[a-z]?)\b", p.read_text(encoding="utf-8"))}
    assert {k for k, _ in used} <= set(KEYS), sorted(u for u in used if u[0] not in KEYS)


@pytest.mark.parametrize("room", ROOMS, ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_import_each_other_by_module(room):
    """`from nopeproof import load` would reach any room through the lazy exports, unseen by the import contracts."""
    for node in ast.walk(ast.parse(room.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "nopeproof" and not node.level:
            lazy = {a.name for a in node.names} & (set(nopeproof._HOME) - {"run"})
            assert not lazy, f"line {node.lineno}: import {', '.join(sorted(lazy))} from the room it lives in"


def test_the_kernel_needs_the_standard_library_only():
    tree = ast.parse((ROOT / "nopeproof" / "kernel.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        names = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        assert all(name.split(".")[0] in sys.stdlib_module_names for name in names), names


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_names_the_python_it_needs(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(["make", "env", "PYTHON=false", f"VENV={tmp_path}/env"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "Python 3.11 or newer" in done.stdout and not (tmp_path / "env").exists()
