#!/usr/bin/env python3
"""The counterpart `seppo align` is measured against: the same method in PyTorch + diffusers.

Written as a careful PyTorch user would: latents and text states computed once, networks no longer needed let go,
sampling under inference mode, one batched forward pass for winner and reference sample, fused AdamW, gradients set to
None. Its options are those of `seppo align`, apart from

    --channels-last   weights and latents in that memory layout
    --motion PATH     a MotionAdapter over the model: winners are clips, and its motion modules alone are trained, or adapters in them
    --compile         policy and reference through torch.compile. For timing: two graphs compiled apart, one for training
                      and one for inference, need not round alike, and exact ties at the start become random flips.

Prints a JSON line when ready, for every update, and at the end.
"""
import time

STARTED = time.perf_counter()

import argparse
import json
import random
import resource
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy
import torch
from diffusers import DDIMScheduler, MotionAdapter, StableDiffusionPipeline, UNet2DConditionModel, UNetMotionModel
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn.functional import logsigmoid, mse_loss

IMPORTED = time.perf_counter()

# method: (losing sample, reference, flip)
METHODS = {
    "seppo": ("sampled", "random", "sign"),
    "sspo": ("sampled", "random", "indicator"),
    "no-aaf": ("sampled", "random", "none"),
    "spin": ("sampled", "latest", "none"),
    "ditto": ("sampled", "initial", "none"),
    "dpo": ("dataset", "initial", "none"),
    "sft": (None, None, None),
}
FLIPS = {
    "sign": torch.sign,
    "indicator": lambda advantage: (advantage > 0).float(),
    "none": torch.ones_like,
}


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True, help="a diffusers folder")
    parser.add_argument("--winners", type=Path, required=True, help="an image folder with metadata.jsonl")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--method", choices=METHODS, default="seppo")
    parser.add_argument("--reference", choices=["random", "latest", "initial"])
    parser.add_argument("--iterations", type=int, default=7)
    parser.add_argument("--updates", type=int, default=30, help="updates an iteration")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--beta", type=float, default=2000)
    parser.add_argument("--learning-rate", "--lr", type=float, default=2e-5)
    parser.add_argument("--sample-steps", type=int, default=50)
    parser.add_argument("--guidance", type=float, default=7.5)
    parser.add_argument("--vae-posterior", choices=["sample", "mode"], default="sample")
    parser.add_argument("--flip-images", action="store_true")
    parser.add_argument("--resolution", type=int, help="pixels; default: the model's")
    parser.add_argument("--limit", type=int, help="use the first LIMIT winners")
    parser.add_argument("--motion", type=Path, help="motion modules over the model; winners are then folders of frames")
    parser.add_argument("--lora", type=int, default=0, metavar="RANK", help="train adapters of this rank on the attention (needs peft); 0: all weights")
    parser.add_argument("--gradient-checkpointing", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="where networks compute; noise is drawn on the processor")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def report(phase, **values):
    print(json.dumps({"phase": phase, **{k: round(v, 5) if isinstance(v, float) else v for k, v in values.items()}}), flush=True)


# ---- Data -----------------------------------------------------------------------------------------------------------


def read_image(path, side):
    """[3, side, side] in [−1, 1]: the shorter side resized, then the centre cropped, as torchvision does."""
    image = Image.open(path).convert("RGB")
    if image.size != (side, side):
        scale = side / min(image.size)
        width, height = (max(side, int(extent * scale)) for extent in image.size)
        left, top = round((width - side) / 2), round((height - side) / 2)
        image = image.resize((width, height), Image.BILINEAR).crop((left, top, left + side, top + side))
    return torch.from_numpy(numpy.array(image)).permute(2, 0, 1).float() / 127.5 - 1


