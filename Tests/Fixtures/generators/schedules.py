"""schedules/: noise schedules, noising, and which timesteps each sampler visits."""
import json

import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, PNDMScheduler

from .common import normal, write_json, write_tensors

BETAS = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012)
SAMPLERS = {
    "ddim": (DDIMScheduler, dict(set_alpha_to_one=False, clip_sample=False)),
    "ddpm": (DDPMScheduler, dict(clip_sample=False)),
    "pndm": (PNDMScheduler, dict(skip_prk_steps=True, set_alpha_to_one=False)),
    "euler": (EulerDiscreteScheduler, {}),
    "dpm++": (DPMSolverMultistepScheduler, {}),
}
# An offset belongs to "leading" alone; one case of each other spacing shows that it is ignored there.
SPACINGS = [("leading", 0, (1, 5, 7, 10, 20, 50)), ("leading", 1, (1, 5, 7, 10, 20, 50)), ("trailing", 0, (1, 5, 7, 10, 20, 50)), ("trailing", 1, (10,)), ("linspace", 0, (1, 5, 7, 10, 20, 50)), ("linspace", 1, (10,))]


def make(folder):
    tensors = {}
    for name in ("linear", "scaled_linear", "squaredcos_cap_v2"):
        scheduler = DDPMScheduler(beta_schedule=name, **BETAS)
        tensors |= {f"{name}.betas": scheduler.betas, f"{name}.alphas_cumprod": scheduler.alphas_cumprod}
    x0, noise = normal("x0", (4, 4, 2, 3)), normal("noise", (4, 4, 2, 3))
    t = torch.tensor([0, 250, 777, 999])
    scheduler = DDPMScheduler(beta_schedule="scaled_linear", **BETAS)
    tensors |= {"noising.latents": x0, "noising.noise": noise, "noising.timesteps": t, "noising.noisy": scheduler.add_noise(x0, noise, t), "noising.velocity": scheduler.get_velocity(x0, noise, t)}
    write_tensors(folder / "schedules.safetensors", tensors)

    cases = []
    for sampler, (kind, options) in SAMPLERS.items():
        for spacing, offset, counts in SPACINGS:
            for steps in counts:
                scheduler = kind(beta_schedule="scaled_linear", **BETAS, timestep_spacing=spacing, steps_offset=offset, **options)
                scheduler.set_timesteps(steps)
                case = dict(sampler=sampler, timestep_spacing=spacing, steps_offset=offset, steps=steps, timesteps=[number(v) for v in scheduler.timesteps], init_noise_sigma=float(scheduler.init_noise_sigma))
                if hasattr(scheduler, "sigmas") and steps <= 10:
                    case["sigmas"] = [float(f"{v:.9g}") for v in scheduler.sigmas.tolist()]
                cases.append(case)
    # One case a line: hundreds of them.
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    head = {"beta_schedule": "scaled_linear", **BETAS}
    (folder / "timesteps.json").write_text('{\n  "noise_schedule": ' + json.dumps(head) + ',\n  "cases": [\n' + lines + "\n  ]\n}\n")


def number(value):
    value = value.item()
    return int(value) if float(value).is_integer() else float(f"{value:.9g}")
