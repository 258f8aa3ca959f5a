"""Thumbnails on disk, named by the photo's content hash: `thumbnails/ab/abcd....jpg`.

They can always be made again from the photo, so they are written by rename but not forced to the disk.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

__all__ = ["ThumbnailStore"]


class ThumbnailStore:
    """The thumbnails of one collection.

    Parameters
    ----------
    root : Path
        Their folder; made when the first is put.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Return where the thumbnail of this content lies, or would."""
        return self.root / sha256[:2] / f"{sha256}.jpg"

    def get(self, sha256: str) -> bytes | None:
        """Return one thumbnail; None when it is not there, or empty (a power cut can leave it so)."""
        try:
            return self.path(sha256).read_bytes() or None
        except FileNotFoundError:
            return None

    def put(self, sha256: str, jpeg: bytes) -> None:
        """Store one thumbnail; readers see the whole of it or none."""
        path = self.path(sha256)
        temporary = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.new")
        try:
            try:
                temporary.write_bytes(jpeg)
            except FileNotFoundError:  # the first of at most 256 times
                self.root.mkdir(exist_ok=True)  # but not the collection: it may have been moved away
                path.parent.mkdir(exist_ok=True)
                temporary.write_bytes(jpeg)
            temporary.replace(path)
        except OSError:  # a full disk: nothing may stay behind
            temporary.unlink(missing_ok=True)
            raise
