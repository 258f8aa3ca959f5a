"""A photo from outside a collection, ready to be searched with as often as one likes.

What it costs to read and encode a photo is paid once. The embedding is kept as the encoder gave it, because the mean
that search takes off belongs to the collection and is renewed as that grows.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog import expanded
from lookalike.encoders import ImageEncoder
from lookalike.errors import InvalidArgumentError, LookalikeError
from lookalike.photos import PhotoLimits, read_photo, thumbnail

__all__ = ["OutsidePhoto", "PhotoQuery", "read_file", "read_outside"]


@dataclass(frozen=True, slots=True, eq=False)
class OutsidePhoto:
    """A photo that was read by `Collection.read`, and need not be in the collection.

    Attributes
    ----------
    sha256 : str
        Of the file: tells whether the collection holds the same photo.
    width, height : int
        Of the full photo, upright, in pixels.
    thumbnail : bytes
        JPEG.
    embedding : array float32 (dim,)
        As the encoder gives it, unit length.
    """

    sha256: str
    width: int
    height: int
    thumbnail: bytes
    embedding: NDArray[np.float32]


PhotoQuery = int | np.integer | str | os.PathLike[str] | bytes | OutsidePhoto
"""A photo to search with: an id of the collection, a path (in the collection or not), a file's bytes, or what
`Collection.read` made of them."""


def read_outside(
    photo: str | os.PathLike[str] | bytes, encoder: ImageEncoder, *, min_side: int, limits: PhotoLimits
) -> OutsidePhoto:
    """Decode and encode a photo, a path or the bytes of a file; see `Collection.read` for the errors."""
    data = photo if isinstance(photo, bytes) else read_file(photo, limits)
    name = "" if isinstance(photo, bytes) else Path(photo).name
    decoded = read_photo(data, name=name, limits=limits, min_side=min_side)
    return OutsidePhoto(
        sha256=hashlib.sha256(data).hexdigest(),
        width=decoded.width,
        height=decoded.height,
        thumbnail=thumbnail(decoded.image),
        embedding=encoder.encode([decoded.image]).embeddings[0],
    )


def read_file(path: str | os.PathLike[str], limits: PhotoLimits | None = None) -> bytes:
    """Return the bytes of a file that a person named.

    Raises
    ------
    InvalidArgumentError
        It cannot be read, or is no file.
    PhotoTooLargeError
        It is larger than the limit.
    """
    file = expanded(path)
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InvalidArgumentError(f"`{path}` is not a file. Give a photo's file.")
        (limits or PhotoLimits()).check_bytes(status.st_size)
        return file.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, LookalikeError):
            raise
        raise InvalidArgumentError(f"`{path}` cannot be read: {getattr(error, 'strerror', None) or error}.") from error
