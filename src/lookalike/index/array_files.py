"""Arrays in files: forced to disk, described by size and SHA-256, read or mapped without pickled content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import FormatError
from lookalike.quantization.files import sync_folder

__all__ = ["file_entry", "read_array", "write_array"]


def file_entry(file: Path) -> dict[str, Any]:
    """Name, bytes and SHA-256 of a file, as manifests list it."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file": file.name, "bytes": file.stat().st_size, "sha256": digest}


def write_array(file: Path, array: NDArray[Any], *, sync_name: bool = True) -> None:
    """Write one ``.npy`` file and force it to disk, and its name too, unless its folder is forced there as a whole."""
    with file.open("wb") as stream:
        np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())
    if sync_name:
        sync_folder(file.parent)


def read_array(file: Path, *, mmap: bool) -> NDArray[Any]:
    """Read one ``.npy`` file, or map it.

    Raises
    ------
    FormatError
        Not an array, or one of Python objects.
    FileNotFoundError
    """
    try:
        if mmap:
            # copy-on-write, and never written: shared as "r" is, but of one type with arrays in memory
            array: NDArray[Any] = np.asarray(np.load(file, mmap_mode="c", allow_pickle=False))
            if array.size:
                return array
        return np.asarray(np.load(file, allow_pickle=False))
    except FileNotFoundError:
        raise
    except (ValueError, EOFError, OSError, SyntaxError, OverflowError, TypeError, TokenError) as error:
        if mmap:  # an array without entries cannot be mapped
            return read_array(file, mmap=False)
        raise FormatError(f"{file} is not a readable array ({error}). Restore it from a backup.") from error
