#!/usr/bin/env python3
"""Converts a single file that we wrote by diffusers' own functions and holds it against the diffusers folder that we wrote beside it.

    check_single_file.py <folder>

The folder holds `model.safetensors` and `folder/`. Fails where a tensor differs in a bit or is left over; writes `image.safetensors`, drawn by
`StableDiffusionPipeline.from_single_file`. SingleFileTests.swift runs this.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from safetensors.torch import load_file, save_file

place = pathlib.Path(sys.argv[1])
torch.set_num_threads(1)
checkpoint = load_file(place / "model.safetensors")


def compare(part, converted, expected):
    assert set(converted) == set(expected), f"{part}: {sorted(set(converted) ^ set(expected))[:5]}"
    for name, tensor in expected.items():
        assert converted[name].shape == tensor.shape, f"{part}: {name} is {converted[name].shape}, not {tensor.shape}"
        assert torch.equal(converted[name], tensor), f"{part}: {name} differs"


for part, convert in [("unet", convert_ldm_unet_checkpoint), ("vae", convert_ldm_vae_checkpoint)]:
    config = json.loads((place / "folder" / part / "config.json").read_text())
    compare(part, convert(dict(checkpoint), config), load_file(place / "folder" / part / "diffusion_pytorch_model.safetensors"))
prefix = "cond_stage_model.transformer."
text = {name[len(prefix):]: tensor for name, tensor in checkpoint.items() if name.startswith(prefix)}
compare("text_encoder", text, load_file(place / "folder" / "text_encoder" / "model.safetensors"))

pipe = StableDiffusionPipeline.from_single_file(place / "model.safetensors", config=str(place / "folder"), local_files_only=True, safety_checker=None)
pipe.set_progress_bar_config(disable=True)
image = pipe("a calm lake", height=16, width=16, num_inference_steps=3, guidance_scale=3, generator=torch.Generator().manual_seed(7),
             output_type="np").images[0]
save_file({"image": torch.from_numpy(np.round(image * 255).astype(np.uint8)).contiguous()}, place / "image.safetensors")
