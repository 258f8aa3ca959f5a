"""Every count, checksum and cross-reference of a live index.

A vector is in memory (its sequence number lies after ``flushed_seq``) or alive in exactly one live segment, under the
same sequence number; a row is dead when, and only when, its vector was removed or replaced. That, the checksum of every
file and vector, and the order of every list is compared. Reads every byte once, inside one read transaction, so that
writing may go on meanwhile.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import FormatError, NewerVersionError
from lookalike.index.live import tables
from lookalike.index.live.database import connect, read_transaction
from lookalike.index.live.model_files import model_file, read_model
from lookalike.index.live.report import Problem, Report
from lookalike.index.live.segment_files import StoredSegment, read_segment, segment_folder
from lookalike.index.live.store import leftovers
from lookalike.quantization import LOPQModel

__all__ = ["Truth", "dead_rows", "examine_model", "examine_segment", "read_truth", "verify"]

_TRIES = 5


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What the database holds, by id.

    Parameters
    ----------
    ids : int64 (n,), rising
    seqs : int64 (n,)
    problems : list of Problem
        Of single vectors.
    """

    ids: NDArray[np.int64]
    seqs: NDArray[np.int64]
    problems: list[Problem] = field(default_factory=list)

    def seqs_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sequence numbers of ids, -1 where there is no vector: int64 (len(ids),)."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        places = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[places] == ids, self.seqs[places], -1)


def verify(database: Path, folder: Path) -> Report:
    """Look at everything.

    Raises
    ------
    FormatError
        Written by a newer version.
    LiveIndexError
        There is no database, or it cannot be opened.
    """
    for attempt in range(_TRIES):
        try:
            with closing(connect(database, writable=False)) as db:
                with read_transaction(db):
                    facts, report = _verify(db, folder)
                if report.is_clean or attempt == _TRIES - 1:
                    break
                with read_transaction(db):  # files that were merged away meanwhile are no damage
                    now = tables.facts(db)
                if now is not None and now.manifest == facts.manifest:
                    break
        except NewerVersionError:
            raise
        except FormatError as error:
            return Report(str(folder), 0, 0, 0, (Problem("database", str(error)),))
    return report


def _verify(db: sqlite3.Connection, folder: Path) -> tuple[tables.Facts, Report]:
    problems = [Problem("database", text) for (text,) in db.execute("PRAGMA integrity_check") if text != "ok"]
    facts = tables.facts(db)
    if facts is None:
        raise FormatError("the database holds no live index.")
    truth = read_truth(db, facts)
    problems += truth.problems
    if len(truth.ids) != facts.n_vectors:
        problems.append(Problem("vectors", f"{len(truth.ids)} are there, but {facts.n_vectors} are counted."))
    problems += _wrong_removals(db, facts, truth)
    rows, models = tables.segments(db), tables.models(db)
    last = max([0, *(row.number for row in rows), *(row.number for row in models.values())])
    if last >= facts.next_number:
        problems.append(Problem("segments", f"there is a number {last}, but the next one is {facts.next_number}."))
    loaded: dict[int, LOPQModel] = {}
    n_bytes = 0
    for model_row in models.values():
        n_bytes += model_row.bytes
        try:
            loaded[model_row.number] = examine_model(folder, model_row, facts)
        except (FormatError, OSError) as error:
            problems.append(Problem(f"model {model_row.number}", str(error)))
    opened: dict[int, StoredSegment] = {}
    for row in rows:
        n_bytes += row.bytes
        try:
            opened[row.number] = examine_segment(folder, row, models, loaded, facts)
        except (FormatError, OSError) as error:
            problems.append(Problem(f"segment {row.number}", str(error)))
    problems += _wrong_rows(db, facts, rows, opened, truth)
    stray = "SELECT DISTINCT segment FROM tombstones WHERE segment NOT IN (SELECT number FROM segments)"
    for (number,) in db.execute(stray):
        problems.append(Problem("tombstones", f"they name a segment {number}, which is not there."))
    if db.execute("SELECT 1 FROM tombstones WHERE seq >= ? LIMIT 1", (facts.next_seq,)).fetchone():
        problems.append(Problem("tombstones", f"some are later than the newest change, {facts.seq}."))
    named = {segment_folder(folder, row.number).name for row in rows}
    named |= {model_file(folder, row.number).name for row in models.values()}
    left = tuple(str(path.relative_to(folder)) for path in leftovers(folder, named))
    return facts, Report(str(folder), len(truth.ids), len(rows), n_bytes, tuple(problems), left)


def read_truth(db: sqlite3.Connection, facts: tables.Facts) -> Truth:
    """Read ids and sequence numbers, and compare each vector with its checksum."""
    ids, seqs, problems = [], [], []
    for id_, seq, crc, vector in db.execute("SELECT id, seq, crc, vector FROM vectors ORDER BY id"):
        ids.append(id_)
        seqs.append(seq)
        if not isinstance(vector, bytes) or len(vector) != 4 * facts.dim:
            problems.append(Problem("vectors", f"that of id {id_} has not the {4 * facts.dim} bytes it should have."))
        elif zlib.crc32(vector) != crc:
            problems.append(Problem("vectors", f"that of id {id_} does not have the content it was saved with."))
        if not 0 < seq <= facts.seq:
            problems.append(Problem("vectors", f"that of id {id_} has number {seq}; the newest change is {facts.seq}."))
        if not 0 <= id_ < facts.next_id:
            problems.append(Problem("vectors", f"there is an id {id_}, but the next one is {facts.next_id}."))
    return Truth(np.array(ids, np.int64), np.array(seqs, np.int64), problems)


