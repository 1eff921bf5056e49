"""Makes Tests/Fixtures/orientations.json: small pictures that say in every place and manner how they are to be turned, and how Pillow turns them.

    python Tests/Fixtures/make_orientations.py      # Pillow 13.0.0

For each picture its name, its bytes (base64), its size as stored, and the number of EXIF's orientation that `ImageOps.exif_transpose` follows, found by
comparing pixels. Pictures that Pillow does not open are left out: there is no right answer.
"""

import base64
import io
import json
import pathlib
import struct
import warnings
import zlib

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

warnings.simplefilter("ignore")
cases = []
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}


def scene(width=16, height=8):
    """Every quarter of another colour, so that each of the eight turns shows."""
    array = np.zeros((height, width, 3), np.uint8)
    array[: height // 2, : width // 2] = (250, 0, 0)
    array[: height // 2, width // 2 :] = (0, 250, 0)
    array[height // 2 :, : width // 2] = (0, 0, 250)
    array[height // 2 :, width // 2 :] = (250, 250, 250)
    return Image.fromarray(array)


def turned(image):
    T = Image.Transpose
    stored = image.convert("RGB")
    seen = np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)
    methods = [None, T.FLIP_LEFT_RIGHT, T.ROTATE_180, T.FLIP_TOP_BOTTOM, T.TRANSPOSE, T.ROTATE_270, T.TRANSVERSE, T.ROTATE_90]
    fitting = []
    for number, method in enumerate(methods, 1):
        other = np.asarray(stored if method is None else stored.transpose(method)).astype(int)
        if other.shape == seen.shape and abs(other - seen).max() == 0:
            fitting.append(number)
    assert len(fitting) == 1, fitting
    return fitting[0]


def add(name, data):
    try:
        orientation = turned(Image.open(io.BytesIO(data)))
    except Exception as error:
        print(f"left out: {name}: {type(error).__name__}: {error}")
        return
    image = Image.open(io.BytesIO(data))
    cases.append({"name": name, "file": base64.b64encode(data).decode(), "width": image.width, "height": image.height, "orientation": orientation})


# What says it.

def entry(order, tag, kind, count, value):
    """`value` is four bytes, or the place of more."""
    return struct.pack(order + "HHL", tag, kind, count) + (value if isinstance(value, bytes) else struct.pack(order + "L", value))


def tiff(entries, order="<", header=None, extra=b"", after=0):
    header = header or {"<": b"II*\0", ">": b"MM\0*"}[order]
    return header + struct.pack(order + "LH", 8, len(entries)) + b"".join(entries) + struct.pack(order + "L", after) + extra


def short(order, number):
    return entry(order, 0x0112, 3, 1, struct.pack(order + "HH", number, 0))


def plain(number, order="<"):
    return tiff([entry(order, 0x0110, 4, 1, 77), short(order, number)], order)


def typed(kind, order="<", count=1, number=6):
    codes = {3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 11: "f", 12: "d", 13: "L", 16: "Q"}
    if kind in (5, 10):
        value = struct.pack(order + ("LL" if kind == 5 else "ll"), 2 * number, 2)
    elif kind in codes:
        value = struct.pack(order + codes[kind], number)
    else:
        value = str(number).encode() if kind == 2 else bytes([number])
    value *= count
    if len(value) <= 4:
        return tiff([entry(order, 0x0112, kind, count, value.ljust(4, b"\0"))], order)
    return tiff([entry(order, 0x0112, kind, count, 8 + 2 + 12 + 4)], order, extra=value)


def xmp(number, element=False):
    inside = f"<tiff:Orientation>{number}</tiff:Orientation>" if element else ""
    attribute = "" if element else f' tiff:Orientation="{number}"'
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/"{attribute}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXIF = b"Exif\0\0"
ODD = {
    "big-endian": plain(6, ">"),
    "second byte order mark": tiff([short(">", 6)], ">", b"MM*\0"),
    "little order mark swapped": tiff([short("<", 6)], "<", b"II\0*"),
    "large format, big-endian": tiff([short(">", 6)], ">", b"MM\0+"),
    "large format, little-endian": tiff([short("<", 6)], "<", b"II+\0"),
    "no TIFF": b"nothing of the kind",
    "header alone": b"II*\0\x08\0\0\0",
    "half a header": b"II*\0",
    "empty": b"",
    "identifier twice": EXIF + plain(6),
    "of value 0": plain(0), "of value 9": plain(9), "of value 262": plain(262),
    "after an unknown type": tiff([entry("<", 0x0112, 99, 1, 3), short("<", 6)]),
    "after none of them": tiff([entry("<", 0x0112, 3, 0, 3), short("<", 6)]),
    "twice": tiff([short("<", 6), short("<", 3)]),
    "as two": typed(3, count=2), "as three": typed(3, count=3),
    "outside": tiff([entry("<", 0x0112, 4, 2, 100_000), short("<", 6)]),
    "larger than all": tiff([entry("<", 0x0112, 4, 1 << 30, 8), short("<", 6)]),
    "behind something outside": tiff([entry("<", 0x0110, 2, 30, 100_000), short("<", 6)]),
    "before something outside": tiff([short("<", 6), entry("<", 0x0110, 2, 30, 100_000)]),
    "cut in its entry": plain(6)[:-12],
    "without what follows": plain(6)[:-4],
    "more entries than there are": plain(6)[:8] + b"\xff\xff" + plain(6)[10:],
    "in the second directory": tiff([entry("<", 0x0110, 4, 1, 77)], after=26, extra=struct.pack("<H", 1) + short("<", 6) + bytes(4)),
    "directory far away": b"II*\0" + struct.pack("<L", 0xFFFFFFF0) + plain(6)[8:],
    **{f"of type {kind}": typed(kind) for kind in SIZES},
    **{f"of type {kind}, big-endian": typed(kind, ">") for kind in SIZES},
    "of type 11, not whole": typed(11, number=6)[:18] + struct.pack("<f", 6.5) + bytes(4),
    "of type 9, negative": typed(9, number=-6), "of type 8, negative": typed(8, number=-6),
}


# What carries it.

def jpeg(name, segments, image=None, scans=(), **options):
    """`segments` come first of all, `scans` between the first and the second scan of a progressive picture."""
    data = io.BytesIO()
    (image or scene()).save(data, "JPEG", quality=95, subsampling=0, **options)
    raw = data.getvalue()

    def marked(parts):
        return b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part for part in parts)

    if scans:
        second = raw.index(b"\xff\xda", raw.index(b"\xff\xda") + 2)
        raw = raw[:second] + marked(scans) + raw[second:]
    add("jpeg: " + name, raw[:2] + marked(segments) + raw[2:])


def chunk(kind, data):
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def png(name, before=(), after=()):
    data = io.BytesIO()
    scene().save(data, "PNG")
    raw = data.getvalue()
    first, last = raw.index(b"IDAT") - 4, raw.index(b"IEND") - 4
    add("png: " + name, raw[:first] + b"".join(chunk(*c) for c in before) + raw[first:last] + b"".join(chunk(*c) for c in after) + raw[last:])


def text(key, value):
    return b"tEXt", key + b"\0" + value


def compressed(key, value, level=9):
    return b"zTXt", key + b"\0\0" + zlib.compress(value, level)


def international(key, value, zipped=False, language=b"en", translated="Schlüssel".encode()):
    return b"iTXt", key + bytes([0, zipped, 0]) + language + b"\0" + translated + b"\0" + (zlib.compress(value) if zipped else value)


def profile(exif, identifier=EXIF, kind=b"exif"):
    raw = identifier + exif
    digits = raw.hex().encode()
    return b"\n%s\n%8d\n" % (kind, len(raw)) + b"\n".join(digits[i : i + 72] for i in range(0, len(digits), 72)) + b"\n"


def webp(name, exif=None, packet=None, flags=None, lossless=True):
    data = io.BytesIO()
    options = {**({"exif": exif} if exif is not None else {}), **({"xmp": packet} if packet is not None else {})}
    scene().save(data, "WEBP", lossless=lossless, quality=80, **options)
    raw = bytearray(data.getvalue())
    if flags is not None:
        raw[20] = flags
    add("webp: " + name, bytes(raw))


RAW, PACKET = b"Raw profile type exif", b"XML:com.adobe.xmp"
for n in range(1, 9):
    for order in "<>":
        jpeg(f"EXIF {order} {n}", [EXIF + plain(n, order)])
    jpeg(f"XMP attribute {n}", [XMP + xmp(n)])
    jpeg(f"XMP element {n}", [XMP + xmp(n, True)])
    jpeg(f"XMP before EXIF {n}", [XMP + xmp(9 - n), EXIF + plain(n)])
    png(f"eXIf {n}", [(b"eXIf", plain(n))])
    png(f"XMP {n}", [international(PACKET, xmp(n))])
    png(f"XMP compressed {n}", [international(PACKET, xmp(n, True), zipped=True)])
    png(f"raw profile {n}", [compressed(RAW, profile(plain(n)))])
    png(f"raw profile plain {n}", [text(RAW, profile(plain(n, ">")))])
    png(f"raw profile international {n}", [international(RAW, profile(plain(n)), zipped=n % 2 == 0)])
    webp(f"EXIF {n}", exif=plain(n))
    webp(f"XMP {n}", packet=xmp(n))
    webp(f"lossy, both {n}", exif=plain(n), packet=xmp(9 - n), lossless=False)
for name, exif in ODD.items():
    jpeg(f"EXIF {name}, XMP 3", [EXIF + exif, XMP + xmp(3)])
    png(f"eXIf {name}, XMP 3", [(b"eXIf", exif), international(PACKET, xmp(3))])
    png(f"raw profile {name}, XMP 3", [compressed(RAW, profile(exif)), international(PACKET, xmp(3))])
    webp(f"EXIF {name}, XMP 3", exif=EXIF + exif if exif else None, packet=xmp(3))
jpeg("nothing", [])
jpeg("EXIF in two segments", [EXIF + plain(6)[:14], EXIF + plain(6)[14:]])
jpeg("two EXIF", [EXIF + plain(6), EXIF + plain(3)])
jpeg("two XMP", [XMP + xmp(6), XMP + xmp(3)])
jpeg("extended XMP", [b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + xmp(6)])
jpeg("between scans", [], scans=[EXIF + plain(6), XMP + xmp(6)], progressive=True)
jpeg("before and between scans", [EXIF + plain(8)], scans=[EXIF + plain(6)], progressive=True)
for value in ["0", "9", "66", "x", "", " 6", "６"]:
    jpeg(f"XMP of value {value}", [XMP + xmp(value)])
    png(f"XMP of value {value}", [international(PACKET, xmp(value, True))])
jpeg("XMP in single quotes", [XMP + xmp(6).replace(b'"6"', b"'6'")])
jpeg("XMP spaced", [XMP + xmp(6).replace(b'Orientation="', b'Orientation = "')])
jpeg("XMP twice in a packet", [XMP + xmp("x") + xmp(6) + xmp(3)])
jpeg("XMP in UTF-16", [XMP + xmp(6).decode().encode("utf-16")])
png("eXIf behind the picture", after=[(b"eXIf", plain(6))])
png("XMP behind the picture", after=[international(PACKET, xmp(6))])
png("two eXIf", [(b"eXIf", plain(6)), (b"eXIf", plain(3))])
png("eXIf and raw profile", [(b"eXIf", plain(6)), compressed(RAW, profile(plain(3)))])
png("eXIf with its identifier", [(b"eXIf", EXIF + plain(6))])
png("text called exif", [text(b"exif", plain(6))])
png("raw profile without identifier", [compressed(RAW, profile(plain(6), b""))])
png("raw profile of APP1", [compressed(b"Raw profile type APP1", profile(plain(6), kind=b"APP1"))])
png("raw profile of XMP", [compressed(b"Raw profile type xmp", profile(xmp(6), b"", b"xmp"))])
png("raw profile in capitals", [compressed(RAW, profile(plain(6)).upper())])
png("raw profile of spaces", [text(RAW, profile(plain(6)).replace(b"\n", b" \n"))])
png("raw profile damaged", [(b"zTXt", RAW + b"\0\0" + b"\x78\x9c" + b"nonsense"), international(PACKET, xmp(3))])
png("raw profile cut", [(b"zTXt", RAW + b"\0\0" + zlib.compress(profile(plain(6)))[:-8])])
png("XMP as text", [text(PACKET, xmp(6))])
png("XMP as compressed text", [compressed(PACKET, xmp(6))])
png("two XMP", [international(PACKET, xmp(6)), international(PACKET, xmp(3))])
png("XMP compressed, damaged", [(b"iTXt", PACKET + b"\0\x01\0\0\0" + b"nonsense")])
png("XMP compressed by an unknown method", [(b"iTXt", PACKET + b"\0\x01\x07\0\0" + zlib.compress(xmp(6)))])
png("XMP cut short", [(b"iTXt", PACKET + b"\0\0"), (b"iTXt", PACKET)])
png("XMP stored without compression", [(b"iTXt", PACKET + b"\0\x01\0\0\0" + zlib.compress(xmp(6), 0))])
fixed = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_FIXED)
png("XMP in fixed codes", [(b"iTXt", PACKET + b"\0\x01\0\0\0" + fixed.compress(xmp(6)) + fixed.flush())])
png("XMP behind much else", [international(PACKET, bytes(range(32, 127)) * 5000 + xmp(6), zipped=True)])
webp("EXIF and XMP not announced", exif=plain(6), packet=xmp(6), flags=0)
webp("EXIF not announced", exif=plain(6), packet=xmp(8), flags=4)
webp("XMP not announced", exif=tiff([]), packet=xmp(6), flags=8)

path = pathlib.Path(__file__).parent / "orientations.json"
path.write_text(json.dumps(cases, ensure_ascii=False, indent=0) + "\n")
print(len(cases), "pictures,", sum(c["orientation"] > 1 for c in cases), "of them turned,", path.stat().st_size, "bytes")
