"""Constructions as Hugging Face models: saved, loaded back by the real library without our code, and run against our own run."""

import json

import pytest
import torch

import nopeproof as nope
from nopeproof.circuit import MLP, Block, Circuit, Head, Norm, Unit
from nopeproof.claims import Site
from nopeproof.errors import NopeproofError
from nopeproof.positions import ALiBi
from nopeproof.residual import Residual

hf = pytest.importorskip("transformers", reason="needs nopeproof[hf]")

from nopeproof.cli import main  # noqa: E402
from nopeproof.export.hf import report, run_host, survives, write  # noqa: E402
from nopeproof.export.hosts import HOSTS, vocabulary  # noqa: E402
from nopeproof.hf.audit import audit  # noqa: E402
from nopeproof.run.floats import run  # noqa: E402


def words(circuit, lengths=(1, 2, 5, 12)):
    """Some words of those lengths, BOS first where the circuit has one."""
    others = [t for t in circuit.tokens if t != circuit.bos] or list(circuit.tokens)
    first = [] if circuit.bos is None else [circuit.bos]
    return [(first + [others[(n * k) % len(others)] for k in range(n)])[:n] for n in lengths]


def back(circuit, where, dtype="float32", to="smollm3"):
    """Written, and loaded by transformers alone."""
    write(circuit, where, dtype, to=to)
    return hf.AutoModelForCausalLM.from_pretrained(where, attn_implementation="eager", trust_remote_code=False, dtype=dtype).eval()


@pytest.mark.parametrize(
    ("name", "subject", "T"),
    [
        ("absolute-position", "minimal", 12),
        ("absolute-to-relative", None, 12),
        ("selector-width", None, None),
        ("sort-tokens", None, None),
        ("copy-and-reverse", None, None),
        ("shuffle-dyck", "shuffle-dyck-2", None),
    ],
)
@pytest.mark.parametrize("to", HOSTS)
def test_what_comes_back_runs_as_our_own_run(tmp_path, name, subject, T, to):
    circuit = nope.load(name).circuit(subject, T=T)
    model = back(circuit, tmp_path / "m", to=to)
    assert model.config.model_type == to
    for word in words(circuit):
        host, own = run_host(model, circuit, word), run(circuit, word, "float32")
        for site, x in own.residuals.items():
            torch.testing.assert_close(host.residuals[site], x, rtol=2e-5, atol=2e-5)


def test_claims_survive_the_host_and_a_broken_weight_does_not(tmp_path):
    c = nope.load("absolute-position")
    circuit, claims = c.circuit("minimal", T=16), [x for x in c.claims if x.subject.name == "minimal"]
    model = back(circuit, tmp_path / "m")
    found = survives(model, circuit, claims, words(circuit, (2, 9, 16)))
    assert {x["claim"] for x in found["claims"]} == {"minimal", "minimal-frame"} and all(x["survives"] for x in found["claims"])
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.bias[0] = 2
    broken = {x["claim"]: x["survives"] for x in survives(model, circuit, claims, words(circuit, (9,)))["claims"]}
    assert broken == {"minimal": False, "minimal-frame": True}


def test_the_norm_is_bypassed_exactly(tmp_path):
    """Bit for bit the identity on states of any size up to 2^27; and 1/t is then the float32 of our own run at every position."""
    circuit = nope.load("absolute-position").circuit("head")
    model = back(circuit, tmp_path / "m")
    for size in (-40, 0, 27):
        x = torch.randn(64, circuit.d_model, generator=torch.Generator().manual_seed(0)).clamp(-1, 1) * 2.0**size
        assert torch.equal(model.model.norm(x), x)
    word = [circuit.bos, *["a"] * 63]
    site, recip = Site(1, "attention"), circuit.residual["recip"].start
    host, own = run_host(model, circuit, word), run(circuit, word, "float32")
    assert torch.equal(host.residuals[site][:, recip], own.residuals[site][:, recip])


