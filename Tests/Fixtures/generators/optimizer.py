"""optimizer/: AdamW from equal gradients, gradient clipping, learning-rate schedules."""
import torch
from diffusers.optimization import get_scheduler

from .common import largest_difference, normal, write_json, write_tensors

SHAPES = {"matrix": (5, 7), "bias": (7,), "kernel": (4, 3, 3, 3)}
STEPS = 3
RUNS = {
    "defaults": dict(lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2),
    "other": dict(lr=3e-3, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1),
}
SCHEDULES = [("constant", 0, 20), ("constant_with_warmup", 4, 20), ("linear", 0, 10), ("linear", 3, 12), ("cosine", 0, 10), ("cosine", 5, 25)]


def adamw(options, fused):
    weights = {name: normal(f"weights {name}", shape).requires_grad_() for name, shape in SHAPES.items()}
    optimizer = torch.optim.AdamW(weights.values(), fused=fused, **options)
    found = {f"weights.0.{name}": w.detach().clone() for name, w in weights.items()}
    for step in range(1, STEPS + 1):
        for name, w in weights.items():
            w.grad = normal(f"gradient {name}", w.shape, step) * 10.0 ** -step  # so that the moments matter
            found[f"gradient.{step}.{name}"] = w.grad.clone()
        optimizer.step()
        for name, w in weights.items():
            state = optimizer.state[w]
            found |= {f"weights.{step}.{name}": w.detach().clone(), f"exp_avg.{step}.{name}": state["exp_avg"].clone(), f"exp_avg_sq.{step}.{name}": state["exp_avg_sq"].clone()}
    return found


def clipping():
    tensors, norms = {}, {}
    for label, size in (("above", 2.0), ("below", 0.01)):
        weights = {name: torch.zeros(shape, requires_grad=True) for name, shape in SHAPES.items()}
        for name, w in weights.items():
            w.grad = normal(f"clip {name}", w.shape) * size
            tensors[f"{label}.gradient.{name}"] = w.grad.clone()
        norms[label] = float(torch.nn.utils.clip_grad_norm_(weights.values(), 1.0))
        tensors |= {f"{label}.clipped.{name}": w.grad.clone() for name, w in weights.items()}
    return tensors, norms


def learning_rates(name, warmup, total):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=total)
    values = []
    for _ in range(total):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return values


def make(folder):
    runs = {}
    for name, options in RUNS.items():
        fused, plain = adamw(options, True), adamw(options, False)
        write_tensors(folder / f"adamw_{name}.safetensors", fused)
        runs[name] = {**options, "steps": STEPS, "fused_against_plain": max(largest_difference(fused[key], plain[key]) for key in fused)}
    tensors, norms = clipping()
    write_tensors(folder / "clipping.safetensors", tensors)
    write_json(folder / "adamw.json", {"runs": runs, "clipping": {"max_norm": 1.0, "norms": norms}})
    write_json(folder / "learning_rates.json", {
        "meaning": "values[u] is the factor on the learning rate at update u, counted from 0",
        "cases": [dict(schedule=name, warmup=warmup, total=total, values=learning_rates(name, warmup, total)) for name, warmup, total in SCHEDULES],
    })
