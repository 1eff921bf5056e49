"""samplers/: whole trajectories with a denoiser in closed form, so that no network is needed."""
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, PNDMScheduler

from .common import normal, options, spread, write_json, write_tensors

FORMULA = "0.8 * tanh(1.2 * x) + 0.1 * cos(t / 100)"
SHAPE = (1, 4, 2, 3)
SD = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
LEADING = dict(timestep_spacing="leading", steps_offset=1)
COSINE = dict(num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2", **LEADING)
V = dict(prediction_type="v_prediction")
DDIM = dict(**SD, clip_sample=False, set_alpha_to_one=False)
DDPM = dict(**SD, clip_sample=False)
ZERO_SNR = dict(**SD, **V, rescale_betas_zero_snr=True, timestep_spacing="trailing")
PNDM = dict(**SD, skip_prk_steps=True, set_alpha_to_one=False)

# name: (scheduler, its options, steps, eta)
CASES = {
    "ddim": (DDIMScheduler, {**DDIM, **LEADING}, 6, 0.0),
    "ddim_trailing": (DDIMScheduler, {**DDIM, "timestep_spacing": "trailing"}, 7, 0.0),
    "ddim_linspace": (DDIMScheduler, {**DDIM, "timestep_spacing": "linspace"}, 7, 0.0),
    "ddim_eta": (DDIMScheduler, {**DDIM, **LEADING}, 6, 0.7),
    "ddim_eta_1_trailing_v": (DDIMScheduler, {**DDIM, **V, "timestep_spacing": "trailing"}, 6, 1.0),
    "ddim_v": (DDIMScheduler, {**DDIM, **LEADING, **V}, 6, 0.0),
    "ddim_clip": (DDIMScheduler, {**SD, **LEADING, "clip_sample": True, "set_alpha_to_one": False}, 6, 0.0),
    "ddim_clip_eta": (DDIMScheduler, {**SD, **LEADING, "clip_sample": True, "set_alpha_to_one": False}, 6, 0.7),
    "ddim_clip_range_v": (DDIMScheduler, {**SD, **LEADING, **V, "clip_sample": True, "clip_sample_range": 0.5}, 6, 0.0),
    "ddim_alpha_to_one": (DDIMScheduler, {**SD, "clip_sample": False, "set_alpha_to_one": True}, 6, 0.0),
    "ddim_linear": (DDIMScheduler, dict(clip_sample=False), 5, 0.0),
    "ddim_cosine": (DDIMScheduler, {**COSINE, "clip_sample": False}, 5, 0.0),
    "ddim_zero_snr_v": (DDIMScheduler, {**ZERO_SNR, "clip_sample": False}, 6, 0.0),
    "ddim_zero_snr_v_eta": (DDIMScheduler, {**ZERO_SNR, "clip_sample": False}, 6, 0.7),
    "ddpm_zero_snr_v": (DDPMScheduler, {**ZERO_SNR, "clip_sample": False}, 6, None),
    "ddpm_fixed_small": (DDPMScheduler, {**DDPM, "variance_type": "fixed_small"}, 8, None),
    "ddpm_fixed_large": (DDPMScheduler, {**DDPM, "variance_type": "fixed_large"}, 8, None),
    "ddpm_leading": (DDPMScheduler, {**DDPM, **LEADING}, 6, None),
    "ddpm_trailing": (DDPMScheduler, {**DDPM, "timestep_spacing": "trailing"}, 7, None),
    "ddpm_linspace": (DDPMScheduler, {**DDPM, "timestep_spacing": "linspace"}, 7, None),
    "ddpm_v": (DDPMScheduler, {**DDPM, **LEADING, **V}, 6, None),
    "ddpm_clip": (DDPMScheduler, {**SD, "clip_sample": True}, 6, None),
    "ddpm_cosine": (DDPMScheduler, {**COSINE, "clip_sample": False}, 6, None),
    "pndm": (PNDMScheduler, {**PNDM, **LEADING}, 8, None),
    "pndm_1_step": (PNDMScheduler, {**PNDM, **LEADING}, 1, None),
    "pndm_2_steps": (PNDMScheduler, {**PNDM, **LEADING}, 2, None),
    "pndm_3_steps": (PNDMScheduler, {**PNDM, **LEADING}, 3, None),
    "pndm_v": (PNDMScheduler, {**PNDM, **LEADING, **V}, 6, None),
    "pndm_trailing": (PNDMScheduler, {**PNDM, "timestep_spacing": "trailing"}, 7, None),
    "pndm_linspace": (PNDMScheduler, {**PNDM, "timestep_spacing": "linspace"}, 7, None),
    "pndm_alpha_to_one": (PNDMScheduler, {**PNDM, "set_alpha_to_one": True}, 6, None),
    "pndm_runge_kutta": (PNDMScheduler, {**PNDM, **LEADING, "skip_prk_steps": False}, 7, None),
    "pndm_runge_kutta_4_steps": (PNDMScheduler, {**PNDM, **V, "skip_prk_steps": False, "timestep_spacing": "linspace"}, 4, None),
    "pndm_runge_kutta_trailing": (PNDMScheduler, {**PNDM, "skip_prk_steps": False, "timestep_spacing": "trailing"}, 9, None),
    "euler_zero_snr_v": (EulerDiscreteScheduler, ZERO_SNR, 6, None),
    "euler_sigma_min": (EulerDiscreteScheduler, {**SD, "final_sigmas_type": "sigma_min"}, 6, None),
    "euler": (EulerDiscreteScheduler, SD, 8, None),
    "euler_leading": (EulerDiscreteScheduler, {**SD, **LEADING}, 6, None),
    "euler_trailing": (EulerDiscreteScheduler, {**SD, "timestep_spacing": "trailing"}, 7, None),
    "euler_v": (EulerDiscreteScheduler, {**SD, **LEADING, **V}, 6, None),
    "euler_cosine": (EulerDiscreteScheduler, COSINE, 6, None),
    "dpm++": (DPMSolverMultistepScheduler, SD, 8, None),
    "dpm++_16_steps": (DPMSolverMultistepScheduler, SD, 16, None),
    "dpm++_leading": (DPMSolverMultistepScheduler, {**SD, **LEADING}, 6, None),
    "dpm++_trailing": (DPMSolverMultistepScheduler, {**SD, "timestep_spacing": "trailing"}, 7, None),
    "dpm++_v": (DPMSolverMultistepScheduler, {**SD, **LEADING, **V}, 6, None),
    # With a final sigma of zero the last step is of first order in any case; with sigma_min these options decide.
    "dpm++_sigma_min_16_steps": (DPMSolverMultistepScheduler, {**SD, "final_sigmas_type": "sigma_min"}, 16, None),
    "dpm++_euler_at_final": (DPMSolverMultistepScheduler, {**SD, "final_sigmas_type": "sigma_min", "euler_at_final": True}, 16, None),
    "dpm++_no_lower_order_final": (DPMSolverMultistepScheduler, {**SD, "lower_order_final": False, "final_sigmas_type": "sigma_min"}, 8, None),
    "dpm++_sigma_min": (DPMSolverMultistepScheduler, {**SD, "final_sigmas_type": "sigma_min"}, 8, None),
    "dpm++_cosine": (DPMSolverMultistepScheduler, COSINE, 8, None),
    "dpm++_heun": (DPMSolverMultistepScheduler, {**SD, "solver_type": "heun"}, 8, None),
    "dpm++_zero_snr_v": (DPMSolverMultistepScheduler, ZERO_SNR, 8, None),
    "dpm++_lambda_clipped": (DPMSolverMultistepScheduler, {**COSINE, "lambda_min_clipped": -5.1}, 8, None),
    "dpm++_lambda_clipped_trailing": (DPMSolverMultistepScheduler, {**COSINE, "lambda_min_clipped": -5.1, "timestep_spacing": "trailing"}, 16, None),
    "dpm++_lambda_clipped_linspace": (DPMSolverMultistepScheduler, {**COSINE, "lambda_min_clipped": -3, "timestep_spacing": "linspace"}, 7, None),
    "dpm++_first_order": (DPMSolverMultistepScheduler, {**SD, "solver_order": 1}, 6, None),
}

# Files as they are on the hub, read by the class that they name and then made into another one: what a file leaves out takes that class's default.
SD15 = dict(_class_name="PNDMScheduler", **SD, clip_sample=False, set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1, trained_betas=None)
BARE = dict(_class_name="PNDMScheduler", **SD, skip_prk_steps=True)
KARRAS = dict(_class_name="EulerDiscreteScheduler", **SD, use_karras_sigmas=True, timestep_spacing="trailing", sample_max_value=2.0)

# name: (file, the class it is made into, steps, eta)
FROM_CONFIG = {
    "sd15_as_ddim": (SD15, DDIMScheduler, 6, 0.0),
    "sd15_as_ddpm": (SD15, DDPMScheduler, 6, None),
    "sd15_as_euler": (SD15, EulerDiscreteScheduler, 6, None),
    "sd15_as_dpm++": (SD15, DPMSolverMultistepScheduler, 6, None),
    "bare_as_ddim": (BARE, DDIMScheduler, 6, 0.0),
    "bare_as_pndm": (BARE, PNDMScheduler, 6, None),
    "zero_snr_as_pndm": (dict(_class_name="DDIMScheduler", **ZERO_SNR), PNDMScheduler, 6, None),
    "karras_as_ddim": (KARRAS, DDIMScheduler, 6, 0.0),
}
KINDS = {kind.__name__: kind for kind in (DDIMScheduler, DDPMScheduler, PNDMScheduler, EulerDiscreteScheduler)}


def denoiser(x, t):
    return 0.8 * torch.tanh(1.2 * x) + 0.1 * torch.cos(t.to(torch.float32) / 100)


def trajectory(name, scheduler, steps, eta):
    scheduler.set_timesteps(steps)
    start = normal("start noise", SHAPE) * torch.as_tensor(scheduler.init_noise_sigma, dtype=torch.float32)
    states, inputs, outputs, noises = [start], [], [], []
    for i, t in enumerate(scheduler.timesteps):
        x = states[-1]
        inputs.append(scheduler.scale_model_input(x, t))
        outputs.append(denoiser(inputs[-1], t))
        noise = torch.zeros(SHAPE)
        if isinstance(scheduler, DDIMScheduler):
            if eta > 0:
                noise = normal(f"{name} step", SHAPE, i)
            x = scheduler.step(outputs[-1], t, x, eta=eta, variance_noise=noise if eta > 0 else None).prev_sample
        elif isinstance(scheduler, DDPMScheduler):
            if t > 0:  # the last step of a schedule that ends at 0 draws none
                noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1000 + i))
            x = scheduler.step(outputs[-1], t, x, generator=torch.Generator().manual_seed(1000 + i)).prev_sample
        else:
            x = scheduler.step(outputs[-1], t, x).prev_sample
        states.append(x)
        noises.append(noise)
    tensors = {"timesteps": scheduler.timesteps.float(), "states": torch.cat(states), "model_inputs": torch.cat(inputs), "model_outputs": torch.cat(outputs)}
    if eta or isinstance(scheduler, DDPMScheduler):
        tensors["step_noise"] = torch.cat(noises)
    return tensors


