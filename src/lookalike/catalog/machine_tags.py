"""Machine tags of photos, ``namespace:predicate=value``, found by any of their parts, and lists of what there is.

Parts come in normal form from whoever writes or asks (lookalike.query.MachineTag.normalised); None stands for
anything. *raw* is the value as it was written. Of one tag on one photo there is one row, of the best origin
(catalog/tags.py). Each way of asking has an index that holds all it needs: the columns of the primary key follow in
every one of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog.tags import NOT_GONE, PRESENT, Origin

__all__ = ["MACHINE_TAGS", "MachineTagCount", "MachineTagRow", "MachineTags"]

MACHINE_TAGS = """
CREATE TABLE machine_tags (
    photo_id  INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    namespace TEXT NOT NULL,
    predicate TEXT NOT NULL,
    value     TEXT NOT NULL,
    raw       TEXT NOT NULL,
    origin    TEXT NOT NULL,
    score     REAL NOT NULL,
    added_at  TEXT NOT NULL,
    PRIMARY KEY (photo_id, namespace, predicate, value)
) WITHOUT ROWID;
CREATE INDEX machine_tags_by_name ON machine_tags (namespace, predicate, value, added_at);
CREATE INDEX machine_tags_by_predicate ON machine_tags (predicate, value, namespace, added_at);
CREATE INDEX machine_tags_by_value ON machine_tags (value, namespace, added_at);
CREATE INDEX machine_tags_by_time ON machine_tags (added_at, namespace, predicate, value);
"""

_PRESENT = PRESENT.format(table="machine_tags")


class MachineTagRow(NamedTuple):
    """A machine tag of a photo, in normal form; `raw` is the value as written, `score` 0 to 1.

    `added_at` is when it was written first (UTC, ISO 8601); None of one that is written now, and
    where nobody asks.
    """

    photo_id: int
    namespace: str
    predicate: str
    value: str
    raw: str
    origin: Origin
    score: float = 1.0
    added_at: str | None = None


class MachineTagCount(NamedTuple):
    """Parts of machine tags, how many photos present have them, and when the first and the last was written (UTC).

    Parts that a list does not tell apart are None; `raw` is one of the ways in which the value is written.
    """

    namespace: str | None
    predicate: str | None
    value: str | None
    raw: str | None
    n_photos: int
    first_at: str
    last_at: str


class MachineTags:
    """The machine tags in a catalog.

    Parameters
    ----------
    db : sqlite3.Connection
        Of the catalog. What changes tags belongs inside of a transaction of the catalog.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, rows: Iterable[MachineTagRow]) -> None:
        """Write tags; one that is there gets the new spelling and score unless its origin is the better one."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._db.executemany(
            "INSERT INTO machine_tags VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET raw = excluded.raw, "
            "origin = excluded.origin, score = excluded.score WHERE excluded.origin >= origin",
            ((*row[:7], row.added_at or now) for row in rows),
        )

    def write(self, row: MachineTagRow) -> None:
        """Write a tag in the place of what there is of it, whichever origin that has; the time only if it is given."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._db.execute(
            "INSERT INTO machine_tags VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET raw = excluded.raw, "
            "origin = excluded.origin, score = excluded.score, added_at = ifnull(?, added_at)",
            (*row[:7], row.added_at or now, row.added_at),
        )

    def row(self, photo_id: int, namespace: str, predicate: str, value: str) -> MachineTagRow | None:
        """Return a machine tag of a photo; None where it has it not."""
        row = self._db.execute(
            "SELECT photo_id, namespace, predicate, value, raw, origin, score, added_at FROM machine_tags "
            "WHERE photo_id = ? AND namespace = ? AND predicate = ? AND value = ?",
            (photo_id, namespace, predicate, value),
        ).fetchone()
        return None if row is None else MachineTagRow(*row)

    def having(self, namespace: str, predicate: str, value: str) -> list[int]:
        """List the ids of all photos that have a tag, present or gone."""
        rows = self._db.execute(
            "SELECT photo_id FROM machine_tags WHERE namespace = ? AND predicate = ? AND value = ?",
            (namespace, predicate, value),
        )
        return [row[0] for row in rows]

    def remove(
        self,
        photo_id: int,
        *,
        namespace: str | None = None,
        predicate: str | None = None,
        value: str | None = None,
        origin: Origin | None = None,
    ) -> int:
        """Take tags off a photo: those of which every part that is given is equal. Returns how many there were."""
        condition, values = _where(namespace, predicate, value)
        return self._db.execute(
            f"DELETE FROM machine_tags WHERE photo_id = ? AND {condition} AND origin = ifnull(?, origin)",
            (photo_id, *values, origin),
        ).rowcount

    def of_photo(self, photo_id: int) -> list[MachineTagRow]:
        """List the machine tags of a photo, by their names."""
        rows = self._db.execute(
            "SELECT photo_id, namespace, predicate, value, raw, origin, score FROM machine_tags WHERE photo_id = ? "
            "ORDER BY namespace, predicate, score DESC, value",
            (photo_id,),
        )
        return [MachineTagRow(*row) for row in rows]

    def photos(
        self, *, namespace: str | None = None, predicate: str | None = None, value: str | None = None
    ) -> NDArray[np.int64]:
        """Return the ids of the photos present with a tag of which every part that is given is equal, ascending."""
        condition, values = _where(namespace, predicate, value)
        rows = self._db.execute(
            f"SELECT DISTINCT photo_id FROM machine_tags WHERE {condition} AND {_PRESENT} ORDER BY photo_id", values
        )
        return np.fromiter((row[0] for row in rows), dtype=np.int64)

    def namespaces(
        self, *, predicate: str | None = None, since: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[MachineTagCount]:
        """List namespaces, those of the most photos first.

        Parameters
        ----------
        predicate : str, optional
            Only those that have it.
        since : str, optional
            Count only what was written then or later: UTC, ISO 8601, or the beginning of it.
        limit, offset : int
        """
        return self._counts(("namespace",), (None, predicate, None), since, limit, offset)

    def predicates(
        self, *, namespace: str | None = None, since: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[MachineTagCount]:
        """List predicates, of a namespace or of all; see `namespaces`."""
        return self._counts(("predicate",), (namespace, None, None), since, limit, offset)

    def pairs(
        self,
        *,
        namespace: str | None = None,
        predicate: str | None = None,
        value: str | None = None,
        since: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[MachineTagCount]:
        """List pairs of namespace and predicate, of all values or of one; see `namespaces`."""
        return self._counts(("namespace", "predicate"), (namespace, predicate, value), since, limit, offset)

    def values(
        self,
        *,
        namespace: str | None = None,
        predicate: str | None = None,
        since: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[MachineTagCount]:
        """List values of a namespace, of a predicate, of both or of all; see `namespaces`."""
        return self._counts(("value",), (namespace, predicate, None), since, limit, offset)

    def _counts(
        self,
        by: tuple[str, ...],
        pattern: tuple[str | None, str | None, str | None],
        since: str | None,
        limit: int,
        offset: int,
    ) -> list[MachineTagCount]:
        condition, values = _where(*pattern)
        if since is not None:
            condition += " AND added_at >= ?"
            values = (*values, since)
        index = "INDEXED BY machine_tags_by_time " if since is not None else ""
        columns = ", ".join(name if name in by else f"NULL AS {name}" for name in ("namespace", "predicate", "value"))
        unique = by == ("value",) and pattern[0] is not None and pattern[1] is not None
        counted = "count(*)" if unique else "count(DISTINCT photo_id)"
        written = f"(SELECT raw FROM machine_tags WHERE value = found.value AND {condition} LIMIT 1)"
        names = ", ".join(by)
        rows = self._db.execute(
            f"SELECT *, {written if 'value' in by else 'NULL'} FROM (SELECT {columns}, {counted} AS n, min(added_at), "
            f"max(added_at) FROM machine_tags {index}WHERE {condition} AND {NOT_GONE} GROUP BY {names} "
            f"ORDER BY n DESC, {names} LIMIT ? OFFSET ?) AS found ORDER BY n DESC, {names}",
            (*(values if "value" in by else ()), *values, limit, offset),
        )
        return [
            MachineTagCount(namespace, predicate, value, raw, n_photos, first_at, last_at)
            for namespace, predicate, value, n_photos, first_at, last_at, raw in rows
        ]


def _where(namespace: str | None, predicate: str | None, value: str | None) -> tuple[str, tuple[str, ...]]:
    parts = {"namespace": namespace, "predicate": predicate, "value": value}
    given = {name: part for name, part in parts.items() if part is not None}
    return " AND ".join(f"{name} = ?" for name in given) or "1", tuple(given.values())
