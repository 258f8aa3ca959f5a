"""One SQLite connection per thread, closed when its thread ends, and the transactions on it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from lookalike.catalog.schema import connect
from lookalike.errors import CollectionError

__all__ = ["Connections"]


class Connections:
    """The connections to one catalog.

    Parameters
    ----------
    path : Path
        The database file.
    writable : bool
        Whether they may write.
    create : bool
        Whether a file that is missing is made.
    """

    def __init__(self, path: Path, *, writable: bool, create: bool = True) -> None:
        self._path = path
        self._create = create
        self._writable = writable
        self._local = threading.local()
        self._closed = False
        self.current()  # now, so that a damaged file is told at once

    def current(self) -> sqlite3.Connection:
        """Return the connection of this thread, opened when first asked for.

        Raises
        ------
        CollectionError
            `close` was called.
        """
        local = self._local
        if self._closed:
            raise CollectionError("This collection was closed. Open it again with `Collection.open`.")
        db: sqlite3.Connection | None = getattr(local, "db", None)
        if db is None:
            db = local.db = connect(self._path, writable=self._writable, create=self._create)
        return db

    def close(self) -> None:
        """Close the connections of every thread, each after the statement that it is at.

        A writer first moves into the one database file what it can.
        """
        if self._writable and not self._closed:
            with contextlib.suppress(sqlite3.OperationalError):  # a reader is in the way, or the disk is full
                self.current().execute("PRAGMA busy_timeout = 0")  # readers may take long
                self.current().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._closed = True
        # each closes with its last reference; SQLite crashes where one in use is closed
        self._local = threading.local()

    @contextlib.contextmanager
    def transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        """Run what is inside between `begin` and COMMIT, or undo it.

        Raises
        ------
        CollectionError
            The database cannot be written: the disk is full or read-only.
        """
        db = self.current()
        try:
            db.execute(begin)
            yield db
            db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            message = f"`{self._path}` cannot be read or written: {error}. What was written before is safe."
            raise CollectionError(message) from error
        except BaseException:
            if db.in_transaction:  # SQLite ends it by itself when the disk is full
                db.execute("ROLLBACK")
            raise
