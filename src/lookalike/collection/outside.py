"""A photo from outside a collection, ready to be searched with as often as one likes.

What it costs to read and encode a photo is paid once. The embedding is kept as the encoder gave it, because the mean
that search takes off belongs to the collection and is renewed as that grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["OutsidePhoto"]


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