def _wrong_removals(db: sqlite3.Connection, facts: tables.Facts, truth: Truth) -> Iterator[Problem]:
    rows = db.execute("SELECT seq, id FROM removals").fetchall()
    seqs = np.array([row[0] for row in rows], np.int64)
    ids = np.array([row[1] for row in rows], np.int64)
    outside = (seqs <= facts.flushed_seq) | (seqs > facts.seq)
    if outside.any():
        yield Problem("removals", f"number {seqs[outside][0]} lies outside {facts.flushed_seq + 1} to {facts.seq}.")
    there = truth.seqs_of(ids)
    undone = (there >= 0) & (there < seqs)
    if undone.any():
        yield Problem("removals", f"id {ids[undone][0]} was removed, and is still there.")


def examine_model(folder: Path, row: tables.ModelRow, facts: tables.Facts) -> LOPQModel:
    """Read a model and see that it is one of this index.

    Raises
    ------
    FormatError
    OSError
    """
    model = read_model(folder / "models", row)
    if model.dim_in != facts.dim or model.metric != facts.metric:
        raise FormatError(
            f"it is for dimension {model.dim_in}, {model.metric}; the index has {facts.dim}, {facts.metric}."
        )
    if bool(facts.centred) != (row.mean is not None) or (row.mean is not None and len(row.mean) != 4 * facts.dim):
        raise FormatError("its mean does not fit the index.")
    return model


def examine_segment(
    folder: Path,
    row: tables.SegmentRow,
    models: dict[str, tables.ModelRow],
    loaded: dict[int, LOPQModel],
    facts: tables.Facts,
) -> StoredSegment:
    """Read a segment, every byte of it, and compare it with its row of the manifest.

    Raises
    ------
    FormatError
    OSError
    """
    named = models.get(row.state)
    if named is None or named.number != row.model:
        raise FormatError(f"it was coded by model {row.model}, which is not the {row.state} one.")
    stored = read_segment(folder / "segments", row.number, row.checksum, loaded.get(row.model), thorough=True)
    n_bytes = sum(file.stat().st_size for file in segment_folder(folder / "segments", row.number).iterdir())
    last_seq = int(stored.seqs.max(initial=0))
    if (len(stored.segment), n_bytes, last_seq) != (row.n, row.bytes, row.last_seq):
        raise FormatError(
            f"it has {len(stored.segment)} rows, {n_bytes} bytes, last number {last_seq}; the manifest says {row.n}, "
            f"{row.bytes}, {row.last_seq}."
        )
    if not np.array_equal(np.sort(stored.order), np.arange(row.n)) or (np.diff(stored.ids[stored.order]) <= 0).any():
        raise FormatError("its ids are not in order, or not all different.")
    if last_seq > facts.flushed_seq:
        raise FormatError(f"it holds number {last_seq}, but flushed is only {facts.flushed_seq}.")
    return stored


def dead_rows(stored: StoredSegment, truth: Truth) -> NDArray[np.bool_]:
    """Which rows hold a vector that was removed or replaced since: bool (n,)."""
    dead: NDArray[np.bool_] = truth.seqs_of(stored.ids) != stored.seqs
    return dead


def _wrong_rows(
    db: sqlite3.Connection,
    facts: tables.Facts,
    rows: list[tables.SegmentRow],
    opened: dict[int, StoredSegment],
    truth: Truth,
) -> Iterator[Problem]:
    living: dict[int, NDArray[np.int64]] = {}
    for row in rows:
        stored = opened.get(row.number)
        if stored is None:
            continue
        marked = tables.tombstones(db, row.number)
        if len(marked) and (marked[0] < 0 or marked[-1] >= row.n):
            yield Problem(f"segment {row.number}", f"row {marked[-1]} is marked dead, but there are {row.n}.")
            marked = marked[(marked >= 0) & (marked < row.n)]
        dead = np.zeros(row.n, np.bool_)
        dead[marked] = True
        differ = np.flatnonzero(dead != dead_rows(stored, truth))
        if len(differ):
            first = differ[0]
            yield Problem(
                f"segment {row.number}",
                f"{len(differ)} rows are marked wrongly, the first of id {stored.ids[first]} as "
                f"{'dead' if dead[first] else 'alive'}.",
            )
        living[row.number] = np.sort(stored.ids[~dead])
    if len(opened) < len(rows):  # told already; what is in none of the others may be there
        return
    live = np.concatenate([np.empty(0, np.int64), *(living[row.number] for row in rows if row.state == "live")])
    unique, counts = np.unique(live, return_counts=True)
    if (counts > 1).any():
        yield Problem("segments", f"id {unique[counts > 1][0]} is alive in more than one.")
    missing = np.setdiff1d(truth.ids[truth.seqs <= facts.flushed_seq], unique)
    if len(missing):
        yield Problem("segments", f"{len(missing)} flushed vectors are in none, the first of id {missing[0]}.")
    for row in rows:
        if row.state == "pending" and row.source in living:
            differs = not np.array_equal(living[row.number], living[row.source])
            if differs:
                yield Problem(f"segment {row.number}", f"it does not hold what segment {row.source} holds.")