class Encoder:
    """The networks that are needed before training only."""

    def __init__(self, pipeline, options):
        self.vae, self.tokenizer, self.text_encoder = pipeline.vae, pipeline.tokenizer, pipeline.text_encoder
        self.side = options.resolution or pipeline.unet.config.sample_size * pipeline.vae_scale_factor
        self.batch, self.posterior, self.device = options.batch, options.vae_posterior, options.device

    def clips(self, folders):
        """[N, C, F, h, w], encoded frame by frame."""
        return torch.stack([self.latents(sorted(folder.glob("*.png"))).transpose(0, 1) for folder in folders])

    def _in_batches(self, function, items):
        with torch.no_grad():
            return torch.cat([function(items[i:i + self.batch]) for i in range(0, len(items), self.batch)])

    def latents(self, paths, mirrored=False):
        def encode(paths):
            pixels = torch.stack([read_image(path, self.side) for path in paths]).to(self.device)
            posterior = self.vae.encode(pixels.flip(-1) if mirrored else pixels).latent_dist
            return (posterior.sample() if self.posterior == "sample" else posterior.mode()) * self.vae.config.scaling_factor
        return self._in_batches(encode, paths)

    def text_states(self, captions):
        def encode(captions):
            tokens = self.tokenizer(captions, padding="max_length", truncation=True, max_length=self.tokenizer.model_max_length, return_tensors="pt")
            return self.text_encoder(tokens.input_ids.to(self.device)).last_hidden_state
        return self._in_batches(encode, captions)


def permutations(count, batch, seed):
    """Batches of indices: one permutation of the winners after another."""
    generator, pending = random.Random(seed), []
    while True:
        while len(pending) < batch:
            pending += generator.sample(range(count), count)
        yield torch.tensor(pending[:batch])
        pending = pending[batch:]


# ---- Networks -------------------------------------------------------------------------------------------------------


class ReferencePool:
    """Checkpoints 0…k−1 on disk, one of them at a time in a second, frozen UNet."""

    def __init__(self, policy, options):
        self.policy, self.compiled = policy, options.compile
        with torch.device("meta"):
            frozen = UNet2DConditionModel.from_config(policy.config)
        self.frozen = frozen.to_empty(device=options.device).to(memory_format=layout(options)).requires_grad_(False).eval()
        self.network = torch.compile(self.frozen) if options.compile else self.frozen
        self.folder = tempfile.TemporaryDirectory()
        self.files, self.loaded = [], None
        self.add()

    def add(self):
        path = Path(self.folder.name) / f"{len(self.files):04}.safetensors"
        save_file({name: value.contiguous() for name, value in self.policy.state_dict().items()}, path)
        self.files.append(path)

    @contextmanager
    def use(self, index):
        if index != self.loaded:
            self.frozen.load_state_dict(load_file(self.files[index]))
            self.loaded = index
        yield self.network


class MotionPool:
    """The same for motion modules: the network under them is the policy's own, into which a checkpoint's tensors are put and taken out again."""

    def __init__(self, policy, options):
        self.policy = policy
        self.own = [value for name, value in policy.named_parameters() if "motion_modules." in name]
        self.checkpoints = []
        self.add()

    def add(self):
        self.checkpoints.append([value.detach().clone() for value in self.own])

    def _swap(self, index):
        for number, value in enumerate(self.own):
            value.data, self.checkpoints[index][number] = self.checkpoints[index][number], value.data

    @contextmanager
    def use(self, index):
        self._swap(index)
        try:
            yield self.policy
        finally:
            self._swap(index)


