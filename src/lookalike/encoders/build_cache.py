"""Files that take long to build, such as graphs and vectors of fixed texts: built once per machine, checked when read.

A file holds the sha256 of its content (32 bytes) and then the content; a damaged one is built again. The file's name
holds everything that decides its content, so nothing is ever changed in place: writers write a temporary file, fsync it
and rename it, and when two processes build at once the last rename wins with equal bytes.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import platformdirs

__all__ = ["cache_directory", "cached_build"]

_DIGEST_BYTES = hashlib.sha256().digest_size


def cache_directory() -> Path:
    """Where built files are kept: ``LOOKALIKE_CACHE`` if set, else the user's cache directory."""
    chosen = os.environ.get("LOOKALIKE_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("lookalike"))


def _read(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    content = data[_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == data[:_DIGEST_BYTES] else None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(hashlib.sha256(content).digest())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def cached_build(name: str, build: Callable[[], bytes]) -> bytes:
    """Return the content of that name, built if it is not there or damaged.

    Parameters
    ----------
    name
        File name that changes with anything that changes the content.
    build
        Makes the content; called at most once.

    Returns
    -------
    bytes
        As `build` made it. A cache that cannot be written to is no error: the content is built again next time.
    """
    path = cache_directory() / "encoders" / name
    content = _read(path)
    if content is None:
        content = build()
        with suppress(OSError):
            _write(path, content)
    return content
