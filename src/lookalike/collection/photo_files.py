"""Photos of a collection and their files: which photo a file is, and which file holds a photo still."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import numpy as np

from lookalike.catalog import Catalog, absolute
from lookalike.collection.outside import OutsidePhoto, PhotoQuery, read_file
from lookalike.errors import InvalidArgumentError, PhotoGoneError

__all__ = ["file_content", "id_of", "present_file"]


def id_of(photo: PhotoQuery, catalog: Catalog) -> int | None:
    """Return the id of the photo that `photo` is, or None; see `Collection.find`."""
    if isinstance(photo, int | np.integer) and not isinstance(photo, bool):
        return catalog.photo(int(photo)).id
    if isinstance(photo, OutsidePhoto):
        return catalog.id_of_content(photo.sha256)
    if not isinstance(photo, str | bytes | os.PathLike):
        raise InvalidArgumentError(
            f"`photo` is {photo!r}; expected an id, a path, the bytes of a file, or what `Collection.read` gave."
        )
    if isinstance(photo, bytes):
        data = photo
    else:
        photo_id = catalog.id_of_path(str(absolute(photo)))
        if photo_id is not None:
            return photo_id
        if isinstance(photo, str) and photo.isdecimal() and not Path(photo).exists():
            return catalog.photo(int(photo)).id
        data = read_file(photo)
    return catalog.id_of_content(hashlib.sha256(data).hexdigest())


def present_file(photo_id: int, catalog: Catalog) -> Path:
    """Return a file that held a photo when it was added, and can be read now; see `Collection.file`."""
    catalog.photo(photo_id)
    paths = catalog.paths(photo_id)
    for path in map(Path, paths):
        with contextlib.suppress(OSError):  # it lies in a folder that may not be entered
            if path.is_file() and os.access(path, os.R_OK):
                return path
    places = f"`{paths[0]}` was read once, but cannot be read now" if paths else "All its files have gone"
    raise PhotoGoneError(
        f"The file of photo {photo_id} is not there any more: {places}. Bring it back (perhaps a disk is not "
        "connected), or run `lookalike add` on its folder to bring the collection up to date."
    )


def file_content(photo_id: int, catalog: Catalog) -> tuple[Path, bytes]:
    """Read a file that holds a photo still; see `Collection.file_content`."""
    record = catalog.photo(photo_id)
    for path in map(Path, catalog.paths(photo_id)):
        with contextlib.suppress(InvalidArgumentError):
            data = read_file(path)
            if hashlib.sha256(data).hexdigest() == record.sha256:
                return path, data
    path = present_file(photo_id, catalog)
    raise PhotoGoneError(
        f"`{path}` was photo {photo_id} once, but has another content now. Run `lookalike add` on its folder to "
        "bring the collection up to date."
    )
