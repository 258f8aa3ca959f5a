"""The tables of a live index as they are made, and the rows of those that describe it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

__all__ = ["TABLES", "VERSION", "Facts", "ModelRow", "SegmentRow", "Watched"]

VERSION = 1

TABLES = """
CREATE TABLE IF NOT EXISTS live (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vectors (
    id     INTEGER PRIMARY KEY,
    seq    INTEGER NOT NULL UNIQUE,
    crc    INTEGER NOT NULL,
    vector BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS removals (seq INTEGER PRIMARY KEY, id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS models (
    number     INTEGER PRIMARY KEY,
    state      TEXT NOT NULL CHECK (state IN ('live', 'pending')),
    n_vectors  INTEGER NOT NULL,
    distortion REAL NOT NULL,
    mean       BLOB,
    bytes      INTEGER NOT NULL,
    checksum   TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS segments (
    number   INTEGER PRIMARY KEY,
    state    TEXT NOT NULL CHECK (state IN ('live', 'pending')),
    model    INTEGER NOT NULL,
    source   INTEGER,
    n        INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    checksum TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tombstones (
    segment INTEGER NOT NULL,
    row     INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (segment, row)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tombstones_by_seq ON tombstones (seq);
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """The rows of table ``live``.

    Parameters
    ----------
    version : int
        Of the format.
    dim : int
    metric : {"l2", "cosine"}
    centred : int
        1 when vectors are compared after subtraction of their mean.
    bytes_per_vector : int
    next_seq, next_id, next_number : int
        What the next change, the next vector without an id, and the next segment or model get.
    flushed_seq : int
        Vectors with a sequence number up to this are in segments, later ones in memory.
    manifest : int
        Grows whenever models, segments or the mean change.
    n_vectors : int
    mean : bytes or None
        float32 (dim,), little-endian: while there is no model.
    mean_n : int
        How many vectors there were when it was taken.
    written : str
        JSON: bytes written so far, by what for, and what drift is measured from.
    """

    version: int
    dim: int
    metric: str
    centred: int
    bytes_per_vector: int
    next_seq: int = 1
    next_id: int = 0
    next_number: int = 1
    flushed_seq: int = 0
    manifest: int = 1
    n_vectors: int = 0
    mean: bytes | None = None
    mean_n: int = 0
    written: str = "{}"

    @property
    def seq(self) -> int:
        """Sequence number of the newest change."""
        return self.next_seq - 1

    def after(self, next_seq: int, n_vectors: int) -> Self:
        """Give the facts after changes of vectors and of nothing else."""
        return replace(self, next_seq=next_seq, n_vectors=n_vectors)


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A row of table ``models``; ``n_vectors`` is the size of the index when it was trained."""

    number: int
    state: str
    n_vectors: int
    distortion: float
    mean: bytes | None
    bytes: int
    checksum: str


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A row of table ``segments``; a pending one stands in for the live one named ``source``."""

    number: int
    state: str
    model: int
    source: int | None
    n: int
    last_seq: int
    bytes: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Watched:
    """Recall on a sample as a writer has watched it: row ``watched`` of table ``live``, once there is any.

    Parameters
    ----------
    model : int
        Number of the model that it tells of.
    first_seq : int
        Newest change at the first look, right after everything was coded with the model.
    first_recall : float
    seq : int
        Newest change at the latest look.
    recall : float
    """

    model: int
    first_seq: int
    first_recall: float
    seq: int
    recall: float
