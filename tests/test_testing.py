"""The public kit and the pytest plugin, as a stranger meets them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import nopeproof
from nopeproof import testing
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head, Unit
from nopeproof.claims import Claim, Equals, Holds, Scope, after_attention
from nopeproof.errors import NopeproofError
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.testing import assert_claim, assert_prefix_causal, assert_same_run

ROOT = Path(nopeproof.__file__).parents[1]
R = Residual(one=1, bos=1, recip=1)
HEAD = Head([0], [0], [R.bos], [R.recip], name="mean of bos")
LOOK = Head([R.one], [R.bos], [R.bos], [R.recip], name="look")
TOKENS = {"<bos>": R.one + R.bos, "a": R.one, "b": R.one - R.bos}
CIRCUIT = Circuit(R, Embedding(TOKENS), [Block([HEAD])], bos="<bos>")
WORD = ["<bos>", "a", "a"]


def outside(tmp_path: Path, text: str, *options: str, ini: str = "", **env: str) -> subprocess.CompletedProcess:
    """pytest in a directory of its own, with our plugin and Hypothesis's, on one test file."""
    (tmp_path / "test_theirs.py").write_text(textwrap.dedent(text))
    (tmp_path / "pytest.ini").write_text("[pytest]\n" + ini)
    inherited = {k: v for k, v in os.environ.items() if k not in ("CI", "PYTEST_ADDOPTS") and not k.startswith("PYTEST_XDIST")}
    clean = {**inherited, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **env}
    plugins = ["-p", "nopeproof.pytest_plugin", "-p", "_hypothesis_pytestplugin", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, *options, "test_theirs.py"]
    return subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_the_example_in_the_docstring_runs_as_it_stands(tmp_path):
    example = (testing.__doc__ or "").split("run pytest:\n")[1]
    done = outside(tmp_path, example)
    assert done.returncode == 0 and "5 passed" in done.stdout, done.stdout + done.stderr


# --- assert_claim ----------------------------------------------------------------------------------------------------


def claim(value, **scope):
    words_with_b = replace(CIRCUIT, embedding=Embedding({k: TOKENS[k] for k in ("<bos>", "a")}))
    return Claim("recip", words_with_b, Equals(after_attention(1), R.recip, value), Scope(vocabulary="given", **scope))


def test_a_claim_that_stands_gives_its_verdict():
    assert assert_claim(claim("1/t")).kind == "proved"


def test_a_false_claim_fails_with_its_smallest_witness_and_its_scope():
    with pytest.raises(AssertionError) as caught:
        assert_claim(claim("1/(3*t - 2)"))
    text = str(caught.value)
    assert (
        "refuted" in text and "word = ['<bos>', 'a']" in text and "expected = 1/4" in text and "found = 1/2" in text and "every T" in text
    )


def test_a_claim_that_is_only_open_fails_with_the_reason():
    says = Holds("one is 1", lambda trace: all(x == 1 for x in trace.at(after_attention(1), R.one)))
    unproved = Claim("one", CIRCUIT, says, Scope(vocabulary="given"))
    with pytest.raises(
        AssertionError, match=r"(?s)does not stand: one is 1.*verdict: +exhausted, for.*prove: outside fragment K: not an identity"
    ):
        assert_claim(unproved)


# --- assert_same_run -------------------------------------------------------------------------------------------------


def test_all_arithmetics_and_routes_agree():
    two = replace(CIRCUIT, blocks=[Block([LOOK]), Block(mlp=MLP([Unit(R.recip, R.one, bias="1/7")]))])
    assert_same_run(
        two, ["<bos>", "b", "a"], ["exact", "ball", "symbolic", "float64", "float64/sdpa", "float64/streaming", torch.float64], tol=1e-12
    )


