"""Tags of photos: what was written, the form in which it is compared, where it comes from, how sure it is.

A tag comes in its normal form from whoever writes it (lookalike.query.normalised); *raw* is what was written. Of one
tag on one photo there is one row: what people say wins over what a file says, and that over what was guessed. Beside
them stand the tags that a person rejected for a photo when they were suggested.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["NOT_GONE", "PRESENT", "REJECTED_TAGS", "TAGS", "Origin", "TagCount", "TagRow", "Tags"]

Origin = Literal["auto", "file", "user"]
"""Where a tag comes from. In the order of the alphabet a later one wins: statements below compare them as text."""

TAGS = """
CREATE TABLE tags (
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    tag      TEXT NOT NULL,
    raw      TEXT NOT NULL,
    origin   TEXT NOT NULL,
    score    REAL NOT NULL,
    PRIMARY KEY (photo_id, tag)
) WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag);
"""

REJECTED_TAGS = """
CREATE TABLE rejected_tags (
    photo_id    INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    tag         TEXT NOT NULL,
    rejected_at TEXT NOT NULL,
    PRIMARY KEY (photo_id, tag)
) WITHOUT ROWID;
"""

PRESENT = "EXISTS (SELECT 1 FROM files WHERE files.photo_id = {table}.photo_id AND gone_at IS NULL)"
"""Condition on a table with the column `photo_id`: a file of the photo is present."""

NOT_GONE = (
    "photo_id NOT IN (SELECT id FROM photos WHERE NOT EXISTS (SELECT 1 FROM files WHERE files.photo_id = photos.id "
    "AND gone_at IS NULL))"
)
"""The same for many rows: the photos that have gone, often none, are found once."""

_PRESENT = PRESENT.format(table="tags")


class TagRow(NamedTuple):
    """A tag of a photo. `tag` is in normal form; `score` is 0 to 1, 1 for what people and files say."""

    photo_id: int
    tag: str
    raw: str
    origin: Origin
    score: float = 1.0


class TagCount(NamedTuple):
    """A tag, one of the ways in which it is written, and how many photos that are present have it."""

    tag: str
    raw: str
    n_photos: int


class Tags:
    """The tags in a catalog.

    Parameters
    ----------
    db : sqlite3.Connection
        Of the catalog. What changes tags belongs inside of a transaction of the catalog.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, rows: Iterable[TagRow]) -> None:
        """Write tags; one that is there gets the new spelling and score unless its origin is the better one."""
        self._db.executemany(
            "INSERT INTO tags VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET raw = excluded.raw, "
            "origin = excluded.origin, score = excluded.score WHERE excluded.origin >= origin",
            rows,
        )

    def remove(self, photo_id: int, *, tag: str | None = None, origin: Origin | None = None) -> int:
        """Take tags off a photo: this one, or all; of this origin, or any. Returns how many there were."""
        return self._db.execute(
            "DELETE FROM tags WHERE photo_id = ? AND tag = ifnull(?, tag) AND origin = ifnull(?, origin)",
            (photo_id, tag, origin),
        ).rowcount

    def write(self, row: TagRow) -> None:
        """Write a tag in the place of what there is of it, whichever origin that has."""
        self._db.execute(
            "INSERT INTO tags VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET raw = excluded.raw, "
            "origin = excluded.origin, score = excluded.score",
            row,
        )

    def row(self, photo_id: int, tag: str) -> TagRow | None:
        """Return a tag of a photo; None where it has it not."""
        row = self._db.execute(
            "SELECT photo_id, tag, raw, origin, score FROM tags WHERE photo_id = ? AND tag = ?", (photo_id, tag)
        ).fetchone()
        return None if row is None else TagRow(*row)

    def of_photo(self, photo_id: int) -> list[TagRow]:
        """List the tags of a photo, the surest first."""
        rows = self._db.execute(
            "SELECT photo_id, tag, raw, origin, score FROM tags WHERE photo_id = ? "
            "ORDER BY origin DESC, score DESC, tag",
            (photo_id,),
        )
        return [TagRow(*row) for row in rows]

    def having(self, tag: str) -> list[int]:
        """List the ids of all photos that have `tag`, present or gone."""
        return [row[0] for row in self._db.execute("SELECT photo_id FROM tags WHERE tag = ?", (tag,))]

    def photos(self, tag: str, *, at_least: float = 0.0) -> NDArray[np.int64]:
        """Return the ids of the photos present that have `tag` with such a score, ascending."""
        rows = self._db.execute(
            f"SELECT photo_id FROM tags WHERE tag = ? AND score >= ? AND {_PRESENT} ORDER BY photo_id", (tag, at_least)
        )
        return np.fromiter((row[0] for row in rows), dtype=np.int64)

    def counts(self, *, prefix: str = "", limit: int = 100, offset: int = 0) -> list[TagCount]:
        """List tags that begin with `prefix`, those of the most photos first."""
        rows = self._db.execute(
            "SELECT tag, (SELECT raw FROM tags WHERE tag = found.tag LIMIT 1), n FROM ("
            f"SELECT tag, count(*) AS n FROM tags WHERE tag >= ? AND tag < ? AND {NOT_GONE} "
            "GROUP BY tag ORDER BY n DESC, tag LIMIT ? OFFSET ?) AS found ORDER BY n DESC, tag",
            (prefix, prefix + chr(0x10FFFF), limit, offset),
        )
        return [TagCount(*row) for row in rows]

    def said(self) -> list[tuple[int, str, str]]:
        """List photo, tag and spelling of all that people and files say of photos that are present, by photo."""
        return self._db.execute(
            f"SELECT photo_id, tag, raw FROM tags WHERE origin <> 'auto' AND {NOT_GONE} ORDER BY photo_id, tag"
        ).fetchall()

    def reject(self, photo_id: int, tags: Iterable[str]) -> None:
        """Keep that these tags were rejected for a photo."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._db.executemany(
            "INSERT OR IGNORE INTO rejected_tags VALUES (?, ?, ?)", ((photo_id, tag, now) for tag in tags)
        )

    def unreject(self, photo_id: int, tags: Iterable[str]) -> None:
        """Forget that tags were rejected for a photo."""
        self._db.executemany(
            "DELETE FROM rejected_tags WHERE photo_id = ? AND tag = ?", ((photo_id, tag) for tag in tags)
        )

    def rejected(self, photo_id: int | None = None) -> list[tuple[int, str]]:
        """List photo and tag of what was rejected, for one photo or for all, by photo."""
        return self._db.execute(
            "SELECT photo_id, tag FROM rejected_tags WHERE photo_id = ifnull(?, photo_id) ORDER BY photo_id, tag",
            (photo_id,),
        ).fetchall()

    def rejecting(self, tag: str) -> list[int]:
        """List the ids of all photos for which `tag` was rejected."""
        return [row[0] for row in self._db.execute("SELECT photo_id FROM rejected_tags WHERE tag = ?", (tag,))]

    def is_rejected(self, photo_id: int, tag: str) -> bool:
        """Tell whether `tag` was rejected for a photo."""
        found = self._db.execute("SELECT 1 FROM rejected_tags WHERE photo_id = ? AND tag = ?", (photo_id, tag))
        return found.fetchone() is not None
