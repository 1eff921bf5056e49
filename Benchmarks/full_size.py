#!/usr/bin/env python3
"""Runs `seppo align` and seppo_diffusers.py on a model of Stable Diffusion 1.5's full size and prints how they compare, as Markdown.

Weights are random, made by Tests/Fixtures/make_large.py. Both sides train with gradient checkpointing or, in the rows "all kept", without. Memory is read
off /proc while a process runs: anonymous memory, which only the process's end gives back, apart from pages of mapped files, which the kernel may drop at any
time; that of a GPU is what libtorch's allocator has given out at most. Linux only.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from measure import ALLOCATOR, HERE, logged_updates, number, say


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--place", type=Path, default=Path("runs/large"), help="holds model/ of make_large.py; results go here")
    parser.add_argument("--seppo", type=Path, default=Path(".build/release/seppo"))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--updates", type=int, default=4)
    parser.add_argument("--sample-steps", type=int, default=4)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="where both compute")
    parser.add_argument("--frames", type=int, default=8, help="of clips")
    parser.add_argument("--tuned", action="store_true", help="the counterpart keeps freed memory, as we do, and may need more of it")
    parser.add_argument("--only", nargs="+", choices=[*ROWS, *CLIP_ROWS], default=["full", "LoRA 16"])
    return parser.parse_args()


CHECKPOINTING = ["--gradient-checkpointing"]
ROWS = {
    "full": CHECKPOINTING,
    "LoRA 16": ["--lora", "16", *CHECKPOINTING],
    "full, all kept": [],
    "LoRA 16, all kept": ["--lora", "16"],
}
# Of clips: motion modules over the model, or adapters in them; our options, and the counterpart's where they differ.
CLIP_ROWS = {
    "motion": (["--train", "motion", *CHECKPOINTING], CHECKPOINTING),
    "motion, LoRA 8": (["--lora", "8", "--lora-targets", "motion", *CHECKPOINTING], ["--lora", "8", *CHECKPOINTING]),
}


def make_clips(options):
    """Motion modules of AnimateDiff's third version with random weights (417 million), and four clips."""
    adapter, clips = options.place / "motion", options.place / f"clips-{options.frames}"
    if not (adapter / "config.json").exists():
        say("making motion modules of full size")
        code = ("import sys, torch; from diffusers import MotionAdapter; torch.manual_seed(0)\n"
                "MotionAdapter(use_motion_mid_block=False, motion_num_attention_heads=8).save_pretrained(sys.argv[1])")
        subprocess.run([sys.executable, "-c", code, adapter], check=True)
    if not clips.exists():
        import numpy
        from PIL import Image
        random = numpy.random.default_rng(0)
        for clip in range(4):
            folder = clips / f"{clip:05}"
            folder.mkdir(parents=True)
            coarse = random.integers(0, 256, (2, 6, 6, 3), dtype=numpy.uint8)
            begin, end = (numpy.asarray(Image.fromarray(c).resize((options.resolution,) * 2, Image.BICUBIC), float) for c in coarse)
            for frame in range(options.frames):
                share = frame / max(1, options.frames - 1)
                Image.fromarray((begin * (1 - share) + end * share).astype(numpy.uint8)).save(folder / f"{frame:04}.png")
        lines = [json.dumps({"video_path": f"{clip:05}", "caption": f"a slow change, number {clip}", "fps": 8}) + "\n" for clip in range(4)]
        (clips / "metadata.jsonl").write_text("".join(lines))
    return adapter, clips


