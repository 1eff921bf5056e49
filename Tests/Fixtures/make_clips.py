#!/usr/bin/env python3
"""Clips of every kind that is hard to read, with what FFmpeg's own program says of them: `clips/` and `clips/expected.json`.

Needs numpy and pyarrow, Pillow (13.0.0) for `disposal.json`, and ffmpeg 5 with libx264 and libvpx on the path. Frames are 32 x 24 (where nothing else is said): a background that grows brighter and a red square
that moves to the right.
"""
import base64, json, os, struct, subprocess, sys

import numpy as np

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clips")
WIDTH, HEIGHT, COUNT, RATE = 32, 24, 12, 8
EXACT = "bicubic+accurate_rnd+full_chroma_int"


def frames(width=WIDTH, height=HEIGHT, count=COUNT):
    result = np.zeros((count, height, width, 3), np.uint8)
    for index in range(count):
        result[index, :, :] = (40, 60 + 10 * index, 90)
        result[index, : height // 2, :, 2] = 180
        left = index * (width - 8) // max(1, count - 1)
        result[index, 8:16, left : left + 8] = (220, 30, 20)
    return result


def ffmpeg(*arguments, data=None):
    done = subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], input=data, stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"ffmpeg {' '.join(map(str, arguments))}")
    return done.stdout


def make(name, *arguments, pixels=None, rate=RATE, raw="rgb24"):
    pixels = frames() if pixels is None else pixels
    path = os.path.join(HERE, name)
    size = f"{pixels.shape[2]}x{pixels.shape[1]}"
    ffmpeg(
        "-f", "rawvideo", "-pix_fmt", raw, "-s", size, "-r", rate, "-i", "-", "-sws_flags", EXACT, "-fflags", "+bitexact", "-flags:v", "+bitexact",
        "-map_metadata", "-1", *arguments, path, data=pixels.tobytes())
    return path


def copy(source, name, *arguments, before=()):
    ffmpeg(*before, "-i", os.path.join(HERE, source), "-c", "copy", "-fflags", "+bitexact", *arguments, os.path.join(HERE, name))


X264 = ["-c:v", "libx264", "-preset", "veryslow", "-crf", "12", "-x264-params", "threads=1:bframes=2"]


