"""No file brings a reader down: whatever the bytes, there is a photo or a `PhotoError` with a plain reason."""

from __future__ import annotations

import random
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lookalike.errors import (
    DamagedPhotoError,
    InvalidArgumentError,
    PhotoError,
    PhotoTooLargeError,
    UnsupportedPhotoError,
)
from lookalike.photos import DecodedPhoto, PhotoLimits, read_photo, reading, sidecar_of

FORMATS = ["jpeg", "png", "webp", "gif", "tiff", "bmp", "avif", "heic", "raw"]
Save = Callable[..., bytes]


def read(data: bytes, *, name: str = "", min_side: int | None = None) -> DecodedPhoto | None:
    """Read with narrow limits; None for a `PhotoError` whose reason is a sentence."""
    photo, reason = None, "None needed."
    try:
        photo = read_photo(data, name=name, limits=PhotoLimits(max_pixels=1_000_000), min_side=min_side)
    except PhotoError as error:
        reason = str(error)
    assert photo is None or photo.image.mode == "RGB"
    assert reason[0].isupper()
    assert reason[-1] == "."
    return photo


def png_header(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    out = b"\x89PNG\r\n\x1a\n"
    for name, content in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), *chunks):
        out += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return out


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_cut_short_is_damaged_and_says_so(every_format: dict[str, bytes], format_: str) -> None:
    data = every_format[format_]
    for share in (0.3, 0.6, 0.8):
        with pytest.raises(DamagedPhotoError, match="ends early"):
            read_photo(data[: int(len(data) * share)], name="a.dng" if format_ == "raw" else "")


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_cut_anywhere_is_a_photo_or_an_error(every_format: dict[str, bytes], format_: str) -> None:
    data = every_format[format_]
    for end in range(0, len(data), max(1, len(data) // 60)):
        read(data[:end], name="a.dng" if format_ == "raw" else "")


@pytest.mark.parametrize("format_", FORMATS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), n_changes=st.integers(1, 24), in_head=st.booleans(), shrink=st.booleans())
def test_a_file_with_changed_bytes_is_a_photo_or_an_error(
    every_format: dict[str, bytes], format_: str, seed: int, n_changes: int, in_head: bool, shrink: bool
) -> None:
    data = bytearray(every_format[format_])
    rng = random.Random(seed)
    end = min(len(data), 400) if in_head else len(data)
    for _ in range(n_changes):
        position = rng.randrange(end)
        if rng.random() < 0.5:
            data[position] ^= 1 << rng.randrange(8)
        else:
            data[position] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    read(bytes(data), min_side=rng.choice((1, 8, 20)) if shrink else None)


@given(head=st.sampled_from(FORMATS), junk=st.binary(max_size=300))
def test_junk_after_a_good_beginning_is_a_photo_or_an_error(
    every_format_once: dict[str, bytes], head: str, junk: bytes
) -> None:
    read(every_format_once[head][: 16 + len(junk) // 4] + junk)


@given(st.binary(max_size=200))
def test_junk_is_an_error(junk: bytes) -> None:
    assert read(junk) is None


@pytest.fixture(scope="module")
def every_format_once(every_format: dict[str, bytes]) -> dict[str, bytes]:
    return every_format


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"\0\0\0\x18ftypisom....mp42", "a video"),
        (b"hello, world", "begins with the bytes 68 65 6c 6c 6f 2c 20 77"),
    ],
)
def test_what_is_no_photo_is_named(data: bytes, what: str) -> None:
    with pytest.raises(UnsupportedPhotoError, match=what):
        read_photo(data)


def test_an_empty_file_is_damaged() -> None:
    with pytest.raises(DamagedPhotoError, match="empty"):
        read_photo(b"")


def test_a_file_with_too_many_bytes_is_refused_unread(every_format: dict[str, bytes]) -> None:
    data = every_format["png"]
    limits = PhotoLimits(max_bytes=len(data) - 1)
    with pytest.raises(PhotoTooLargeError, match=rf"has {len(data)} bytes; the limit is {len(data) - 1}"):
        read_photo(data, limits=limits)
    with pytest.raises(PhotoTooLargeError):
        limits.check_bytes(len(data))
    PhotoLimits(max_bytes=len(data)).check_bytes(len(data))


@pytest.mark.parametrize("format_", FORMATS)
def test_a_photo_with_too_many_pixels_is_refused(every_format: dict[str, bytes], format_: str) -> None:
    n_pixels = 192 * 128 if format_ == "raw" else 48 * 32
    assert read_photo(every_format[format_], limits=PhotoLimits(max_pixels=n_pixels))
    with pytest.raises(PhotoTooLargeError, match="max_pixels"):
        read_photo(every_format[format_], limits=PhotoLimits(max_pixels=n_pixels - 1))


