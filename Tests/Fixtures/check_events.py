#!/usr/bin/env python3
"""Reads a run's TensorBoard events as TensorBoard does and compares them with the run's own files.

    check_events.py <run directory>

Every number of log.jsonl and of validation.jsonl must be there, once, and nothing else; every sample, pixel by pixel; and the settings of run.yaml.
EventTests.swift runs this.
"""
import io
import json
import pathlib
import struct
import sys

import numpy as np
import yaml
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = pathlib.Path(sys.argv[1])
events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
events.Reload()


def single(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def numbers(value, name):
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return {}
    if isinstance(value, list):
        return {tag: number for index, item in enumerate(value) for tag, number in numbers(item, f"{name}/{index}").items()}
    return {name: single(value)}


expected = {}
for line in (run / "log.jsonl").read_text().splitlines():
    entry = json.loads(line)
    step = entry.pop("update")
    for key, value in entry.items():
        for tag, number in numbers(value, f"train/{key}").items():
            expected[tag, step] = number
pictures = {}
for line in (run / "validation.jsonl").read_text().splitlines():
    entry = json.loads(line)
    for key in ("denoising_error", "seconds"):
        if key in entry:
            expected[f"validation/{key}", entry["update"]] = single(entry[key])
    for file in sorted((run / "samples" / f"k{entry['k']:04d}").glob("*.png")):
        pictures[f"samples/{file.stem}", entry["update"]] = np.asarray(Image.open(file))

scalars = [((tag, event.step), event.value) for tag in events.Tags()["scalars"] for event in events.Scalars(tag)]
assert len(scalars) == len(expected), f"{len(scalars)} scalars, the logs have {len(expected)}"
for key, value in scalars:
    assert expected[key] == value, f"{key}: {value}, the log has {expected[key]}"
images = [((tag, event.step), event) for tag in events.Tags()["images"] for event in events.Images(tag)]
assert len(images) == len(pictures) > 0, f"{len(images)} images, {len(pictures)} files"
for key, event in images:
    image = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))
    assert image.shape == (event.height, event.width, 3) and np.array_equal(image, pictures[key]), f"{key} differs"
[text] = events.Tensors("settings/text_summary")
table = text.tensor_proto.string_val[0].decode()
rows = dict(tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.splitlines()[2:])
settings = yaml.safe_load((run / "run.yaml").read_text())
assert rows.keys() == settings.keys(), set(rows) ^ set(settings)
for name, value in settings.items():
    if isinstance(value, str) and value.startswith("/"):
        # Of a path only its last part is told.
        assert rows[name] == "…/" + value.rsplit("/", 1)[1], f"{name}: {rows[name]}"
        continue
    # PyYAML takes 5e-2 for a text.
    same = rows[name] == value or yaml.safe_load(rows[name]) == value or float(rows[name]) == float(value)
    assert same, f"{name}: {rows[name]}, run.yaml has {value}"
print(f"{len(scalars)} scalars, {len(images)} images, {len(rows)} settings")
