"""Small and browser-ready versions of a photo, both JPEG (see docs/adr/0001-thumbnails-are-jpeg.md for why)."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from lookalike.errors import InvalidArgumentError
from lookalike.photos.reading import PhotoLimits, read_photo

__all__ = ["rendition", "thumbnail"]

_LIMITS = PhotoLimits()


def thumbnail(image: Image.Image, *, max_side: int = 512) -> bytes:
    """Return a small JPEG of a photo.

    Parameters
    ----------
    image : Image
        Mode RGB, sRGB, upright: `DecodedPhoto.image`.
    max_side : int
        Long side in pixels; a smaller image keeps its size.

    Returns
    -------
    bytes
        Baseline JPEG, quality 82, without metadata.
    """
    if max_side < 1:
        raise InvalidArgumentError(f"`max_side` is {max_side}, but must be at least 1 pixel.")
    return _jpeg(image, max_side, quality=82)


def rendition(data: bytes, *, max_side: int = 2560, name: str = "", limits: PhotoLimits = _LIMITS) -> bytes:
    """Return a JPEG that browsers can show, of a photo in a format that they cannot.

    Parameters
    ----------
    data : bytes
        The whole file.
    max_side : int
        Long side in pixels; a smaller photo keeps its size.
    name, limits
        As for `read_photo`.

    Returns
    -------
    bytes
        JPEG, quality 90, upright, sRGB, without metadata.

    Raises
    ------
    PhotoError
        As `read_photo`.
    """
    if max_side < 1:
        raise InvalidArgumentError(f"`max_side` is {max_side}, but must be at least 1 pixel.")
    photo = read_photo(data, name=name, limits=limits, min_side=max_side)
    return _jpeg(photo.image, max_side, quality=90)


def _jpeg(image: Image.Image, max_side: int, *, quality: int) -> bytes:
    scale = max_side / max(image.size)
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        # Averaging by a whole factor, then one short filter: a third of the time of one long bicubic filter.
        image = image.resize(size, Image.Resampling.HAMMING, reducing_gap=1.0)
    out = BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()
