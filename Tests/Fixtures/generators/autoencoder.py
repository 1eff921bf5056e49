"""vae/: AutoencoderKL."""
import copy

import torch
from diffusers import AutoencoderKL

from .common import largest_difference, loud, normal, options, parameters, relative, spread, write_json, write_tensors

CASES = {
    # Stable Diffusion 1.x / 2.x in small.
    "quant": dict(seed=1, size=(12, 20), config=dict(block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, scaling_factor=0.18215)),
    # No quant convolutions, shift factor, three levels, two layers.
    "no_quant_shift": dict(seed=2, size=(20, 12), config=dict(block_out_channels=(4, 8, 8), layers_per_block=2, norm_num_groups=2, scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False)),
    # Groups of an odd number, no attention in the middle, sides that do not halve evenly.
    "groups3_no_attention": dict(seed=3, size=(11, 14), config=dict(block_out_channels=(6, 12), layers_per_block=1, norm_num_groups=3, scaling_factor=0.9, mid_block_add_attention=False)),
    # Another activation in the residual blocks; the last one stays SiLU.
    "mish": dict(seed=4, size=(6, 8), config=dict(block_out_channels=(4, 4), layers_per_block=1, norm_num_groups=2, act_fn="mish")),
}
BATCH, POSTERIOR_SEED = 2, 11


def run(vae, image, latents=None):
    shift = vae.config.shift_factor or 0.0
    with torch.no_grad():
        posterior = vae.encode(image).latent_dist
        if latents is None:
            latents = (posterior.mode() - shift) * vae.config.scaling_factor
        decoded = vae.decode(latents / vae.config.scaling_factor + shift).sample
    return posterior, latents, decoded


def variant(vae, **changes):
    other = AutoencoderKL(**{**options(vae), **changes}).eval()
    other.load_state_dict(vae.state_dict())
    return other


def make(folder):
    for name, case in CASES.items():
        levels = len(case["config"]["block_out_channels"])
        vae = loud(AutoencoderKL(down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels, latent_channels=4, sample_size=16, **case["config"]), case["seed"])
        image = normal("image", (BATCH, 3, *case["size"]), case["seed"]).tanh()
        posterior, latents, decoded = run(vae, image)
        sample = posterior.sample(generator=torch.Generator().manual_seed(POSTERIOR_SEED))
        exact = run(copy.deepcopy(vae).double(), image.double(), latents.double())
        wrong = {f"{option} {value}": run(variant(vae, **{option: value}), image, latents) for option, value in [("act_fn", "gelu"), ("norm_num_groups", 1)]}
        out = folder / name
        vae.save_pretrained(out)
        write_tensors(out / "case.safetensors", {
            "image": image, "mean": posterior.mean, "logvar": posterior.logvar, "sample": sample, "latents": latents, "decoded": decoded,
        })
        write_json(out / "case.json", {
            "weights": relative(out / "diffusion_pytorch_model.safetensors"),
            "parameters": parameters(vae),
            "posterior_seed": POSTERIOR_SEED,
            "mean": spread(posterior.mean), "logvar": spread(posterior.logvar), "decoded": spread(decoded),
            "float64_difference": {"mean": largest_difference(posterior.mean, exact[0].mean), "logvar": largest_difference(posterior.logvar, exact[0].logvar), "decoded": largest_difference(decoded, exact[2])},
            "wrong_details": {what: {"mean": largest_difference(posterior.mean, w[0].mean), "decoded": largest_difference(decoded, w[2])} for what, w in wrong.items()},
        })
