#!/usr/bin/env python3
"""Converts a Stable Diffusion 2.x single file by diffusers' own functions and holds it against the diffusers folder that we made of it.

    check_second_generation.py <folder>

The folder holds `model.safetensors` and `folder/`. Fails where a tensor differs in a bit, or where transformers gives other tokens from the tokenizer
that we wrote. SecondGenerationTests.swift runs this.
"""
import json
import pathlib
import sys

import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint, convert_open_clip_checkpoint
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer

place = pathlib.Path(sys.argv[1])
checkpoint = load_file(place / "model.safetensors")


def compare(part, converted, expected):
    for name, tensor in expected.items():
        assert name in converted, f"{part}: no {name}"
        assert converted[name].shape == tensor.shape, f"{part}: {name} is {converted[name].shape}, not {tensor.shape}"
        assert torch.equal(converted[name], tensor), f"{part}: {name} differs"
    return set(converted) - set(expected)


for part, convert in [("unet", convert_ldm_unet_checkpoint), ("vae", convert_ldm_vae_checkpoint)]:
    config = json.loads((place / "folder" / part / "config.json").read_text())
    assert not compare(part, convert(dict(checkpoint), config), load_file(place / "folder" / part / "diffusion_pytorch_model.safetensors"))
model = CLIPTextModel.from_pretrained(place / "folder/text_encoder")
converted = {(name if name.startswith("text_model.") else "text_model." + name): tensor
             for name, tensor in convert_open_clip_checkpoint(model, dict(checkpoint)).items()}
# diffusers drops the last layer by its number in the published models, 23.
left = compare("text_encoder", converted, load_file(place / "folder/text_encoder/model.safetensors"))
assert all(".layers.2." in name or "text_projection" in name for name in left), sorted(left)
tokenizer = CLIPTokenizer.from_pretrained(place / "folder/tokenizer")
ids = tokenizer("a calm lake!", padding="max_length", truncation=True, max_length=77).input_ids
assert ids[:6] == [49406, 320, 7011, 2553, 0, 49407] and ids[6:] == [0] * 71, ids[:8]