def test_the_first_place_that_differs_is_named_with_both_numbers():
    other = replace(CIRCUIT, blocks=[Block([replace(HEAD, W_O=[2 * R.recip])])])
    with pytest.raises(AssertionError) as caught:
        assert_same_run(run(CIRCUIT, WORD), run(other, WORD, "float32"), tol=1e-6)
    text = str(caught.value)
    assert (
        "output of block 1, head 1, t = 1, recip" in text
        and "exact:   1\n" in text
        and "float32: 2.0" in text
        and "1e-06 (1 + |x|)" in text
    )
    with pytest.raises(AssertionError, match=r"weights of block 1, head 1, t = 3, key i = 1"):
        assert_same_run(CIRCUIT, WORD, ["exact", "float64"])  # 1/3 is no float
    with pytest.raises(AssertionError, match=r"float32/sdpa: 0\.3333"):
        assert_same_run(CIRCUIT, WORD, ["float64", "float32/sdpa"])


@pytest.mark.parametrize(
    "arithmetics",
    [("ball", "exact"), ("exact", "ball"), ("symbolic", "exact"), ("ball", "float64"), ("symbolic", "ball"), ("symbolic", "float64")],
)
def test_a_difference_is_seen_between_any_two_arithmetics(arithmetics):
    other = replace(CIRCUIT, embedding=Embedding({**TOKENS, "a": R.one + "1/1000" * R.bos}))
    for one, two in ((LOOK, LOOK), (HEAD, HEAD)):
        a, b = replace(CIRCUIT, blocks=[Block([one])]), replace(other, blocks=[Block([two])])
        tolerance = 1e-12 if "float64" in arithmetics else 0
        assert_same_run(run(a, WORD, arithmetics[0]), run(a, WORD, arithmetics[1]), tol=tolerance)
        with pytest.raises(AssertionError, match="differ: the residual after the embedding, t = 2, bos"):
            assert_same_run(run(a, WORD, arithmetics[0]), run(b, WORD, arithmetics[1]), tol=tolerance)


def test_a_nan_equals_no_number():
    good, bad = run(CIRCUIT, WORD, "float64"), run(CIRCUIT, WORD, "float64")
    bad.final[1, 2] = float("nan")
    with pytest.raises(AssertionError, match="t = 2, recip"):
        assert_same_run(good, bad, tol=1)


def test_comparisons_that_make_no_sense():
    with pytest.raises(NopeproofError, match="one word, one circuit"):
        assert_same_run(run(CIRCUIT, WORD), run(CIRCUIT, WORD[:2]))
    with pytest.raises(NopeproofError, match="neither two traces"):
        assert_same_run(run(CIRCUIT, WORD), WORD)  # type: ignore[arg-type]
    with pytest.raises(NopeproofError, match="at least two"):
        assert_same_run(CIRCUIT, WORD, ["exact"])


# --- assert_prefix_causal --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arithmetic", ["exact", "ball", "float32", "float64/sdpa", "float64/streaming"])
@pytest.mark.parametrize("mask", ["causal", "strict"])
def test_masked_circuits_do_not_look_ahead(arithmetic, mask):
    assert_prefix_causal(replace(CIRCUIT, mask=mask), ["<bos>", "a", "b", "a"], arithmetic=arithmetic)


def test_a_circuit_without_a_mask_does():
    with pytest.raises(AssertionError, match=r"(?s)tokens after t = 1 change output of block 1, head 1 at t = 1.*'<bos>', 'b'.*gives"):
        assert_prefix_causal(replace(CIRCUIT, mask="none"), ["<bos>", "a"])


def test_models_of_ones_own():
    embed = torch.nn.Embedding(7, 4)
    layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()
    causal = torch.nn.Transformer.generate_square_subsequent_mask(5)
    assert_prefix_causal(lambda ids: layer(embed(ids), src_mask=causal, is_causal=True), [0, 3, 6, 3, 1], vocabulary=7, tol=1e-6)
    with pytest.raises(AssertionError, match="change the output at t = 1"):
        assert_prefix_causal(lambda ids: layer(embed(ids)), [0, 3, 6, 3, 1])
    late = lambda ids: (embed(ids) * (ids.roll(-1, 1) == 5).unsqueeze(-1)).cumsum(1)  # noqa: E731
    with pytest.raises(AssertionError, match="looks ahead"):
        assert_prefix_causal(late, torch.tensor([1, 2, 4]), vocabulary=7)
    for bad in (lambda ids: late(ids) / 0 * 0, lambda ids: embed(ids).cumsum(1) + torch.nan):  # NaN in both runs was equal
        with pytest.raises(AssertionError, match="not a number"):
            assert_prefix_causal(bad, [1, 2, 4], vocabulary=7)
    logits = lambda ids: type("Output", (), {"logits": embed(ids)})  # noqa: E731
    assert_prefix_causal(logits, [1, 2])


