"""The tables of a live index, and every statement on them.

Functions on a connection: they take part in whatever transaction their caller has begun, so a catalog can hold these
tables beside its own and write a record and its vector in one. Order is a sequence number that each changed id takes
one of; no clock is ever asked. docs/formats/live-index.md describes every column.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import FormatError, InvalidArgumentError, NewerVersionError
from lookalike.index.live.rows import TABLES, VERSION, Facts, ModelRow, SegmentRow, Watched

__all__ = [
    "VERSION",
    "Facts",
    "ModelRow",
    "SegmentRow",
    "Watched",
    "bury",
    "changed_ids",
    "count_written",
    "counts",
    "create",
    "facts",
    "models",
    "put",
    "read_vectors",
    "remove",
    "segments",
    "set_facts",
    "set_watched",
    "tombstones",
    "vector_blocks",
    "watched",
    "written",
]

_MANY = 1000
_BLOCK = 4096


# ---------------------------------------------------------------------- facts


def create(db: sqlite3.Connection, *, dim: int, metric: str, centred: bool, bytes_per_vector: int) -> None:
    """Make the tables of an empty index; inside a transaction, for one that the caller commits."""
    for statement in TABLES.split(";\n"):
        if statement.strip():
            db.execute(statement)
    first = Facts(VERSION, dim, metric, int(centred), bytes_per_vector)
    set_facts(db, **{name: getattr(first, name) for name in Facts.__slots__})


def facts(db: sqlite3.Connection) -> Facts | None:
    """Read table ``live``; None where these tables do not exist.

    Raises
    ------
    FormatError
        Written by a newer version, or damaged.
    """
    if not db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'live'").fetchone():
        return None
    values: dict[str, Any] = dict(db.execute("SELECT name, value FROM live").fetchall())
    version = values.get("version")
    if not isinstance(version, int) or version < 1:
        raise FormatError(f"the live index has format version {version!r}, which never existed. Restore a backup.")
    if version > VERSION:
        raise NewerVersionError(
            f"the live index has format version {version}, but this Lookalike reads versions up to {VERSION}. "
            "Upgrade it: pip install --upgrade lookalike."
        )
    try:
        found = Facts(**{name: values[name] for name in Facts.__slots__})
    except KeyError as error:
        raise FormatError(f"the live index lacks the fact {error}. Restore it from a backup.") from error
    whole = [name for name in Facts.__slots__ if name not in ("metric", "mean", "written")]
    if not all(isinstance(getattr(found, name), int) for name in whole) or found.metric not in ("l2", "cosine"):
        raise FormatError("the live index has facts of the wrong kind. Restore it from a backup.")
    try:
        sound = isinstance(json.loads(found.written), dict) and len(found.mean or bytes(4 * found.dim)) == 4 * found.dim
    except (ValueError, TypeError):
        sound = False
    if not sound:
        raise FormatError("the live index has a mean or counters of the wrong kind. Restore it from a backup.")
    return found


def set_facts(db: sqlite3.Connection, **values: int | float | str | bytes | None) -> None:
    """Write rows of table ``live``."""
    assert values.keys() <= set(Facts.__slots__)
    db.executemany("INSERT OR REPLACE INTO live (name, value) VALUES (?, ?)", values.items())


def count_written(db: sqlite3.Connection, **amounts: float) -> None:
    """Add to the counters of table ``live``."""
    counters = written(db)
    for name, amount in amounts.items():
        counters[name] = counters.get(name, 0) + amount
    set_facts(db, written=json.dumps(counters, sort_keys=True))


def written(db: sqlite3.Connection) -> dict[str, float]:
    """Read the counters of table ``live``."""
    counters: dict[str, float] = json.loads(db.execute("SELECT value FROM live WHERE name = 'written'").fetchone()[0])
    return counters


def watched(db: sqlite3.Connection) -> Watched | None:
    """Read what was watched last; None where nothing was, or it cannot be read: it will be measured anew."""
    row = db.execute("SELECT value FROM live WHERE name = 'watched'").fetchone()
    if row is None:
        return None
    try:
        model, first_seq, first_recall, seq, recall = json.loads(row[0])
        return Watched(int(model), int(first_seq), float(first_recall), int(seq), float(recall))
    except (TypeError, ValueError):
        return None


def set_watched(db: sqlite3.Connection, now: Watched) -> None:
    """Keep what was watched last."""
    db.execute("INSERT OR REPLACE INTO live (name, value) VALUES ('watched', ?)", (json.dumps(astuple(now)),))


def models(db: sqlite3.Connection) -> dict[str, ModelRow]:
    """Read the models by state: "live", "pending"."""
    rows = db.execute("SELECT number, state, n_vectors, distortion, mean, bytes, checksum FROM models ORDER BY number")
    return {row[1]: ModelRow(*row) for row in rows}


def segments(db: sqlite3.Connection) -> list[SegmentRow]:
    """Read table ``segments``, oldest first."""
    rows = db.execute("SELECT number, state, model, source, n, last_seq, bytes, checksum FROM segments ORDER BY number")
    return [SegmentRow(*row) for row in rows]


# ---------------------------------------------------------------------- vectors


def put(db: sqlite3.Connection, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> int:
    """Write vectors, replacing those of ids that are there, and give the sequence number of the first.

    Parameters
    ----------
    ids : int64 (n,)
        All different.
    vectors : float32 (n, dim)
    """
    now = counts(db)
    old = ids[ids < now["next_id"]]
    n_there = sum(
        db.execute(f"SELECT count(*) FROM vectors WHERE id IN ({_marks(part)})", part).fetchone()[0]
        for part in _parts(old)
    )
    first, names = now["next_seq"], ids.tolist()
    raw = np.ascontiguousarray(vectors, "<f4")
    blobs = [row.tobytes() for row in raw]
    db.executemany(
        "INSERT INTO vectors (id, seq, crc, vector) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, crc = excluded.crc, vector = excluded.vector",
        zip(names, range(first, first + len(names)), map(zlib.crc32, blobs), blobs, strict=True),
    )
    set_facts(
        db,
        next_seq=first + len(names),
        next_id=max(now["next_id"], int(ids.max(initial=-1)) + 1),
        n_vectors=now["n_vectors"] + len(names) - n_there,
    )
    return first


def remove(db: sqlite3.Connection, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Remove vectors and give the ids of those that were there: int64 (n_removed,), rising."""
    now = counts(db)
    there: list[int] = []
    for part in _parts(np.unique(ids)):
        there += [
            row[0] for row in db.execute(f"SELECT id FROM vectors WHERE id IN ({_marks(part)}) ORDER BY id", part)
        ]
    db.executemany("DELETE FROM vectors WHERE id = ?", ((each,) for each in there))
    first = now["next_seq"]
    db.executemany("INSERT INTO removals (seq, id) VALUES (?, ?)", enumerate(there, first))
    set_facts(db, next_seq=first + len(there), n_vectors=now["n_vectors"] - len(there))
    return np.array(there, np.int64)


