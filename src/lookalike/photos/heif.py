"""The one door to pillow-heif: HEIC and HEIF, as phones write them. An extra, because its codec is LGPL and large."""

from __future__ import annotations

from io import BytesIO
from typing import cast

from PIL import ImageFile

from lookalike.errors import UnsupportedPhotoError

__all__ = ["open_heif"]


def open_heif(data: bytes) -> ImageFile.ImageFile:
    """Open a HEIC photo; pixels are not decoded yet.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    ImageFile
        Its pixels come upright already, and its EXIF says so.

    Raises
    ------
    UnsupportedPhotoError
        If pillow-heif is not installed.
    """
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise UnsupportedPhotoError(
            "HEIC photos need the package pillow-heif, which is not installed: pip install 'lookalike[heic]'."
        ) from error
    return cast("ImageFile.ImageFile", HeifImageFile(BytesIO(data)))
