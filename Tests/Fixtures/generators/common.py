"""What every generator shares: seeded numbers, loud weights, and writing."""
import json
import os
import pathlib
import zlib

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import torch
from safetensors.torch import save_file

root = pathlib.Path(__file__).resolve().parent.parent


def prepare():
    import diffusers
    import transformers

    torch.set_num_threads(1)  # one order of summation
    torch.use_deterministic_algorithms(True)
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def versions():
    import diffusers
    import numpy
    import safetensors
    import tokenizers
    import transformers

    packages = {"torch": torch, "diffusers": diffusers, "transformers": transformers, "tokenizers": tokenizers, "safetensors": safetensors, "numpy": numpy}
    return {name: package.__version__.split("+")[0] for name, package in packages.items()}


def generator(name, seed=0):
    """A generator that depends on a name, so that adding a tensor leaves every other one as it was."""
    return torch.Generator().manual_seed(zlib.crc32(f"{name}/{seed}".encode()))


def normal(name, shape, seed=0):
    return torch.randn(shape, generator=generator(name, seed))


@torch.no_grad()
def loud(model, seed, gains={}, gain=1.2, attention=1.5):
    """Weights large enough that every detail of a network shows in its output, which stays O(1): normal / sqrt(fan in), times `gain`, for
    queries and keys times `attention` too (a softmax that is far from uniform), biases and norm weights clearly off their usual 0 and 1.
    `gains` maps a part of a parameter's name to a further factor. Not larger than needed: rounding is amplified by the same weights."""
    for name, parameter in sorted(model.named_parameters()):
        z = normal(name, parameter.shape, seed)
        if "norm" in name or "group_norm" in name:
            z = 1 + 0.3 * z if name.endswith("weight") else 0.3 * z
        elif name.endswith("bias"):
            z = 0.3 * z
        elif "embedding.weight" in name:
            pass
        else:
            z = z * gain / parameter[0].numel() ** 0.5
            if any(part in name for part in ("to_q", "to_k", "q_proj", "k_proj")):
                z = z * attention
        for part, factor in gains.items():
            if part in name:
                z = z * factor
        parameter.copy_(z)
    return model.eval()


def options(model):
    """A diffusers configuration as constructor arguments. (`from_config` would fall back to the default for every option not given when `model` was made.)"""
    return {key: value for key, value in model.config.items() if not key.startswith("_")}


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_tensors(path, tensors):
    path.parent.mkdir(parents=True, exist_ok=True)
    for name, tensor in tensors.items():
        assert tensor.dtype in (torch.float32, torch.int64, torch.uint8), (name, tensor.dtype)
        assert tensor.dtype != torch.float32 or tensor.isfinite().all(), name
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}, path)


def relative(path):
    return path.relative_to(root).as_posix()


def largest_difference(a, b):
    return float(f"{(a.double() - b.double()).abs().max().item():.3g}")


def spread(x):
    return {"mean": round(x.float().mean().item(), 4), "std": round(x.float().std().item(), 4), "largest": round(x.float().abs().max().item(), 4)}
