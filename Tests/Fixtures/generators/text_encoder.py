"""clip_text/: CLIPTextModel. No attention mask is passed, as in Stable Diffusion: padding is seen, the causal mask alone hides."""
import copy

import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

from .common import largest_difference, loud, parameters, relative, spread, write_json, write_tensors

CASES = {
    # Stable Diffusion 1.x: quick_gelu; end of text is also the padding.
    "quick_gelu": dict(seed=1, bos=58, eos=59, pad=59, config=dict(hidden_act="quick_gelu", hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2)),
    # Stable Diffusion 2.x: gelu; padding ("!", 0) is not the end of text.
    "gelu_pad_differs": dict(seed=2, bos=58, eos=59, pad=0, config=dict(hidden_act="gelu", hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4)),
    # The end of text is not the largest id, so that a pooled state taken at the largest id is wrong.
    "eos_not_largest": dict(seed=3, bos=3, eos=5, pad=7, config=dict(hidden_act="quick_gelu", hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=4, layer_norm_eps=1e-3)),
}
LENGTH, VOCABULARY = 14, 60


def tokens(bos, eos, pad):
    words = [[11, 25, 3 + 8, 40, 12], list(range(20, 20 + LENGTH - 2)), []]
    rows = [[bos] + w + [eos] for w in words]
    return torch.tensor([row + [pad] * (LENGTH - len(row)) for row in rows])


def run(model, ids):
    with torch.no_grad():
        out = model(input_ids=ids)
    return out.last_hidden_state, out.pooler_output


def variant(model, ids, **changes):
    config = CLIPTextConfig.from_dict({**model.config.to_dict(), **changes})
    other = CLIPTextModel(config).eval()
    other.load_state_dict(model.state_dict())
    return run(other, ids)[0]


def make(folder):
    for name, case in CASES.items():
        config = CLIPTextConfig(vocab_size=VOCABULARY, max_position_embeddings=LENGTH, bos_token_id=case["bos"], eos_token_id=case["eos"], pad_token_id=case["pad"], projection_dim=16, **case["config"])
        model = loud(CLIPTextModel(config), case["seed"])
        ids = tokens(case["bos"], case["eos"], case["pad"])
        hidden, pooled = run(model, ids)
        exact, _ = run(copy.deepcopy(model).double(), ids)
        other_act = "gelu" if config.hidden_act == "quick_gelu" else "quick_gelu"
        out = folder / name
        model.save_pretrained(out)
        write_tensors(out / "case.safetensors", {"input_ids": ids, "last_hidden_state": hidden, "pooler_output": pooled})
        write_json(out / "case.json", {
            "weights": relative(out / "model.safetensors"),
            "parameters": parameters(model),
            "last_hidden_state": spread(hidden),
            "float64_difference": largest_difference(hidden, exact),
            "wrong_details": {
                f"hidden_act {other_act}": largest_difference(hidden, variant(model, ids, hidden_act=other_act)),
                "hidden_act gelu_pytorch_tanh": largest_difference(hidden, variant(model, ids, hidden_act="gelu_pytorch_tanh")),
                "num_attention_heads 1": largest_difference(hidden, variant(model, ids, num_attention_heads=1)),
                "layer_norm_eps 1e-2": largest_difference(hidden, variant(model, ids, layer_norm_eps=1e-2)),
            },
        })
    legacy(folder)


def legacy(folder):
    """The names in which transformers 4 wrote the same model, and Stable Diffusion 1.x / 2.x are found everywhere: `text_model.` in front,
    and in the oldest files an integer buffer of positions that is no weight."""
    source = folder / "quick_gelu"
    out = folder / "quick_gelu_legacy_names"
    out.mkdir()
    (out / "config.json").write_text((source / "config.json").read_text())
    weights = {f"text_model.{name}": value for name, value in load_file(source / "model.safetensors").items()}
    weights["text_model.embeddings.position_ids"] = torch.arange(LENGTH)[None]
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    hidden = load_file(source / "case.safetensors")
    again, _ = run(CLIPTextModel.from_pretrained(out).eval(), hidden["input_ids"])
    assert torch.equal(again, hidden["last_hidden_state"]), "transformers reads the older names differently"
    write_json(out / "case.json", {"weights": relative(out / "model.safetensors"), "inputs_and_outputs": relative(source / "case.safetensors")})
