"""Segments that are open, by what the manifest says of them: each is opened and checked once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from lookalike.index.live.segment_files import StoredSegment, read_segment
from lookalike.index.live.tables import SegmentRow

__all__ = ["SegmentCache"]


class SegmentCache:
    """Open segments, all rows alive.

    Parameters
    ----------
    folder : Path
        Holds the segments.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: dict[tuple[int, str], StoredSegment] = {}
        self._lock = threading.Lock()

    def opened(self, row: SegmentRow) -> StoredSegment:
        """Open a segment, live or pending.

        Raises
        ------
        FormatError, OSError
            As :func:`read_segment` does.
        """
        key = row.number, row.checksum
        with self._lock:
            stored = self._opened.get(key)
            if stored is None:
                stored = self._opened[key] = read_segment(self._folder, *key, None)
            return stored

    def keep(self, rows: Iterable[SegmentRow]) -> None:
        """Let go of all others."""
        with self._lock:
            for key in self._opened.keys() - {(row.number, row.checksum) for row in rows}:
                del self._opened[key]
