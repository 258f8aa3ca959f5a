"""Connections to the database of a live index, and transactions on them.

WAL mode: readers never wait for the writer; a transaction that has returned survives the death of the process and, by
``synchronous=FULL``, of the machine.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from lookalike.databases import DATABASE_ERRORS, reading_uri
from lookalike.errors import FormatError, LiveIndexError, LookalikeError

__all__ = ["connect", "end_transaction", "read_transaction", "transaction"]

_LOG_BYTES = 1 << 26
"""What the write-ahead log is cut back to after a large transaction."""
_DAMAGE = (*DATABASE_ERRORS, TypeError, ValueError, OverflowError, IndexError)
"""What a damaged database leads to: SQLite hands out values of any kind, whatever its columns were declared as."""


def connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """Open a database; a writable one is made when it is missing.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode; for one thread at a time.

    Raises
    ------
    FormatError
        Not a SQLite database.
    LiveIndexError
        It cannot be opened.
    """
    uri = f"{path.absolute().as_uri()}?mode=rwc" if writable else reading_uri(path)
    if uri is None:
        raise LiveIndexError(
            f"`{path}-wal` holds changes that cannot be read from a read-only place. Copy the index elsewhere."
        )
    try:
        db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=60, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise LiveIndexError(f"`{path}` cannot be opened: {error}.") from error
    try:
        if writable:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except DATABASE_ERRORS as error:
        db.close()
        if isinstance(error, sqlite3.OperationalError):
            raise LiveIndexError(f"`{path}` cannot be opened: {error}.") from error
        raise FormatError(f"`{path}` is not a SQLite database ({error}). Restore it from a backup.") from error
    return db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run what is inside between BEGIN IMMEDIATE and COMMIT, or undo it.

    Raises
    ------
    LiveIndexError
        The database cannot be written: the disk is full or read-only.
    FormatError
        It is damaged.
    """
    end_transaction(db)
    try:
        db.execute("BEGIN IMMEDIATE")
        yield db
        db.execute("COMMIT")
    except BaseException as error:
        end_transaction(db)
        if (told := _told(error, DATABASE_ERRORS)) is not None:
            raise told from error
        raise


@contextlib.contextmanager
def read_transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Let what is inside see one state of the database."""
    end_transaction(db)
    try:
        try:
            db.execute("BEGIN")
            yield db
        finally:
            end_transaction(db)
    except Exception as error:
        if (told := _told(error, _DAMAGE)) is not None:
            raise told from error
        raise


def end_transaction(db: sqlite3.Connection) -> None:
    """Undo a transaction that is open, as an interrupt (Ctrl-C) between two steps may leave one."""
    if db.in_transaction:  # SQLite ends it by itself when the disk is full
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")


def _told(error: BaseException, damage: tuple[type[Exception], ...]) -> LookalikeError | None:
    """Return what SQLite, or a value that it read, raised as an error with advice; None where it was neither."""
    if isinstance(error, sqlite3.OperationalError):
        advice = "Free some space and try again." if "full" in str(error) else "Searching is possible."
        return LiveIndexError(
            f"the database of the live index cannot be read or written: {error}. "
            f"What was written before is safe. {advice}"
        )
    if isinstance(error, LookalikeError) or not isinstance(error, damage):
        return None
    return FormatError(
        f"the database of the live index is damaged ({error}). See what `LiveIndex.verify` says, and restore a backup."
    )
