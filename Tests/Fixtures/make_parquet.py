"""Makes Parquet files with the schemas that data sets really have.

    python Tests/Fixtures/make_parquet.py                       # Tests/Fixtures/parquet: small, committed
    python Tests/Fixtures/make_parquet.py large FILE GIGABYTES  # a large file with Pick-a-Pic's schema, to measure memory with

Needs pyarrow, numpy and Pillow. The images are Scenes' size and come from a fixed seed; `hub.parquet`, `pick-a-pic.parquet` and the folder `images`
hold the same pictures byte for byte, so that every reader can be held against every other.
"""

import io
import json
import pathlib
import shutil
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

FOLDER = pathlib.Path(__file__).parent / "parquet"

# The schema of the files of yuvalkirstain/pickapic_v2 on the hub; v1 has the same columns.
PICK_A_PIC = pa.schema([
    ("are_different", pa.bool_()), ("best_image_uid", pa.string()), ("caption", pa.string()), ("created_at", pa.timestamp("ns")), ("has_label", pa.bool_()),
    ("image_0_uid", pa.string()), ("image_0_url", pa.string()), ("image_1_uid", pa.string()), ("image_1_url", pa.string()), ("jpg_0", pa.binary()),
    ("jpg_1", pa.binary()), ("label_0", pa.float64()), ("label_1", pa.float64()), ("model_0", pa.string()), ("model_1", pa.string()),
    ("ranking_id", pa.int64()), ("user_id", pa.int64()), ("num_example_per_prompt", pa.int64()), ("__index_level_0__", pa.int64()),
])
# What the `datasets` library writes for a column of images.
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
HUB = pa.schema([("image", IMAGE), ("text", pa.string())], metadata={
    "huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}, "text": {"dtype": "string", "_type": "Value"}}}})})

CAPTIONS = ["a red circle", "a blue square", "a green triangle above a red circle", "ein gelber Fuß 🦶", "a blue square"]


def picture(number, format="JPEG", side=32):
    random = np.random.default_rng(number)
    y, x = np.mgrid[0:side, 0:side] / side
    colour = random.uniform(0, 255, (2, 3))
    pixels = colour[0] + (colour[1] - colour[0]) * (x * random.uniform() + y * random.uniform())[..., None]
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, format)
    return file.getvalue()


def pick_a_pic_row(number, caption, jpg_0, jpg_1, label_0, label_1, has_label=True):
    return {
        "are_different": jpg_0 != jpg_1, "best_image_uid": f"uid-{number}", "caption": caption, "created_at": number, "has_label": has_label,
        "image_0_uid": f"{number}-0", "image_0_url": "", "image_1_uid": f"{number}-1", "image_1_url": "", "jpg_0": jpg_0, "jpg_1": jpg_1,
        "label_0": label_0, "label_1": label_1, "model_0": "a", "model_1": "b", "ranking_id": number, "user_id": 7, "num_example_per_prompt": 1,
        "__index_level_0__": number,
    }


def pick_a_pic(good, bad):
    """Five winners, now the one image and now the other, and one row of every kind that is none. Three rows a row group."""
    rows = []
    for number, caption in enumerate(CAPTIONS):
        pair = (good[number], bad[number], 1.0, 0.0) if number % 2 == 0 else (bad[number], good[number], 0.0, 1.0)
        rows.append(pick_a_pic_row(number, caption, *pair))
    others = [
        (CAPTIONS[0], good[0], bad[0], 0.5, 0.5),  # a tie
        (CAPTIONS[1], good[1], bad[1], 0.5, 0.5),  # another
        (CAPTIONS[2], good[2], bad[2], None, None),  # no label
        (CAPTIONS[2], good[2], bad[2], 1.0, 0.0, False),  # said to have none
        (CAPTIONS[0], bad[0], good[0], 0.0, 1.0),  # the first pair again, the other way round
        ("  \n", good[0], bad[0], 1.0, 0.0),  # no caption
        (None, good[0], bad[0], 1.0, 0.0),  # none at all
        (CAPTIONS[0], None, bad[0], 1.0, 0.0),  # no bytes
        (CAPTIONS[0], good[0], b"", 1.0, 0.0),  # no bytes of the other
        (CAPTIONS[0], good[0], bad[0], 0.7, 0.3),  # labels that are none
    ]
    rows += [pick_a_pic_row(len(CAPTIONS) + number, *row) for number, row in enumerate(others)]
    pq.write_table(pa.Table.from_pylist(rows, PICK_A_PIC), FOLDER / "pick-a-pic.parquet", row_group_size=3)


def hub(good):
    rows = [{"image": {"bytes": image, "path": f"{number}.jpg"}, "text": caption} for number, (image, caption) in enumerate(zip(good, CAPTIONS))]
    rows += [
        {"image": {"bytes": good[0], "path": "again.jpg"}, "text": CAPTIONS[0]},
        {"image": {"bytes": None, "path": "elsewhere.jpg"}, "text": "a path alone"},
        {"image": None, "text": "no image"},
        {"image": {"bytes": good[1], "path": None}, "text": ""},
    ]
    # With checksums, so that a test can show that they are looked at, and uncompressed, so that it finds an image.
    pq.write_table(pa.Table.from_pylist(rows, HUB), FOLDER / "hub.parquet", row_group_size=4, write_page_checksum=True, compression="NONE")


def ambiguous(good):
    table = {"original": [{"bytes": good[0], "path": "a"}], "edited": [{"bytes": good[1], "path": "b"}], "title": ["one"], "body": ["two"], "score": [1]}
    schema = pa.schema([("original", IMAGE), ("edited", IMAGE), ("title", pa.string()), ("body", pa.string()), ("score", pa.int32())])
    pq.write_table(pa.table(table, schema), FOLDER / "ambiguous.parquet")


def types(good):
    """Captions and images of every type that a column of their name may have, one file each."""
    (FOLDER / "types").mkdir()
    pictures = good[:3]
    image = pa.array([{"bytes": picture, "path": f"{number}.jpg"} for number, picture in enumerate(pictures)], type=IMAGE)
    texts = ["a red circle", "a blue square", "a green triangle"]
    lists = [["one", None, "  ", "two"], [], ["three", "four", "five"]]
    names = pa.array([f"COCO_train2014_{number:012d}.jpg" for number in range(3)])
    tables = {
        "captions-list": {"image": image, "caption": pa.array(lists, type=pa.list_(pa.string())), "filename": names},
        "captions-large-list": {"image": image, "captions": pa.array(lists, type=pa.large_list(pa.large_string()))},
        "captions-fixed-list": {"image": image, "caption": pa.array([["one", "two"], ["three", None], ["four", "five"]], type=pa.list_(pa.string(), 2))},
        "captions-endless": {"image": image, "caption": pa.array([["word"] * 2000, ["x" * 700_000, "y" * 700_000], ["short"]], type=pa.list_(pa.string()))},
        "caption-struct": {"image": image, "caption": pa.array([{"en": text, "fr": "x"} for text in texts]), "filename": names},
        "caption-number": {"image": image, "text": pa.array([1, 2, 3]), "caption": texts},
        "caption-nulls": {"image": image, "text": pa.nulls(3)},
        "caption-lists-of-lists": {"image": image, "caption": pa.array([[[text]] for text in texts])},
        "caption-structs": {"image": image, "caption": pa.array([[{"text": text, "id": 1}] for text in texts])},
        "labels": {"image": image, "label": [0, 1, 2], "wnid": ["n01440764", "n01443537", "n01484850"]},
        "names": {"image": image, "file_name": names},
        "splits": {"image": image, "split": ["train", "train", "test"]},
        "image-list": {"images": pa.array([[{"bytes": picture, "path": "a"}] for picture in pictures], type=pa.list_(IMAGE)), "text": texts},
        "image-text": {"image": ["iVBORw0KGgo="] * 3, "photo": image, "text": texts},
        "image-path": {"image": pa.array([{"path": "a.png"}] * 3), "text": texts},
        "image-paths": {"image": pa.array([{"bytes": None, "path": f"/data/{number}.png"} for number in range(3)], type=IMAGE), "text": texts},
        "large": {"image": pa.array(pictures, type=pa.large_binary()), "text": pa.array(texts, type=pa.large_string())},
        "dictionary": {"image": image, "text": pa.array(texts).dictionary_encode()},
        "view": {"image": pa.array(pictures, type=pa.binary_view()), "text": pa.array(texts, type=pa.string_view())},
        "bytes": {"image": image, "text": pa.array([texts[0].encode(), texts[1].encode("utf-16"), b"\xe9"])},
        "control": {"image": image, "conditioning_image": image, "TEXT": texts},
        "two-images": {"jpg": image, "png": image, "text": texts},
        "bytes-number": {"image": image, "bytes": [1, 2, 3], "text": texts},
        "null-rows": {"image": pa.array([None] * 100_000, type=IMAGE), "text": pa.array([None] * 100_000, type=pa.string())},
    }
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), FOLDER / "types" / f"{name}.parquet")


