"""motion/pipeline/: motion modules for the model of pipeline/, and the clips that diffusers draws with both."""
import numpy as np
import torch
from diffusers import AnimateDiffPipeline, DDIMScheduler, MotionAdapter, PNDMScheduler

from .common import loud, relative, root, write_json, write_tensors

PROMPTS, NEGATIVE = ["A red circle left of a blue square", "green triangle"], "12 dots"
SEEDS, STEPS, GUIDANCE, FRAMES, HEIGHT, WIDTH = [3, 9], 4, 4.0, 6, 24, 32
# As diffusers documents for AnimateDiff.
DOCUMENTED = dict(beta_schedule="linear", clip_sample=False, timestep_spacing="linspace", steps_offset=1)
SCHEDULERS = {"own": (PNDMScheduler, DOCUMENTED), "ddim": (DDIMScheduler, DOCUMENTED), "wrong.schedule": (DDIMScheduler, {})}


def draw(pipe):
    pipe.set_progress_bar_config(disable=True)
    call = dict(prompt=PROMPTS, negative_prompt=[NEGATIVE] * 2, num_frames=FRAMES, height=HEIGHT, width=WIDTH, num_inference_steps=STEPS, guidance_scale=GUIDANCE)
    def run(kind):
        return pipe(generator=[torch.Generator().manual_seed(seed) for seed in SEEDS], output_type=kind, **call).frames
    return torch.from_numpy(np.round(run("np") * 255).astype(np.uint8)).contiguous(), run("latent")


def make(folder):
    model = root / "pipeline" / "model"
    adapter = loud(MotionAdapter(block_out_channels=(8, 12), motion_layers_per_block=1, motion_num_attention_heads=4, motion_norm_num_groups=4, motion_max_seq_length=16), 51, gain=0.8, attention=1)
    adapter.save_pretrained(folder / "adapter")
    tensors = {}
    for name, (kind, options) in SCHEDULERS.items():
        scheduler = kind.from_pretrained(model, subfolder="scheduler", **options)
        pipe = AnimateDiffPipeline.from_pretrained(model, motion_adapter=adapter, scheduler=scheduler)
        tensors[f"{name}.frames"], tensors[f"{name}.latents"] = draw(pipe)
    write_tensors(folder / "clips.safetensors", {n: t for n, t in tensors.items() if not n.endswith(".latents") or n == "ddim.latents"})
    write_json(folder / "case.json", {
        "model": relative(model), "prompts": PROMPTS, "negative_prompt": NEGATIVE, "seeds": SEEDS, "steps": STEPS, "guidance": GUIDANCE, "frames": FRAMES,
        "height": HEIGHT, "width": WIDTH,
    })
