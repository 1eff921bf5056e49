"""one_update/: one update of every method on a tiny UNet, from given latents, text states, timesteps and noise."""
import copy
import math

import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, UNet2DConditionModel

from . import unet as unet_cases
from .common import loud, normal, parameters, relative, write_json, write_tensors

CONFIG = {**unet_cases.SD1, **unet_cases.blocks(unet_cases.CROSS), "block_out_channels": (8,), "cross_attention_dim": 6, "norm_num_groups": 2, "sample_size": 8}
SCHEDULE = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
# Small predictions and noise give errors of a few hundredths: subtracting errors near 1 and multiplying by 1000 (beta 2000) would leave three digits.
SCALE = 0.2
BATCH, LR, WEIGHT_DECAY, MAX_NORM = 4, 1e-4, 1e-2, 1.0
# Stored of every gradient and change; of one case all parameters are.
NAMED = ["conv_in.weight", "time_embedding.linear_1.weight", "time_embedding.linear_2.bias", "down_blocks.0.resnets.0.conv1.bias", "down_blocks.0.resnets.0.time_emb_proj.bias",
         "down_blocks.0.attentions.0.proj_in.weight", "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight", "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight",
         "up_blocks.0.attentions.1.transformer_blocks.0.ff.net.0.proj.bias", "up_blocks.0.resnets.0.norm2.weight", "conv_norm_out.weight", "conv_out.weight", "conv_out.bias"]
WHOLE = ["seppo_beta2000"]
FAR = {"checkpoint_1": 0.01, "policy": 0.01}  # relative size of the step to the next set of weights

# method: (losing latents, reference checkpoint, flip). There are two checkpoints, so `initial` is 0 and `latest` is 1.
METHODS = {
    "seppo": ("reference_latents.1", 1, "sign"),
    "sspo": ("reference_latents.1", 1, "indicator"),
    "no_aaf": ("reference_latents.1", 1, "none"),
    "spin": ("reference_latents.1", 1, "none"),
    "ditto": ("reference_latents.0", 0, "none"),
    "dpo": ("losing_latents", 0, "none"),
}


def cases():
    for beta in (50, 2000):
        for method, (losing, reference, flip) in METHODS.items():
            if method != "spin":  # with reference 1 drawn, spin is no_aaf: listed once, below
                yield f"{method}_beta{beta}", dict(method=method, beta=beta, losing=losing, reference=reference, flip=flip)
            else:
                yield f"spin_beta{beta}", dict(method=method, beta=beta, losing=losing, reference=reference, flip=flip, same_as=f"no_aaf_beta{beta}")
        yield f"seppo_initial_beta{beta}", dict(method="seppo", beta=beta, losing="reference_latents.0", reference=0, flip="sign")
    yield "sft", dict(method="sft", beta=None, losing=None, reference=None, flip=None)
    yield "seppo_v_prediction", dict(method="seppo", beta=50, losing="reference_latents.1", reference=1, flip="sign", prediction_type="v_prediction")
    yield "sft_v_prediction", dict(method="sft", beta=None, losing=None, reference=None, flip=None, prediction_type="v_prediction")
    yield "seppo_unshared_noise", dict(method="seppo", beta=50, losing="reference_latents.1", reference=1, flip="sign", unshared=True)
    for method in ("seppo", "sspo", "no_aaf"):
        losing, reference, flip = METHODS[method]
        yield f"{method}_tie", dict(method=method, beta=2000, losing=losing, reference=reference, flip=flip, policy="checkpoint_1")


def flip(kind, advantage):
    return {"sign": advantage.sign(), "indicator": (advantage > 0).to(advantage.dtype), "none": torch.ones_like(advantage)}[kind]


def update(case, weights, inputs, dtype, build, is_trained=lambda name: True):
    """The update in full, as a PyTorch user would write it. Latents of clips have an axis of frames, which diffusers wants text states repeated for."""
    inputs = {k: v.to(dtype) if v.is_floating_point() else v for k, v in inputs.items()}
    policy = build(weights[case.get("policy", "policy")]).to(dtype)
    scheduler = DDPMScheduler(**SCHEDULE)
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.to(dtype)
    x, states = inputs["winner_latents"], inputs["text_states"]
    second = "reference_" if case.get("unshared") else ""
    draws = [(x, inputs["timesteps"], inputs["noise"])]
    if case["losing"]:
        draws.append((inputs[case["losing"]], inputs[second + "timesteps"], inputs[second + "noise"]))
    v = case.get("prediction_type") == "v_prediction"
    noisy = torch.cat([scheduler.add_noise(*order(d)) for d in draws])
    target = torch.cat([scheduler.get_velocity(*order(d)) if v else d[2] for d in draws])
    times = torch.cat([d[1] for d in draws])
    text = torch.cat([states] * len(draws))
    if x.ndim == 5:
        text = text.repeat_interleave(x.shape[2], 0)

    def errors(net):  # winners and losers in one batch, the same for policy and reference
        return (net(noisy, times, text).sample - target).pow(2).flatten(1).mean(1).chunk(len(draws))

    found = {}
    if case["losing"]:
        m_w, m_r = errors(policy)
        with torch.no_grad():
            r_w, r_r = errors(build(weights[f"checkpoint_{case['reference']}"]).to(dtype))
        s = flip(case["flip"], (r_w - m_w).detach())
        margin = -(case["beta"] / 2) * ((m_w - r_w) - s * (m_r - r_r))
        loss = -F.logsigmoid(margin).mean()
        found |= {"m_w": m_w, "m_r": m_r, "r_w": r_w, "r_r": r_r, "s": s, "margin": margin}
    else:
        (m_w,) = errors(policy)
        loss = m_w.mean()
        found |= {"m_w": m_w}
    trained = {n: p for n, p in policy.named_parameters() if is_trained(n)}
    before = {n: p.detach().clone() for n, p in trained.items()}
    optimizer = torch.optim.AdamW(trained.values(), lr=LR, weight_decay=WEIGHT_DECAY, fused=True)
    loss.backward()
    gradients = {n: p.grad.clone() for n, p in trained.items()}
    norm = torch.nn.utils.clip_grad_norm_(trained.values(), MAX_NORM)
    optimizer.step()
    change = {n: p.detach() - before[n] for n, p in trained.items()}
    return {k: t.detach() for k, t in found.items()}, loss.item(), gradients, norm.item(), change


