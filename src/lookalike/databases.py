"""How a SQLite database in WAL mode is opened by who may not write where it lies, and what a damaged one raises."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

__all__ = ["DATABASE_ERRORS", "reading_uri"]

DATABASE_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What SQLite raises. The second: a damaged schema, whose text Python cannot read for the message."""


def reading_uri(path: Path) -> str | None:
    """Return the address by which SQLite opens a database for reading.

    SQLite cannot share a WAL database without writing beside it. Where that may not be, a reader shares what a writer
    has made; where none has, nothing changes, and the file is read as it is.

    Returns
    -------
    str or None
        None where a log that nobody works on holds changes: they cannot be read from there.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    if os.access(path.parent, os.W_OK) or _is_shared(path, uri):
        return uri
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size > 0:
        return None
    return f"{uri}&immutable=1"


def _is_shared(path: Path, uri: str) -> bool:
    """Whether a writer has made the files beside a database that its readers need, and they can be read."""
    if not path.with_name(path.name + "-shm").exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except DATABASE_ERRORS:
        return False
    return True
