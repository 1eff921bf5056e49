#!/usr/bin/env python3
"""Loads what we wrote of a model that draws clips, and draws the clips of motion/pipeline/case.json with diffusers.

    check_written_clips.py <written folder> <result.safetensors>

The folder holds `model/` (a whole pipeline), `adapter/` and `unet/`. The result has `pipeline.frames`, `adapter.frames` (over pipeline/model of the fixtures) and
`unet.frames` [B, F, H, W, 3] uint8. Beside the result it writes `diffusers/`, the pipeline as diffusers saves it. MotionPipelineTests.swift runs this.
"""
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(root))
sys.dont_write_bytecode = True

import torch
from diffusers import AnimateDiffPipeline, MotionAdapter, PNDMScheduler, UNetMotionModel
from generators.motion_pipeline import DOCUMENTED, draw
from safetensors.torch import save_file

written, result = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
torch.set_num_threads(1)
pipe = AnimateDiffPipeline.from_pretrained(written / "model")
found = {"pipeline.frames": draw(pipe)[0]}
pipe.save_pretrained(result.parent / "diffusers")
model = root / "pipeline" / "model"
scheduler = PNDMScheduler.from_pretrained(model, subfolder="scheduler", **DOCUMENTED)
pipe = AnimateDiffPipeline.from_pretrained(model, motion_adapter=MotionAdapter.from_pretrained(written / "adapter"), scheduler=scheduler)
found["adapter.frames"] = draw(pipe)[0]
pipe.unet = UNetMotionModel.from_pretrained(written / "unet")
found["unet.frames"] = draw(pipe)[0]
save_file(found, result)