class AdapterPool:
    """The same for low-rank adapters: checkpoints in memory, one of them at a time as a second adapter on the policy's own weights."""

    def __init__(self, policy, options):
        from peft import LoraConfig
        self.policy = policy.requires_grad_(False)
        for name in ("policy", "reference"):
            layers = ["to_q", "to_k", "to_v", "to_out.0"]
            if options.motion:
                layers = r".*motion_modules\..*\.(to_q|to_k|to_v|to_out\.0)"
            policy.add_adapter(LoraConfig(r=options.lora, lora_alpha=options.lora, target_modules=layers), name)
        named = [(name, value) for name, value in policy.named_parameters() if "lora_" in name]
        self.own = [value for name, value in named if ".policy." in name]
        self.others = [value for name, value in named if ".reference." in name]
        self.checkpoints, self.loaded = [], None
        self._select("policy")
        self.add()

    def _select(self, adapter):
        self.policy.set_adapter(adapter)
        for value in self.own:
            value.requires_grad_(True)
        for value in self.others:
            value.requires_grad_(False)

    def add(self):
        self.checkpoints.append([value.detach().clone() for value in self.own])

    @contextmanager
    def use(self, index):
        if index != self.loaded:
            with torch.no_grad():
                for value, kept in zip(self.others, self.checkpoints[index]):
                    value.copy_(kept)
            self.loaded = index
        self._select("reference")
        try:
            yield self.policy
        finally:
            self._select("policy")


def layout(options):
    return torch.channels_last if options.channels_last else torch.contiguous_format


def synchronize(device):
    """Waits for what was begun on a device: for clocks."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()


def peak_on(device):
    return {"peak_device_mb": torch.cuda.max_memory_allocated(device) / 1e6} if device.startswith("cuda") else {}


# ---- Method ---------------------------------------------------------------------------------------------------------


@torch.inference_mode()
def sample(unet, scheduler, states, empty_state, guidance, noise):
    guided = guidance != 1
    context = torch.cat([empty_state.expand_as(states), states]) if guided else states
    latents = noise
    for timestep in scheduler.timesteps:
        if guided:
            without, with_caption = unet(torch.cat([latents, latents]), timestep, context).sample.chunk(2)
            noise_prediction = without + guidance * (with_caption - without)
        else:
            noise_prediction = unet(latents, timestep, context).sample
        latents = scheduler.step(noise_prediction, timestep, latents).prev_sample
    return latents.clone()


def noised(clean, noise, timesteps, alphas_cumprod):
    alpha = alphas_cumprod[timesteps].view(-1, *[1] * (clean.dim() - 1))
    return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise


class PerFrame(torch.nn.Module):
    """Hands a network of clips its text states once a frame, as it wants them."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, latents, timesteps, states):
        return self.network(latents, timesteps, states.repeat_interleave(latents.shape[2], 0))


def pair_errors(unet, inputs, timesteps, states, noise):
    """The mean squared error of each example, winners and references apart: two of [B]."""
    prediction = unet(inputs, timesteps, states).sample
    return (prediction - noise).float().square().flatten(1).mean(1).chunk(2)


