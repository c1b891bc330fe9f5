"""Assumptions of classes of models, one at a time replaced: known answers, and no prover that goes on where its claim is false."""

from __future__ import annotations

import json

import pytest

from nopeproof import library
from nopeproof.checks.ablate import ablate, table
from nopeproof.checks.without_class import ASSUMPTIONS
from nopeproof.cli import main

KNOWN = {
    "no-bos-collapse/every-encoding": {"strict mask": "needed", "no mask": "not needed", "a BOS at t = 1": "needed",
                                       "weights not normalised": "needed", "sinusoids added to the stream": "needed"},
    "depth-two-collides/collision": {"one layer more": "needed", "one layer fewer": "not needed", "a BOS at t = 1": "needed"},
    "depth-two-collides/strict-shortest": {"causal mask": "unsettled"},
    "prefix-colours/bos-two-layers": {"one layer fewer": "needed"},
    "prefix-colours/strict-three-layers": {"causal mask": "needed"},
    "prefix-colours/one-layer-not-enough": {"one layer more": "needed", "strict mask": "needed"},
    "window-horizon/horizon-3-2": {"one layer more": "unsettled", "one layer fewer": "unsettled"},
    "no-mask-no-position/equivariant": {"causal mask": "unsettled", "weights not normalised": "not needed"},
    "long-prefixes-collapse/with-floor": {"strict mask": "unsettled", "no mask": "not needed"},
    "variance-at-initialisation/covariance": {"one layer more": "unsettled"},
    "bayes-ceilings/last-but-one": {"one layer more": "needed"},
    "t5-dimension/every-table": {"softmax with 1 added below": "unsettled"},
}  # fmt: skip


@pytest.mark.parametrize("target", KNOWN)
def test_known_answers(target):
    name, _, id = target.partition("/")
    rows = list(ablate(library.load(name).claim(id)))
    found = {r.assumption.removed: r.result for r in rows}
    assert {k: found.get(k) for k in KNOWN[target]} == KNOWN[target]
    assert all((r.witness is not None) == (r.result == "needed") for r in rows)
    assert id in table(rows) and json.dumps([r.as_json() for r in rows])


def test_names_of_removals_are_distinct_for_each_assumption():
    assert len({(a.name, a.removed) for a in ASSUMPTIONS}) == len(ASSUMPTIONS)


def test_the_verb_takes_claims_about_classes(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("NOPEPROOF_LEDGER", str(tmp_path))
    assert main(["ablate", "influence", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert {r["result"] for r in data["ablations"]} == {"not needed", "unsettled"}
