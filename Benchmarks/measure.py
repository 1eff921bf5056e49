#!/usr/bin/env python3
"""Runs `seppo align` and seppo_diffusers.py in turns and prints how they compare, as Markdown.

Progress goes to standard error, raw numbers to PLACE/results.json.

Peak memory is the operating system's account of each finished process (ru_maxrss by wait4). Linux lets a process start
from its parent's peak, which is why this file imports nothing large.
"""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
# Keeps freed memory in the process.
ALLOCATOR = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
MODEL_OF_SCENES = HERE.parent / "Sources/Diffusion/Resources/scenes"
PROMPT = "a red circle left of a blue square"
FIRST_IMAGE_IN_PYTHON = """
import sys, torch
from diffusers import StableDiffusionPipeline
model, prompt, output = sys.argv[1:]
pipeline = StableDiffusionPipeline.from_pretrained(model, safety_checker=None, requires_safety_checker=False)
pipeline(prompt, num_inference_steps=50, guidance_scale=7.5, generator=torch.Generator().manual_seed(0)).images[0].save(output)
"""


@dataclass
class Contender:
    name: str
    command: list
    environment: dict = field(default_factory=dict)
    warm_up: bool = False


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--place", type=Path, default=Path("runs/bench"), help="holds model/ and winners/ of make_model.py; results go here")
    parser.add_argument("--seppo", type=Path, default=Path(".build/release/seppo"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=2)
    parser.add_argument("--updates", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--sample-steps", type=int, default=10)
    parser.add_argument("--guidance", type=float, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="where both compute")
    parser.add_argument("--without-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--processes-only", action="store_true", help="measure only what several processes bring")
    parser.add_argument("--peer", type=Path, default=HERE / "seppo_diffusers.py", help="another script with the same options and output")
    return parser.parse_args()


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(command, log, environment=None):
    """Seconds, peak megabytes and standard output of a command; its standard error goes to a file."""
    with open(log, "w") as errors, open(log.with_suffix(".out"), "w+") as output:
        begin = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=output, stderr=errors, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}; the end of {log}:\n" + "\n".join(log.read_text().splitlines()[-5:]))
    per_megabyte = 1 << 20 if platform.system() == "Darwin" else 1 << 10
    return seconds, usage.ru_maxrss / per_megabyte, text


def logged_updates(text):
    """The updates among the JSON lines that either side writes."""
    records = [json.loads(line) for line in text.splitlines()]
    return [record for record in records if record.get("phase", "update") == "update"]


def measure(contender, options):
    """One run: {measure: value}."""
    output = options.place / "run"
    shutil.rmtree(output, ignore_errors=True)
    wall, peak, text = run(contender.command + ["--output", output], options.place / "run.log", contender.environment)
    log = output / "log.jsonl"
    sampling, updating, updates = steady(contender.name, log.read_text() if log.exists() else text, options)
    on_device = {"device_peak": max(record["peak_device_mb"] for record in updates)} if "peak_device_mb" in updates[-1] else {}
    return {"steady": sampling + updating, "sampling": sampling, "updating": updating, "wall": wall, "peak": peak, **on_device}


def steady(name, text, options):
    """Seconds of sampling and of updating after the first update, and all updates, of a run's lines."""
    updates = logged_updates(text)
    expected = options.iterations * options.updates
    if len(updates) != expected:
        raise RuntimeError(f"{name} logged {len(updates)} updates, not {expected}")
    return *(sum(record[key] for record in updates[1:]) for key in ("sample_s", "update_s")), updates


def shared_options(options, threads):
    shared = ["--model", options.place / "model", "--winners", options.place / "winners", "--vae-posterior", "mode", "--threads", f"{threads}"]
    shared += ["--device", options.device]
    for name in ("iterations", "updates", "batch", "sample_steps", "guidance"):
        shared += ["--" + name.replace("_", "-"), f"{getattr(options, name):g}"]
    return shared


def processes(options):
    """{name: [seconds of sampling + updating]}: one process of one thread, two, and two that have nothing to do with each other, taking turns."""
    def align(threads, batch=options.batch):
        shared = shared_options(options, threads)
        shared[shared.index("--batch") + 1] = f"{batch}"
        return [options.seppo, "align", *shared, "--held-out", "0", "--validation-prompts", "0"]

    rows = [Contender("one", align(1)), Contender("two", [*align(2), "--processes", "2"])]
    if platform.system() == "Linux" and os.geteuid() == 0:
        rows.append(Contender("two, 1 ms apart", [sys.executable, HERE / "delay.py", "--milliseconds", "1", "--", *align(1)]))
    else:
        say("two processes with a delay: left out: they need Linux and root for their network namespaces")
    seconds = {row.name: [] for row in rows} | {"unconnected": []}
    for turn in range(options.rounds):
        for row in rows:
            seconds[row.name].append(measure(row, options)["steady"])
        seconds["unconnected"].append(unconnected(align(1, options.batch // 2), options))
        say(f"processes, round {turn + 1} of {options.rounds}: " + ", ".join(f"{name} {values[-1]:.2f} s" for name, values in seconds.items()))
    return seconds


def unconnected(command, options):
    """Seconds of sampling + updating of the slower of two runs at the same time: what the machine itself takes for two processes."""
    outputs = [options.place / f"run-{number}" for number in range(2)]
    started = []
    for output in outputs:
        shutil.rmtree(output, ignore_errors=True)
        with open(output.with_suffix(".log"), "w") as errors:
            started.append(subprocess.Popen([str(part) for part in [*command, "--output", output]], stdout=subprocess.DEVNULL, stderr=errors))
    for output, status in zip(outputs, [process.wait() for process in started]):
        if status:
            log = output.with_suffix(".log")
            raise RuntimeError(f"{command[0]} ended with {status}; the end of {log}:\n" + "\n".join(log.read_text().splitlines()[-5:]))
    return max(sum(steady("unconnected", (output / "log.jsonl").read_text(), options)[:2]) for output in outputs)


def contenders(options):
    shared = shared_options(options, options.threads)
    peer = [sys.executable, options.peer, *shared]
    cache = {"TORCHINDUCTOR_CACHE_DIR": str((options.place / "compiled").resolve())}
    rows = [
        Contender("seppo", [options.seppo, "align", *shared, "--held-out", "0", "--validation-prompts", "0"]),
        Contender("as installed", peer),
        Contender("tuned", [*peer, "--channels-last"], ALLOCATOR),
    ]
    if not options.without_compile:
        rows.append(Contender("compiled", [*peer, "--channels-last", "--compile"], {**ALLOCATOR, **cache}, warm_up=True))
    return rows


def alternate(options):
    """{name: [measures of round 1, …]}, the contenders taking turns; one that fails is left out with a message."""
    results = {contender.name: [] for contender in contenders(options)}
    failed = set()
    for contender in contenders(options):
        if contender.warm_up:
            try:
                say(f"{contender.name}: warming up")
                measure(contender, options)
            except RuntimeError as error:
                say(f"{contender.name}: left out: {error}")
                failed.add(contender.name)
    for turn in range(options.rounds):
        for contender in contenders(options):
            if contender.name in failed:
                continue
            values = measure(contender, options)
            results[contender.name].append(values)
            say(f"round {turn + 1} of {options.rounds}: {contender.name}: " + ", ".join(f"{key} {value:.2f}" for key, value in values.items()))
    return {name: values for name, values in results.items() if values}


def start_up(options):
    """{measure: {name: [seconds]}}, new processes taking turns, their files in the system's cache after the first."""
    image = options.place / "first.png"
    commands = {
        "help": {"seppo": [options.seppo, "--help"],
                 "as installed": [sys.executable, "-c", "import torch, diffusers; from diffusers import StableDiffusionPipeline"]},
    }
    if (MODEL_OF_SCENES / "model_index.json").exists():
        commands["first image"] = {
            "seppo": [options.seppo, "generate", "--model", "scenes", "--prompt", PROMPT, "--output", image],
            "as installed": [sys.executable, "-c", FIRST_IMAGE_IN_PYTHON, MODEL_OF_SCENES, PROMPT, image],
        }
    else:
        say(f"first image: left out: no model in {MODEL_OF_SCENES}")
    seconds = {}
    for name, pair in commands.items():
        seconds[name] = {contender: [] for contender in pair}
        for turn in range(options.rounds + 1):
            for contender, command in pair.items():
                taken = run(command, options.place / "start.log")[0]
                if turn:
                    seconds[name][contender].append(taken)
        say(f"{name}: " + ", ".join(f"{contender} {statistics.median(taken):.2f} s" for contender, taken in seconds[name].items()))
    return seconds


# ---- The table --------------------------------------------------------------------------------------------------------


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def peer_cell(ours, theirs, unit):
    """The peer's median, then ours divided by the peer's, round by round: median (least–greatest)."""
    ratios = [a / b for a, b in zip(ours, theirs)]
    return f"{number(statistics.median(theirs))} {unit}<br>**{statistics.median(ratios):.2f}** ({min(ratios):.2f}–{max(ratios):.2f})"


def table(results, seconds):
    titles = {"as installed": "PyTorch + diffusers, as installed", "tuned": "… allocator tuned, channels-last",
              "compiled": "… and `torch.compile`, warm"}
    peers = [name for name in results if name != "seppo"]
    lines = ["| | seppo | " + " | ".join(titles[name] for name in peers) + " |", "|---|---|" + "---|" * len(peers)]

    def add(title, unit, values):
        cells = [peer_cell(values["seppo"], values[name], unit) if name in values else "" for name in peers]
        lines.append(f"| {title} | {number(statistics.median(values['seppo']))} {unit} | " + " | ".join(cells) + " |")

    for key, title, unit in [("steady", "sampling + updating, after the first update", "s"), ("sampling", "— sampling", "s"),
                             ("updating", "— updating", "s"), ("wall", "whole run", "s"), ("peak", "peak memory", "MB"), ("device_peak", "peak memory of the device", "MB")]:
        if key not in results["seppo"][0]:
            continue
        add(title, unit, {name: [values[key] for values in rounds] for name, rounds in results.items()})
    if "help" in seconds:
        add("start: `seppo --help`; importing diffusers", "s", seconds["help"])
    if "first image" in seconds:
        add("start: first image of the built-in model, 50 steps", "s", seconds["first image"])
    return "\n".join(lines)


def processes_table(seconds):
    titles = {"two": "two processes", "two, 1 ms apart": "two, every packet 1 ms under way", "unconnected": "two runs of half the batch, unconnected"}
    lines = ["| one thread a process | one process | " + " | ".join(titles[name] for name in seconds if name != "one") + " |",
             "|---|---|" + "---|" * (len(seconds) - 1)]
    cells = []
    for name, values in seconds.items():
        ratios = [a / b for a, b in zip(values, seconds["one"])]
        ratio = f"<br>**{statistics.median(ratios):.3f}** ({min(ratios):.3f}–{max(ratios):.3f})" if name != "one" else ""
        cells.append(f"{number(statistics.median(values))} s{ratio}")
    return "\n".join([*lines, "| sampling + updating, after the first update | " + " | ".join(cells) + " |"])


def processor():
    if platform.system() == "Darwin":
        return subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True).stdout.strip()
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return names[0] if names else platform.machine()


def description(options):
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "diffusers", "transformers"))
    return (f"{processor()}, {os.cpu_count()} cores, {'' if options.device == 'cpu' else options.device + ', '}{platform.system()} {platform.machine()}; {options.threads} threads; Python "
            f"{platform.python_version()}, {versions}. SePPO, {options.iterations} iterations of {options.updates} updates, batch {options.batch}, "
            f"{options.sample_steps} sampling steps, guidance {options.guidance:g}; medians of {options.rounds} rounds taken in turns. In bold seppo's "
            "value divided by the peer's of the same round: median (least–greatest).")


def main():
    options = parse_options()
    busy = os.getloadavg()[0]
    if busy > 0.5:
        say(f"the machine is busy (load {busy:.1f}): the numbers will be rough")
    if options.processes_only:
        print(description(options), processes_table(processes(options)), sep="\n\n")
        return
    # A program starts alike whatever the device, and several processes on one GPU would only take its time from one another.
    on_processor = options.device == "cpu"
    results, seconds, several = alternate(options), start_up(options) if on_processor else {}, processes(options) if on_processor else {}
    raw = {"machine": description(options), "runs": results, "start": seconds, "processes": several}
    (options.place / "results.json").write_text(json.dumps(raw, indent=1))
    print(description(options), table(results, seconds), *([processes_table(several)] if several else []), sep="\n\n")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        say(error)
        sys.exit(1)