def make(folder):
    tensors, cases = {}, []
    for name, (kind, given, steps, eta) in CASES.items():
        scheduler = kind(**given)
        found = trajectory(name, scheduler, steps, eta)
        tensors |= {f"{name}/{key}": value for key, value in found.items()}
        config = {"_class_name": kind.__name__, **options(scheduler)}
        if config.get("lambda_min_clipped") == -float("inf"):
            del config["lambda_min_clipped"]  # the default, which JSON cannot say
        case = dict(name=name, steps=steps, scheduler_config=config, init_noise_sigma=float(scheduler.init_noise_sigma), last_state=spread(found["states"][-1]))
        if eta is not None:
            case["eta"] = eta
        cases.append(case)
    for name, (file, kind, steps, eta) in FROM_CONFIG.items():
        scheduler = kind.from_config(KINDS[file["_class_name"]].from_config(file).config)
        found = trajectory(name, scheduler, steps, eta)
        tensors |= {f"{name}/{key}": value for key, value in found.items()}
        case = dict(name=name, steps=steps, scheduler_config=file, made_into=kind.__name__, init_noise_sigma=float(scheduler.init_noise_sigma))
        if eta is not None:
            case["eta"] = eta
        cases.append(case | dict(last_state=spread(found["states"][-1])))
    write_tensors(folder / "trajectories.safetensors", tensors)
    write_json(folder / "cases.json", {"model_output": FORMULA, "shape": list(SHAPE), "cases": cases})
