"""Certificates as files: whole, named by their hash, checked by the right program, about the claim they are shown for."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from nopeproof import certificates, counter_kernel, kernel
from nopeproof.certificates import Rejected
from nopeproof.checks.counter import Clock
from nopeproof.checks.prove import prove
from nopeproof.claims import Claim, Equals, Fails, Scope, Unchanged, after_attention, after_ffn
from nopeproof.division import R, division_clock
from nopeproof.errors import NopeproofError
from nopeproof.library import load

CLOCK = load("absolute-position")
HEAD = prove(CLOCK.claim("recip")).certificate
DIVISION = Clock(division_clock(3), 10, R.pos.start).certificate(None, 15)


@pytest.fixture
def stored(tmp_path):
    return certificates.store(tmp_path, HEAD)


def test_a_file_is_named_by_its_hash_and_says_what_it_rests_on(stored, tmp_path):
    assert stored.stem == certificates.sha256(HEAD) and certificates.read(stored) == HEAD
    assert certificates.store(tmp_path, HEAD) == stored and len(list(stored.parent.iterdir())) == 1
    assert {"schema", "claim", "scope", "subject", "weights_sha256", "hints", "about"} == set(HEAD)
    assert HEAD["about"]["versions"]["nopeproof"] and HEAD["about"]["hypotheses"]


def test_any_first_digits_of_the_hash_will_do_and_no_others(stored, tmp_path):
    assert certificates.find(tmp_path, stored.stem[:8]) == stored
    with pytest.raises(NopeproofError):
        certificates.find(tmp_path, "0" * 64)


@pytest.mark.parametrize("cut", [0, 1, 50, -1])
def test_a_file_cut_short_is_rejected(stored, cut):
    stored.write_bytes(stored.read_bytes()[:cut])
    with pytest.raises(Rejected, match="not the one its name promises"):
        certificates.read(stored)


def test_an_edited_file_is_rejected_under_its_own_name_and_by_the_kernel_under_another(stored, tmp_path):
    edited = json.dumps({**HEAD, "claim": {**HEAD["claim"], "value": "2/t"}})
    stored.write_text(edited)
    with pytest.raises(Rejected, match="not the one its name promises"):
        certificates.read(stored)
    other = tmp_path / "mine.json"
    other.write_text(edited)
    with pytest.raises(Rejected, match="not as claimed"):
        certificates.check(certificates.read(other))


def test_a_swapped_file_is_rejected(stored):
    stored.write_text(certificates.text(prove(CLOCK.claim("minimal")).certificate))
    with pytest.raises(Rejected, match="swapped"):
        certificates.read(stored)


@pytest.mark.parametrize("content", ["", "[]", "null", "[" * 100_000, "{", '"kernel"'])
def test_what_is_no_certificate_is_rejected(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(Rejected):
        certificates.check(certificates.read(path))


def test_each_kind_goes_to_its_own_program():
    assert certificates.check(HEAD) == "kernel" and certificates.check(DIVISION) == "counter_kernel"
    for program, found in ((kernel, DIVISION), (counter_kernel, HEAD)):
        with pytest.raises(program.Reject):
            program.check(dict(found))


@pytest.mark.parametrize("schema", [2, True, None, "1", [], "nopeproof-certificate/2"])
def test_an_unknown_schema_is_rejected(schema):
    with pytest.raises(Rejected, match="schema"):
        certificates.check({**DIVISION, "schema": schema})


def test_a_division_clock_that_is_edited_is_rejected():
    for change in ({"T": 16}, {"index": 0}, {"block": 8}, {"kind": "clock"}, {"trust": True}):
        with pytest.raises(Rejected):
            certificates.check({**DIVISION, **change})


def test_a_certificate_is_held_against_the_claim_it_is_shown_for():
    claim = CLOCK.claim("recip")
    certificates.about(HEAD, claim)
    for other in (
        CLOCK.claim("minimal"),
        replace(claim, statement=replace(claim.statement, value="2/t")),
        replace(claim, scope=Scope(words="any")),
        replace(claim, subject=replace(claim.subject, mask="strict")),
        replace(claim, statement=Fails(claim.statement)),
    ):
        with pytest.raises(Rejected, match="another"):
            certificates.about(HEAD, other)
    clock = division_clock(3)
    certificates.about(DIVISION, Claim("c", clock, Equals(after_ffn(10), R.pos, "t"), Scope(t_max=15)))
    for other in (
        Claim("c", division_clock(4), Equals(after_ffn(10), R.pos, "t"), Scope(t_max=15)),
        Claim("c", clock, Equals(after_ffn(10), R.one, "t"), Scope(t_max=15)),
        Claim("c", clock, Equals(after_ffn(10), R.pos, "t"), Scope(t_max=15, arithmetic="float32")),
        Claim("c", clock, Equals(after_ffn(8), R.pos, "t"), Scope(t_max=15)),
        Claim("c", clock, Equals(after_attention(10), R.pos, "t"), Scope(t_max=15)),
        Claim("c", clock, Equals(after_ffn(10), R.pos, "t"), Scope(t_max=15, words="any")),
        Claim("c", clock, Fails(Equals(after_ffn(10), R.pos, "t")), Scope(t_max=15)),
        Claim("c", clock, Unchanged(after_ffn(9), after_ffn(10), [R.pos]), Scope(t_max=15)),
    ):
        with pytest.raises(Rejected, match="another"):
            certificates.about(DIVISION, other)
    with pytest.raises(Rejected, match="another statement"):  # that it is wrong at t = 15 does not show that it is right
        certificates.about({**DIVISION, "goal": "misses"}, Claim("c", clock, Equals(after_ffn(10), R.pos, "t"), Scope(t_max=15)))


def test_the_file_is_what_the_copied_kernel_reads(stored):
    done = subprocess.run([sys.executable, "-I", kernel.__file__, str(stored)], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "accepted")
