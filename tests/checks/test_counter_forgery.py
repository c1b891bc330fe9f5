"""Forged certificates of division clocks: every weight, every convention, every field changed, and none accepted that is false."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from nopeproof import counter_kernel as kernel
from nopeproof.checks.counter import Clock
from nopeproof.division import R, _circuit, division_clock, steps
from nopeproof.theory.precision import Format, round_to
from nopeproof.theory.rounding import Arithmetic, arithmetic

POS = R.pos.start
TOY = Format("p4", 4, -60, 60, (2 - Fraction(1, 8)) * Fraction(2) ** 60)


def clock_of(J, dtype="float32"):
    return Clock(division_clock(J, dtype), 2 * (J + 2), POS, (0, 1))


def rejected(certificate, why="."):
    with pytest.raises(kernel.Reject, match=why):
        kernel.check(certificate)


def places(data, path=()):
    """Every number of a circuit's JSON, as a path."""
    if isinstance(data, dict):
        for k, v in data.items():
            yield from places(v, (*path, k))
    elif isinstance(data, list):
        for n, v in enumerate(data):
            yield from places(v, (*path, n))
    elif isinstance(data, str) and path[-1].isdecimal():
        yield path


def put(data, path, value):
    out = copy.deepcopy(data)
    at = out
    for k in path[:-1]:
        at = at[k]
    at[path[-1]] = value
    return out


@pytest.mark.parametrize("what", ["real", "float"])
def test_no_change_of_any_weight_is_accepted_unless_every_row_still_holds_t(what):
    """All weights of a small clock: 0, negated, doubled, halved, moved by one. What the checker accepts is run row by row."""
    clock, rng, T = Clock(_circuit(steps(2, 4, 60), "toy"), 8, POS), random.Random(0), 7
    how = None if what == "real" else Arithmetic(TOY, TOY)
    good = clock.certificate(how, T)
    assert kernel.check(good)
    accepted = seen = 0
    for path in places(good["circuit"]):
        old = good["circuit"]
        for k in path:
            old = old[k]
        if old.startswith(("b", "x", "-b")) or not old.lstrip("-").replace("/", "").isdigit():
            continue
        x = Fraction(old)
        for new in {x * 2, x / 2, -x, x + 1, Fraction(0), x - Fraction(1, 8)} - {x}:
            seen += 1
            forged = {**good, "circuit": put(good["circuit"], path, str(new))}
            try:
                kernel.check(forged)
            except kernel.Reject:
                continue
            accepted += 1
            units = [(b["mlp"]["units"]) for b in forged["circuit"]["blocks"]]
            for t in range(1, T + 1):
                assert replayed(units, Fraction(1, t), how, rng) == t, (path, new)
    assert seen > 250 and accepted < seen / 8  # larger gains do as well


def replayed(units, x, how, rng):
    """The FFNs of a forged JSON on a row, in real numbers, or with every result rounded."""
    keep = (lambda y: y) if how is None else (lambda y: round_to(y, how.storage))
    row = {R.one.start: Fraction(1), R.rem.start: Fraction(1), R.recip.start: keep(x)}
    for block in units:
        add = []
        for u in block:
            terms = [Fraction(w) * row.get(int(i), Fraction(0)) for i, w in u["read"].items()]
            rng.shuffle(terms)
            hidden = max(keep(sum(terms, Fraction(0))), Fraction(0))
            add += [(int(i), Fraction(w) * hidden) for i, w in u["write"].items()]
        for i, y in add:
            row[i] = keep(row.get(i, Fraction(0)) + y)
    return row.get(POS)


