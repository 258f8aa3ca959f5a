"""Whatever the file's format, pixel mode, profile or orientation: the photo comes out upright, sRGB, 8-bit RGB."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from lookalike.errors import UnsupportedPhotoError
from lookalike.photos import is_displayable, media_type, read_photo, supported_formats
from lookalike.photos.formats import sniff_format

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 40), (30, 40, 210), (230, 220, 30)
Save = Callable[..., bytes]


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """Colours at the top left, top right, bottom left and bottom right."""
    pixels = np.asarray(image)
    inside = min(image.size) // 8
    return [tuple(map(int, pixels[y, x])) for y in (inside, -inside) for x in (inside, -inside)]


def assert_corners(image: Image.Image, expected: list[tuple[int, ...]], tolerance: int = 8) -> None:
    found = corners(image)
    assert np.abs(np.subtract(found, expected)).max() <= tolerance, f"corners are {found}, expected {expected}"


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "gif", "tiff", "bmp", "avif", "heic", "raw"])
def test_every_format_is_read_to_rgb(every_format: dict[str, bytes], format_: str) -> None:
    photo = read_photo(every_format[format_])
    assert photo.format == format_
    assert photo.image.mode == "RGB"
    assert type(photo.image) is Image.Image
    assert photo.image.info == {}
    assert photo.image.size == (photo.width, photo.height) == ((192, 128) if format_ == "raw" else (48, 32))
    assert_corners(photo.image, [RED, GREEN, BLUE, YELLOW], tolerance=70 if format_ == "raw" else 8)


@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif", "heic"])
def test_embedded_exif_and_xmp_are_found_in_every_format_that_carries_both(
    every_format: dict[str, bytes], format_: str
) -> None:
    facts = read_photo(every_format[format_]).facts
    assert (facts.title, facts.caption) == ("Corners", "A ground with four corners")


def test_the_format_is_told_by_the_content_and_not_by_the_name(every_format: dict[str, bytes]) -> None:
    assert read_photo(every_format["png"], name="holiday.JPG").format == "png"
    assert read_photo(every_format["raw"], name="scan.tif").format == "raw"


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(picture: Image.Image, save: Save, format_: str, orientation: int) -> None:
    undone = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = picture.transpose(undone[orientation]) if orientation in undone else picture
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = read_photo(save(stored, format_, exif=exif, **({"quality": 95} if format_ != "PNG" else {})))
    assert (photo.width, photo.height) == photo.image.size == (48, 32)
    assert_corners(photo.image, [RED, GREEN, BLUE, YELLOW])


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_raw_photos_come_out_upright(make_dng: Callable[..., bytes], orientation: int) -> None:
    expected = {
        1: [RED, GREEN, BLUE, YELLOW],
        3: [YELLOW, BLUE, GREEN, RED],
        6: [BLUE, RED, YELLOW, GREEN],
        8: [GREEN, YELLOW, RED, BLUE],
    }[orientation]
    photo = read_photo(make_dng(orientation=orientation))
    assert (photo.width, photo.height) == photo.image.size
    assert_corners(photo.image, expected, tolerance=70)


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_preview_of_a_raw_photo_serves_when_it_is_large_enough(
    make_dng: Callable[..., bytes], picture: Image.Image, save: Save, orientation: int
) -> None:
    blue = Image.new("RGB", (48, 32), "blue")
    data = make_dng(orientation=orientation, preview=save(blue, "JPEG"))
    small, full = read_photo(data, min_side=32), read_photo(data)
    assert small.image.getpixel((20, 20)) == (0, 0, 254)
    assert small.image.size == ((48, 32) if orientation == 1 else (32, 48))
    assert (small.width, small.height) == (full.width, full.height) == full.image.size
    assert full.image.getpixel((20, 20)) != (0, 0, 254)


def test_a_preview_that_tells_its_own_orientation_is_not_turned_twice(
    make_dng: Callable[..., bytes], picture: Image.Image, save: Save
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    preview = save(picture.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    photo = read_photo(make_dng(orientation=6, preview=preview), min_side=32)
    assert_corners(photo.image, [RED, GREEN, BLUE, YELLOW])


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("min_side", [1, 31, 64, 100, 200, 1000])
def test_a_shrunk_photo_keeps_its_short_side_and_tells_its_full_size(
    picture: Image.Image, save: Save, format_: str, min_side: int
) -> None:
    data = save(picture.resize((480, 320)), format_)
    photo = read_photo(data, min_side=min_side)
    assert (photo.width, photo.height) == (480, 320)
    assert min(photo.image.size) >= min(min_side, 320)
    assert min(photo.image.size) < max(2 * min_side, 41 if format_ == "JPEG" else 0) or photo.image.size == (480, 320)
    if min_side > 1:
        assert_corners(photo.image, [RED, GREEN, BLUE, YELLOW], tolerance=12)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA"])
def test_transparency_is_laid_on_white(picture: Image.Image, save: Save, mode: str) -> None:
    image = picture.convert("RGBA")
    alpha = np.full((32, 48), 255, np.uint8)
    alpha[:, 24:] = 0
    image.putalpha(Image.fromarray(alpha))
    stored = image.quantize(64) if mode == "P" else image.convert(mode)
    photo = read_photo(save(stored, "TIFF" if mode in ("PA", "LA") else "PNG"))
    assert photo.image.getpixel((40, 5)) == (255, 255, 255)
    left = photo.image.getpixel((5, 5))
    assert isinstance(left, tuple)
    expected = (87, 87, 87) if mode == "LA" else RED
    assert np.abs(np.subtract(left, expected)).max() <= 24


def test_half_transparent_pixels_are_mixed_with_white(save: Save) -> None:
    data = save(Image.new("RGBA", (8, 8), (0, 0, 0, 128)), "PNG")
    assert read_photo(data).image.getpixel((3, 3)) == (127, 127, 127)


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_the_colour_key_of_a_png_is_transparent(save: Save, mode: str) -> None:
    image = Image.new(mode, (8, 8), 0)
    image.paste(255 if mode != "RGB" else (255, 0, 0), (0, 0, 4, 8))
    data = save(image, "PNG", transparency=(0, 0, 0) if mode == "RGB" else 0)
    assert read_photo(data).image.getpixel((6, 6)) == (255, 255, 255)


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_grey_of_16_bits_is_scaled_and_not_clipped(save: Save, format_: str) -> None:
    ramp = np.tile(np.linspace(0, 65_535, 64).astype(np.uint16), (8, 1))
    photo = read_photo(save(Image.fromarray(ramp), format_))
    assert np.abs(np.asarray(photo.image)[0, :, 0].astype(int) - np.linspace(0, 255, 64)).max() <= 1


def test_colour_of_16_bits_is_scaled_and_not_clipped(make_tiff: Callable[..., bytes]) -> None:
    ramp = np.tile(np.linspace(0, 65_535, 64).astype("<u2")[:, None], (8, 1, 3)).reshape(8, 64, 3)
    tags = [(256, 4, [64]), (257, 4, [8]), (258, 3, [16, 16, 16]), (259, 3, [1]), (262, 3, [2]), (273, 4, ("data",))]
    tags += [(277, 3, [3]), (278, 4, [8]), (279, 4, [ramp.nbytes])]
    photo = read_photo(make_tiff(tags, data=ramp.tobytes()))
    assert np.abs(np.asarray(photo.image)[0, :, 1].astype(int) - np.linspace(0, 255, 64)).max() <= 1


def test_grey_of_12_bits_is_scaled(make_tiff: Callable[..., bytes]) -> None:
    packed = bytes([0xFF, 0xFF, 0xFF, 0x80, 0x08, 0x00]) * 16  # white, white, half, half (12 bits each)
    tags = [(256, 4, [4]), (257, 4, [16]), (258, 3, [12]), (259, 3, [1]), (262, 3, [1]), (273, 4, ("data",))]
    tags += [(277, 3, [1]), (278, 4, [16]), (279, 4, [len(packed)])]
    row = np.asarray(read_photo(make_tiff(tags, data=packed)).image)[0, :, 0]
    assert np.abs(row.astype(int) - [255, 255, 128, 128]).max() <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 0.5, 1.0], [0, 128, 255]), ([-10.0, 0.0, 10.0], [0, 128, 255]), ([0.0, float("nan"), 4.0], [0, 0, 255])],
)
def test_float_grey_is_scaled(save: Save, values: list[float], expected: list[int]) -> None:
    image = Image.fromarray(np.tile(np.array(values, np.float32), (4, 1)))
    assert np.asarray(read_photo(save(image, "TIFF")).image)[0, :, 0].tolist() == expected


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_every_pixel_mode_keeps_its_colours(picture: Image.Image, save: Save, mode: str) -> None:
    stored = picture.quantize(128) if mode == "P" else picture.convert(mode)
    expected = picture.convert("RGB") if mode in ("P", "CMYK", "YCbCr") else stored.convert("RGB")
    format_ = {"YCbCr": "TIFF", "CMYK": "TIFF"}.get(mode, "PNG")
    options = {"compression": "tiff_lzw"} if format_ == "TIFF" else {}
    assert_corners(read_photo(save(stored, format_, **options)).image, corners(expected), tolerance=16)


def test_lab_keeps_its_colours(picture: Image.Image, save: Save) -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(picture, to_lab)
    assert lab is not None
    assert_corners(read_photo(save(lab, "TIFF")).image, [RED, GREEN, BLUE, YELLOW], tolerance=12)
    assert_corners(read_photo(save(lab, "TIFF"), min_side=10).image, [RED, GREEN, BLUE, YELLOW], tolerance=12)


def test_a_cmyk_jpeg_inverted_by_adobe_keeps_its_colours(picture: Image.Image, save: Save) -> None:
    data = save(picture.convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data
    assert_corners(read_photo(data).image, [RED, GREEN, BLUE, YELLOW], tolerance=16)


def test_a_profile_is_applied(picture: Image.Image, save: Save) -> None:
    swapped = _matrix_profile(swap_red_and_blue=True)
    photo = read_photo(save(picture, "PNG", icc_profile=swapped))
    assert_corners(photo.image, [RED[::-1], GREEN[::-1], BLUE[::-1], YELLOW[::-1]], tolerance=16)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF"])
def test_a_profile_of_megabytes_is_applied(picture: Image.Image, save: Save, format_: str) -> None:
    profile = _matrix_profile(swap_red_and_blue=True)
    profile = struct.pack(">I", 3 << 20) + profile[4:].ljust((3 << 20) - 4, b"\0")
    photo = read_photo(save(picture, format_, icc_profile=profile))
    assert_corners(photo.image, [RED[::-1], GREEN[::-1], BLUE[::-1], YELLOW[::-1]], tolerance=16)


@pytest.mark.parametrize(("ink", "expected"), [((255, 0, 0, 0), (255, 0, 0)), ((0, 0, 0, 0), (255, 255, 255))])
@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_the_profile_of_a_cmyk_photo_is_applied(
    save: Save, format_: str, ink: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    data = save(Image.new("CMYK", (16, 16), ink), format_, icc_profile=_cmyk_profile())
    found = read_photo(data).image.getpixel((8, 8))
    assert isinstance(found, tuple)
    assert np.abs(np.subtract(found, expected)).max() <= 8, found


@pytest.mark.parametrize("profile", ["sRGB", "ours"])
def test_an_srgb_profile_changes_no_pixel(picture: Image.Image, save: Save, profile: str) -> None:
    embedded = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = save(picture, "PNG", icc_profile=embedded if profile == "sRGB" else _matrix_profile())
    assert read_photo(data).image.tobytes() == picture.tobytes()


@pytest.mark.parametrize("profile", [b"", b"nothing", b"\0" * 4096, "cut", "lab"])
def test_a_damaged_or_unfitting_profile_is_passed_over(picture: Image.Image, save: Save, profile: bytes | str) -> None:
    if isinstance(profile, str):
        kind = "sRGB" if profile == "cut" else "LAB"
        whole = ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes()
        profile = whole[:200] if profile == "cut" else whole
    assert read_photo(save(picture, "PNG", icc_profile=profile)).image.tobytes() == picture.tobytes()


def test_only_the_first_frame_of_an_animation_is_read(picture: Image.Image, save: Save) -> None:
    second = Image.new("RGB", picture.size, "black")
    for format_ in ("GIF", "WEBP", "PNG", "AVIF", "TIFF"):
        data = save(picture, format_, save_all=True, append_images=[second])
        assert_corners(read_photo(data).image, [RED, GREEN, BLUE, YELLOW], tolerance=20)


@pytest.mark.parametrize(("format_", "package"), [("heic", "pillow_heif"), ("raw", "rawpy")])
def test_a_format_whose_package_is_missing_names_the_remedy(
    every_format: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, format_: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnsupportedPhotoError, match=rf"pip install 'lookalike\[{format_}\]'"):
        read_photo(every_format[format_])


@pytest.mark.parametrize("magic", [b"II\x1a\0\0\0HEAPCCDR", b"FUJIFILMCCD-RAW", b"IIRO", b"IIU\0", b"\0MRM"])
def test_raw_photos_that_are_no_tiff_are_known_by_their_first_bytes(magic: bytes) -> None:
    assert sniff_format(magic + bytes(100), "photo.jpg") == "raw"


def test_browsers_are_only_sent_what_they_show() -> None:
    assert [name for name in supported_formats() if not is_displayable(name)] == ["tiff", "heic", "raw"]
    assert media_type("webp") == "image/webp"


def _matrix_profile(*, swap_red_and_blue: bool = False) -> bytes:
    """Return a profile with sRGB's primaries and curve."""
    primaries = [(0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)]  # D50
    if swap_red_and_blue:
        primaries.reverse()
    parts = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(0.9642, 1.0, 0.8249)}
    for name, primary in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True):
        parts[name] = b"XYZ \0\0\0\0" + _fixed(*primary)
    curve = b"para\0\0\0\0\0\3\0\0" + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return _profile(b"mntrRGB XYZ ", parts | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def _cmyk_profile() -> bytes:
    """Return the profile of a printer whose cyan ink is red: a table of the 16 corners in 8-bit Lab."""
    table = bytearray()
    for cyan, others in ((corner >> 3, corner & 7) for corner in range(16)):
        table += bytes([138, 209, 198] if cyan and not others else [0, 128, 128] if others else [255, 128, 128])
    straight = bytes(range(256))
    head = b"mft1\0\0\0\0\4\3\2\0" + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lookup = head + straight * 4 + bytes(table) + straight * 3
    white = b"XYZ \0\0\0\0" + _fixed(0.9642, 1.0, 0.8249)
    return _profile(b"prtrCMYKLab ", {b"wtpt": white, b"A2B0": lookup, b"A2B1": lookup})


def _profile(kind: bytes, parts: dict[bytes, bytes]) -> bytes:
    """Return an ICC profile (ICC.1:2010): header, table of tags, tags."""
    at = 128 + 4 + 12 * len(parts)
    table, tags = len(parts).to_bytes(4, "big"), b""
    for name, part in parts.items():
        table += name + (at + len(tags)).to_bytes(4, "big") + len(part).to_bytes(4, "big")
        tags += part + b"\0" * (-len(part) % 4)
    header = (at + len(tags)).to_bytes(4, "big") + b"\0" * 4 + b"\2\x20\0\0" + kind
    header += b"\0" * 12 + b"acsp" + b"\0" * 28 + _fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + table + tags


def _fixed(*values: float) -> bytes:
    return b"".join(round(value * 65_536).to_bytes(4, "big", signed=True) for value in values)
