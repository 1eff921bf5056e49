"""one_update_clips/: one update of the motion modules of a tiny UNetMotionModel by every method, from given latents of clips."""
import copy

import torch
from diffusers import UNetMotionModel

from . import one_update
from .common import loud, normal, parameters, write_tensors

CONFIG = dict(
    down_block_types=("CrossAttnDownBlockMotion",), up_block_types=("CrossAttnUpBlockMotion",), block_out_channels=(8,), layers_per_block=1,
    cross_attention_dim=6, norm_num_groups=2, num_attention_heads=2, motion_num_attention_heads=2, motion_max_seq_length=6, sample_size=8)
FRAMES = 3
NAMED = ["down_blocks.0.motion_modules.0.norm.weight", "down_blocks.0.motion_modules.0.proj_in.weight", "down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_q.weight",
         "mid_block.motion_modules.0.transformer_blocks.0.attn2.to_v.weight", "mid_block.motion_modules.0.transformer_blocks.0.ff.net.0.proj.bias",
         "up_blocks.0.motion_modules.1.transformer_blocks.0.norm3.bias", "up_blocks.0.motion_modules.1.proj_out.weight", "up_blocks.0.motion_modules.1.proj_out.bias"]
WHOLE = ["seppo_beta2000"]


def is_trained(name):
    return "motion_modules" in name


def build(weights):
    unet = UNetMotionModel(**CONFIG).eval()
    unet.load_state_dict(weights)
    return unet


def cases():
    for method in ("seppo", "sspo", "no_aaf", "spin", "ditto", "dpo"):
        losing, reference, flip = one_update.METHODS[method]
        yield f"{method}_beta2000", dict(method=method, beta=2000, losing=losing, reference=reference, flip=flip)
    yield "sft", dict(method="sft", beta=None, losing=None, reference=None, flip=None)


def make(folder):
    start = loud(UNetMotionModel(**CONFIG), 61, {"conv_in.weight": 1 / one_update.SCALE, "conv_out": 0.3}, gain=1.0, attention=1.0)
    weights = {"checkpoint_0": copy.deepcopy(start.state_dict())}
    for name, before in (("checkpoint_1", "checkpoint_0"), ("policy", "checkpoint_1")):
        trained = {n: w for n, w in weights[before].items() if is_trained(n) and not n.endswith(".pe")}
        weights[name] = weights[before] | one_update.moved(trained, name)
        # What is not trained is in the first file alone.
        write_tensors(folder / f"{name}.safetensors", {n: weights[name][n] for n in trained})
    write_tensors(folder / "checkpoint_0.safetensors", weights["checkpoint_0"])
    start.save_config(folder)
    shape = (one_update.BATCH, 4, FRAMES, 4, 6)
    names = ("winner_latents", "reference_latents.0", "reference_latents.1", "losing_latents", "noise", "reference_noise")
    inputs = {name: one_update.SCALE * normal("clips " + name, shape) for name in names}
    inputs |= {"text_states": normal("clips text_states", (one_update.BATCH, 5, 6)), "timesteps": torch.tensor([999, 3, 420, 150]), "reference_timesteps": torch.tensor([17, 650, 301, 888])}
    write_tensors(folder / "inputs.safetensors", inputs)
    one_update.write_cases(folder, cases(), weights, inputs, build, NAMED, WHOLE, parameters(start), is_trained)
