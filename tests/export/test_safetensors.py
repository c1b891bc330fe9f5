"""Weights in safetensors: what was written comes back, and what was edited does not."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import nopeproof as nope
from nopeproof.errors import NopeproofError
from nopeproof.export.safetensors import read, write


@pytest.fixture
def circuit():
    return nope.load("absolute-to-relative").circuit(T=6)


def test_the_tensors_compute_what_the_circuit_computes(tmp_path, circuit):
    """The first layer by hand from the file alone: uniform attention, then the FFN."""
    found, about = read(write(circuit, tmp_path / "w.safetensors", "float64"))
    word = [circuit.bos, *["a"] * 5]
    ids = [json.loads(about["tokens"]).index(w) for w in word]
    h, H = found["embed"][ids], 1
    total = h.clone()
    while f"blocks.1.heads.{H}.W_Q" in found:
        Q, K, V, W_O = (found[f"blocks.1.heads.{H}.{k}"] for k in ("W_Q", "W_K", "W_V", "W_O"))
        scores = (h @ Q.T) @ (h @ K.T).T
        weights = scores.masked_fill(torch.ones(6, 6).triu(1).bool(), -torch.inf).softmax(-1)
        total, H = total + weights @ (h @ V.T) @ W_O, H + 1
    mlp = {k: found[f"blocks.1.mlp.{k}"] for k in ("W_1", "W_2", "b_1", "b_2")}
    after = total + (total @ mlp["W_1"].T + mlp["b_1"]).relu() @ mlp["W_2"] + mlp["b_2"]
    names = [n for n, w in json.loads(about["residual"]).items() for _ in range(w)]
    torch.testing.assert_close(after[:, names.index("pos")], torch.arange(1.0, 7, dtype=torch.float64))


def test_edited_exact_weights_are_rejected(tmp_path, circuit):
    path = write(circuit, tmp_path / "w.safetensors")
    with safe_open(str(path), "pt") as file:
        about, found = dict(file.metadata()), {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    save_file(found, path, {**about, "circuit": about["circuit"].replace('"1"', '"2"', 1)})
    with pytest.raises(NopeproofError, match="not those the hash names"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 64])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(NopeproofError):
        read(tmp_path / "w")


def test_open_weights_are_refused(tmp_path):
    with pytest.raises(NopeproofError, match="left open"):
        write(nope.load("absolute-position").subjects["head"], tmp_path / "w")