def test_misuse_of_the_causality_check():
    embed = torch.nn.Embedding(7, 4)
    for model, word, message in [
        (CIRCUIT, ["<bos>"], "1 tokens"),
        (embed.eval(), [3, 3], "vocabulary="),
        (CIRCUIT, ["a", "b"], "expects '<bos>'"),
        (lambda ids: embed(ids)[:, :1], [1, 2], r"shape \[1, 1, 4\]"),
        (lambda ids: ids.tolist(), [1, 2], "a list"),
        (torch.nn.Embedding(7, 4), [1, 2], r"model\.eval\(\)"),
    ]:
        with pytest.raises(NopeproofError, match=message):
            assert_prefix_causal(model, word)  # type: ignore[arg-type]
    for few in (0, 1, [3]):
        with pytest.raises(NopeproofError, match="a vocabulary of"):
            assert_prefix_causal(embed.eval(), [1, 2], vocabulary=few)


# --- the plugin ------------------------------------------------------------------------------------------------------

SHOW = """
    from hypothesis import settings
    def test_show():
        s = settings()
        print("SHOWN", s.deadline, s.derandomize, s.print_blob)
"""


@pytest.mark.parametrize(
    ("options", "ini", "env", "deadline", "derandomized"),
    [
        ([], "", {}, "0:00:00.200000", False),
        (["--nopeproof-profile=nopeproof"], "", {}, "None", False),
        (["--nopeproof-profile=nopeproof-ci"], "", {}, "None", True),
        (["--nopeproof-profile=auto"], "", {}, "None", False),
        ([], "nopeproof_profile = auto", {"CI": "1"}, "None", True),
        (["--nopeproof-profile=nopeproof"], "nopeproof_profile = auto", {"CI": "1"}, "None", False),
        (["--hypothesis-profile=nopeproof-ci"], "", {}, "None", True),
    ],
)
def test_profiles_change_only_suites_that_ask(tmp_path, options, ini, env, deadline, derandomized):
    done = outside(tmp_path, SHOW, "-s", *options, ini=ini, **env)
    assert f"SHOWN {deadline} {derandomized}" in done.stdout, done.stdout + done.stderr


def test_unknown_profiles_are_misuse(tmp_path):
    for done in (outside(tmp_path, SHOW, "--nopeproof-profile=fast"), outside(tmp_path, SHOW, ini="nopeproof_profile = fast")):
        assert done.returncode == 4 and "nopeproof-ci" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("options", [[], ["--nopeproof-profile=auto"]])
def test_pytest_starts_without_heavy_libraries(tmp_path, options):
    heavy = ("torch", "sympy", "matplotlib", "hypothesis")
    text = f"import sys\ndef test_modules():\n    print('HEAVY', [m for m in {heavy} if m in sys.modules])\n"
    done = outside(tmp_path, text, "-s", *options)
    assert ("HEAVY ['hypothesis']" if options else "HEAVY []") in done.stdout, done.stdout + done.stderr


def test_a_profile_without_hypothesis_is_misuse(tmp_path):
    (tmp_path / "conftest.py").write_text("")
    hidden = "import importlib.util as u\nfind = u.find_spec\nu.find_spec = lambda n, *a: None if n == 'hypothesis' else find(n, *a)\n"
    (tmp_path / "hide.py").write_text(hidden)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "hide", "-p", "nopeproof.pytest_plugin", "--nopeproof-profile=auto"]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4 and "pip install hypothesis" in done.stderr and "Traceback" not in done.stderr
