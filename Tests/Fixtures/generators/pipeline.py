"""pipeline/: a complete StableDiffusionPipeline folder with loud random weights, and what diffusers draws with it."""
import contextlib

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from . import unet as unet_cases
from .common import loud, options, parameters, relative, write_json, write_tensors

PROMPT = "A red circle left of a blue square, isn't it?"
NEGATIVE = "green  triangle; 12 dots"
SEED, STEPS, GUIDANCE, HEIGHT, WIDTH, ETA = 3, 6, 5.0, 32, 40, 0.7
LENGTH = 24
WORDS = ["red", "circle", "blue", "square", "green", "triangle", "left", "right", "of", "above", "below", "a", "it"]
# What the file of Stable Diffusion 1.5 says; clip_sample is no option of PNDM but is read by DDIM.
SD15_SCHEDULER = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", trained_betas=None, skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1, clip_sample=False)
SAMPLERS = {"pndm": PNDMScheduler, "ddim": DDIMScheduler, "ddim_eta": DDIMScheduler, "euler": EulerDiscreteScheduler, "dpm++": DPMSolverMultistepScheduler}


def vocabulary():
    """Byte-level BPE as CLIP's: 256 bytes, the same at the end of a word, then merges that spell a few words left to right."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    rest = [b for b in range(256) if b not in printable]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]
    tokens = symbols + [s + "</w>" for s in symbols]
    merges = []
    for word in WORDS:
        pieces = list(word[:-1]) + [word[-1] + "</w>"]
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            if pair not in merges:
                merges.append(pair)
                tokens.append("".join(pair))
            pieces = ["".join(pair)] + pieces[2:]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(tokens)) == len(tokens)
    return {token: i for i, token in enumerate(tokens)}, merges


def build():
    vocab, merges = vocabulary()
    tokenizer = CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=LENGTH)
    text = loud(CLIPTextModel(CLIPTextConfig(
        vocab_size=len(vocab), hidden_size=12, intermediate_size=24, num_hidden_layers=2, num_attention_heads=3, max_position_embeddings=LENGTH, hidden_act="quick_gelu",
        projection_dim=12, bos_token_id=vocab["<|startoftext|>"], eos_token_id=vocab["<|endoftext|>"], pad_token_id=vocab["<|endoftext|>"])), 21, {"mlp": 1.5, "final_layer_norm": 1.5})
    vae = loud(AutoencoderKL(block_out_channels=(8, 12), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, norm_num_groups=4, sample_size=32), 22)
    unet = loud(UNet2DConditionModel(**unet_cases.SD1), 23, {"ff.net.0.proj": 2, "ff.net.2": 2, "attn2.to_out": 1.5}, attention=1.2)
    with torch.no_grad():
        vae.decoder.conv_out.bias.zero_()
        vae.decoder.conv_out.weight.mul_(0.45)  # most of the picture inside 0…255, all of the range used
    scheduler = PNDMScheduler.from_config(SD15_SCHEDULER)
    return StableDiffusionPipeline(vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False), vocab, merges


def start_noise():
    return torch.randn((1, 4, HEIGHT // 2, WIDTH // 2), generator=torch.Generator().manual_seed(SEED))


def draw(pipe, kind, double=False, **changes):
    scheduler = pipe.scheduler
    pipe.scheduler = kind.from_config(scheduler.config)
    call = dict(prompt=PROMPT, negative_prompt=NEGATIVE, height=HEIGHT, width=WIDTH, num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=torch.Generator().manual_seed(SEED))
    call.update(changes)
    if double:
        call["latents"] = start_noise().double()
    latents = pipe(output_type="latent", **{**call, "generator": torch.Generator().manual_seed(SEED)}).images
    image = pipe(output_type="np", **call).images[0]
    pipe.scheduler = scheduler
    return latents, np.round(image * 255).astype(np.uint8)


@contextlib.contextmanager
def text_activation(pipe, name):
    from transformers.activations import ACT2FN
    before = [layer.mlp.activation_fn for layer in pipe.text_encoder.encoder.layers]
    for layer in pipe.text_encoder.encoder.layers:
        layer.mlp.activation_fn = ACT2FN[name]
    yield
    for layer, activation in zip(pipe.text_encoder.encoder.layers, before):
        layer.mlp.activation_fn = activation


@contextlib.contextmanager
def scheduler_option(pipe, **changes):
    before = pipe.scheduler
    pipe.scheduler = type(before)(**{**{k: v for k, v in options(before).items() if k != "clip_sample"}, **changes})
    yield
    pipe.scheduler = before


def changed(a, b):
    difference = np.abs(a.astype(int) - b.astype(int))
    return {"share_of_values_changed": round(float((difference > 0).mean()), 4), "largest": int(difference.max())}


def power(pipe, image):
    """What an image would lose to one wrong detail. A test allows 2 of 255 anywhere and 1 % of values changed."""
    found = {
        "guidance dropped": draw(pipe, PNDMScheduler, guidance_scale=1.0)[1],
        "guidance 5.1": draw(pipe, PNDMScheduler, guidance_scale=5.1)[1],
        "negative prompt dropped": draw(pipe, PNDMScheduler, negative_prompt=None)[1],
    }
    with unet_cases.tanh_gelu():
        found["tanh gelu in the UNet"] = draw(pipe, PNDMScheduler)[1]
    with text_activation(pipe, "gelu"):
        found["gelu for quick_gelu in the text encoder"] = draw(pipe, PNDMScheduler)[1]
    for name, option in [("steps_offset 0", dict(steps_offset=0)), ("set_alpha_to_one", dict(set_alpha_to_one=True)), ("linear noise schedule", dict(beta_schedule="linear"))]:
        with scheduler_option(pipe, **option):
            found[name] = draw(pipe, PNDMScheduler)[1]
    return {what: changed(image, other) for what, other in found.items()}


def make(folder):
    pipe, vocab, merges = build()
    model = folder / "model"
    pipe.save_pretrained(model)
    older = folder / "tokenizer_two_files"  # the same tokenizer as transformers 4 wrote it
    write_json(older / "vocab.json", vocab)
    (older / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in merges) + "\n", encoding="utf-8")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    write_json(older / "special_tokens_map.json", special)
    write_json(older / "tokenizer_config.json", {**special, "add_prefix_space": False, "do_lower_case": True, "errors": "replace", "model_max_length": LENGTH, "tokenizer_class": "CLIPTokenizer"})

    pipe = StableDiffusionPipeline.from_pretrained(model, safety_checker=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    ids = pipe.tokenizer([PROMPT, NEGATIVE, ""], padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt").input_ids
    assert CLIPTokenizer.from_pretrained(older)([PROMPT, NEGATIVE, ""], padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt").input_ids.equal(ids)
    with torch.no_grad():
        states = pipe.text_encoder(ids)[0]
    tensors = {"input_ids": ids, "text_states": states, "start_noise": start_noise()}
    samplers, images = {}, {}
    exact = StableDiffusionPipeline.from_pretrained(model, dtype=torch.float64, safety_checker=None, requires_safety_checker=False)
    exact.set_progress_bar_config(disable=True)
    for name, kind in SAMPLERS.items():
        extra = {"eta": ETA} if name == "ddim_eta" else {}
        latents, image = draw(pipe, kind, **extra)
        images[name] = image
        tensors |= {f"{name}.latents": latents, f"{name}.image": torch.from_numpy(image)}
        scheduler = kind.from_config(pipe.scheduler.config)
        scheduler.save_pretrained(folder / "schedulers" / name)
        samplers[name] = {
            "scheduler_config": relative(folder / "schedulers" / name / "scheduler_config.json"),
            "eta": extra.get("eta"),
            "image": {"mean": round(float(image.mean()), 1), "std": round(float(image.std()), 1), "share_at_0_or_255": round(float(np.isin(image, (0, 255)).mean()), 4)},
            "latents_std": round(latents.std().item(), 3),
        }
        if not extra:  # the noise of eta is drawn in the precision of the network
            samplers[name]["float64_difference"] = changed(image, draw(exact, kind, double=True)[1])
    write_tensors(folder / "images.safetensors", tensors)
    write_json(folder / "case.json", {
        "model": relative(model),
        "prompt": PROMPT, "negative_prompt": NEGATIVE, "seed": SEED, "steps": STEPS, "guidance": GUIDANCE, "height": HEIGHT, "width": WIDTH,
        "parameters": {"unet": parameters(pipe.unet), "vae": parameters(pipe.vae), "text_encoder": parameters(pipe.text_encoder)},
        "samplers": samplers,
        "wrong_details_pndm": power(pipe, images["pndm"]),
        "samplers_differ": {name: changed(images["pndm"], image) for name, image in images.items() if name != "pndm"},
    })