@torch.no_grad()
def test_a_mirrored_stream_passes_a_layer_norm_up_to_a_rounding(tmp_path):
    """Where x stands beside -x, the mean is left at roundings, and half of the one minus half of the other loses those too."""
    circuit = nope.load("absolute-position").circuit("head")
    model, d = back(circuit, tmp_path / "m", to="gpt2"), circuit.d_model
    for size in (-40, 0, 27):
        x = torch.randn(64, d, generator=torch.Generator().manual_seed(0)).clamp(-1, 1) * 2.0**size
        stream = torch.cat([x, -x, torch.zeros(64, model.config.n_embd - 2 * d)], dim=1)
        y = model.transformer.ln_f(stream)
        u, largest = torch.finfo(torch.float32).eps, float(x.abs().max())
        assert float((y - stream).abs().max()) <= u * largest and float((y[:, :d] / 2 - y[:, d : 2 * d] / 2 - x).abs().max()) <= u * largest
        alone = model.transformer.ln_f(torch.cat([x, torch.zeros(64, model.config.n_embd - d)], dim=1))
        assert float((alone[:, :d] - x).abs().max()) > 0.01 * largest  # what it is for: a stream without its mirror loses its mean


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_gpt2_carries_the_claims_in_every_dtype_that_holds_its_gain(tmp_path, dtype):
    c = nope.load("absolute-to-relative")
    name = list(c.subjects)[-1]
    circuit, claims = c.circuit(name, T=40), [x for x in c.claims if x.subject.name == name]
    write(circuit, tmp_path / "m", dtype, to="gpt2")
    found = report(tmp_path / "m", circuit, claims, dtype, 40)
    assert {x["claim"] for x in found["claims"]} == {"recip", "position", "frame", "position-kept"}
    assert all(x["survives"] and x["to"] == 40 for x in found["claims"]) and found["host"] == "gpt2"
    assert set(found["not_looked_at"]) == {"score", "key-score", "same-softmax"}
    assert found["attention_difference"] < {"float32": 2e-5, "float64": 1e-13, "bfloat16": 0.05}[dtype]


def test_what_is_lost_is_said_with_the_length_it_is_lost_at(tmp_path):
    """SmolLM3's softmax works in float32 whatever the dtype: in float64 the claim holds where 1/t is a power of two, and not at t = 3."""
    c = nope.load("absolute-position")
    circuit, claims = c.circuit("minimal", T=16), [x for x in c.claims if x.subject.name == "minimal"]
    write(circuit, tmp_path / "m", "float64")
    rows = {x["claim"]: x for x in report(tmp_path / "m", circuit, claims, "float64", 16)["claims"]}
    assert (rows["minimal"]["survives"], rows["minimal"]["to"], rows["minimal"]["fails_at"]) == (False, 2, 4)
    assert rows["minimal"]["host_error"] > 1e6 * rows["minimal"]["own_error"] and rows["minimal-frame"]["survives"]


def test_a_weight_of_gpt2_that_is_changed_is_noticed(tmp_path):
    c = nope.load("absolute-position")
    circuit, claims = c.circuit("minimal", T=16), [x for x in c.claims if x.subject.name == "minimal"]
    model = back(circuit, tmp_path / "m", to="gpt2")
    with torch.no_grad():
        model.transformer.h[0].mlp.c_proj.bias[circuit.residual["recip"].start] = 0.5
    assert {x["claim"]: x["survives"] for x in survives(model, circuit, claims, words(circuit, (9,)))["claims"]} == {
        "minimal": False,
        "minimal-frame": True,
    }


@pytest.mark.parametrize("to", HOSTS)
def test_a_dtype_that_cannot_hold_the_gain_is_refused(tmp_path, to):
    with pytest.raises(NopeproofError, match=r"float16, whose largest number is 65504.*2\^40"):
        write(nope.load("absolute-position").circuit("head"), tmp_path / "m", "float16", to=to)


