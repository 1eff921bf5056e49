#!/usr/bin/env python3
"""Makes every parity fixture in this folder from PyTorch, diffusers and transformers, on the processor, with fixed seeds.

    pip install torch==2.13.0 diffusers==0.42.1 transformers==5.23.0 tokenizers safetensors numpy pillow
    python Tests/Fixtures/make_fixtures.py              # everything, about a minute
    python Tests/Fixtures/make_fixtures.py unet vae     # only these folders

Each folder is emptied and written anew. README.md beside this file says what each tensor is.
"""
import importlib
import pathlib
import shutil
import sys

root = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(root))
sys.dont_write_bytecode = True

from generators import common  # noqa: E402

FOLDERS = {
    "clip_text": "text_encoder",
    "vae": "autoencoder",
    "unet": "unet",
    "motion": "motion",
    "schedules": "schedules",
    "samplers": "samplers",
    "pipeline": "pipeline",
    "one_update": "one_update",
    "one_update_clips": "one_update_clips",
    "optimizer": "optimizer",
    "tensor_files": "tensor_files",
    "metrics": "clip_metrics",
    "checkpoints": "checkpoints",
}
LARGEST_FILE, LARGEST_TOTAL = 600_000, 4_600_000


def main():
    wanted = sys.argv[1:] or list(FOLDERS)
    for name in wanted:
        if name not in FOLDERS:
            sys.exit(f"unknown folder {name}: choose from {', '.join(FOLDERS)}")
    common.prepare()
    for name in wanted:
        folder = root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        importlib.import_module(f"generators.{FOLDERS[name]}").make(folder)
        size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        print(f"{name}: {size / 1000:.0f} kB")
    common.write_json(root / "versions.json", common.versions())
    files = [f for name in FOLDERS for f in (root / name).rglob("*") if f.is_file()]
    total = sum(f.stat().st_size for f in files)
    largest = max(files, key=lambda f: f.stat().st_size)
    print(f"total {total / 1000:.0f} kB, largest {largest.relative_to(root)} {largest.stat().st_size / 1000:.0f} kB")
    if total > LARGEST_TOTAL or largest.stat().st_size > LARGEST_FILE:
        sys.exit("too large to commit")


if __name__ == "__main__":
    main()