@pytest.mark.parametrize("format_", ["TIFF", "WEBP"])
def test_the_limit_of_pixels_is_ours_and_pillows_is_as_before(save: Save, format_: str) -> None:
    data = save(Image.new("L", (1000, 1100)), format_)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500_000)  # refuses more than 1,000,000
        photo = read_photo(data, limits=PhotoLimits(max_pixels=1_100_000))
        assert (photo.width, photo.height) == (1000, 1100)
        with pytest.raises(PhotoTooLargeError):
            read_photo(data, limits=PhotoLimits(max_pixels=1_099_999))
        assert Image.MAX_IMAGE_PIXELS == 500_000


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    bomb = png_header(60_000, 60_000, (b"IDAT", zlib.compress(bytes(100_000))))
    with pytest.raises(PhotoTooLargeError, match=r"60,000 x 60,000 = 3,600,000,000 pixels"):
        read_photo(bomb)


def test_a_webp_of_the_largest_size_is_refused_by_its_header() -> None:
    canvas = (16_382).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + canvas + canvas
    with pytest.raises(PhotoError):
        read_photo(b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk)


def test_a_text_bomb_is_refused() -> None:
    text = b"note\0\0" + zlib.compress(bytes(200 << 20), 9)
    assert read(png_header(4, 4, (b"zTXt", text), (b"IDAT", zlib.compress(bytes(52))))) is None


def test_a_profile_bomb_does_not_fill_memory(picture: Image.Image, save: Save) -> None:
    photo = read(save(picture, "PNG", icc_profile=bytes(20 << 20)))
    assert photo is None or photo.image.tobytes() == picture.tobytes()


def test_exif_that_points_at_itself_ends(picture: Image.Image, save: Save, make_tiff: Callable[..., bytes]) -> None:
    exif = make_tiff([(0x0112, 3, [1]), (0x8769, 4, [8]), (0x8825, 4, [8])])
    photo = read(save(picture, "JPEG", exif=b"Exif\0\0" + exif))
    assert photo is not None


def test_exif_that_claims_a_billion_entries_ends(picture: Image.Image, save: Save) -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + struct.pack(">HHII", 0x010E, 2, 0xFFFFFFFF, 8) * 200
    photo = read(save(picture, "JPEG", exif=exif))
    assert photo is not None
    assert photo.facts.caption is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SyntaxError("broken header"), DamagedPhotoError),
        (struct.error("unpack requires a buffer of 4 bytes"), DamagedPhotoError),
        (OverflowError("too large to convert"), DamagedPhotoError),
        (RecursionError("maximum recursion depth exceeded"), DamagedPhotoError),
        (UserWarning("turned into an error"), DamagedPhotoError),
        (SystemError(), DamagedPhotoError),
        (Exception(b"bytes"), DamagedPhotoError),
        (MemoryError(), PhotoTooLargeError),
        (Image.DecompressionBombError("too many"), PhotoTooLargeError),
    ],
)
def test_whatever_a_decoder_raises_becomes_a_photo_error(
    every_format: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[PhotoError]
) -> None:
    def fail(_: bytes) -> None:
        raise error

    monkeypatch.setitem(reading._OPENERS, "jpeg", fail)
    with pytest.raises(expected) as caught:
        read_photo(every_format["jpeg"])
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("name", ["max_bytes", "max_pixels", "max_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_must_be_positive(name: str, value: float) -> None:
    with pytest.raises(InvalidArgumentError, match=name):
        PhotoLimits(**{name: value})


def test_min_side_must_be_positive(every_format: dict[str, bytes]) -> None:
    with pytest.raises(InvalidArgumentError, match="min_side"):
        read_photo(every_format["png"], min_side=0)


def test_metadata_that_pillow_warns_about_fail_no_photo_in_any_thread(picture: Image.Image, save: Save) -> None:
    data = save(picture, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01" * 300)
    filters = list(warnings.filters)
    with ThreadPoolExecutor(4) as threads:
        photos = list(threads.map(read, [data] * 64))
    assert None not in photos
    assert warnings.filters == filters


def test_a_picture_of_very_many_rows_is_refused_before_it_is_decoded() -> None:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 200_000_000, 8, 0, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\0\0")) + png_chunk(b"IEND", b"")
    with pytest.raises(PhotoTooLargeError, match="each side"):
        read_photo(png)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_a_photo_whose_sidecar_could_have_no_name_has_none(tmp_path: Path) -> None:
    photo = tmp_path / ("x" * 251 + ".jpg")
    photo.touch()
    assert sidecar_of(photo) is None
