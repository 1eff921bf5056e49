"""Makes Tests/Fixtures/images: one small file of every kind of image, and `expected.json` with what Pillow decodes from it.

    python Tests/Fixtures/make_images.py

Needs Pillow, numpy and torch. `expected.json` has, for each file, its size and base64 of its RGB values after EXIF orientation,
composited over white (`rgb`) and, where it has alpha, also with alpha dropped (`dropped`).
"""

import base64
import json
import pathlib
import struct
import zlib

import numpy as np
import torch
from PIL import Image, ImageOps

FOLDER = pathlib.Path(__file__).parent / "images"
WIDTH, HEIGHT = 21, 17  # odd, and no multiple of a JPEG block
expected = {}


def scene(width=WIDTH, height=HEIGHT):
    """Smooth colour, hard edges and a corner that tells every orientation apart."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    rgb = np.stack([x / (width - 1), y / (height - 1), 0.5 + 0.5 * np.sin(x / 3) * np.cos(y / 4)], -1)
    rgb[(x - width * 0.6) ** 2 + (y - height * 0.5) ** 2 < (height * 0.3) ** 2] = [0.9, 0.15, 0.1]
    rgb[: height // 5, : width // 5] = [0.05, 0.1, 0.95]
    return rgb


def eight(values):
    return (values * 255).round().astype(np.uint8)


def packed(image):
    array = np.asarray(image, dtype=np.uint8)
    return base64.b64encode(array.tobytes()).decode()


def note(name, image=None):
    if image is None:
        image = Image.open(FOLDER / name)
        image.seek(0)
        image = ImageOps.exif_transpose(image)
    entry = {"width": image.width, "height": image.height}
    if image.mode.startswith("I;16"):
        # Pillow clips 16-bit grey; the high byte is what it takes of 16-bit colour.
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        ground = Image.new("RGB", image.size, (255, 255, 255))
        ground.paste(rgba, mask=rgba.getchannel("A"))
        entry["rgb"] = packed(ground)
        entry["dropped"] = packed(rgba.convert("RGB"))
    else:
        entry["rgb"] = packed(image.convert("RGB"))
    expected[name] = entry


def save(name, image, **options):
    image.save(FOLDER / name, **options)
    note(name)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png16(name, array, colour_type, key=None):
    """16-bit colour, which Pillow reads but does not write."""
    height, width = array.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    transparency = chunk(b"tRNS", struct.pack(f">{len(key)}H", *key)) if key else b""
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + transparency + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    (FOLDER / name).write_bytes(data)


def short_png(name, rows):
    """Every chunk and checksum right, but the compressed data end after a few rows."""
    data = chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0))
    data += chunk(b"IDAT", zlib.compress(b"\0" * (3 * WIDTH + 1) * rows, 9)) + chunk(b"IEND", b"")
    (FOLDER / name).write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def without_segment(data, marker):
    position = 2
    while data[position + 1] != marker:
        position += 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]
    length = 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]
    return data[:position], data[position : position + length], data[position + length :]


def numbered(data):
    """Components called 1 to 4, as most programs do, in place of Pillow's C, M, Y and K."""
    data = bytearray(data)
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    for index in range(4):
        data[frame + 10 + 3 * index] = index + 1
        data[scan + 5 + 2 * index] = index + 1
    return bytes(data)


def pngs(rgb, image, rgba):
    save("rgb.png", image)
    save("rgba.png", rgba)
    save("grey.png", image.convert("L"))
    save("grey-alpha.png", rgba.convert("LA"))
    save("bits.png", image.convert("1"))
    palette = image.quantize(16)
    save("palette.png", palette)
    save("palette-2bit.png", image.quantize(4), bits=2)
    save("palette-transparent.png", palette, transparency=bytes([0, 128, 255, 30]))
    save("key-colour.png", image, transparency=tuple(int(v) for v in eight(rgb)[0, 0]))
    save("grey16.png", Image.fromarray((rgb[..., 0] * 65535).astype(np.uint16)))
    wide = (rgb * 65535).round().astype(np.uint16)
    png16("rgb16.png", wide, 2)
    note("rgb16.png")
    alpha = (np.asarray(rgba.getchannel("A")).astype(np.uint16) * 257)[..., None]
    png16("rgba16.png", np.concatenate([wide, alpha], -1), 6)
    note("rgba16.png")
    short_png("short.png", HEIGHT - 3)
    save("orientation-6.png", image, exif=exif(6))


