"""Filters that a person taught by examples, kept under their names.

What a filter is, is known above (lookalike.collection.probe); here it is a text. Names come in normal form from
whoever writes or asks (lookalike.query.normalised).
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

__all__ = ["FILTERS", "Filters"]

FILTERS = """
CREATE TABLE filters (
    name    TEXT PRIMARY KEY,
    probe   TEXT NOT NULL,
    made_at TEXT NOT NULL
) WITHOUT ROWID;
"""


class Filters:
    """The taught filters in a catalog.

    Parameters
    ----------
    db : sqlite3.Connection
        Of the catalog. What changes filters belongs inside of a transaction of the catalog.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, name: str, probe: str) -> None:
        """Keep a filter, in the place of an earlier one of the name."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._db.execute("INSERT OR REPLACE INTO filters VALUES (?, ?, ?)", (name, probe, now))

    def get(self, name: str) -> str | None:
        """Return a filter; None where there is none of the name."""
        row = self._db.execute("SELECT probe FROM filters WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def remove(self, name: str) -> bool:
        """Forget a filter; tells whether there was one."""
        return self._db.execute("DELETE FROM filters WHERE name = ?", (name,)).rowcount > 0

    def all(self) -> list[tuple[str, str, str]]:
        """List name, filter and when it was made (UTC, ISO 8601), by name."""
        return self._db.execute("SELECT name, probe, made_at FROM filters ORDER BY name").fetchall()
