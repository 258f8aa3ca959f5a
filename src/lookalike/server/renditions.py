"""JPEG renditions of photos that browsers cannot show (HEIC, TIFF, RAW), the latest ones kept in memory.

Making one takes from a tenth of a second to a few seconds, so looking back at a photo should not cost it again; bounded
by bytes, and made two at a time, because a large photo takes a gigabyte while it is decoded.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path

from anyio import CapacityLimiter, to_thread

from lookalike.errors import PhotoGoneError
from lookalike.photos import rendition

__all__ = ["Renditions"]


class Renditions:
    """Renditions by content hash.

    Parameters
    ----------
    max_bytes : int
        What is kept; the least recently used goes first.
    """

    def __init__(self, *, max_bytes: int = 64 << 20) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._two_at_a_time = CapacityLimiter(2)

    async def get(self, sha256: str, path: Path) -> bytes:
        """Return the JPEG of the photo at `path`, whose content is `sha256`.

        Raises
        ------
        PhotoError
            It cannot be decoded.
        PhotoGoneError
            It cannot be read, or has another content now.
        """
        held = self._find(sha256)
        if held is not None:
            return held
        return await to_thread.run_sync(self._make, sha256, path, limiter=self._two_at_a_time)

    def _find(self, sha256: str) -> bytes | None:
        with self._lock:
            if sha256 in self._held:
                self._held.move_to_end(sha256)
            return self._held.get(sha256)

    def _make(self, sha256: str, path: Path) -> bytes:
        held = self._find(sha256)  # made while this request waited for its turn
        if held is not None:
            return held
        try:
            data = path.read_bytes()
        except OSError as error:
            raise PhotoGoneError(f"`{path}` cannot be read: {error.strerror}.") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise PhotoGoneError(
                f"`{path}` was changed since it was added. Run `lookalike add` on its folder to bring the collection "
                "up to date."
            )
        jpeg = rendition(data, name=path.name)
        with self._lock:
            if sha256 not in self._held:
                self._held[sha256] = jpeg
                self._n_bytes += len(jpeg)
            while self._n_bytes > self._max_bytes:
                _, dropped = self._held.popitem(last=False)
                self._n_bytes -= len(dropped)
        return jpeg