def order(draw):
    latents, timesteps, noise = draw
    return latents, noise, timesteps


def build(weights):
    unet = UNet2DConditionModel(**CONFIG).eval()
    unet.load_state_dict(weights)
    return unet


def relative_norm(a, b):
    top = math.sqrt(sum((a[n].double() - b[n].double()).pow(2).sum().item() for n in b))
    return float(f"{top / math.sqrt(sum(b[n].double().pow(2).sum().item() for n in b)):.3g}")


def norm_of(tensors):
    return math.sqrt(sum(t.double().pow(2).sum().item() for t in tensors.values()))


@torch.no_grad()
def moved(weights, name):
    return {n: w + FAR[name] * w.std(unbiased=False) * normal(f"{name} {n}", w.shape, 22) for n, w in weights.items()}


def make(folder):
    start = loud(UNet2DConditionModel(**CONFIG), 31, {"conv_in.weight": 1 / SCALE, "conv_out": 0.3})
    weights = {"checkpoint_0": copy.deepcopy(start.state_dict())}
    weights["checkpoint_1"] = moved(weights["checkpoint_0"], "checkpoint_1")
    weights["policy"] = moved(weights["checkpoint_1"], "policy")
    start.save_config(folder)
    for name, values in weights.items():
        write_tensors(folder / f"{name}.safetensors", values)
    shape = (BATCH, 4, 6, 8)
    inputs = {name: SCALE * normal(name, shape) for name in ("winner_latents", "reference_latents.0", "reference_latents.1", "losing_latents", "noise", "reference_noise")}
    inputs |= {"text_states": normal("text_states", (BATCH, 5, 6)), "timesteps": torch.tensor([999, 3, 420, 150]), "reference_timesteps": torch.tensor([17, 650, 301, 888])}
    write_tensors(folder / "inputs.safetensors", inputs)

    write_cases(folder, cases(), weights, inputs, build, NAMED, WHOLE, parameters(start))


def write_cases(folder, cases, weights, inputs, build, named, whole, parameter_count, is_trained=lambda name: True):
    listed = []
    for name, case in cases:
        found, loss, gradients, norm, change = update(case, weights, inputs, torch.float32, build, is_trained)
        exact = update(case, weights, inputs, torch.float64, build, is_trained)
        entry = {"name": name, **{k: v for k, v in case.items()}, "loss": loss, "gradient_norm": norm, "clipped": norm > MAX_NORM, "change_norm": norm_of(change)}
        entry.setdefault("prediction_type", "epsilon")
        entry.setdefault("policy", "policy")
        entry |= {key: [round(v, 9) for v in value.tolist()] for key, value in found.items()}
        entry["float64"] = {
            "loss": exact[1],
            "errors_difference": max(float(f"{(found[k].double() - exact[0][k]).abs().max():.3g}") for k in found if k not in ("s", "margin")),
            "margin_difference": float(f"{(found['margin'].double() - exact[0]['margin']).abs().max():.3g}") if "margin" in found else None,
            "gradient_relative_difference": relative_norm(gradients, exact[2]),
            "change_relative_difference": relative_norm(change, exact[4]),
        }
        if "same_as" not in case:
            kept = list(gradients) if name in whole else named
            write_tensors(folder / f"{name}.safetensors", found | {f"gradient.{n}": gradients[n] for n in kept} | {f"change.{n}": change[n] for n in kept})
        entry["file"] = relative(folder / f"{case.get('same_as', name)}.safetensors")
        entry.pop("same_as", None)
        entry["tensors"] = "all parameters" if name in whole else "named parameters"
        entry["unshared_noise"] = entry.pop("unshared", False)
        listed.append(entry)
    write_json(folder / "cases.json", {
        "noise_schedule": SCHEDULE, "parameters": parameter_count, "batch": BATCH, "named_parameters": named,
        "optimizer": {"name": "AdamW", "lr": LR, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": WEIGHT_DECAY, "max_gradient_norm": MAX_NORM, "step": 1},
        "cases": listed,
    })
