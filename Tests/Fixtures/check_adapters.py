"""Adapters by diffusers and PEFT for Tests/DiffusionTests/AdapterParityTests.swift.

    check_adapters.py make MODEL OUT        writes OUT/NAME.safetensors (or OUT/NAME/) in the names and with the statements of several programs
    check_adapters.py fuse MODEL FILE ...   writes FILE.fused.safetensors: UNet and text encoder with each file fused by diffusers
"""

import pathlib
import sys

import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)
model = sys.argv[2]
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "out_proj"]


def pipeline():
    return StableDiffusionPipeline.from_pretrained(model, local_files_only=True, safety_checker=None)


def weights(unet, text_encoder):
    """Of both networks, the text encoder's under transformers' older names."""
    text = {"text_model." + k.removeprefix("text_model."): v for k, v in text_encoder.state_dict().items()}
    parts = {**{"unet." + k: v for k, v in unet.state_dict().items()}, **{"text_encoder." + k: v for k, v in text.items()}}
    return {k: v.detach().float().contiguous().clone() for k, v in parts.items()}


def loud(network):
    for name, value in network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.1)


def saved(out, name, unet=None, text=None, metadata=True):
    """A file as diffusers' training scripts save it."""
    torch.manual_seed(1)
    pipe = pipeline()
    arguments = {}
    if unet:
        pipe.unet.add_adapter(LoraConfig(init_lora_weights="gaussian", **unet))
        loud(pipe.unet)
        arguments["unet_lora_layers"] = convert_state_dict_to_diffusers(get_peft_model_state_dict(pipe.unet)) if not metadata else get_peft_model_state_dict(pipe.unet)
        if metadata:
            arguments["unet_lora_adapter_metadata"] = pipe.unet.peft_config["default"].to_dict()
    if text:
        pipe.text_encoder.add_adapter(LoraConfig(init_lora_weights="gaussian", **text))
        loud(pipe.text_encoder)
        arguments["text_encoder_lora_layers"] = convert_state_dict_to_diffusers(get_peft_model_state_dict(pipe.text_encoder))
        if metadata:
            arguments["text_encoder_lora_adapter_metadata"] = pipe.text_encoder.peft_config["default"].to_dict()
    StableDiffusionPipeline.save_lora_weights(out, weight_name=f"{name}.safetensors", **arguments)


def make(out):
    saved(out, "alpha", dict(r=4, lora_alpha=16, target_modules=ATTENTION))
    saved(out, "stabilised", dict(r=4, lora_alpha=6, use_rslora=True, target_modules=ATTENTION))
    saved(out, "patterns", dict(
        r=4, lora_alpha=6, target_modules=ATTENTION + ["conv1", "proj_in"], rank_pattern={"to_q": 2, r".*attn2\.to_k": 8},
        alpha_pattern={"attn1.to_q": 5, r"attn\d\.to_[kv]": 3, "^down_blocks.0.resnets.0.conv1": 1}))
    saved(out, "both", dict(r=4, lora_alpha=2, target_modules=ATTENTION),
          dict(r=2, lora_alpha=7, target_modules=PROJECTIONS, alpha_pattern={"q_proj": 3}))
    saved(out, "plain", dict(r=4, lora_alpha=4, target_modules=ATTENTION), dict(r=4, lora_alpha=4, target_modules=PROJECTIONS), metadata=False)
    old = {}
    for name, value in load_file(out / "plain.safetensors").items():
        if name.startswith("unet."):
            name = name.replace(".to_out.0.lora.", ".processor.to_out_lora.")
            for layer in ("to_q", "to_k", "to_v"):
                name = name.replace(f".{layer}.lora.", f".processor.{layer}_lora.")
            old[name] = value
    save_file(old, out / "processors.safetensors")
    kohya = {}
    for name, value in load_file(out / "plain.safetensors").items():
        stem, end = name.split(".lora_linear_layer." if "lora_linear_layer" in name else ".lora.")
        part, path = stem.split(".", 1)
        path = path if part == "unet" or path.startswith("text_model.") else "text_model." + path
        flat = {"unet": "lora_unet_", "text_encoder": "lora_te_"}[part] + path.replace(".", "_")
        kohya[f"{flat}.lora_{end}"] = value
        kohya[f"{flat}.alpha"] = torch.tensor(3.0)
    save_file(kohya, out / "kohya.safetensors")
    # A folder of PEFT's own, with the weights that PEFT merges.
    torch.manual_seed(2)
    pipe = pipeline()
    wrapped = get_peft_model(pipe.unet, LoraConfig(r=4, lora_alpha=6, target_modules=ATTENTION, alpha_pattern={"to_v": 1}, use_rslora=True))
    loud(wrapped)
    wrapped.save_pretrained(out / "peft")
    save_file(weights(wrapped.merge_and_unload(), pipe.text_encoder), out / "peft.fused.safetensors")


def fuse(file):
    pipe = pipeline()
    pipe.load_lora_weights(str(file.parent), weight_name=file.name)
    pipe.fuse_lora()
    pipe.unload_lora_weights()
    save_file(weights(pipe.unet, pipe.text_encoder), str(file) + ".fused.safetensors")


if sys.argv[1] == "make":
    out = pathlib.Path(sys.argv[3])
    make(out)
    for file in sorted(out.glob("*.safetensors")):
        if not file.name.endswith(".fused.safetensors"):
            fuse(file)
else:
    for file in sys.argv[3:]:
        fuse(pathlib.Path(file))