X, MARK, HEAD = str(R.recip.start), str(R.bos.start), ("blocks", 0, "heads", 0)
FORGERIES = {
    "mask": (("mask",), "strict"),
    "positions": (("positions",), "Alibi()"),
    "no BOS": (("bos",), None),
    "another BOS": (("bos",), "x"),
    "mark elsewhere": (("generic", MARK), "1"),
    "half a mark": (("embed", "<bos>", MARK), "1/2"),
    "a remainder of 2": (("generic", str(R.rem.start)), "2"),
    "a quotient to start with": (("generic", str(POS)), "1"),
    "a value of 2": ((*HEAD, "W_V"), [{MARK: "2"}]),
    "a second value": ((*HEAD, "W_V"), [{MARK: "1", "6": "1"}]),
    "a head that writes twice": ((*HEAD, "W_O"), [{X: "1", str(R.gate.start): "1"}]),
    "a head that writes content too is fine, the division's rows are not": ((*HEAD, "W_O"), [{X: "1", "6": "1", "0": "1"}]),
    "another head on x": (("blocks", 0, "heads", 1), {"opaque": [R.recip.start]}),
    "another head on r": (("blocks", 0, "heads", 1), {"opaque": [R.rem.start]}),
    "another head on the mark": (("blocks", 0, "heads", 1), {"opaque": [R.bos.start]}),
    "a head further on": (("blocks", 3, "heads"), [{"opaque": [R.gate.start]}]),
    "a norm before attention": (("blocks", 0, "norm_attention"), {"kind": "rmsnorm", "epsilon": "0"}),
    "a norm before an FFN": (("blocks", 2, "norm_ffn"), {"kind": "rmsnorm", "epsilon": "0"}),
    "GELU": (("blocks", 1, "mlp", "activation"), "gelu"),
    "an output bias": (("blocks", 1, "mlp", "b_2"), {"0": "1"}),
    "a bias": (("blocks", 1, "mlp", "units", 0, "bias"), "1/1000000"),
    "a range of units": (("blocks", 1, "mlp", "units", 0, "last"), "T"),
    "no FFN": (("blocks", 1, "mlp"), None),
    "an unknown convention": (("window",), 4),
    "an unknown convention of a block": (("blocks", 0, "parallel"), True),
    "an unknown convention of a head": ((*HEAD, "softmax"), "plus one"),
    "an unknown convention of a unit": (("blocks", 0, "mlp", "units", 0, "dropout"), "1/2"),
    "a coordinate outside": (("d_model",), 4),
    "a number in words": (("blocks", 0, "mlp", "units", 0, "write", str(R.gate.start)), "1.0"),
    "a number without end": (("blocks", 0, "mlp", "units", 0, "write", str(R.gate.start)), "1e999999999"),
    "a division by 0": (("blocks", 0, "mlp", "units", 0, "write", str(R.gate.start)), "1/0"),
    "a misspelt coordinate": (("embed", "<bos>", "01"), "1"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_circuits_are_rejected(name):
    good = clock_of(3).certificate(arithmetic("float32"), 15)
    path, value = FORGERIES[name]
    if path[-1] == 1 and path[:3] == HEAD[:3]:
        good["circuit"]["blocks"][0]["heads"].append({"opaque": [6]})
    assert kernel.check(good)
    rejected({**good, "circuit": put(good["circuit"], path, value)})


def test_scores_are_zero_unless_both_queries_and_keys_are_not():
    good = clock_of(3).certificate(arithmetic("float32"), 15)
    one = put(good, ("circuit", *HEAD, "W_Q"), [{"0": "1"}])
    assert kernel.check(one)
    rejected(put(one, ("circuit", *HEAD, "W_K"), [{"0": "1"}]), "scores")


@pytest.mark.parametrize("change", [
    {"schema": 2}, {"schema": True}, {"kind": "another"}, {"goal": "all"}, {"extra": 1}, {"T": 0}, {"T": True}, {"T": "7"}, {"T": "every"},
    {"T": 10**400}, {"block": 8}, {"block": 9}, {"block": 12}, {"block": True}, {"index": 3}, {"index": "4"}, {"frame": [4]},
    {"frame": [6]}, {"frame": None}, {"frame": ["0"]}, {"arithmetic": "exact"}, {"arithmetic": {}}, {"circuit": None}, {"circuit": []},
])  # fmt: skip
def test_forged_certificates_are_rejected(change):
    good = clock_of(3).certificate(arithmetic("float32"), 15)
    assert kernel.check(good)
    rejected({**good, **change})


@pytest.mark.parametrize("change", [
    {"storage": {"p": 24, "emin": -126}}, {"storage": {"p": 24.0, "emin": -126, "emax": 127}}, {"exp0": "1/2"}, {"exp0": "-1/8"},
    {"ulps": "1/4"}, {"flush": 1}, {"overflow": None}, {"rounding": "up"}, {"accumulator": {"p": 11, "emin": -126, "emax": 127}},
    {"accumulator": {"p": 24, "emin": -20, "emax": 127}}, {"exp0": "1/16"},
    {"storage": {"p": 10**9, "emin": -126, "emax": 127}, "accumulator": {"p": 10**9, "emin": -126, "emax": 127}},
    {"accumulator": {"p": 24, "emin": -(10**12), "emax": 127}},
])  # fmt: skip
def test_forged_arithmetics_are_rejected(change):
    good = clock_of(3).certificate(arithmetic("float32"), 15)
    rejected({**good, "arithmetic": {**good["arithmetic"], **change}})


def test_missing_parts_are_rejected_and_so_is_a_file_that_is_none(tmp_path, capsys):
    good = clock_of(3).certificate(arithmetic("float32"), 15)
    for key in set(good) - {"hypotheses"}:
        rejected({k: v for k, v in good.items() if k != key})
    for number, text in enumerate([json.dumps(good), json.dumps(good)[:-9], "[]", json.dumps({**good, "T": 16})]):
        (tmp_path / f"{number}.json").write_text(text)
    assert kernel.main([str(tmp_path / "0.json")]) == 0
    assert kernel.main([str(tmp_path / f"{n}.json") for n in (0, 1, 2, 3, 4)]) == 1
    assert capsys.readouterr().out.count("REJECTED") == 4


def test_the_checker_runs_alone_with_the_standard_library(tmp_path):
    (tmp_path / "c.json").write_text(json.dumps(clock_of(23).certificate(arithmetic("float32"), 11864338)))
    (tmp_path / "check.py").write_text(Path(kernel.__file__).read_text())
    found = subprocess.run([sys.executable, "-I", "-S", "check.py", "c.json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0 and "accepted, T = 11864338" in found.stdout
