#!/usr/bin/env python3
"""Makes what the benchmark runs on: a small random Stable-Diffusion-shaped pipeline and winners for it.

    make_model.py --output DIR        writes DIR/model (a diffusers folder) and DIR/winners (an image folder)

Nothing here is trained: times and memory do not depend on what the weights know. The shapes are not those of the
built-in model, so that neither side is tuned to them: 64×64 pixels, latents [4, 16, 16], a UNet of (64, 128) channels
with two residual blocks and attention at both resolutions, 77 text states of 64. The same seed gives the same files.
"""
import argparse
import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

SIDE = 64
TEXT_LENGTH = 77
WORDS = ["amber", "blue", "calm", "dark", "early", "faded", "green", "hazy", "inner", "jade"]
THINGS = ["cloud", "dune", "field", "glow", "lake", "mist", "sky", "wave"]


def byte_alphabet():
    """GPT-2's printable stand-ins for the 256 bytes, in the order of CLIP's vocabulary."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]


def make_tokenizer(folder):
    """A byte-level vocabulary without a merge: every letter is a token."""
    folder.mkdir(parents=True, exist_ok=True)
    alphabet = byte_alphabet()
    tokens = alphabet + [c + "</w>" for c in alphabet] + ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "CLIPTokenizer", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>", "model_max_length": TEXT_LENGTH, "do_lower_case": True}))
    (folder / "special_tokens_map.json").write_text(json.dumps({
        "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}))
    return CLIPTokenizer.from_pretrained(folder), len(tokens)


def make_pipeline(folder):
    torch.manual_seed(0)
    tokenizer, vocabulary_size = make_tokenizer(folder / "tokenizer")
    text_encoder = CLIPTextModel(CLIPTextConfig(
        vocab_size=vocabulary_size, hidden_size=64, intermediate_size=256, projection_dim=64, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=TEXT_LENGTH, hidden_act="quick_gelu", bos_token_id=vocabulary_size - 2, eos_token_id=vocabulary_size - 1,
        pad_token_id=vocabulary_size - 1))
    vae = AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3, block_out_channels=[32, 64, 64],
        layers_per_block=1, latent_channels=4, norm_num_groups=16, sample_size=SIDE)
    unet = UNet2DConditionModel(
        sample_size=SIDE // 4, down_block_types=["CrossAttnDownBlock2D"] * 2, up_block_types=["CrossAttnUpBlock2D"] * 2,
        block_out_channels=[64, 128], layers_per_block=2, cross_attention_dim=64, attention_head_dim=8, norm_num_groups=32)
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
                              steps_offset=1)
    StableDiffusionPipeline(vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, unet=unet, scheduler=scheduler, safety_checker=None,
                            feature_extractor=None, requires_safety_checker=False).save_pretrained(folder, safe_serialization=True)


def make_winners(folder, count):
    """Smooth random pictures: a 4×4 grid of colours, enlarged."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(1)
    with open(folder / "metadata.jsonl", "w") as rows:
        for i in range(count):
            grid = torch.randint(0, 256, (4, 4, 3), generator=generator, dtype=torch.uint8)
            name = f"{i:04}.png"
            Image.fromarray(grid.numpy()).resize((SIDE, SIDE), Image.BICUBIC).save(folder / name)
            text = f"{WORDS[i % len(WORDS)]} {THINGS[i // len(WORDS) % len(THINGS)]}"
            rows.write(json.dumps({"file_name": name, "text": text}) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--winners", type=int, default=64)
    options = parser.parse_args()
    make_pipeline(options.output / "model")
    make_winners(options.output / "winners", options.winners)