def test_our_audit_finds_a_nope_model_with_the_uniform_head(tmp_path):
    circuit = nope.load("absolute-position").circuit("minimal", T=64, vocabulary=("a", "b", "c"))
    write(circuit, tmp_path / "m")
    found = audit(str(tmp_path / "m"))
    assert found["nope_layers"] == [1] and found["bos"]["prepended"] is True
    assert min(h["uniform_nats"] for h in found["heads"]) < 1e-9
    assert next(p["trained"] for p in found["probes"] if p["after_layer"] == 1 and p["target"] == "t") > 0.999


@pytest.mark.parametrize("to", HOSTS)
def test_text_goes_in_by_the_saved_tokenizer_and_the_read_out_answers(tmp_path, to):
    circuit = nope.load("copy-and-reverse").circuit()
    model = back(circuit, tmp_path / "m", to=to)
    tokens = [t for t in vocabulary(circuit) if t != circuit.bos][:3]
    ids = hf.AutoTokenizer.from_pretrained(tmp_path / "m")(" ".join(tokens))["input_ids"]
    assert [vocabulary(circuit)[n] for n in ids] == [circuit.bos, *tokens]
    logits = model(torch.tensor([ids])).logits[0].detach()
    own = run(circuit, [circuit.bos, *tokens], "float32").logits()
    for row, mine in zip(logits, own, strict=True):
        for token, value in mine.items():
            assert float(row[vocabulary(circuit).index(token)]) == pytest.approx(float(value), rel=1e-4, abs=1e-4)
    assert json.loads((tmp_path / "m" / "nopeproof.json").read_text())["weights_sha256"] == circuit.weights_sha256


def test_the_command_writes_the_model_and_says_which_claims_survive(tmp_path, capsys):
    ask = ["export", "absolute-position/minimal", "--to", "hf", "--length", "8", "--out", str(tmp_path / "m")]
    assert main([*ask, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["exports"]
    assert {c["claim"]: c["survives"] for c in found["host"]["claims"]} == {"minimal": True, "minimal-frame": True}
    assert (tmp_path / "m" / "absolute-position-minimal" / "model.safetensors").is_file()
    assert main(ask) == 2 and "something is there already" in capsys.readouterr().err
    assert main([*ask[:-1], str(tmp_path / "g"), "--host", "gpt2"]) == 0
    assert "in gpt2, float32, 10 words of up to 8 positions" in (said := capsys.readouterr().out) and "minimal survives to T = 8" in said


R = Residual(one=1, x=1)
head = Head(W_Q=[0], W_K=[0], W_V=[R.one], W_O=[R.x])
plain = {"residual": R, "embedding": {"a": R.one}}


@pytest.mark.parametrize(
    ("circuit", "reason"),
    [
        (Circuit(blocks=[Block(heads=[head])], mask="strict", **plain), "strict"),
        (Circuit(blocks=[Block(heads=[head])], mask="none", **plain), "none"),
        (Circuit(blocks=[Block(heads=[head])], positions=ALiBi(), **plain), "positional encoding"),
        (Circuit(blocks=[Block(heads=[head], norm_attention=Norm("rmsnorm"))], **plain), "norm of its own"),
        (Circuit(**plain), "no block"),
        (nope.load("absolute-position").subjects["head"], "left open"),
        (
            Circuit(
                blocks=[
                    Block(mlp=MLP([Unit(read=R.one, write=R.x)])),
                    Block(mlp=MLP([Unit(read=R.one, write=R.x)], activation="gelu")),
                ],
                **plain,
            ),
            "activation",
        ),
    ],
)
def test_what_the_host_cannot_carry_is_refused_with_the_reason(tmp_path, circuit, reason):
    with pytest.raises(NopeproofError, match=reason):
        write(circuit, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(NopeproofError, match="something is there"):
        write(Circuit(blocks=[Block(heads=[head])], **plain), tmp_path)