class Watcher(threading.Thread):
    """The greatest anonymous, mapped and resident memory of a process, in MB."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.peaks = process, {"anonymous": 0, "mapped": 0, "resident": 0}

    def run(self):
        keys = {"RssAnon": "anonymous", "RssFile": "mapped", "VmRSS": "resident"}
        while self.process.poll() is None:
            try:
                for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                    name, _, value = line.partition(":")
                    if name in keys:
                        self.peaks[keys[name]] = max(self.peaks[keys[name]], int(value.split()[0]) / 1024)
            except (FileNotFoundError, ProcessLookupError):
                break
            time.sleep(0.05)


def measure(command, options, environment):
    """Seconds an update and a sampled image, medians of all updates but the first, and peaks of memory."""
    output, log = options.place / "run", options.place / "run.log"
    shutil.rmtree(output, ignore_errors=True)
    with open(log, "w") as errors, open(log.with_suffix(".out"), "w") as text:
        process = subprocess.Popen([str(part) for part in command + ["--output", output]], stdout=text, stderr=errors, env={**os.environ, **environment})
        watcher = Watcher(process)
        watcher.start()
        watcher.join()
        process.wait()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}; the end of {log}:\n" + "\n".join(log.read_text().splitlines()[-5:]))
    lines = output / "log.jsonl" if (output / "log.jsonl").exists() else log.with_suffix(".out")
    updates = logged_updates(lines.read_text())
    if len(updates) != options.updates:
        raise RuntimeError(f"{command[0]} logged {len(updates)} updates, not {options.updates}")
    shutil.rmtree(output, ignore_errors=True)
    medians = {key: statistics.median(record[key] for record in updates[1:]) for key in ("update_s", "sample_s")}
    on_device = {"device": max(record["peak_device_mb"] for record in updates)} if "peak_device_mb" in updates[-1] else {}
    return {**medians, **watcher.peaks, **on_device}


def main():
    options = parse_options()
    if os.getloadavg()[0] > 0.5:
        say(f"the machine is busy (load {os.getloadavg()[0]:.1f}): the numbers will be rough")
    winners = options.place / "winners"
    if not winners.exists():
        subprocess.run([options.seppo, "scenes", "--output", winners, "--count", "8"], check=True, stdout=subprocess.DEVNULL)
    shared = ["--model", options.place / "model", "--vae-posterior", "mode", "--batch", options.batch, "--device", options.device,
              "--iterations", "1", "--updates", options.updates, "--sample-steps", options.sample_steps, "--resolution", options.resolution,
              "--threads", options.threads, "--guidance", "7.5"]
    peer, environment = ("allocator tuned", ALLOCATOR) if options.tuned else ("as installed", {})
    contenders = {
        "seppo": [options.seppo, "align", *shared, "--held-out", "0", "--validation-prompts", "0"],
        peer: [sys.executable, HERE / "seppo_diffusers.py", *shared],
    }

    def arguments(row, name):
        if row in ROWS:
            return ["--winners", winners, *ROWS[row]]
        adapter, clips = make_clips(options)
        ours, theirs = CLIP_ROWS[row]
        frames = ["--frames", options.frames, "--frame-rule", "first", "--frame-start", "first"] if name == "seppo" else []
        return ["--winners", clips, "--motion", adapter, *frames, *(ours if name == "seppo" else theirs)]

    results = {row: {name: [] for name in contenders} for row in options.only}
    for turn in range(options.rounds):
        for row in options.only:
            for name, command in contenders.items():
                values = measure(command + arguments(row, name), options, environment if name == peer else {})
                results[row][name].append(values)
                say(f"round {turn + 1} of {options.rounds}: {row}, {name}: " + ", ".join(f"{key} {value:.1f}" for key, value in values.items()))
    (options.place / "results.json").write_text(json.dumps(results, indent=1))
    print(f"| | measure | seppo | PyTorch + diffusers, {peer} | ratio |", "|---|---|---|---|---|", sep="\n")
    for row, pair in results.items():
        for key, title, unit in [("update_s", "an update, without its sample", "s"), ("sample_s", f"its sample, {options.sample_steps} steps", "s"),
                                 ("anonymous", "peak anonymous memory", "MB"), ("mapped", "peak mapped files", "MB"), ("resident", "peak resident", "MB"),
                                 ("device", "peak memory of the device", "MB")]:
            if not all(key in values for name in contenders for values in pair[name]):
                continue
            ours, theirs = ([values[key] for values in pair[name]] for name in contenders)
            ratios = [a / b for a, b in zip(ours, theirs) if b]
            ratio = f"**{statistics.median(ratios):.2f}**" if ratios else ""
            print(f"| {row} | {title} | {number(statistics.median(ours))} {unit} | {number(statistics.median(theirs))} {unit} | {ratio} |")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        say(error)
        sys.exit(1)
