#!/usr/bin/env python3
"""Makes a model of Stable Diffusion 1.5's full size with random weights, and what diffusers and transformers compute with it.

    python Tests/Fixtures/make_large.py FOLDER

FOLDER/model is a diffusers folder (4.3 GB, float32), FOLDER/expected.safetensors holds, for the prompt and numbers of FOLDER/case.json: text states, the
latents of a picture, the UNet's answer, and a four-step image of 256×256. Nothing of it is committed: `make test-large` calls this.
"""
import pathlib
import shutil
import sys

root = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(root))
sys.dont_write_bytecode = True

from generators import common  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel  # noqa: E402
from generators.pipeline import SD15_SCHEDULER  # noqa: E402
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer  # noqa: E402

MERGES = root.parent.parent / "Sources/Tokenizers/Resources/clip/merges.txt"
CASE = {"prompt": "A lighthouse at dawn, isn't it?", "negative_prompt": "fog", "seed": 3, "steps": 4, "guidance": 5.0, "side": 256, "timestep": 500}


def tokenizer():
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    rest = [b for b in range(256) if b not in printable]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]
    merges = [tuple(line.split(" ")) for line in MERGES.read_text().splitlines()[1:]]
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=merges, model_max_length=77)


def build():
    text = common.loud(CLIPTextModel(CLIPTextConfig(
        vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, max_position_embeddings=77,
        hidden_act="quick_gelu", projection_dim=768, bos_token_id=49406, eos_token_id=49407, pad_token_id=49407)), 31)
    vae = common.loud(AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, sample_size=512), 32)
    unet = common.loud(UNet2DConditionModel(sample_size=64, cross_attention_dim=768), 33, attention=1.2)
    with torch.no_grad():
        vae.decoder.conv_out.bias.zero_()
        vae.decoder.conv_out.weight.mul_(0.45)
    return StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer(), unet=unet, scheduler=PNDMScheduler.from_config(SD15_SCHEDULER), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)


@torch.no_grad()
def expected(pipe):
    side = CASE["side"]
    ids = pipe.tokenizer([CASE["prompt"]], padding="max_length", truncation=True, max_length=77, return_tensors="pt").input_ids
    states = pipe.text_encoder(ids)[0]
    picture = common.normal("picture", (1, 3, side, side)).clamp(-1, 1)
    x = common.normal("x", (1, 4, side // 8, side // 8))
    image = pipe(
        CASE["prompt"], negative_prompt=CASE["negative_prompt"], height=side, width=side, num_inference_steps=CASE["steps"],
        guidance_scale=CASE["guidance"], generator=torch.Generator().manual_seed(CASE["seed"]), output_type="np").images[0]
    return {
        "ids": ids, "states": states, "picture": picture, "latents": pipe.vae.encode(picture).latent_dist.mode(), "x": x,
        "answer": pipe.unet(x, torch.tensor([CASE["timestep"]]), states).sample, "image": torch.from_numpy(np.round(image * 255).astype(np.uint8)),
    }


def main():
    folder = pathlib.Path(sys.argv[1])
    common.prepare()
    torch.set_num_threads(torch.multiprocessing.cpu_count())
    pipe = build()
    pipe.set_progress_bar_config(disable=True)
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    common.write_tensors(part / "expected.safetensors", expected(pipe))
    common.write_json(part / "case.json", {**CASE, "parameters": {name: common.parameters(getattr(pipe, name)) for name in ("unet", "vae", "text_encoder")}})
    pipe.save_pretrained(part / "model")
    part.rename(folder)


if __name__ == "__main__":
    main()
