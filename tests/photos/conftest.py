"""Photos that the tests make for themselves: every format, small, of a picture whose corners tell its orientation."""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

Save = Callable[..., bytes]
Tag = tuple[int, int, object]


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """48 x 32: a smooth ground; red top left, green top right, blue bottom left, yellow bottom right."""
    across, down = np.meshgrid(np.linspace(60, 200, 48), np.linspace(90, 160, 32))
    pixels = np.stack([across, down, 255 - across], axis=-1).astype(np.uint8)
    pixels[:12, :12] = (220, 30, 30)
    pixels[:12, -12:] = (30, 200, 40)
    pixels[-12:, :12] = (30, 40, 210)
    pixels[-12:, -12:] = (230, 220, 30)
    return Image.fromarray(pixels)


@pytest.fixture(scope="session")
def save() -> Save:
    def save(image: Image.Image, format: str, **options: object) -> bytes:
        out = BytesIO()
        image.save(out, format, **options)
        return out.getvalue()

    return save


def tiff(*directories: list[Tag], data: bytes = b"") -> bytes:
    """Return a little-endian TIFF of directories: the first is the main one, the others are reached by ("ifd", n).

    Each tag is (number, type, value): bytes for types 1, 2 and 7, else a list of numbers (pairs for rationals).
    ("data",) stands for the offset of `data`.
    """
    codes = {3: "H", 4: "I", 5: "I", 8: "h", 9: "i", 10: "i", 11: "f", 12: "d"}

    def packed(kind: int, value: object, starts: list[int], data_at: int) -> tuple[int, bytes]:
        if isinstance(value, bytes):
            return len(value), value
        if value == ("data",):
            value = [data_at]
        elif isinstance(value, tuple):
            value = [starts[value[1]]]
        assert isinstance(value, list)
        flat = [part for pair in value for part in pair] if kind in (5, 10) else value
        return len(value), struct.pack(f"<{len(flat)}{codes[kind]}", *flat)

    starts, data_at = [0] * len(directories), 0
    for _ in range(2):  # the first round finds the sizes, the second knows the offsets
        out = bytearray(b"II*\0" + struct.pack("<I", 8))
        for number, tags in enumerate(directories):
            starts[number] = len(out)
            entries, values = bytearray(), bytearray()
            after = len(out) + 2 + 12 * len(tags) + 4
            for tag, kind, value in sorted(tags, key=lambda entry: entry[0]):
                count, raw = packed(kind, value, starts, data_at)
                if len(raw) > 4:
                    entries += struct.pack("<HHII", tag, kind, count, after + len(values))
                    values += raw + b"\0" * (len(raw) % 2)
                else:
                    entries += struct.pack("<HHI", tag, kind, count) + raw.ljust(4, b"\0")
            out += struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0) + values
        data_at = len(out)
    return bytes(out) + data


@pytest.fixture(scope="session")
def make_tiff() -> Callable[..., bytes]:
    return tiff


@pytest.fixture(scope="session")
def make_dng(picture: Image.Image) -> Callable[..., bytes]:
    """A digital negative of `picture`, four times as large: an uncompressed 16-bit mosaic, with a preview if asked."""

    def make(*, orientation: int = 1, preview: bytes | None = None) -> bytes:
        rgb = np.asarray(picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST))
        height, width, _ = rgb.shape
        linear = ((rgb / 255.0) ** 2.2 * 60_000).astype("<u2")
        mosaic = linear[..., 1].copy()
        mosaic[0::2, 0::2] = linear[0::2, 0::2, 0]
        mosaic[1::2, 1::2] = linear[1::2, 1::2, 2]
        sensor = mosaic.tobytes()
        same = [(10_000, 10_000), (0, 1), (0, 1), (0, 1), (10_000, 10_000), (0, 1), (0, 1), (0, 1), (10_000, 10_000)]
        raw: list[Tag] = [
            (254, 4, [0]),
            (256, 4, [width]),
            (257, 4, [height]),
            (258, 3, [16]),
            (259, 3, [1]),
            (262, 3, [32_803]),
            (273, 4, ("data",)),
            (277, 3, [1]),
            (278, 4, [height]),
            (279, 4, [len(sensor)]),
            (33_421, 3, [2, 2]),
            (33_422, 1, bytes([0, 1, 1, 2])),
            (50_714, 4, [0]),
            (50_717, 4, [60_000]),
        ]
        camera: list[Tag] = [
            (271, 2, b"Lookalike\0"),
            (272, 2, b"Lookalike Test Camera\0"),
            (274, 3, [orientation]),
            (50_706, 1, bytes([1, 4, 0, 0])),
            (50_708, 2, b"Lookalike Test Camera\0"),
            (50_721, 10, same),
            (50_728, 5, [(1, 1), (1, 1), (1, 1)]),
            (50_778, 3, [21]),
        ]
        if preview is None:
            return tiff(raw + camera, data=sensor)
        with Image.open(BytesIO(preview)) as small:
            columns, rows = small.size
        raw = [entry for entry in raw if entry[0] != 273]
        start = len(
            tiff(camera + _preview_tags(columns, rows, 0, len(preview)), [*raw, (273, 4, [0])])
        )  # where the data begin does not depend on the offsets' values
        shown = _preview_tags(columns, rows, start + len(sensor), len(preview))
        return tiff(camera + shown, [*raw, (273, 4, ("data",))], data=sensor + preview)

    return make


def _preview_tags(width: int, height: int, at: int, n_bytes: int) -> list[Tag]:
    return [
        (254, 4, [1]),
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [8, 8, 8]),
        (259, 3, [7]),
        (262, 3, [6]),
        (273, 4, [at]),
        (277, 3, [3]),
        (278, 4, [height]),
        (279, 4, [n_bytes]),
        (330, 4, ("ifd", 1)),
    ]


@pytest.fixture(scope="session")
def every_format(
    picture: Image.Image, save: Save, make_dng: Callable[..., bytes], require: Callable[[object, str], None]
) -> dict[str, bytes]:
    """One file of each format, with metadata where the format carries them."""
    for package in ("pillow_heif", "rawpy"):
        require(importlib.util.find_spec(package), f"{package} is not installed: pip install --group test")
    import pillow_heif

    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "A ground with four corners", 1
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">'
        b"Corners</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    heic = BytesIO()
    pillow_heif.from_pillow(picture).save(heic, quality=90, exif=exif.tobytes(), xmp=xmp)
    return {
        "jpeg": save(picture, "JPEG", quality=95, exif=exif, xmp=xmp),
        "png": save(picture, "PNG", exif=exif),
        "webp": save(picture, "WEBP", quality=95, exif=exif, xmp=xmp),
        "gif": save(picture, "GIF"),
        "tiff": save(picture, "TIFF", compression="tiff_lzw"),
        "bmp": save(picture, "BMP"),
        "avif": save(picture, "AVIF", quality=90, exif=exif, xmp=xmp),
        "heic": heic.getvalue(),
        "raw": make_dng(),
    }
