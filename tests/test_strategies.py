"""What the public strategies draw: valid words and circuits, every corner of them, and small ones when shrunk."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from nopeproof import library
from nopeproof.circuit import Circuit, Family, Norm
from nopeproof.errors import NopeproofError
from nopeproof.residual import Residual
from nopeproof.run import run
from nopeproof.strategies import all_weights, circuits, perturbations, residuals, words

QUIET = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
FIND = settings(max_examples=400, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@QUIET
@given(st.data(), circuits(), st.integers(1, 4), st.integers(0, 3))
def test_words_fit_the_circuit(data, circuit, low, more):
    word = data.draw(words(circuit, low, low + more))
    assert circuit.check_word(word) == word and low <= len(word) <= low + more
    assert circuit.bos not in word[1:]


@QUIET
@given(words(["a", "b"], 2, 5))
def test_words_over_a_vocabulary(word):
    assert 2 <= len(word) <= 5 and set(word) <= {"a", "b"}


def test_words_shrink_to_the_first_token_and_bos_may_repeat():
    R = Residual(one=1)
    circuit = Circuit(R, {"<bos>": R.one, "a": R.one, "b": R.one}, bos="<bos>")
    assert find(words(circuit, 1, 6), lambda w: len(w) >= 3, settings=FIND) == ("<bos>", "a", "a")
    assert find(words(circuit, 1, 6, repeated_bos=True), lambda w: w.count("<bos>") == 3, settings=FIND) == ("<bos>",) * 3


@pytest.mark.parametrize("source", ["abc", []])
def test_no_words(source):
    with pytest.raises(NopeproofError, match="list of tokens"):
        words(source)
    with pytest.raises(NopeproofError, match="1 <= min_size <= max_size"):
        words(["a"], 3, 2)


@QUIET
@given(circuits(scores="uniform"))
def test_uniform_circuits_stay_rational(circuit):
    final = run(circuit, [circuit.bos or "a", "b", "a"]).final
    assert all(isinstance(x, Fraction) for row in final for x in row)


@QUIET
@given(circuits(max_heads=1, max_units=1), st.booleans())
def test_exact_circuits_run_exactly(circuit, longer):
    run(circuit, [circuit.bos or "a", "b"][: 1 + longer])


WANTED = {
    "a strict mask": lambda c: c.mask == "strict" and any(b.heads for b in c.blocks),
    "a norm": lambda c: any(b.norm_ffn and b.mlp for b in c.blocks),
    "GELU": lambda c: any(b.mlp and b.mlp.activation == "gelu" for b in c.blocks),
    "two heads": lambda c: any(len(b.heads) == 2 for b in c.blocks),
    "a scale": lambda c: any(h.scale != "1" and h.d_head == 2 for b in c.blocks for h in b.heads),
    "a read-out and no BOS": lambda c: c.unembedding is not None and c.bos is None,
    "a bias": lambda c: any(u.bias != 0 for b in c.blocks for u in (b.mlp.units if b.mlp else ())),
    "two blocks and subspaces": lambda c: len(c.blocks) == 2 and len(list(c.residual)) > 1,
    "no block": lambda c: not c.blocks,
}


def test_every_convention_is_drawn():
    seen = set()

    @settings(QUIET, max_examples=60, phases=(Phase.generate,))
    @given(circuits(masks=("causal", "strict"), norms=(None, Norm("rmsnorm", 1)), activations=("relu", "gelu"), scores="any"))
    def draw(circuit):
        seen.update(name for name, wanted in WANTED.items() if wanted(circuit))

    draw()
    assert seen == set(WANTED)


@pytest.mark.slow
def test_circuits_shrink_to_few_blocks_and_zero_weights():
    simple = circuits(max_blocks=1, max_heads=1, max_units=1, scores="uniform", vocabulary=("a",))
    smallest = find(simple, lambda c: any(b.mlp for b in c.blocks), settings=FIND)
    assert len(smallest.blocks) == 1 and not smallest.blocks[0].heads and smallest.d_model == 1 and not all_weights(smallest)


@QUIET
@given(st.data(), circuits(), st.booleans())
def test_a_perturbation_changes_one_weight_and_says_which(data, circuit, zeros):
    if not all_weights(circuit, zeros):
        with pytest.raises(NopeproofError, match="only zeros"):
            data.draw(perturbations(circuit, zeros=zeros))
        return
    changed, what = data.draw(perturbations(circuit, zeros=zeros))
    before, after = ({w.where: w.value for w in all_weights(c, zeros=True)} for c in (circuit, changed))
    assert list(before) == list(after) and len(before) == len(all_weights(circuit, zeros=True))
    (where,) = [w for w in before if before[w] != after[w]]
    assert what == f"{where}: {before[where]} -> {after[where]}"


@pytest.mark.parametrize("name", ["absolute-position", "relative-position"])
def test_symbolic_circuits_and_families_can_be_perturbed_too(name):
    for subject in library.load(name).subjects.values():
        circuit = subject.symbolic if isinstance(subject, Family) else subject
        found = all_weights(circuit)
        assert len(found) > 5
        for weight in found:
            assert weight.put(weight.value).weights_sha256 == circuit.weights_sha256
            assert weight.put(Fraction(17, 19)).weights_sha256 != circuit.weights_sha256


@QUIET
@given(residuals(3, 2))
def test_residuals(R):
    assert 1 <= len(list(R)) <= 3 and all(s.width <= 2 for s in R) and sum(R.widths.values()) == R.d_model
