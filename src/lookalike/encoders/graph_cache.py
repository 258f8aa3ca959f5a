"""Built graphs on disk: made once per machine, checked each time, rebuilt when damaged.

A file holds the sha256 of its graph (32 bytes) and then the graph. The file's name holds everything that decides its
content, so nothing is ever changed in place: writers write a temporary file, fsync it and rename it, and when two
processes build at once the last rename wins with equal bytes.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

_DIGEST_BYTES = hashlib.sha256().digest_size


def cache_directory() -> Path:
    """Where built graphs are kept: ``LOOKALIKE_CACHE`` if set, else the user's cache directory."""
    chosen = os.environ.get("LOOKALIKE_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("lookalike"))


def _read(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    graph = data[_DIGEST_BYTES:]
    return graph if hashlib.sha256(graph).digest() == data[:_DIGEST_BYTES] else None


def _write(path: Path, graph: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(hashlib.sha256(graph).digest())
            file.write(graph)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def cached_graph(name: str, build: Callable[[], bytes]) -> bytes:
    """Return the graph of that name, built if it is not there or damaged.

    Parameters
    ----------
    name
        File name that changes with anything that changes the graph.
    build
        Makes the serialized graph; called at most once.

    Returns
    -------
    bytes
        Serialized ONNX model. A cache that cannot be written to is no error: the graph is built again next time.
    """
    path = cache_directory() / "encoders" / name
    graph = _read(path)
    if graph is None:
        graph = build()
        try:
            _write(path, graph)
        except OSError:
            return graph
    return graph
