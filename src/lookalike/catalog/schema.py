"""The tables of a catalog, and how a database file becomes one.

One SQLite file in WAL mode: readers never wait for the writer, and a transaction that has returned survives
the death of the process (``synchronous=FULL``: of the machine too). ``application_id`` tells our files from
other databases, ``user_version`` is the format's version; docs/formats/collection.md describes every column. The
tables of the live index lie in the same file (lookalike.index.live.tables), so that a photo and its vector are
written in one transaction; this package knows nothing of them.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from lookalike.catalog.completion import COMPLETION
from lookalike.catalog.filters import FILTERS
from lookalike.catalog.machine_tags import MACHINE_TAGS
from lookalike.catalog.places import PLACES, register_distance
from lookalike.catalog.seen import SEEN
from lookalike.catalog.tags import REJECTED_TAGS, TAG_CHANGES, TAGS
from lookalike.databases import DATABASE_ERRORS, reading_uri
from lookalike.errors import CollectionError, FormatError, LookalikeError, NewerVersionError

__all__ = ["ASIDE", "FORMAT_VERSION", "PAGE_BYTES", "connect", "database_error", "statements", "stored_version"]

APPLICATION_ID = 0x4C4F4F4B  # "LOOK"
FORMAT_VERSION = 3

PAGE_BYTES = 16_384
"""Three embeddings of 1,280 dimensions fit in such a page; in SQLite's own pages of 4 KiB each takes two."""

ASIDE = """
CREATE TABLE aside (
    photo_id INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
    vector   BLOB NOT NULL
);
"""

TABLES = f"""
CREATE TABLE photos (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256   BLOB NOT NULL UNIQUE,
    format   TEXT NOT NULL,
    bytes    INTEGER NOT NULL,
    width    INTEGER NOT NULL,
    height   INTEGER NOT NULL,
    taken_at TEXT,
    title    TEXT,
    facts    TEXT NOT NULL,
    added_at TEXT NOT NULL
);
{ASIDE}
{SEEN}
CREATE TABLE files (
    path             TEXT PRIMARY KEY,
    photo_id         INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    bytes            INTEGER NOT NULL,
    mtime_ns         INTEGER NOT NULL,
    sidecar_mtime_ns INTEGER,
    gone_at          TEXT
) WITHOUT ROWID;
CREATE INDEX files_present ON files (photo_id) WHERE gone_at IS NULL;
CREATE TABLE failures (
    path             TEXT PRIMARY KEY,
    bytes            INTEGER NOT NULL,
    mtime_ns         INTEGER NOT NULL,
    sidecar_mtime_ns INTEGER,
    reason           TEXT NOT NULL,
    failed_at        TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value
) WITHOUT ROWID;
CREATE VIRTUAL TABLE photo_text USING fts5 (
    title, caption, keywords, creator, names,
    tokenize = "porter unicode61 remove_diacritics 2", prefix = '2 3'
);
{TAGS}
{REJECTED_TAGS}
{TAG_CHANGES}
{MACHINE_TAGS}
{COMPLETION}
{PLACES}
{FILTERS}
"""


class _Connection(sqlite3.Connection):
    """Closed with its last reference, if not before."""

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.ProgrammingError):  # it could not be opened
            self.close()


def connect(path: Path, *, writable: bool, create: bool = True) -> sqlite3.Connection:
    """Open the catalog at `path`, making it when it is missing and both `writable` and `create`.

    Parameters
    ----------
    path : Path
        The database file.
    writable : bool
        False opens it for reading only; the file must exist then.
    create : bool
        False: the file must exist.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode: transactions are begun explicitly. Usable from any one thread at a time.

    Raises
    ------
    FormatError
        The file is missing, no catalog, or was written by a newer version of Lookalike.
    CollectionError
        It cannot be opened: no permission, a disk that fails.
    """
    if not (writable and create) and not path.exists():
        message = f"`{path}` is missing. Put it back from a backup, or make a new collection and add the photos again."
        raise FormatError(message)
    connection = sqlite3.connect(
        _uri(path, writable=writable, create=create),
        uri=True,
        isolation_level=None,
        timeout=30,
        check_same_thread=False,
        factory=_Connection,
    )
    register_distance(connection)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        _check_or_create(connection, path, writable=writable)
    except DATABASE_ERRORS as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise CollectionError(f"`{path}` cannot be opened: {error}.") from error
        message = f"`{path}` is not a Lookalike catalog ({error}). If a backup exists, put it in its place."
        raise FormatError(message) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _uri(path: Path, *, writable: bool, create: bool = False) -> str:
    if writable:
        return f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    uri = reading_uri(path)
    if uri is None:
        raise CollectionError(
            f"`{path}-wal` holds changes that cannot be read from a read-only place. Copy the collection elsewhere."
        )
    return uri


def database_error(error: Exception) -> LookalikeError | None:
    """Return what SQLite raised while it read or wrote as an error with advice; None where the fault is ours."""
    if type(error) is sqlite3.DatabaseError:
        return FormatError(
            f"The database of the collection is damaged ({error}). `lookalike verify` tells where; put a backup in its "
            "place with `lookalike restore`."
        )
    if type(error) is not sqlite3.OperationalError:
        return None
    if "locked" in str(error):
        return CollectionError(
            "The database of the collection is locked: another program kept it to itself for half a minute. Try again "
            "when that has ended."
        )
    return CollectionError(f"The database of the collection cannot be read or written: {error}.")


def statements(script: str) -> Iterator[str]:
    """Give the statements of a script one by one: run alone, they do not end a transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def stored_version(path: Path) -> int:
    """Return the format version of the catalog at `path`; 0 where there is none, or none that can be read."""
    if not path.exists():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(_uri(path, writable=False), uri=True)) as connection:
            application_id: int = connection.execute("PRAGMA application_id").fetchone()[0]
            version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    except DATABASE_ERRORS:  # told by whoever opens it in earnest
        return 0
    return version if application_id == APPLICATION_ID else 0


def _check_or_create(connection: sqlite3.Connection, path: Path, *, writable: bool) -> None:
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application_id == 0 and version == 0 and writable:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(
            f"BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {FORMAT_VERSION}; COMMIT;"
        )
    elif application_id != APPLICATION_ID:
        raise FormatError(f"`{path}` is a SQLite database of another program, not a Lookalike catalog.")
    elif version > FORMAT_VERSION:
        message = (
            f"`{path}` has format version {version}, but this version of Lookalike reads up to {FORMAT_VERSION}. "
            "Upgrade: pip install --upgrade lookalike"
        )
        raise NewerVersionError(message)
    elif version < FORMAT_VERSION:
        raise FormatError(f"`{path}` has the old format version {version}. `lookalike info` brings it up to date.")
    elif writable and not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'tag_changes'").fetchone():
        connection.executescript(f"BEGIN IMMEDIATE; {TAG_CHANGES} COMMIT;")
