"""What was seen in photos when they were read, as rows of bytes: what is in them, the collection knows.

All but the first measure: the NSFW score goes with every list of photos, so the catalog reads it.

A photo that was looked at again (with another recipe) gets a new `seq`, so that a reader who has read up to one finds
all that has come or changed since.
"""

from __future__ import annotations

import math
import os
import sqlite3
import struct
from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["SEEN", "SeenFields", "SeenRows", "nsfw_of"]

SEEN = """
CREATE TABLE seen (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    photo_id    INTEGER NOT NULL UNIQUE REFERENCES photos (id) ON DELETE CASCADE,
    recipe      TEXT NOT NULL,
    labels      BLOB NOT NULL,
    palette     BLOB NOT NULL,
    composition BLOB NOT NULL,
    measures    BLOB NOT NULL
);
"""

SeenFields: TypeAlias = tuple[str, bytes, bytes, bytes, bytes]
"""Recipe, labels, palette, composition and measures."""


class SeenRows:
    """What was seen in photos.

    Parameters
    ----------
    db : sqlite3.Connection
        Of the catalog. What changes rows belongs inside of a transaction of the catalog.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, photo_id: int, fields: SeenFields) -> None:
        """Write what was seen in a photo, in the place of what was before."""
        self._db.execute(
            "INSERT OR REPLACE INTO seen (photo_id, recipe, labels, palette, composition, measures) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (photo_id, *fields),
        )

    def forget(self, photo_ids: Iterable[int]) -> None:
        """Drop what was seen in photos: the next time their files are met, they are looked at again."""
        self._db.executemany("DELETE FROM seen WHERE photo_id = ?", ((photo_id,) for photo_id in photo_ids))

    def of_photo(self, photo_id: int) -> tuple[bytes, bytes, bytes, bytes] | None:
        """Return labels, palette, composition and measures; None where nothing is known."""
        row: tuple[bytes, bytes, bytes, bytes] | None = self._db.execute(
            "SELECT labels, palette, composition, measures FROM seen WHERE photo_id = ?", (photo_id,)
        ).fetchone()
        return row

    def after(self, seq: int, limit: int) -> list[tuple[int, int, bytes, bytes, bytes, bytes]]:
        """List what came later than `seq`, in order: seq, photo's id, labels, palette, composition, measures."""
        return self._db.execute(
            "SELECT seq, photo_id, labels, palette, composition, measures FROM seen WHERE seq > ? ORDER BY seq LIMIT ?",
            (seq, limit),
        ).fetchall()

    def holds(self, sha256: str, recipe: str) -> bool:
        """Tell whether a content was looked at by this recipe."""
        row = self._db.execute(
            "SELECT 1 FROM seen WHERE photo_id = (SELECT id FROM photos WHERE sha256 = ?) AND recipe = ?",
            (bytes.fromhex(sha256), recipe),
        ).fetchone()
        return row is not None

    def lacking_below(self, folder: str, recipe: str) -> set[str]:
        """Return the present paths that are `folder` or lie below it, of photos that this recipe has not looked at."""
        prefix = os.path.join(folder, "")  # noqa: PTH118  ends with the separator, also for a root
        rows = self._db.execute(
            "SELECT path FROM files WHERE gone_at IS NULL AND (path = ? OR substr(path, 1, ?) = ?) "
            "AND photo_id NOT IN (SELECT photo_id FROM seen WHERE recipe = ?)",
            (folder, len(prefix), prefix, recipe),
        )
        return {path for (path,) in rows}


def nsfw_of(measures: object) -> float | None:
    """Return the NSFW score from a row's measures; None where there is no row, no sound one, or it was not judged."""
    if not isinstance(measures, bytes) or len(measures) < 4:
        return None
    score: float = struct.unpack_from("<f", measures)[0]
    return score if math.isfinite(score) else None
