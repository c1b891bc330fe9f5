"""Audits of tiny models with random weights, built by the real library: what each family does about positions must be found out."""

import json

import pytest
import torch

from nopeproof.errors import NopeproofError

hf = pytest.importorskip("transformers", reason="needs nopeproof[hf]")

from nopeproof.cli import main  # noqa: E402
from nopeproof.hf.audit import audit  # noqa: E402
from nopeproof.hf.layers import observe, order_change  # noqa: E402
from nopeproof.hf.load import load  # noqa: E402

V = 32
BASE = {
    "vocab_size": V, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip


def config(family: str):
    """A tiny configuration of each family."""
    small = {**BASE, "num_hidden_layers": 2}
    return {
        "llama": lambda: hf.LlamaConfig(**small),
        "smollm3": lambda: hf.SmolLM3Config(**BASE, no_rope_layer_interval=4),
        "llama4": lambda: hf.Llama4TextConfig(
            **BASE, head_dim=8, intermediate_size_mlp=32, num_local_experts=2, no_rope_layers=[1, 1, 1, 0]
        ),
        "cohere2": lambda: hf.Cohere2Config(**BASE, sliding_window=16),
        "gpt2": lambda: hf.GPT2Config(vocab_size=V, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2),
        "opt": lambda: hf.OPTConfig(
            vocab_size=V, hidden_size=32, ffn_dim=32, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64
        ),
        "gpt_neox": lambda: hf.GPTNeoXConfig(**{**small, "num_key_value_heads": 4}),
        "bloom": lambda: hf.BloomConfig(vocab_size=V, hidden_size=32, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2),
        "jamba": lambda: hf.JambaConfig(
            **BASE, attn_layer_period=2, attn_layer_offset=1, num_experts=2, num_experts_per_tok=1, mamba_d_state=4, mamba_dt_rank=4
        ),
        "nemotron_h": lambda: hf.NemotronHConfig(
            vocab_size=V, hidden_size=32, intermediate_size=32, num_hidden_layers=4,
            num_attention_heads=4, num_key_value_heads=2, head_dim=8,
        ),
    }[family]()  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A function from a family to the folder of its tiny model, built once."""
    built = {}

    def get(family: str):
        if family not in built:
            torch.manual_seed(0)
            built[family] = tmp_path_factory.mktemp(family)
            hf.AutoModelForCausalLM.from_config(config(family)).save_pretrained(built[family])
        return built[family]

    return get


@pytest.mark.parametrize(
    ("family", "nope", "added", "collapses"),
    [
        ("llama", [], False, True),
        ("smollm3", [4], False, True),
        ("llama4", [4], False, True),
        ("cohere2", [4], False, True),
        ("gpt2", [], True, False),
        ("opt", [], True, False),
        ("gpt_neox", [], False, True),
        ("bloom", [], False, True),
        pytest.param("jamba", [2, 4], False, False, marks=pytest.mark.slow),
        pytest.param("nemotron_h", [3], False, False, marks=pytest.mark.slow),
    ],
)
def test_each_family_is_found_out(folder, family, nope, added, collapses):
    found = audit(str(folder(family)))
    assert found["nope_layers"] == nope
    assert found["stream"]["adds_position"] == added
    assert found["bos"]["collapses_without"] == collapses
    assert all(x["agrees"] is True for x in found["layers"]), found["layers"]
    assert {h["layer"] for h in found["heads"]} == set(nope)
    assert all(0 <= h["uniform_nats"] < 0.6931472 and h["r2_both"] <= 1 for h in found["heads"])
    json.dumps(found, allow_nan=False)


def test_the_head_of_theorem_1_is_recognised_in_a_real_model(folder):
    """W_Q = 0 in a NoPE layer: exactly the uniform pattern, nothing for content or distance to explain."""
    model = hf.AutoModelForCausalLM.from_pretrained(folder("smollm3"))
    with torch.no_grad():
        model.model.layers[3].self_attn.q_proj.weight.zero_()
    where = folder("smollm3") / "uniform"
    model.save_pretrained(where)
    heads = audit(str(where))["heads"]
    assert max(h["uniform_nats"] for h in heads) < 1e-9
    assert all(abs(h["first_key"] - h["first_key_uniform"]) < 1e-6 for h in heads)


def test_behaviour_is_believed_over_the_configuration(folder, capsys):
    """A config that claims NoPE for a layer that rotates is contradicted: exit code 1, and the page says which layer."""
    model = load(folder("smollm3"))
    claimed = json.loads((folder("smollm3") / "config.json").read_text())
    assert claimed["no_rope_layers"] == [1, 1, 1, 0]
    ids = torch.randint(3, V, (2, 16))
    rotating = observe(model.model, ids).calls[0]
    assert order_change(rotating) > 1e-4
    model.config.no_rope_layers = [0, 1, 1, 0]  # the modules were built with rotary embeddings in layer 1
    from nopeproof.hf.audit import layer

    assert layer(model, rotating, 0.0, 0)["agrees"] is False


def test_the_stored_dtype_sets_the_precision_horizon(folder):
    where = folder("llama") / "bf16"
    hf.AutoModelForCausalLM.from_pretrained(folder("llama"), dtype=torch.bfloat16).save_pretrained(where)
    assert audit(str(where))["precision"] == {"dtype": "bfloat16", "first_collision": 190}


def test_the_command_prints_findings_and_one_json_document(folder, tmp_path, capsys):
    assert main(["audit", str(folder("smollm3")), "--ledger", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "NoPE: layer 4, of 4 in all" in said and "collapses" in said
    assert main(["audit", str(folder("llama")), "--ledger", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["audit"]["nope_layers"] == []
    assert main(["audit", str(folder("llama")), "--ledger", str(tmp_path)]) == 0
    assert "No NoPE layer" in capsys.readouterr().out


def test_the_page_shows_what_was_found(folder, tmp_path, capsys):
    assert main(["audit", str(folder("smollm3")), "--ledger", str(tmp_path / "l"), "--json"]) == 0
    assert main(["report", "--ledger", str(tmp_path / "l"), "--out", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "Models audited" in page and "NoPE: layer 4, of 4 in all" in page and "SmolLM3Attention" in page
    assert "no section for" not in page


def broken(kind, folder, tmp_path):
    """A folder that cannot be audited."""
    where = tmp_path / "model"
    if kind == "missing":
        return where
    where.mkdir()
    good = folder("llama")
    if kind == "file":
        (tmp_path / "f").write_text("x")
        return tmp_path / "f"
    if kind == "empty":
        return where
    text = (good / "config.json").read_text()
    (where / "config.json").write_text({"not json": "{", "no type": "{}"}.get(kind, text))
    if kind == "pickles":
        torch.save({}, where / "pytorch_model.bin")
    elif kind != "no weights":
        (where / "model.safetensors").write_bytes((good / "model.safetensors").read_bytes())
    if kind == "torn":
        (where / "model.safetensors").write_bytes((good / "model.safetensors").read_bytes()[:100])
    if kind == "remote":
        (where / "config.json").write_text(json.dumps({"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}}))
    if kind == "wrong shape":
        (where / "config.json").write_text(json.dumps({**json.loads(text), "num_hidden_layers": 3}))
    if kind == "encoder":
        (where / "config.json").write_text(json.dumps({"model_type": "vit"}))
    return where


@pytest.mark.parametrize(
    "kind",
    ["missing", "file", "empty", "not json", "no type", "no weights", "pickles", "torn", "remote", "wrong shape", "encoder"],
)
def test_bad_folders_get_one_message(folder, tmp_path, capsys, kind):
    assert main(["audit", str(broken(kind, folder, tmp_path)), "--ledger", str(tmp_path / "ledger")]) == 2
    said = capsys.readouterr().err
    assert "nopeproof:" in said and "Traceback" not in said, said


def altered(kind, folder, tmp_path):
    """A tiny llama whose weights or configuration are damaged."""
    where = tmp_path / "model"
    model = load(folder("llama")).model
    weight = model.model.layers[1].mlp.up_proj.weight
    with torch.no_grad():
        if kind == "zero":
            for p in model.parameters():
                p.zero_()
        elif kind == "huge":
            for p in model.model.layers[1].mlp.parameters():
                p.fill_(3e38)
        elif kind in ("nan", "inf"):
            weight[0, 0] = float(kind)
    model.save_pretrained(where)
    said = json.loads((where / "config.json").read_text())
    change = {"bos": {"bos_token_id": 99}, "size": {"hidden_size": 64}, "heads": {"num_attention_heads": 0}}.get(kind, {})
    (where / "config.json").write_text(json.dumps({**said, **change}))
    weights = where / "model.safetensors"
    cut = {"torn": lambda: weights.read_bytes()[:-1000], "binary": lambda: bytes(range(256)) * 9}.get(kind)
    if cut is not None:
        weights.write_bytes(cut())
    return where


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nan", "infinite or undefined weights in model.layers.1.mlp.up_proj.weight"),
        ("inf", "infinite or undefined weights in model.layers.1.mlp.up_proj.weight"),
        ("huge", "states that are infinite or undefined"),
        ("bos", "bos_token_id 99"),
        ("torn", "model.safetensors is broken"),
        ("binary", "model.safetensors is broken"),
        ("size", "do not fit each other"),
        ("heads", "do not fit each other"),
    ],
)
def test_damaged_models_are_told_from_unknown_ones(folder, tmp_path, capsys, kind, said):
    assert main(["audit", str(altered(kind, folder, tmp_path)), "--ledger", str(tmp_path / "ledger")]) == 2
    err = capsys.readouterr().err
    assert said in err and "knows itself" not in err and "Traceback" not in err


def test_weights_that_are_all_zero_are_audited(folder, tmp_path, capsys):
    """Nothing they do depends on anything, order included: finite numbers, all of them, and a row in the ledger."""
    assert main(["audit", str(altered("zero", folder, tmp_path)), "--ledger", str(tmp_path / "ledger"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["audit"]["nope_layers"] == [1, 2]
    assert len(list((tmp_path / "ledger").glob("audit*.jsonl"))) == 1


@pytest.mark.parametrize("seed", ["-1", str(10**24)])
def test_a_seed_that_is_none_is_refused(folder, tmp_path, capsys, seed):
    assert main(["audit", str(folder("llama")), "--seed", seed, "--ledger", str(tmp_path)]) == 2
    assert "--seed" in capsys.readouterr().err


def test_too_short_a_model_is_refused(tmp_path):
    short = hf.LlamaConfig(**{**BASE, "num_hidden_layers": 1, "max_position_embeddings": 16})
    hf.AutoModelForCausalLM.from_config(short).save_pretrained(tmp_path)
    with pytest.raises(NopeproofError, match="24 positions or more"):
        audit(str(tmp_path))
