"""Tags of photos: what was written, the form in which it is compared, where it comes from, how sure it is.

A tag comes in its normal form from whoever writes it (lookalike.query.normalised); *raw* is what was written. Of one
tag on one photo there is one row: what people say wins over what a file says, and that over what was guessed. Beside
them stand the tags that a person rejected for a photo when they were suggested.

Triggers keep which photos either changed for, and when: who holds something made of all tags reads what is new alone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["NOT_GONE", "PRESENT", "REJECTED_TAGS", "TAGS", "TAG_CHANGES", "Origin", "TagCount", "TagRow", "Tags"]

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

_CHANGED = """
CREATE TRIGGER IF NOT EXISTS {table}_{event} AFTER {event} ON {table} BEGIN
    INSERT INTO tag_changes
    VALUES ({row}.photo_id, 1 + ifnull((SELECT value FROM settings WHERE name = 'generation'), 0))
    ON CONFLICT DO UPDATE SET generation = excluded.generation;
END;
"""

TAG_CHANGES = """
CREATE TABLE IF NOT EXISTS tag_changes (photo_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS tag_changes_by_generation ON tag_changes (generation);
INSERT OR IGNORE INTO tag_changes SELECT 0, ifnull((SELECT value FROM settings WHERE name = 'generation'), 0);
""" + "".join(
    _CHANGED.format(table=table, event=event, row="old" if event == "DELETE" else "new")
    for table in ("tags", "rejected_tags")
    for event in ("INSERT", "UPDATE", "DELETE")
)
"""The generation in which the tags of a photo, or its rejections, changed last. The row of photo 0 tells since when
that is kept: catalogs of before have no such table until they are first written to."""

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

    def photos(self, tag: str) -> NDArray[np.int64]:
        """Return the ids of the photos present that have `tag`, ascending."""
        rows = self._db.execute(f"SELECT photo_id FROM tags WHERE tag = ? AND {_PRESENT} ORDER BY photo_id", (tag,))
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

    def said(self, photo_ids: Iterable[int] | None = None) -> list[tuple[int, str, str]]:
        """List photo, tag and spelling of all that people and files say of photos that are present, by photo.

        Parameters
        ----------
        photo_ids : iterable of int, optional
            Only of these.
        """
        among, values = _among(photo_ids)
        present = NOT_GONE if photo_ids is None else _PRESENT
        return self._db.execute(
            f"SELECT photo_id, tag, raw FROM tags WHERE origin <> 'auto' AND {present}{among} ORDER BY photo_id, tag",
            values,
        ).fetchall()

    def spelling(self, tag: str) -> str | None:
        """Return one of the ways in which a tag that people or files say is written, or None where there is none."""
        row = self._db.execute(
            "SELECT raw FROM tags WHERE tag = ? AND origin <> 'auto' ORDER BY photo_id LIMIT 1", (tag,)
        ).fetchone()
        return row[0] if row else None

    def n_saying(self, tag: str, *, most: int) -> int:
        """Count the photos of which people or files say a tag, as far as `most`."""
        rows = self._db.execute("SELECT 1 FROM tags WHERE tag = ? AND origin <> 'auto' LIMIT ?", (tag, most))
        return len(rows.fetchall())

    def changed_since(self, generation: int) -> list[int] | None:
        """List the photos of which tags or rejections changed after a generation; None where that is not known."""
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'tag_changes'").fetchone():
            return None
        rows = self._db.execute("SELECT photo_id FROM tag_changes WHERE generation > ?", (generation,))
        changed = [row[0] for row in rows]
        return None if 0 in changed else changed

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

    def rejected(self, photo_ids: Iterable[int] | None = None) -> list[tuple[int, str]]:
        """List photo and tag of what was rejected, for these photos or for all, by photo."""
        among, values = _among(photo_ids)
        return self._db.execute(
            f"SELECT photo_id, tag FROM rejected_tags WHERE 1{among} ORDER BY photo_id, tag", values
        ).fetchall()

    def rejecting(self, tag: str) -> list[int]:
        """List the ids of all photos for which `tag` was rejected."""
        return [row[0] for row in self._db.execute("SELECT photo_id FROM rejected_tags WHERE tag = ?", (tag,))]

    def is_rejected(self, photo_id: int, tag: str) -> bool:
        """Tell whether `tag` was rejected for a photo."""
        found = self._db.execute("SELECT 1 FROM rejected_tags WHERE photo_id = ? AND tag = ?", (photo_id, tag))
        return found.fetchone() is not None


def _among(photo_ids: Iterable[int] | None) -> tuple[str, tuple[str, ...]]:
    """Return a condition on `photo_id`, with its values."""
    if photo_ids is None:
        return "", ()
    return " AND photo_id IN (SELECT value FROM json_each(?))", (json.dumps([int(each) for each in photo_ids]),)
