"""Thumbnails and renditions are small plain JPEGs of the upright photo."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import DamagedPhotoError, InvalidArgumentError
from lookalike.photos import find_photos, read_photo, rendition, thumbnail

Save = Callable[..., bytes]


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data), formats=["JPEG"])
    image.load()
    return image


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((2000, 1000), (667, 334)),
        ((1000, 2000), (334, 667)),
        ((769, 769), (385, 385)),
        ((768, 300), (768, 300)),
        ((40, 30), (40, 30)),
        ((9000, 3), (750, 1)),
    ],
)
def test_the_long_side_is_at_most_max_side_and_small_photos_keep_their_size(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert opened(thumbnail(Image.new("RGB", size, "red"))).size == expected


def test_a_thumbnail_looks_like_its_photo(demo_photos: Path) -> None:
    for path in list(find_photos([demo_photos]))[::30]:
        photo = read_photo(path.read_bytes())
        small = opened(thumbnail(photo.image, max_side=128))
        exact = photo.image.resize(small.size, Image.Resampling.LANCZOS)
        error = np.asarray(small, np.float64) - np.asarray(exact, np.float64)
        decibels = 10 * np.log10(255**2 / np.mean(error**2))
        assert decibels > 25, f"{path.name}: {decibels:.1f} dB to the exactly scaled photo; 25 dB are required"


def test_a_thumbnail_carries_no_metadata(picture: Image.Image, save: Save) -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret"
    data = save(picture, "JPEG", exif=exif, comment=b"secret", icc_profile=b"secret")
    assert b"secret" in data
    assert b"secret" not in thumbnail(read_photo(data).image)


def test_the_same_photo_gives_the_same_bytes(picture: Image.Image) -> None:
    assert thumbnail(picture, max_side=20) == thumbnail(picture.copy(), max_side=20)


@pytest.mark.parametrize("format_", ["tiff", "heic", "raw"])
def test_what_browsers_do_not_show_is_rendered_as_jpeg(every_format: dict[str, bytes], format_: str) -> None:
    whole, small = opened(rendition(every_format[format_])), opened(rendition(every_format[format_], max_side=30))
    assert whole.size == read_photo(every_format[format_]).image.size
    assert small.size == (30, 20)


def test_a_damaged_photo_has_no_rendition(every_format: dict[str, bytes]) -> None:
    with pytest.raises(DamagedPhotoError):
        rendition(every_format["tiff"][:100])


def test_max_side_must_be_positive(picture: Image.Image, every_format: dict[str, bytes]) -> None:
    with pytest.raises(InvalidArgumentError, match="max_side"):
        thumbnail(picture, max_side=0)
    with pytest.raises(InvalidArgumentError, match="max_side"):
        rendition(every_format["tiff"], max_side=0)
