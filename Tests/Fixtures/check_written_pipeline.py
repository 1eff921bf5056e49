#!/usr/bin/env python3
"""Loads a pipeline folder and scheduler files that we wrote, and draws the images of pipeline/case.json with diffusers.

    check_written_pipeline.py <written folder> <result.safetensors>

The folder holds `model/` (the pipeline) and `schedulers/<sampler>/scheduler_config.json`. The result has `<sampler>.image` [H, W, 3] uint8 for
each, and `own.image` drawn with the sampler that the pipeline itself names. PipelineWritingTests.swift runs this and compares.
"""
import json
import pathlib
import sys

import diffusers
import numpy as np
import torch
from safetensors.torch import save_file

written, result = pathlib.Path(sys.argv[1]), sys.argv[2]
case = json.loads((pathlib.Path(__file__).parent / "pipeline" / "case.json").read_text())
torch.set_num_threads(1)
pipe = diffusers.StableDiffusionPipeline.from_pretrained(written / "model")
pipe.set_progress_bar_config(disable=True)


def draw(**options):
    image = pipe(
        prompt=case["prompt"], negative_prompt=case["negative_prompt"], height=case["height"], width=case["width"], num_inference_steps=case["steps"],
        guidance_scale=case["guidance"], generator=torch.Generator().manual_seed(case["seed"]), output_type="np", **options).images[0]
    return torch.from_numpy(np.round(image * 255).astype(np.uint8)).contiguous()


images = {"own.image": draw()}
for folder in sorted((written / "schedulers").iterdir()):
    name = json.loads((folder / "scheduler_config.json").read_text())["_class_name"]
    pipe.scheduler = getattr(diffusers, name).from_pretrained(folder)
    eta = case["samplers"][folder.name]["eta"]
    images[f"{folder.name}.image"] = draw(**({"eta": eta} if eta else {}))
save_file(images, result)