def folder(good, bad):
    images = FOLDER / "images"
    (images / "losers").mkdir(parents=True)
    lines = []
    for number, caption in enumerate(CAPTIONS):
        name = f"{number}.jpg"
        (images / name).write_bytes(good[number])
        (images / "losers" / name).write_bytes(bad[number])
        lines.append(json.dumps({"file_name": name, "text": caption, "loser_file_name": "losers/" + name}, ensure_ascii=False))
    (images / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def small():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    good = [picture(number) for number in range(len(CAPTIONS))]
    bad = [picture(100 + number) for number in range(len(CAPTIONS))]
    pick_a_pic(good, bad)
    hub(good)
    ambiguous(good)
    types(good)
    folder(good, bad)


def large(path, gigabytes):
    """Rows of two images of some hundred kilobytes, 500 a row group; a quarter of the rows are ties."""
    random = np.random.default_rng(0)
    head = picture(0, "PNG", 64)
    with pq.ParquetWriter(path, PICK_A_PIC) as writer:
        number = 0
        while pathlib.Path(path).stat().st_size < gigabytes * 1e9:
            rows = []
            for _ in range(500):
                # A picture, and behind its end bytes that no decoder looks at.
                images = [head + random.bytes(int(random.integers(60_000, 180_000))) for _ in range(2)]
                labels = [(1.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.5, 0.5)][number % 4]
                rows.append(pick_a_pic_row(number, f"caption {number}", *images, *labels))
                number += 1
            writer.write_table(pa.Table.from_pylist(rows, PICK_A_PIC), row_group_size=500)


if sys.argv[1:2] == ["large"]:
    large(sys.argv[2], float(sys.argv[3]))
else:
    small()