def align(options):
    torch.manual_seed(options.seed)
    choice = random.Random(options.seed)
    losing, reference_rule, flip = METHODS[options.method]
    reference_rule = options.reference or reference_rule

    pipeline = StableDiffusionPipeline.from_pretrained(options.model, safety_checker=None, requires_safety_checker=False).to(options.device)
    scheduler = pipeline.scheduler
    if options.motion:
        pipeline.unet = UNetMotionModel.from_unet2d(pipeline.unet, MotionAdapter.from_pretrained(options.motion))
        pipeline.unet.freeze_unet2d_params()
        scheduler = DDIMScheduler.from_config(scheduler.config, beta_schedule="linear", timestep_spacing="linspace")
    policy = pipeline.unet.to(memory_format=layout(options))
    if options.gradient_checkpointing:
        policy.enable_gradient_checkpointing()
        policy.train()
    alphas_cumprod = scheduler.alphas_cumprod.to(options.device)
    sampler = DDIMScheduler.from_config(scheduler.config, clip_sample=False)
    sampler.set_timesteps(options.sample_steps)
    pool = (AdapterPool if options.lora else MotionPool if options.motion else ReferencePool)(policy, options)
    network = torch.compile(policy) if options.compile else policy
    prepared = PerFrame if options.motion else lambda network: network
    trained = [value for value in policy.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.learning_rate, weight_decay=1e-2, fused=True)
    loaded = time.perf_counter()

    rows = [json.loads(line) for line in (options.winners / "metadata.jsonl").read_text().splitlines()][:options.limit]
    encoder = Encoder(pipeline, options)
    winners = [options.winners / row["video_path" if options.motion else "file_name"] for row in rows]
    latents = encoder.clips(winners) if options.motion else encoder.latents(winners)
    mirrored = encoder.latents(winners, mirrored=True) if options.flip_images else None
    losers = encoder.latents([options.winners / row["loser_file_name"] for row in rows]) if losing == "dataset" else None
    states, empty_state = encoder.text_states([row["caption" if options.motion else "text"] for row in rows]), encoder.text_states([""])
    pipeline = encoder = None
    encoded = time.perf_counter()
    report("ready", import_s=IMPORTED - STARTED, load_s=loaded - IMPORTED, encode_s=encoded - loaded, winners=len(rows))

    sample_s, update_s = [], []
    batches = permutations(len(rows), options.batch, options.seed)
    for k in range(1, options.iterations + 1):
        for u in range(options.updates):
            index = next(batches)
            state, winner = states[index], latents[index]
            if options.flip_images:
                winner = torch.where((torch.rand(len(index), 1, 1, 1) < 0.5).to(options.device), mirrored[index], winner)

            begin = time.perf_counter()
            if losing:
                reference_index = {"random": choice.randrange(k), "latest": k - 1, "initial": 0}[reference_rule]
            if losing == "sampled":
                start = torch.randn(winner.shape).to(options.device, memory_format=layout(options))
                with pool.use(reference_index) as reference:
                    loser = sample(prepared(reference), sampler, state, empty_state, options.guidance, start)
            elif losing == "dataset":
                loser = losers[index]
            synchronize(options.device)
            sampled = time.perf_counter()

            timesteps = torch.randint(len(alphas_cumprod), (len(index),)).to(options.device)
            noise = torch.randn(winner.shape).to(options.device)
            if losing:
                both = lambda value: torch.cat([value, value])
                inputs = noised(torch.cat([winner, loser]), both(noise), both(timesteps), alphas_cumprod).to(memory_format=layout(options))
                arguments = inputs, both(timesteps), both(state), both(noise)
                # The reference first: its activations are gone before the policy keeps its own for the backward pass.
                with torch.no_grad(), pool.use(reference_index) as reference:
                    r_w, r_r = pair_errors(prepared(reference), *arguments)
                m_w, m_r = pair_errors(prepared(network), *arguments)
                s = FLIPS[flip]((r_w - m_w).detach())
                loss = -logsigmoid(-options.beta / 2 * ((m_w - r_w) - s * (m_r - r_r))).mean()
            else:
                inputs = noised(winner, noise, timesteps, alphas_cumprod).to(memory_format=layout(options))
                loss = mse_loss(prepared(network)(inputs, timesteps, state).sample, noise)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            synchronize(options.device)
            updated = time.perf_counter()

            sample_s.append(sampled - begin)
            update_s.append(updated - sampled)
            report("update", k=k, u=u, loss=loss.item(), sample_s=sample_s[-1], update_s=update_s[-1], **peak_on(options.device))
        if k < options.iterations:
            pool.add()

    if options.lora:
        from peft.utils import get_peft_model_state_dict
        options.output.mkdir(parents=True, exist_ok=True)
        save_file(get_peft_model_state_dict(policy, adapter_name="policy"), options.output / "adapter.safetensors")
    elif options.motion:
        policy.save_motion_modules(options.output / "motion_adapter")
    else:
        policy.to(memory_format=torch.contiguous_format).save_pretrained(options.output / "unet")
    examples = options.iterations * options.updates * options.batch
    report("total", wall_s=time.perf_counter() - STARTED, encode_s=encoded - loaded, sample_s=sum(sample_s), update_s=sum(update_s),
           steady_s=sum(sample_s[1:] + update_s[1:]), examples_per_s=examples / sum(sample_s + update_s),
           peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    options = parse_options()
    if options.threads:
        torch.set_num_threads(options.threads)
    align(options)
