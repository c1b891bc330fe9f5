"""The scripts that write tables: rows once, going on where they stopped, and an alarm that nobody can overlook."""

import importlib.util
import sys
from pathlib import Path

import pytest

import nopeproof
from nopeproof import kernel, ledger
from nopeproof.export import coq

FOLDER = Path(nopeproof.__file__).parents[1] / "experiments"
FILE = '''"""1/t from a flag, in a file of one's own: the head averages what only BOS has."""
from nopeproof.circuit import Block, Circuit, Embedding, Head
from nopeproof.claims import Claim, Equals, Fails, Scope, Unchanged, after_attention, embedding
from nopeproof.residual import Residual
R = Residual(one=1, bos=1, recip=1)
circuit = Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one.vector}), [Block([Head([0], [0], [R.bos], [R.recip])])], bos="<bos>")
HERE = Scope(vocabulary="given")
first = Circuit(R, {"<bos>": R.one, "a": R.one}, bos="<bos>", name="zzz, the first of two subjects")
claims = [
    Claim("one", first, Equals(embedding(), R.one, "1"), HERE),
    Claim("recip", circuit, Equals(after_attention(1), R.recip, "1/t"), HERE),
    Claim("frame", circuit, Unchanged(embedding(), after_attention(1), [R.one]), HERE),
    Claim("not", circuit, Fails(Equals(after_attention(1), R.recip, "1")), HERE),
]
'''


@pytest.fixture
def script(monkeypatch):
    """A script of experiments/, imported."""

    def load(name):
        spec = importlib.util.spec_from_file_location(f"_script_{name}", FOLDER / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv("NOPEPROOF_LEDGER", str(tmp_path / "runs"))
    (tmp_path / "mine.py").write_text(FILE)
    return str(tmp_path / "mine.py")


def test_ablations_are_written_once(script, mine, tmp_path):
    table = script("ablations").Ablations(names=(mine,), seconds=0.05, ledger=tmp_path)
    table.run()
    rows = ledger.read(tmp_path / "ablations.jsonl").rows
    assert {r["claim"] for r in rows} == {"one", "recip"} and {r["kind"] for r in rows} == {"ablation"} and len(rows) >= 10
    table.run()
    assert ledger.read(tmp_path / "ablations.jsonl").rows == rows
    script("ablations").Ablations(names=(mine,), frames=True, seconds=0.05, ledger=tmp_path).run()
    assert {r["claim"] for r in ledger.read(tmp_path / "ablations.jsonl").rows} == {"one", "recip", "frame"}


def test_mutations_are_written_once_and_again_for_another_number(script, mine, tmp_path):
    module = script("mutations")
    for limit, wanted in ((12, 1), (12, 1), (14, 2)):
        with pytest.raises(SystemExit) as end:
            module.Mutations(names=(mine,), limit=limit, ledger=tmp_path).run()
        rows = ledger.read(tmp_path / "mutations.jsonl").rows
        assert end.value.code == 0 and len(rows) == wanted and rows[-1]["data"]["tried"] == limit == rows[-1]["data"]["limit"]
    assert all(len(r["data"]["kernel_sha256"]) == 64 for r in rows)


def test_an_alarm_ends_the_script_with_1_every_time(script, mine, tmp_path, monkeypatch):
    monkeypatch.setattr(kernel, "check", lambda certificate: None)
    module = script("mutations")
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            module.Mutations(names=(mine,), limit=20, ledger=tmp_path).run()
        assert end.value.code == 1
    assert ledger.read(tmp_path / "mutations.jsonl").rows[0]["data"]["alarm"]


def test_the_readme_names_every_script():
    text = (FOLDER / "README.md").read_text()
    assert all(f"`{path.name}`" in text for path in FOLDER.glob("[a-z]*.py"))


@pytest.mark.slow
@pytest.mark.skipif(not coq.available(), reason="coqc is not installed")
def test_coq_is_asked_once_about_originals_and_mutants_and_a_wrong_yes_ends_in_an_error(script, mine, tmp_path, monkeypatch):
    table = script("mutations_in_coq").MutationsInCoq(names=(mine,), limit=30, ledger=tmp_path)
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            table.run()
        assert end.value.code == 0
    (row,) = ledger.read(tmp_path / "mutations-in-coq.jsonl").rows
    assert (
        row["data"]["originals"] == 3 and row["data"]["asked"] > 5 and not row["data"]["accepted"] and not row["data"]["originals_rejected"]
    )
    monkeypatch.setattr(coq, "decide", lambda certificates: [True] * len(certificates))
    with pytest.raises(SystemExit) as end:
        script("mutations_in_coq").MutationsInCoq(names=(mine,), limit=31, ledger=tmp_path).run()
    assert end.value.code == 1
