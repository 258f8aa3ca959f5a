"""Reading and writing a catalog: one transaction per batch.

A *photo* is a content (its SHA-256); a *file* is a path at which that content lies, so copies and moves cost no second
embedding. A photo whose every file has gone is hidden, not erased: should the folder return
(a disk mounted again), so does the photo. Its embedding lies in the tables of the live index while a file is present,
and is laid aside here while there is none.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog.completion import Completion, count_words
from lookalike.catalog.connections import Connections
from lookalike.catalog.filters import Filters
from lookalike.catalog.machine_tags import MachineTagRow, MachineTags
from lookalike.catalog.seen import SeenFields, SeenRows, nsfw_of
from lookalike.catalog.tags import TagRow, Tags
from lookalike.catalog.within import Within
from lookalike.catalog.words import match_expression
from lookalike.errors import CollectionError, UnknownPhotoError
from lookalike.query import MachineTag, normalised

__all__ = ["Catalog", "Changes", "FileRecord", "FileStatus", "NewPhoto", "PhotoRecord"]

FileStatus = Literal["present", "gone", "failed", "kept"]
"""What became of a file; "kept": it could not be read when that was last tried, but was before, and is as it was."""

_PRESENT = "EXISTS (SELECT 1 FROM files WHERE files.photo_id = photos.id AND gone_at IS NULL)"
_PRESENT_THERE = "SELECT 1 FROM files WHERE files.path = failures.path AND gone_at IS NULL"
_COLUMNS = """photos.id, sha256, format, photos.bytes, width, height, taken_at, title, facts, added_at,
    (SELECT min(path) FROM files WHERE files.photo_id = photos.id AND gone_at IS NULL),
    (SELECT measures FROM seen WHERE seen.photo_id = photos.id)"""
_SPARE = 20
"""One page in so many may be empty: the next photos fill them."""
_WEIGHTS = "8.0, 4.0, 6.0, 4.0, 2.0"  # bm25 weights of title, caption, keywords, creator, names


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was when last read: enough to tell whether it must be read again."""

    path: str
    bytes: int
    mtime_ns: int
    sidecar_mtime_ns: int | None


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo on its way into the catalog.

    `facts` is JSON; `embedding` is float32 (dim,), None for a photo that is known. `tags` (normal form, raw) and
    `machine_tags` (namespace, predicate, value, raw) are those of the file. `seen` is what was seen in it, None if that
    is known; with it come the network's `labels` (normal form, raw, score).
    """

    sha256: str
    format: str
    bytes: int
    width: int
    height: int
    taken_at: str | None
    title: str | None
    facts: str
    text: tuple[str, str, str]
    embedding: NDArray[np.float32] | None
    tags: tuple[tuple[str, str], ...] = ()
    machine_tags: tuple[tuple[str, str, str, str], ...] = ()
    seen: SeenFields | None = None
    labels: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """A photo of the collection.

    `path` is the first of its files that is present, or "" when all have gone; `nsfw` is None where it was not judged.
    """

    id: int
    sha256: str
    format: str
    bytes: int
    width: int
    height: int
    taken_at: str | None
    title: str | None
    facts: str
    added_at: str
    path: str
    nsfw: float | None

    @property
    def name(self) -> str:
        """File name of `path`."""
        return Path(self.path).name


def _record(row: Sequence[Any]) -> PhotoRecord:
    values = [row[0], row[1].hex(), *row[2:10], row[10] or "", nsfw_of(row[11])]
    return PhotoRecord(*values)


def _unknown(photo_id: int) -> UnknownPhotoError:
    return UnknownPhotoError(
        f"There is no photo with the id {photo_id} in this collection. Searching by words or browsing tells the ids."
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(slots=True)
class Changes:
    """What a transaction changed, as far as an index of the photos must know.

    Attributes
    ----------
    embeddings : dict of int to float32 (dim,)
        Of photos that are new.
    moved : set of int
        Photos of which a file came or went.
    replaced : list of (int, int)
        Photos whose file has other content now, each with the new photo that it holds; not where that is known, for
        files may have been renamed.
    """

    embeddings: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    moved: set[int] = field(default_factory=set)
    replaced: list[tuple[int, int]] = field(default_factory=list)


class Catalog:
    """The SQLite catalog of one collection.

    Parameters
    ----------
    path : Path
        The database file.
    writable : bool
        Whether this object may write; the caller sees to it that there is one writer at a time.
    create : bool
        Whether a file that is missing is made, by an object that may write.
    """

    def __init__(self, path: Path, *, writable: bool, create: bool = True) -> None:
        self._connections = Connections(path, writable=writable, create=create)
        self._changes = Changes()

    @property
    def _db(self) -> sqlite3.Connection:
        return self._connections.current()

    def close(self) -> None:
        """Close the connections of every thread."""
        self._connections.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this thread, for those who keep tables of their own in the same file."""
        return self._db

    def check_file(self) -> None:
        """Raise a `CollectionError` where another file lies at the path than the one that was opened."""
        self._connections.check_file()

    @property
    def tags(self) -> Tags:
        """The tags, on the connection of this thread."""
        return Tags(self._db)

    @property
    def machine_tags(self) -> MachineTags:
        """The machine tags, on the connection of this thread."""
        return MachineTags(self._db)

    @property
    def seen(self) -> SeenRows:
        """What was seen in photos, on the connection of this thread."""
        return SeenRows(self._db)

    @property
    def filters(self) -> Filters:
        """The taught filters, on the connection of this thread."""
        return Filters(self._db)

    @property
    def completion(self) -> Completion:
        """What is suggested while a query is typed, on the connection of this thread."""
        return Completion(self._db)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Changes]:
        """Everything written inside becomes visible and durable together, or not at all.

        Gives what is changed of photos and their presence, as it comes together, for an index to follow inside of the
        same transaction. One at a time.
        """
        with self._connections.transaction("BEGIN IMMEDIATE") as db:
            self._changes = Changes()
            yield self._changes
            db.execute("INSERT INTO settings VALUES ('generation', 1) ON CONFLICT DO UPDATE SET value = value + 1")

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read inside is of one moment, whatever is written meanwhile."""
        with self._connections.transaction("BEGIN"):
            yield

    @property
    def generation(self) -> int:
        """A number that grows with every transaction: tells a reader that what it holds is old."""
        row = self._db.execute("SELECT value FROM settings WHERE name = 'generation'").fetchone()
        return int(row[0]) if row else 0

    def give_back_space(self) -> None:
        """Write the file anew without the pages that nothing fills, where these are more than a few.

        Raises
        ------
        CollectionError
            The disk is full or read-only.
        """
        db = self._db
        n_free = db.execute("PRAGMA freelist_count").fetchone()[0]
        if n_free * _SPARE > db.execute("PRAGMA page_count").fetchone()[0]:
            try:
                db.execute("VACUUM")
            except sqlite3.OperationalError as error:
                raise CollectionError(f"The catalog could not be made smaller: {error}. It is as it was.") from error

    # -- writing (inside a transaction) -----------------------------------------------------------------------

    def put(self, file: FileRecord, photo: NewPhoto) -> tuple[int, bool]:
        """Record that `file` holds `photo`; forgets an earlier failure of the same path.

        A photo that is known gets its facts anew, unless they are those of another file's sidecar and this file has
        none.

        Returns
        -------
        photo_id : int
        inserted : bool
            False when the content was known.
        """
        db = self._db
        row = db.execute("SELECT id FROM photos WHERE sha256 = ?", (bytes.fromhex(photo.sha256),)).fetchone()
        photo_id = self._insert(photo) if row is None else row[0]
        previous = db.execute("SELECT photo_id FROM files WHERE path = ?", (file.path,)).fetchone()
        self._changes.moved.add(photo_id)
        db.execute("DELETE FROM failures WHERE path = ?", (file.path,))
        db.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET photo_id = excluded.photo_id, "
            "bytes = excluded.bytes, mtime_ns = excluded.mtime_ns, sidecar_mtime_ns = excluded.sidecar_mtime_ns, "
            "gone_at = NULL",
            (file.path, photo_id, file.bytes, file.mtime_ns, file.sidecar_mtime_ns),
        )
        if previous is not None and previous[0] != photo_id:
            self._refresh_names(previous)
            if row is None:
                self._changes.replaced.append((previous[0], photo_id))
        if photo.seen is not None:
            self.seen.put(photo_id, photo.seen)
            self.machine_tags.remove(photo_id, origin="auto")
            self.machine_tags.put(
                MachineTagRow(photo_id, "auto", "label", value, raw, "auto", score)
                for value, raw, score in photo.labels
            )
        if row is None:
            self.write_text(photo_id, photo.title, photo.text)
            self.write_file_tags(photo_id, photo.tags, photo.machine_tags)
        elif file.sidecar_mtime_ns is not None or not self._has_sidecar(photo_id):
            db.execute(
                "UPDATE photos SET taken_at = ?, title = ?, facts = ? WHERE id = ?",
                (photo.taken_at, photo.title, photo.facts, photo_id),
            )
            self.write_text(photo_id, photo.title, photo.text)
            self.write_file_tags(photo_id, photo.tags, photo.machine_tags)
        else:
            self._refresh_names([photo_id])
        return photo_id, row is None

    def _has_sidecar(self, photo_id: int) -> bool:
        found = self._db.execute(
            "SELECT 1 FROM files WHERE photo_id = ? AND gone_at IS NULL AND sidecar_mtime_ns IS NOT NULL", (photo_id,)
        )
        return found.fetchone() is not None

    def _insert(self, photo: NewPhoto) -> int:
        assert photo.embedding is not None
        cursor = self._db.execute(
            "INSERT INTO photos (sha256, format, bytes, width, height, taken_at, title, facts, added_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                bytes.fromhex(photo.sha256),
                photo.format,
                photo.bytes,
                photo.width,
                photo.height,
                photo.taken_at,
                photo.title,
                photo.facts,
                _now(),
            ),
        )
        assert cursor.lastrowid is not None
        self._changes.embeddings[cursor.lastrowid] = photo.embedding
        return cursor.lastrowid

    def write_text(self, photo_id: int, title: str | None, text: tuple[str, str, str]) -> None:
        """Write what words are searched in: title, and caption, keywords, creator; file names and tags are known.

        Tags that people gave stand among the keywords. Letters are composed (NFC).
        """
        self.forget_text([photo_id])
        caption, keywords, creator = text
        given = (row.raw for row in self.tags.of_photo(photo_id) if row.origin == "user")
        texts = (title or "", caption, " ".join([keywords, *given]).strip(), creator)
        composed = [unicodedata.normalize("NFC", text) for text in texts]
        self._db.execute(
            "INSERT INTO photo_text (rowid, title, caption, keywords, creator, names) VALUES (?, ?, ?, ?, ?, ?)",
            (photo_id, *composed, self._names(photo_id)),
        )
        count_words(self._db, " ".join(composed), 1)

    def rewrite_keywords(self, photo_ids: Iterable[int]) -> None:
        """Bring the keywords that words are searched in up to date with the tags of photos.

        Keywords of a file that are no longer tags of its photo, because they were taken off or renamed, are left out.
        """
        for photo_id in photo_ids:
            row = self._db.execute(
                "SELECT title, caption, creator FROM photo_text WHERE rowid = ?", (photo_id,)
            ).fetchone()
            if row is not None:
                words = self._db.execute(
                    "SELECT word.value FROM photos, "
                    "json_each(CASE WHEN json_valid(facts) THEN facts ELSE '{}' END, '$.keywords') AS word "
                    "WHERE photos.id = ? AND word.type = 'text'",
                    (photo_id,),
                )
                tags = {tag.tag for tag in self.tags.of_photo(photo_id)}
                keywords = [word for (word,) in words if normalised(word) in tags or MachineTag.parse(word) is not None]
                self.write_text(photo_id, row[0], (row[1] or "", " ".join(keywords), row[2] or ""))

    def compose_texts(self) -> None:
        """Compose the letters (NFC) of what words are searched in: catalogs of before may hold some in parts."""
        rows = self._db.execute("SELECT rowid, title, caption, keywords, creator, names FROM photo_text")
        parted = [row[0] for row in rows if not unicodedata.is_normalized("NFC", " ".join(map(str, row[1:])))]
        if parted:
            with self.transaction():
                self.rewrite_keywords(parted)

    def forget_text(self, photo_ids: Iterable[int]) -> None:
        """Drop what words are searched in."""
        for photo_id in photo_ids:
            row = self._db.execute(
                "SELECT title, caption, keywords, creator FROM photo_text WHERE rowid = ?", (photo_id,)
            ).fetchone()
            if row is not None:
                count_words(self._db, " ".join(part or "" for part in row), -1)
                self._db.execute("DELETE FROM photo_text WHERE rowid = ?", (photo_id,))

    def write_file_tags(
        self, photo_id: int, tags: Iterable[tuple[str, str]], machine_tags: Iterable[tuple[str, str, str, str]]
    ) -> None:
        """Write the tags of a photo's file in the place of those before; what people gave stays."""
        self.tags.remove(photo_id, origin="file")
        self.tags.put(TagRow(photo_id, tag, raw, "file") for tag, raw in tags)
        self.machine_tags.remove(photo_id, origin="file")
        self.machine_tags.put(MachineTagRow(photo_id, *parts, "file") for parts in machine_tags)

    def inherit(self, photo_id: int, before: int) -> None:
        """Give a photo what people said of another: tags, machine tags, and what they rejected."""
        tags = [row._replace(photo_id=photo_id) for row in self.tags.of_photo(before) if row.origin == "user"]
        self.tags.put(tags)
        self.tags.unreject(photo_id, [row.tag for row in tags])
        said = {row.tag for row in self.tags.of_photo(photo_id) if row.origin == "user"}
        self.tags.reject(photo_id, [tag for _, tag in self.tags.rejected([before]) if tag not in said])
        for each in self.machine_tags.of_photo(before):
            row = self.machine_tags.row(*each[:4])
            if row is not None and row.origin == "user":
                self.machine_tags.put([row._replace(photo_id=photo_id)])
        self.rewrite_keywords([photo_id])

    def forget_orphans(self) -> None:
        """Drop what refers to photos that are not there; such files are read again."""
        for table in ("files", "aside", "seen", "tags", "machine_tags", "rejected_tags"):
            self._db.execute(f"DELETE FROM {table} WHERE photo_id NOT IN (SELECT id FROM photos)")

    def put_failure(self, path: str, reason: str, file: FileRecord | None, *, again: bool = False) -> None:
        """Record why a file could not be read.

        The photo that it held is gone from there; but it stays where the file is as it was when last read, or could
        not even be looked at.

        Parameters
        ----------
        path, reason : str
        file : FileRecord or None
            The file as it is; None where that could not be told.
        again : bool
            Whether it is to be read the next time though it has not changed; it is where `file` is None.
        """
        db = self._db
        if file is not None:
            as_read = "SELECT 1 FROM files WHERE path = ? AND bytes = ? AND mtime_ns = ? AND gone_at IS NULL"
            if not db.execute(as_read, (path, file.bytes, file.mtime_ns)).fetchone():
                self.mark_gone([path])
        looked_at = (0, 0, None) if file is None or again else (file.bytes, file.mtime_ns, file.sidecar_mtime_ns)
        db.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?)", (path, *looked_at, reason, _now()))

    def mark_gone(self, paths: Iterable[str]) -> int:
        """Hide files that are no longer there; returns how many were present before."""
        db = self._db
        n_gone = 0
        photo_ids = set()
        for path in paths:
            row = db.execute(
                "UPDATE files SET gone_at = ? WHERE path = ? AND gone_at IS NULL RETURNING photo_id", (_now(), path)
            ).fetchone()
            db.execute("DELETE FROM failures WHERE path = ?", (path,))
            if row:
                n_gone += 1
                photo_ids.add(row[0])
        self._refresh_names(photo_ids)
        return n_gone

    def restore_file(self, path: str) -> None:
        """Show a file again that had gone and is back as it was."""
        row = self._db.execute("UPDATE files SET gone_at = NULL WHERE path = ? RETURNING photo_id", (path,)).fetchone()
        self._refresh_names(row or ())

    def lay_aside(self, photo_id: int, vector: bytes) -> None:
        """Keep the embedding of a photo whose files have all gone, float32 little-endian."""
        self._db.execute("INSERT OR REPLACE INTO aside SELECT id, ? FROM photos WHERE id = ?", (vector, photo_id))

    def forget_aside(self, photo_ids: Iterable[int]) -> None:
        """Drop embeddings that were laid aside: they are in the index again."""
        self._db.executemany("DELETE FROM aside WHERE photo_id = ?", ((photo_id,) for photo_id in photo_ids))

    def _refresh_names(self, photo_ids: Iterable[int]) -> None:
        for photo_id in photo_ids:
            self._changes.moved.add(photo_id)
            self._db.execute("UPDATE photo_text SET names = ? WHERE rowid = ?", (self._names(photo_id), photo_id))

    def _names(self, photo_id: int) -> str:
        stems = {Path(path).stem.replace("_", " ").replace("-", " ") for path in self.paths(photo_id)}
        return unicodedata.normalize("NFC", " ".join(sorted(stems)))

    # -- reading ----------------------------------------------------------------------------------------------

    def n_photos(self) -> int:
        """Count the photos that are present."""
        row = self._db.execute("SELECT count(DISTINCT photo_id) FROM files WHERE gone_at IS NULL").fetchone()
        return int(row[0])

    def n_files(self) -> int:
        """Count the files that are present."""
        return int(self._db.execute("SELECT count(*) FROM files WHERE gone_at IS NULL").fetchone()[0])

    def n_failures(self) -> int:
        """Count the files that could not be read."""
        return int(self._db.execute("SELECT count(*) FROM failures").fetchone()[0])

    def failures(self) -> list[tuple[str, str]]:
        """List (path, reason) of the files that could not be read, by path."""
        return self._db.execute("SELECT path, reason FROM failures ORDER BY path").fetchall()

    def photo(self, photo_id: int) -> PhotoRecord:
        """Return one photo, present or gone.

        Raises
        ------
        UnknownPhotoError
        """
        row = None
        if not isinstance(photo_id, bool) and 0 < photo_id < 2**63:  # what SQLite can hold
            row = self._db.execute(f"SELECT {_COLUMNS} FROM photos WHERE id = ?", (photo_id,)).fetchone()
        if row is None:
            raise _unknown(photo_id)
        return _record(row)

    def photos_by_id(self, photo_ids: Sequence[int]) -> dict[int, PhotoRecord]:
        """Return those of `photo_ids` that exist."""
        found: dict[int, PhotoRecord] = {}
        for start in range(0, len(photo_ids), 500):
            part = [int(photo_id) for photo_id in photo_ids[start : start + 500] if 0 < photo_id < 2**63]
            marks = ",".join("?" * len(part))
            for row in self._db.execute(f"SELECT {_COLUMNS} FROM photos WHERE id IN ({marks})", part):
                found[row[0]] = _record(row)
        return found

    def photos_after(self, cursor: int, limit: int) -> list[PhotoRecord]:
        """List up to `limit` present photos with an id larger than `cursor`, by id."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM photos WHERE id > ? AND {_PRESENT} ORDER BY id LIMIT ?", (cursor, limit)
        )
        return [_record(row) for row in rows]

    def paths(self, photo_id: int) -> list[str]:
        """List the present paths of a photo."""
        rows = self._db.execute(
            "SELECT path FROM files WHERE photo_id = ? AND gone_at IS NULL ORDER BY path", (photo_id,)
        )
        return [path for (path,) in rows]

    def id_of_path(self, path: str) -> int | None:
        """Return the id of the photo whose file is present at `path`."""
        row = self._db.execute("SELECT photo_id FROM files WHERE path = ? AND gone_at IS NULL", (path,)).fetchone()
        return row[0] if row else None

    def times_of(self, photo_ids: Sequence[int]) -> dict[int, str]:
        """Return when those of `photo_ids` were taken of which that is known."""
        rows = self._db.execute(
            "SELECT id, taken_at FROM photos WHERE taken_at IS NOT NULL AND id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(photo_ids)),),
        )
        return dict(rows.fetchall())

    def place_of(self, photo_id: int) -> tuple[float, float] | None:
        """Return the latitude and longitude of a photo, degrees, or None where they are not known.

        Raises
        ------
        UnknownPhotoError
        """
        facts = json.loads(self.photo(photo_id).facts)
        latitude, longitude = facts.get("latitude"), facts.get("longitude")
        return None if latitude is None or longitude is None else (latitude, longitude)

    def id_of_content(self, sha256: str) -> int | None:
        """Return the id of the photo with this content, present or gone."""
        row = self._db.execute("SELECT id FROM photos WHERE sha256 = ?", (bytes.fromhex(sha256),)).fetchone()
        return row[0] if row else None

    def files_below(self, folder: str) -> dict[str, tuple[FileRecord, FileStatus]]:
        """Map each known path that is `folder` or lies below it to the file as last read, and what became of it."""
        prefix = os.path.join(folder, "")  # noqa: PTH118  ends with the separator, also for a root
        known = {}
        for table, status in (
            ("files", "CASE WHEN gone_at IS NULL THEN 'present' ELSE 'gone' END"),
            ("failures", f"CASE WHEN EXISTS ({_PRESENT_THERE}) THEN 'kept' ELSE 'failed' END"),
        ):
            rows = self._db.execute(
                f"SELECT path, bytes, mtime_ns, sidecar_mtime_ns, {status} FROM {table} "
                "WHERE path = ? OR substr(path, 1, ?) = ?",
                (folder, len(prefix), prefix),
            )
            known.update({row[0]: (FileRecord(*row[:4]), row[4]) for row in rows})
        return known

    def present_among(self, photo_ids: Iterable[int]) -> set[int]:
        """Return those of `photo_ids` of which a file is present."""
        find = "SELECT 1 FROM files WHERE photo_id = ? AND gone_at IS NULL LIMIT 1"
        return {photo_id for photo_id in photo_ids if self._db.execute(find, (photo_id,)).fetchone()}

    def unknown_among(self, photo_ids: Iterable[int]) -> list[int]:
        """List those of `photo_ids` that are no photos of the collection, in their order."""
        find = "SELECT 1 FROM photos WHERE id = ?"
        return [
            photo_id
            for photo_id in photo_ids
            if not 0 < photo_id < 2**63 or not self._db.execute(find, (photo_id,)).fetchone()
        ]

    def vectors_aside(self, photo_ids: Iterable[int]) -> dict[int, bytes]:
        """Return the embeddings, float32 little-endian, of those of `photo_ids` that are laid aside."""
        found = {}
        for photo_id in photo_ids:
            row = self._db.execute("SELECT vector FROM aside WHERE photo_id = ?", (photo_id,)).fetchone()
            if row:
                found[photo_id] = row[0]
        return found

    def ids_within(self, within: Within, *, present: bool = True) -> NDArray[np.int64]:
        """Return the ids of the photos that a search is limited to, ascending.

        Parameters
        ----------
        within : Within
        present : bool
            False: also photos whose files have gone; for those who know which ones are there.
        """
        condition, values = within.where(present=present)
        # One text of all numbers: rows would take three times as long.
        (text,) = self._db.execute(f"SELECT group_concat(id) FROM photos WHERE {condition}", values).fetchone()
        ids: NDArray[np.int64] = np.fromstring(text or "", np.int64, sep=",")
        return ids if (ids[1:] > ids[:-1]).all() else np.sort(ids)

    def search_words(self, words: str, limit: int = -1, *, present: bool = True) -> list[tuple[int, float]]:
        """Find photos whose title, caption, keywords, creator or file names hold all of `words`.

        Parameters
        ----------
        words : str
        limit : int
            At most; -1: all.
        present : bool
            False: also photos whose files have gone; for those who know which ones are there.

        Returns
        -------
        list of (photo_id, relevance)
            Best first; relevance is the positive BM25 value (FTS5's `bm25`, sign turned).
        """
        expression = match_expression(words)
        if not expression:
            return []
        among = "AND rowid IN (SELECT photo_id FROM files WHERE gone_at IS NULL) " if present else ""
        rows = self._db.execute(
            f"SELECT rowid, -bm25(photo_text, {_WEIGHTS}) AS relevance FROM photo_text WHERE photo_text MATCH ? "
            f"{among}ORDER BY relevance DESC, rowid LIMIT ?",
            (expression, limit),
        )
        return [(int(photo_id), float(relevance)) for photo_id, relevance in rows]
