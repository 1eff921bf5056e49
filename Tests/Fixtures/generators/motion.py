"""motion/: UNetMotionModel, and pipelines that draw clips with it."""
import contextlib
import copy

import torch
from diffusers import UNetMotionModel
from diffusers.models.embeddings import SinusoidalPositionalEmbedding
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D

from . import motion_pipeline
from .common import largest_difference, loud, normal, parameters, relative, spread, write_json, write_tensors

CROSS, PLAIN = ("CrossAttnDownBlockMotion", "CrossAttnUpBlockMotion"), ("DownBlockMotion", "UpBlockMotion")


def blocks(*kinds):
    return dict(down_block_types=tuple(kind[0] for kind in kinds), up_block_types=tuple(kind[1] for kind in reversed(kinds)))


# name: (configuration, seed, clips and frames of each run, what it is for)
CASES = {
    "mid": (dict(**blocks(CROSS, PLAIN), block_out_channels=(4, 8), layers_per_block=1, num_attention_heads=2, motion_num_attention_heads=2, cross_attention_dim=12, norm_num_groups=2, sample_size=16, motion_max_seq_length=24), 68, [(2, 8), (1, 1)], "a motion module in the middle, positions for 24 frames"),
    "plain": (dict(**blocks(CROSS, CROSS, PLAIN), block_out_channels=(4, 4, 8), layers_per_block=1, num_attention_heads=(1, 2, 4), motion_num_attention_heads=2, cross_attention_dim=12, norm_num_groups=2, use_linear_projection=True, sample_size=16, motion_max_seq_length=16, use_motion_mid_block=False), 42, [(1, 16), (2, 1)], "none in the middle, as many frames as there are positions"),
    "lists": (dict(**blocks(PLAIN, CROSS), block_out_channels=(4, 8), layers_per_block=(2, 1), transformer_layers_per_block=(1, 2), num_attention_heads=(2, 4), motion_num_attention_heads=(1, 2), temporal_transformer_layers_per_block=[2, 1], temporal_transformer_layers_per_mid_block=2, cross_attention_dim=12, norm_num_groups=2, sample_size=16, motion_max_seq_length=16), 43, [(2, 16), (1, 8)], "layers, depths and heads as lists"),
}
TIMESTEPS = torch.tensor([7, 731])
SIDES = (4, 6)


@contextlib.contextmanager
def replaced(owner, name, function):
    before = getattr(owner, name)
    setattr(owner, name, function)
    try:
        yield
    finally:
        setattr(owner, name, before)


def positions_once():
    """Positions added before the first attention of a block alone."""
    def forward(self, x):
        self.calls = getattr(self, "calls", 0) + 1
        return x + self.pe[:, : x.shape[1]] if self.calls % 2 else x
    return replaced(SinusoidalPositionalEmbedding, "forward", forward)


@contextlib.contextmanager
def normalised_by_frame(unet):
    """The statistics of a motion module's normalisation of each frame by itself, as in the original code."""
    class ByFrame(torch.nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.norm = norm

        def forward(self, x):
            return torch.stack([self.norm(x[:, :, f]) for f in range(x.shape[2])], 2)

    modules = [m for m in unet.modules() if isinstance(m, AnimateDiffTransformer3D)]
    for module in modules:
        module.norm = ByFrame(module.norm)
    try:
        yield
    finally:
        for module in modules:
            module.norm = module.norm.norm


def answer(unet, inputs):
    frames = inputs["sample"].shape[2]
    return unet(inputs["sample"], inputs["timestep"], inputs["encoder_hidden_states"].repeat_interleave(frames, 0)).sample


@torch.no_grad()
def run(unet, inputs):
    return answer(unet, inputs)


def make(folder):
    for name, (config, seed, runs, purpose) in CASES.items():
        unet = loud(UNetMotionModel(**config), seed, gain=0.8, attention=1)
        unet.save_pretrained(folder / name)
        case = {"purpose": purpose, "weights": relative(folder / name / "diffusion_pytorch_model.safetensors"), "parameters": parameters(unet), "runs": {}}
        tensors = {}
        for clips, frames in runs:
            inputs = {
                "sample": normal(f"sample.{clips}.{frames}", (clips, 4, frames, *SIDES), seed), "timestep": TIMESTEPS[:clips],
                "encoder_hidden_states": normal(f"states.{clips}", (clips, 7, 12), seed),
            }
            output = run(unet, inputs)
            exact = run(copy.deepcopy(unet).double(), {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()})
            key = f"{clips}x{frames}"
            case["runs"][key] = {"output": spread(output), "float64_difference": largest_difference(output, exact)}
            tensors |= {f"{key}.{n}": t for n, t in {**inputs, "output": output}.items()}
            if (clips, frames) == runs[0]:
                with positions_once():
                    tensors[f"{key}.wrong.positions_once"] = run(unet, inputs)
                with normalised_by_frame(unet):
                    tensors[f"{key}.wrong.normalised_by_frame"] = run(unet, inputs)
                wrong = [n for n in tensors if n.startswith(f"{key}.wrong.")]
                case["runs"][key]["wrong_details"] = {n.split(".")[-1]: largest_difference(output, tensors[n]) for n in wrong}
        if name == "mid":
            inputs = {n: tensors[f"2x8.{n}"] for n in ("sample", "timestep", "encoder_hidden_states")}
            loss = answer(unet, inputs).pow(2).mean()
            loss.backward()
            case["gradient"] = {"of": "mean(output ** 2) of 2x8", "value": loss.item()}
            tensors |= {f"gradient.{n}": p.grad for n, p in unet.named_parameters() if "motion_modules" in n}
        write_tensors(folder / name / "case.safetensors", tensors)
        write_json(folder / name / "case.json", case)
    motion_pipeline.make(folder / "pipeline")
