"""Collections of earlier format versions are brought up to date when they are first opened.

Version 1 kept float16 embeddings in a table of its own and one LOPQ index per collection. They become vectors of the
live index in one transaction, so that a run that is killed leaves the old collection as it was; the mean stays, so
that scores do. Then the index is made again from them. Version 2 knew nothing of what is seen in photos, of tags and of
places: tables are added, tags and places taken from the facts; photos are looked at by the next `add` that meets them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from lookalike.catalog import FORMAT_VERSION, stored_version
from lookalike.catalog.completion import COMPLETION, count_anew
from lookalike.catalog.filters import FILTERS
from lookalike.catalog.machine_tags import MACHINE_TAGS, MachineTagRow, MachineTags
from lookalike.catalog.places import PLACES
from lookalike.catalog.schema import ASIDE, PAGE_BYTES, statements
from lookalike.catalog.seen import SEEN
from lookalike.catalog.tags import REJECTED_TAGS, TAGS, TagRow, Tags
from lookalike.collection.file_tags import exif_tags, parts_of, plain_tags
from lookalike.collection.locking import writing
from lookalike.collection.vectors import CATALOG, open_index
from lookalike.errors import CollectionError, FormatError
from lookalike.photos import PhotoFacts

__all__ = ["bring_up_to_date"]

_BLOCK = 4096


def bring_up_to_date(directory: Path, dim: int, *, notify: Callable[[str], None] | None = None) -> None:
    """Bring the collection at `directory` to the newest format; nothing to do, mostly.

    Raises
    ------
    CollectionError
        It cannot be written to, or the disk is full. The collection is as it was.
    FormatError
        It is damaged.
    """
    database = directory / CATALOG
    if not 0 < stored_version(database) < FORMAT_VERSION:
        return
    if not (os.access(directory, os.W_OK) and os.access(database, os.W_OK)):
        raise CollectionError(
            f"`{directory}` was made by an earlier version of Lookalike and must be brought up to date once, but it "
            "cannot be written to. Copy it to a place that can be written, and open that."
        )
    if notify is not None:
        notify(f"Bringing {directory} up to date; this happens once.")
    with writing(directory, wait_seconds=10):
        version = stored_version(database)
        if not 0 < version < FORMAT_VERSION:  # another process was first
            return
        _turn(database, version, dim)
        if version == 1:
            shutil.rmtree(directory / "segments", ignore_errors=True)
            open_index(directory, dim, writable=True, background=False).close()


def _turn(database: Path, version: int, dim: int) -> None:
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as db:
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("BEGIN IMMEDIATE")
            if version == 1:
                _give_vectors_to_the_index(db, dim)
            _make_room_for_what_is_seen(db)
            db.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
            db.execute("COMMIT")
            if version == 1:
                _make_small(db)
        except sqlite3.OperationalError as error:
            raise CollectionError(
                f"`{database}` could not be brought up to date: {error}. It is as it was. Free some space (about as "
                "much as it takes now), and try again."
            ) from error
        except sqlite3.DatabaseError as error:
            raise FormatError(f"`{database}` is damaged ({error}). Put a backup in its place.") from error


def _make_small(db: sqlite3.Connection) -> None:
    """Write the file anew in larger pages, without what is free now; not while others read it: it works as it is."""
    db.execute("PRAGMA busy_timeout = 0")
    with contextlib.suppress(sqlite3.OperationalError):
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        db.execute("VACUUM")
    with contextlib.suppress(sqlite3.OperationalError):
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _give_vectors_to_the_index(db: sqlite3.Connection, dim: int) -> None:
    from lookalike.index.live import tables

    tables.create(db, dim=dim, metric="cosine", centred=True, bytes_per_vector=16)
    db.execute(ASIDE)
    after = 0
    while rows := db.execute(
        "SELECT photo_id, vector, EXISTS (SELECT 1 FROM files WHERE files.photo_id = embeddings.photo_id "
        "AND gone_at IS NULL) FROM embeddings WHERE photo_id > ? ORDER BY photo_id LIMIT ?",
        (after, _BLOCK),
    ).fetchall():
        after = rows[-1][0]
        if any(len(row[1]) != 2 * dim for row in rows):
            raise sqlite3.DatabaseError(f"an embedding has not the {dim} dimensions of its encoder")
        vectors = np.frombuffer(b"".join(row[1] for row in rows), "<f2").astype("<f4").reshape(len(rows), dim)
        present = np.array([row[2] for row in rows], np.bool_)
        ids = np.array([row[0] for row in rows], np.int64)
        if present.any():
            tables.put(db, ids[present], vectors[present])
        aside = zip(ids[~present].tolist(), vectors[~present], strict=True)
        db.executemany("INSERT INTO aside VALUES (?, ?)", ((photo_id, vector.tobytes()) for photo_id, vector in aside))
    settings = dict(db.execute("SELECT name, value FROM settings WHERE name IN ('mean', 'mean_n_photos')").fetchall())
    if len(settings) == 2 and len(settings["mean"]) == 4 * dim:
        tables.set_facts(db, mean=settings["mean"], mean_n=int(settings["mean_n_photos"]))
    db.execute("DELETE FROM settings WHERE name <> 'generation'")
    db.execute("DROP TABLE embeddings")


def _make_room_for_what_is_seen(db: sqlite3.Connection) -> None:
    db.execute("UPDATE photos SET facts = '{}' WHERE NOT json_valid(facts)")  # places are read out of them
    for script in (SEEN, TAGS, REJECTED_TAGS, MACHINE_TAGS, COMPLETION, PLACES, FILTERS):
        for statement in statements(script):
            db.execute(statement)
    catalog_tags, machine_tags = Tags(db), MachineTags(db)
    for photo_id, text in db.execute("SELECT id, facts FROM photos ORDER BY id").fetchall():
        try:
            facts = PhotoFacts.from_json(text)
        except FormatError:  # `verify` tells it
            continue
        catalog_tags.put(TagRow(photo_id, tag, raw, "file") for tag, raw in plain_tags(facts))
        machine_tags.put(MachineTagRow(photo_id, *parts_of(tag), "file") for tag in exif_tags(facts))
    count_anew(db)