def bury(db: sqlite3.Connection, segment: int, rows: NDArray[np.int64], seq: int) -> None:
    """Mark rows of a segment dead; those that are dead already stay as they are."""
    db.executemany(
        "INSERT OR IGNORE INTO tombstones (segment, row, seq) VALUES (?, ?, ?)",
        ((segment, row, seq) for row in rows.tolist()),
    )


def tombstones(db: sqlite3.Connection, segment: int, *, after: int = 0) -> NDArray[np.int64]:
    """Rows of a segment that died after a sequence number: int64 (n,)."""
    # "+" keeps SQLite from its first choice, the primary key: it would read all that ever died to find what just did
    segment_is = "+segment = ?" if after else "segment = ?"
    rows = db.execute(f"SELECT row FROM tombstones WHERE {segment_is} AND seq > ? ORDER BY row", (segment, after))
    return np.fromiter((row[0] for row in rows), np.int64)


def changed_ids(db: sqlite3.Connection, *, after: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids removed, and ids written, after a sequence number that is not before the last flush: int64 (n,) each."""
    removed = np.fromiter((r[0] for r in db.execute("SELECT id FROM removals WHERE seq > ?", (after,))), np.int64)
    written = np.fromiter((r[0] for r in db.execute("SELECT id FROM vectors WHERE seq > ?", (after,))), np.int64)
    return removed, written


def vector_blocks(
    db: sqlite3.Connection, dim: int, *, after: int, through: int = 2**63 - 1
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Yield ids, sequence numbers (n,) and vectors float32 (n, dim), in order of sequence numbers.

    Parameters
    ----------
    after, through : int
        Bounds of the sequence numbers: after < seq <= through.
    """
    while True:
        rows = db.execute(
            "SELECT id, seq, vector FROM vectors WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            (after, through, _BLOCK),
        ).fetchall()
        if not rows:
            return
        yield _unpacked(rows, dim)
        after = rows[-1][1]


def read_vectors(
    db: sqlite3.Connection, dim: int, ids: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Ids that are there, rising, with their sequence numbers (n,) and vectors float32 (n, dim)."""
    found = [_unpacked([], dim)]
    for part in _parts(np.sort(ids)):
        rows = db.execute(f"SELECT id, seq, vector FROM vectors WHERE id IN ({_marks(part)}) ORDER BY id", part)
        found.append(_unpacked(rows.fetchall(), dim))
    names, seqs, vectors = (np.concatenate(each) for each in zip(*found, strict=True))
    return names, seqs, vectors


def _unpacked(
    rows: list[tuple[int, int, bytes]], dim: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    ids = np.array([row[0] for row in rows], np.int64)
    seqs = np.array([row[1] for row in rows], np.int64)
    flat = np.frombuffer(b"".join(row[2] for row in rows), "<f4").astype(np.float32, copy=False)
    if len(flat) != len(rows) * dim:
        raise FormatError("the database holds a vector of another dimension than the index has. Restore a backup.")
    return ids, seqs, flat.reshape(len(rows), dim)


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """Read ``next_seq``, ``next_id`` and ``n_vectors``."""
    rows = dict(db.execute("SELECT name, value FROM live WHERE name IN ('next_seq', 'next_id', 'n_vectors')"))
    if len(rows) != 3:
        raise InvalidArgumentError("this connection's database holds no live index. Open one on it first.")
    return rows


def _parts(ids: NDArray[np.int64]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _MANY):
        yield ids[start : start + _MANY].tolist()


def _marks(part: list[int]) -> str:
    return ",".join("?" * len(part))
