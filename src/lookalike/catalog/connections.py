"""One SQLite connection per thread, closed when its thread ends, and the transactions on it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

from lookalike.catalog.schema import connect
from lookalike.errors import CollectionError

__all__ = ["Connections"]


class _Owned:
    """A connection that is closed with the last reference to this: the one that its thread holds.

    Not with the last one to the connection itself: its cache of statements refers to it, so that goes when garbage is
    collected.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.is_left = False
        """Whether it is left to the garbage collector, because its thread may be using it."""

    def __del__(self) -> None:
        if not self.is_left:
            self.db.close()


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
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[_Owned] = weakref.WeakSet()
        self._closed = False
        self._file: tuple[int, int] | None = None
        self.current()  # now, so that a damaged file is told at once
        self._file = _file_at(path)

    def current(self) -> sqlite3.Connection:
        """Return the connection of this thread, opened when first asked for.

        Raises
        ------
        CollectionError
            `close` was called, or another file has come to lie at the path.
        """
        local = self._local
        owned: _Owned | None = getattr(local, "owned", None)
        if owned is None and not self._closed:
            self.check_file()
            owned = _Owned(connect(self._path, writable=self._writable, create=self._create))
            with self._lock:
                self._open.add(owned)
            local.owned = owned
        if owned is None or self._closed:
            raise CollectionError("This collection was closed. Open it again with `Collection.open`.")
        return owned.db

    def check_file(self) -> None:
        """Raise an error where the file at the path is not the one that was opened: ids mean other photos in it.

        Raises
        ------
        CollectionError
        """
        if self._file is not None and _file_at(self._path) not in (self._file, None):
            raise CollectionError(
                f"`{self._path}` is not the file that was opened: another collection, or a backup, has been put in its "
                "place. Open it again."
            )

    def close(self) -> None:
        """Close the connections of every thread, each after the statement that it is at.

        A writer first moves into the one database file what it can.
        """
        if self._writable and not self._closed:
            with contextlib.suppress(sqlite3.OperationalError):  # a reader is in the way, or the disk is full
                self.current().execute("PRAGMA busy_timeout = 0")  # readers may take long
                self.current().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        own = getattr(self._local, "owned", None)
        with self._lock:
            self._closed = True
            for owned in list(self._open):
                owned.is_left = owned is not own  # SQLite crashes where a connection is closed while it is used
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


def _file_at(path: Path) -> tuple[int, int] | None:
    """Tell files apart; None where there is none, which opening it tells."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
