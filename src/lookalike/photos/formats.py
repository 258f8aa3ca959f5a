"""Which bytes are a photo, told by their first bytes and never by the name alone.

The one exception is camera RAW in TIFF clothing (NEF, ARW, PEF, ...), whose header is that of any TIFF file: there the
suffix decides, unless the file calls itself a DNG or a CR2. Only the formats listed here ever reach a decoder.
"""

from __future__ import annotations

import importlib.util
from typing import Final

from lookalike.errors import UnsupportedPhotoError
from lookalike.photos.exif import read_exif

__all__ = ["PHOTO_SUFFIXES", "is_displayable", "media_type", "sniff_format", "supported_formats"]

_SUFFIXES: Final = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "webp": (".webp",),
    "gif": (".gif",),
    "tiff": (".tif", ".tiff"),
    "bmp": (".bmp", ".dib"),
    "avif": (".avif",),
    "heic": (".heic", ".heif", ".hif"),
    "raw": (
        ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos", ".mrw",
        ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
    ),
}  # fmt: skip
_EXTRAS: Final = {"heic": "pillow_heif", "raw": "rawpy"}
_MEDIA_TYPES: Final = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "avif": "image/avif",
    "tiff": "image/tiff",
    "heic": "image/heic",
}
_DISPLAYABLE: Final = frozenset({"jpeg", "png", "webp", "gif", "bmp", "avif"})

PHOTO_SUFFIXES: Final = frozenset(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
"""Suffixes of photo files, in lower case with their dot."""

_RAW_SUFFIXES: Final = frozenset(_SUFFIXES["raw"])
_MAGIC: Final = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"BM", "bmp"),
    (b"II\x1a\0\0\0HEAPCCDR", "raw"),
    (b"FUJIFILMCCD-RAW", "raw"),
    (b"IIRO", "raw"),
    (b"IIRS", "raw"),
    (b"MMOR", "raw"),
    (b"IIU\0", "raw"),
    (b"FOVb", "raw"),
    (b"\0MRM", "raw"),
)
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_STRANGERS: Final = (
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"8BPS", "a Photoshop document"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML document"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
)


def sniff_format(data: bytes, name: str = "") -> str:
    """Return the format of a photo.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        File name or path; only its suffix is looked at, and only to tell RAW from TIFF.

    Returns
    -------
    str
        ``"jpeg"``, ``"png"``, ``"webp"``, ``"gif"``, ``"tiff"``, ``"bmp"``, ``"avif"``, ``"heic"`` or ``"raw"``.

    Raises
    ------
    UnsupportedPhotoError
        If `data` is none of these.

    Examples
    --------
    >>> sniff_format(b"GIF89a...")
    'gif'
    """
    for magic, format_ in _MAGIC:
        if data.startswith(magic):
            return "raw" if format_ == "tiff" and _is_raw(data, name) else format_
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return _sniff_boxes(data)
    stranger = next((what for magic, what in _STRANGERS if data.startswith(magic)), None)
    looks_like = f"it looks like {stranger}" if stranger else f"it begins with the bytes {data[:8].hex(' ')}"
    raise UnsupportedPhotoError(
        f"Not a photo that can be read: {looks_like}. Readable are {_names(supported_formats())}."
    )


def supported_formats() -> tuple[str, ...]:
    """Return the formats that can be read here: all, but for HEIC and RAW where their packages are not installed.

    Returns
    -------
    tuple of str
    """
    return tuple(name for name in _SUFFIXES if name not in _EXTRAS or importlib.util.find_spec(_EXTRAS[name]))


def is_displayable(format: str) -> bool:
    """Return whether browsers show a format as it is.

    Parameters
    ----------
    format : str
        As in `DecodedPhoto.format`.

    Returns
    -------
    bool
    """
    return format in _DISPLAYABLE


def media_type(format: str) -> str:
    """Return the media type of a format, for HTTP's ``Content-Type``.

    Parameters
    ----------
    format : str
        As in `DecodedPhoto.format`.

    Returns
    -------
    str

    Examples
    --------
    >>> media_type("jpeg"), media_type("raw")
    ('image/jpeg', 'application/octet-stream')
    """
    return _MEDIA_TYPES.get(format, "application/octet-stream")


def _is_raw(data: bytes, name: str) -> bool:
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    return suffix in _RAW_SUFFIXES or data[8:10] == b"CR" or read_exif(data).is_dng


def _sniff_boxes(data: bytes) -> str:
    size = int.from_bytes(data[:4], "big")
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, min(size, 256, len(data)), 4))]
    if brands[0] == b"crx ":
        return "raw"
    if not _AVIF_BRANDS.isdisjoint(brands):
        return "avif"
    if not _HEIC_BRANDS.isdisjoint(brands):
        return "heic"
    raise UnsupportedPhotoError(
        f"Not a photo that can be read: it looks like a video or another ISO media file (brand {brands[0]!r})."
    )


def _names(formats: tuple[str, ...]) -> str:
    shown = [name.upper() for name in formats]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