def make_all():
    make("plain.mp4", *X264, "-pix_fmt", "yuv420p")
    make("one.mp4", *X264, "-pix_fmt", "yuv420p", pixels=frames(count=1))
    make("odd.webm", "-c:v", "libvpx-vp9", "-crf", "10", "-b:v", "0", "-pix_fmt", "yuv420p", pixels=frames(33, 21))
    make("vp8.webm", "-c:v", "libvpx", "-crf", "4", "-b:v", "4M", "-pix_fmt", "yuv420p")
    make("ten-bits.mkv", *X264, "-pix_fmt", "yuv420p10le")
    make("grey.avi", "-c:v", "ffv1", "-pix_fmt", "gray")
    make("motion-jpeg.mov", "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p")
    make("mpeg4.avi", "-c:v", "mpeg4", "-q:v", "2", "-bf", "2", "-pix_fmt", "yuv420p")
    # One green in both matrices, each said in its file: read with the other, it is another green.
    green = np.full((2, HEIGHT, WIDTH, 3), (30, 200, 40), np.uint8)
    for matrix, colours in (("bt709", "bt709"), ("smpte170m", "bt601")):
        make(
            f"{colours}.mp4", "-vf", f"scale=out_color_matrix={colours}:out_range=tv:flags={EXACT}", "-colorspace", matrix, *X264, "-pix_fmt", "yuv444p",
            pixels=green)
    # 720 rows that say nothing of their matrix, which is BT.709 by that.
    make(
        "unsaid-720.mkv", "-vf", f"scale=out_color_matrix=bt709:out_range=tv:flags={EXACT}", "-c:v", "libx264", "-preset", "veryslow", "-crf", "20",
        "-colorspace", "unknown", "-pix_fmt", "yuv420p", pixels=np.full((1, 720, 16, 3), (30, 200, 40), np.uint8))
    # Full range, said in the file.
    make(
        "full-range.mp4", "-vf", f"scale=out_color_matrix=bt601:out_range=pc:flags={EXACT}", "-colorspace", "smpte170m", "-color_range", "pc", *X264,
        "-pix_fmt", "yuv444p", pixels=green)
    alpha = np.concatenate([frames(), np.full((COUNT, HEIGHT, WIDTH, 1), 255, np.uint8)], 3)
    alpha[:, 16:, :, 3] = 0
    make("alpha.mov", "-c:v", "png", "-pix_fmt", "rgba", pixels=alpha, raw="rgba")
    make("animation.gif", "-filter_complex", "split[a][b];[a]palettegen=stats_mode=full[p];[b][p]paletteuse=dither=none", "-loop", "0")
    # Each frame is shown for longer than the one before it.
    make("variable.mkv", "-vf", "settb=1/1000,setpts=N*(N+1)/2*40", "-enc_time_base", "1/1000", "-vsync", "passthrough", *X264, "-pix_fmt", "yuv420p")
    copy("plain.mp4", "rotated.mp4", "-metadata:s:v:0", "rotate=270")
    # The turn stands in the stream's own messages alone.
    copy("plain.mp4", "turned-frames.mkv", "-bsf:v", "h264_metadata=display_orientation=insert:rotate=90")
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2:sample_rate=8000", "-c:a", "aac", "-fflags", "+bitexact", os.path.join(HERE, "sound.m4a"))
    copy("plain.mp4", "front.mp4", "-movflags", "+faststart")
    data = open(os.path.join(HERE, "front.mp4"), "rb").read()
    open(os.path.join(HERE, "cut.mp4"), "wb").write(data[: len(data) * 7 // 10])
    os.remove(os.path.join(HERE, "front.mp4"))
    # An AVI whose headers claim a hundred frames more.
    data = bytearray(open(os.path.join(HERE, "mpeg4.avi"), "rb").read())
    for place in (data.index(b"avih") + 8 + 16, data.index(b"strh") + 8 + 32):
        data[place : place + 4] = (int.from_bytes(data[place : place + 4], "little") + 100).to_bytes(4, "little")
    open(os.path.join(HERE, "claims-more.avi"), "wb").write(data)


def expected(name):
    path = os.path.join(HERE, name)
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time,width,height", "-of", "json", path],
        stdout=subprocess.PIPE)
    found = json.loads(probe.stdout).get("frames", [])
    if not found:
        return {"count": 0, "times": [], "width": 0, "height": 0, "means": []}
    width, height = found[0]["width"], found[0]["height"]
    has_alpha = name in ("alpha.mov", "animation.gif")
    raw = subprocess.run(
        ["ffmpeg", "-v", "quiet", "-noautorotate", "-i", path, "-sws_flags", EXACT, "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt",
         "rgba" if has_alpha else "rgb24", "-"], stdout=subprocess.PIPE).stdout
    pixels = np.frombuffer(raw, np.uint8).reshape(-1, height, width, 4 if has_alpha else 3)
    if has_alpha:
        opacity = pixels[..., 3:].astype(int)
        pixels = ((pixels[..., :3] * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
    if name in ("rotated.mp4", "turned-frames.mkv"):
        # As the program itself turns them.
        pixels = np.rot90(pixels, -1 if name == "rotated.mp4" else 1, (1, 2))
        width, height = height, width
    times = [f.get("best_effort_timestamp_time") for f in found]
    start = float(times[0])
    return {
        "count": len(found), "width": width, "height": height,
        # Null where the program knows none.
        "times": [None if time is None else round(float(time) - start, 6) for time in times],
        # Of the left and the right half of each frame.
        "means": [[[round(float(v), 3) for v in half.mean((0, 1))] for half in np.array_split(frame, 2, 1)] for frame in pixels],
    }


def tables():
    """A column of videos as the `datasets` library writes it, and a table of a folder's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ["plain.mp4", "vp8.webm", "mpeg4.avi"]
    videos = [{"bytes": open(os.path.join(HERE, name), "rb").read(), "path": name} for name in names]
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    captions = ["a cat", "a dog", "a cow"]
    pq.write_table(pa.table({"video": pa.array(videos, struct), "caption": captions}), os.path.join(HERE, "hub.parquet"))
    table = pa.table({"file_name": ["a.mp4", "b.mp4"], "captions": pa.array([["a cat", "one cat"], ["a dog"]], pa.list_(pa.string()))})
    pq.write_table(table, os.path.join(HERE, "metadata.parquet"))


# ---- GIFs of partial frames, put together by hand: writers differ in what they make of a disposal

PALETTE = [(200, 40, 30), (30, 160, 60), (40, 60, 220), (250, 220, 40)]


def uncompressed(indices, bits=2):
    """GIF's LZW with its table cleared before the codes grow longer."""
    clear, codes = 1 << bits, []
    for place, index in enumerate(indices):
        if place % (clear - 2) == 0:
            codes.append(clear)
        codes.append(index)
    value, length, data = 0, 0, bytearray()
    for code in codes + [clear + 1]:
        value |= code << length
        length += bits + 1
        while length >= 8:
            data.append(value & 255)
            value, length = value >> 8, length - 8
    if length:
        data.append(value)
    return bytes([bits]) + b"".join(bytes([len(data[i : i + 255])]) + bytes(data[i : i + 255]) for i in range(0, len(data), 255)) + b"\0"


def gif(frames, size=(8, 6), background=2):
    """frames: (left, top, width, height), colour of each pixel, disposal, index of the transparent colour or None."""
    data = b"GIF89a" + struct.pack("<HHBBB", *size, 0xF1, background, 0) + bytes(sum(PALETTE, ()))
    for place, indices, disposal, transparent in frames:
        data += b"\x21\xF9\x04" + struct.pack("<BHBB", disposal << 2 | (transparent is not None), 10, transparent or 0, 0)
        data += b"\x2C" + struct.pack("<HHHHB", *place, 0) + uncompressed(indices)
    return data + b"\x3B"


def disposals():
    """`disposal-*.gif`, and in `disposal.json` their frames as Pillow composites them, transparency over white."""
    from PIL import Image

    def part(count, colour, hole):
        return [hole if hole is not None and i % 3 == 0 else colour for i in range(count)]

    def frames(disposal, hole):
        chequered = [(x + y) % 2 for y in range(6) for x in range(8)]
        return [
            ((0, 0, 8, 6), chequered, 1, hole), ((1, 1, 4, 3), part(12, 2, hole), disposal, hole), ((3, 2, 4, 3), part(12, 1, hole), disposal, hole),
            ((0, 4, 2, 2), part(4, 2, None), 1, hole), ((6, 0, 2, 2), part(4, 0, None), 1, hole)]

    files = {
        # To the file's background colour; to nothing, where the frame has a transparent colour; to what was there before.
        "disposal-background.gif": frames(2, None), "disposal-clear.gif": frames(2, 3), "disposal-previous.gif": frames(3, 3),
        "disposal-first.gif": [((2, 1, 4, 3), part(12, 1, 3), 1, 3), ((0, 0, 3, 3), part(9, 2, 3), 2, 3), ((4, 3, 4, 3), part(12, 0, 3), 1, 3)],
        # The same without a transparent colour: what no frame has covered is the background colour. Pillow takes the first colour there.
        "disposal-first-opaque.gif": [((2, 1, 4, 3), part(12, 1, None), 1, None), ((0, 0, 3, 3), part(9, 0, None), 1, None)],
    }
    expected = {}
    for name, content in files.items():
        path = os.path.join(HERE, name)
        open(path, "wb").write(gif(content))
        image = Image.open(path)
        seen = []
        for index in range(image.n_frames):
            image.seek(index)
            white = Image.new("RGBA", image.size, "white")
            seen.append(base64.b64encode(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB").tobytes()).decode())
        expected[name] = seen
    with open(os.path.join(HERE, "disposal.json"), "w") as file:
        json.dump(expected, file, separators=(",", ":"))


def rules():
    """The indices that AnimateDiff's and MagicTime's data sets choose, by their own expressions."""
    result = []
    for length in (1, 2, 5, 15, 16, 17, 60, 61, 100, 1000):
        for count in (1, 2, 8, 16):
            for stride in (1, 3, 4):
                clip_length = min(length, (count - 1) * stride + 1)
                for start in sorted({0, (length - clip_length) // 2, length - clip_length}):
                    indices = np.linspace(start, start + clip_length - 1, count, dtype=int)
                    result.append({"rule": "stride", "length": length, "frames": count, "stride": stride, "start": start, "indices": indices.tolist()})
            if count > 1:
                indices = [round(i * (length - 1) / (count - 1)) for i in range(count)]
                result.append({"rule": "uniform", "length": length, "frames": count, "stride": 1, "start": 0, "indices": indices})
            looped = sorted(i % length for i in range(count))
            result.append({"rule": "loop", "length": length, "frames": count, "stride": 1, "start": 0, "indices": looped})
    return result


if __name__ == "__main__":
    os.makedirs(HERE, exist_ok=True)
    make_all()
    tables()
    disposals()
    names = sorted(n for n in os.listdir(HERE) if not n.endswith((".json", ".parquet")) and not n.startswith("disposal"))
    with open(os.path.join(HERE, "expected.json"), "w") as file:
        json.dump({name: expected(name) for name in names}, file, separators=(",", ":"))
    with open(os.path.join(HERE, "rules.json"), "w") as file:
        json.dump(rules(), file, separators=(",", ":"))