def jpegs(image):
    for name, subsampling in [("444", 0), ("422", 1), ("420", 2)]:
        save(f"{name}.jpg", image, quality=90, subsampling=subsampling)
    save("progressive.jpg", image, quality=85, progressive=True)
    save("grey.jpg", image.convert("L"), quality=90)
    save("rgb.jpg", image, quality=90, keep_rgb=True)
    for orientation in range(1, 9):
        save(f"orientation-{orientation}.jpg", image, quality=85, exif=exif(orientation))
    cmyk = Image.merge("CMYK", [Image.eval(band, lambda v: 255 - v) for band in image.split()] + [image.convert("L").point(lambda v: v // 3)])
    save("cmyk-adobe.jpg", cmyk, quality=92)
    before, adobe, after = without_segment((FOLDER / "cmyk-adobe.jpg").read_bytes(), 0xEE)
    (FOLDER / "cmyk-plain.jpg").write_bytes(numbered(before + after))
    note("cmyk-plain.jpg")
    # YCCK, which Pillow reads only: what it writes as CMYK (inverted, with transform 0) relabelled as transform 2.
    inverse = Image.eval(image, lambda v: 255 - v).convert("YCbCr")
    samples = [Image.eval(band, lambda v: 255 - v) for band in inverse.split()]
    Image.merge("CMYK", samples + [image.convert("L").point(lambda v: v // 3)]).save(FOLDER / "ycck.jpg", quality=92)
    before, adobe, after = without_segment((FOLDER / "ycck.jpg").read_bytes(), 0xEE)
    assert adobe[-1] == 0
    (FOLDER / "ycck.jpg").write_bytes(numbered(before + adobe[:-1] + b"\x02" + after))
    note("ycck.jpg")
    # 4:4:0 and 4:1:1, which Pillow writes only by a detour: the sampling factors of 4:2:2 and 4:2:0 exchanged, on a square picture of as many units.
    for name, side, subsampling, factors, others in [("440", 16, 1, 0x21, 0x12), ("411", 64, 2, 0x22, 0x41)]:
        Image.fromarray(eight(scene(side, side))).save(FOLDER / f"{name}.jpg", quality=90, subsampling=subsampling)
        data = bytearray((FOLDER / f"{name}.jpg").read_bytes())
        frame = data.index(b"\xff\xc0")
        assert data[frame + 11] == factors
        data[frame + 11] = others
        (FOLDER / f"{name}.jpg").write_bytes(data)
        note(f"{name}.jpg")


def webps(image, rgba):
    save("lossy.webp", image, quality=80)
    save("lossy-even.webp", Image.fromarray(eight(scene(32, 24))), quality=80)
    save("lossy-alpha.webp", rgba, quality=80)
    save("lossless.webp", image, lossless=True)
    save("lossless-alpha.webp", rgba, lossless=True, exact=True)
    save("orientation-8.webp", image, quality=80, exif=exif(8))
    frames = [rgba, rgba.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    frames[0].save(FOLDER / "animated.webp", save_all=True, append_images=frames[1:], lossless=True, exact=True, duration=100)
    note("animated.webp")
    frames[0].save(FOLDER / "animated.png", save_all=True, append_images=frames[1:], duration=100)
    note("animated.png")


def resizes():
    """Sides that shrink and grow, in torchvision's order: resize the shorter side, crop the middle.

    torchvision's `Resize` is Pillow's `resize` on Pillow images and `interpolate` on tensors; sizes and offsets are from its
    `_compute_resized_output_size` and `center_crop`.
    """
    results = {}
    for width, height, size in [(53, 41, 16), (23, 35, 9), (17, 13, 24), (33, 64, 20)]:
        name = f"resize-{width}x{height}.png"
        image = Image.fromarray(eight(scene(width, height)))
        image.save(FOLDER / name)
        long = int(size * max(width, height) / min(width, height))
        columns, rows = (size, long) if width <= height else (long, size)
        left, top = round((columns - size) / 2.0), round((rows - size) / 2.0)

        def crop(array):
            return packed(array[top : top + size, left : left + size])

        for mode, filter in [("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)]:
            tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()

            def interpolated(antialias):
                result = torch.nn.functional.interpolate(tensor, (rows, columns), mode=mode, align_corners=False, antialias=antialias)
                return crop(result[0].round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy())

            results[f"{name} {mode}"] = {
                "size": size, "width": columns, "height": rows, "pillow": crop(np.asarray(image.resize((columns, rows), filter))),
                "torchvision": interpolated(True), "aliased": interpolated(False),
            }
    return results


def main():
    FOLDER.mkdir(exist_ok=True)
    rgb = scene()
    image = Image.fromarray(eight(rgb))
    ramp = np.tile(np.linspace(0, 255, WIDTH).round().astype(np.uint8), (HEIGHT, 1))
    rgba = Image.fromarray(np.dstack([eight(rgb), ramp]))
    pngs(rgb, image, rgba)
    jpegs(image)
    webps(image, rgba)
    with open(FOLDER / "expected.json", "w") as file:
        json.dump({"decoded": expected, "resized": resizes()}, file, indent=0)


main()
