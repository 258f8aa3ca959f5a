"""What is damaged is made again from the database.

One transaction takes everything out of the manifest that does not agree with the files and the vectors, marks the dead
rows of what remains anew, and gives each vector that is in no segment now a new sequence number, as if it had just been
added. From there on it is flushed like any other. A damaged model takes its segments with it, and is trained again.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import FormatError
from lookalike.index.live import tables
from lookalike.index.live.database import connect, transaction
from lookalike.index.live.report import Report
from lookalike.index.live.segment_files import StoredSegment, read_segment
from lookalike.index.live.verify import Truth, dead_rows, examine_model, read_truth, verify

__all__ = ["mend", "repaired"]


def mend(database: Path, folder: Path) -> Report:
    """Bring the manifest in line with what is sound; the caller holds the writer's lock. Gives what was wrong.

    Raises
    ------
    FormatError
        The database itself is damaged.
    """
    report = verify(database, folder)
    if report.is_clean:
        return report
    if any(problem.place == "database" for problem in report.problems):
        raise FormatError(
            f"the database of {folder} is damaged, and all else is made from it. Restore a backup "
            f"(`LiveIndex.restore`). What is wrong: {'; '.join(map(str, report.problems))}"
        )
    with closing(connect(database, writable=True)) as db, transaction(db):
        facts = tables.facts(db)
        assert facts is not None
        truth = read_truth(db, facts)
        sound = _sound_segments(db, folder, facts, truth)
        _settle_numbers(db, facts, truth, sound)
        _send_back(db, truth, sound)
        now = tables.facts(db)
        assert now is not None
        tables.set_facts(db, manifest=now.manifest + 1)
    return report


def repaired(before: Report, after: Report) -> Report:
    """Tell what was mended: what was a problem and is none any more."""
    return replace(after, mended=tuple(each for each in before.problems if each not in after.problems))


def _sound_segments(db: sqlite3.Connection, folder: Path, facts: tables.Facts, truth: Truth) -> list[StoredSegment]:
    """Keep what is sound of models and segments, with its dead rows marked as they should be."""
    loaded = {}
    for row in tables.models(db).values():
        try:
            loaded[row.number] = examine_model(folder, row, facts)
        except (FormatError, OSError):
            db.execute("DELETE FROM models WHERE number = ?", (row.number,))
    models = tables.models(db)
    if "live" not in models:  # a pending one alone is of no use: it stands beside segments that are gone
        db.execute("DELETE FROM models")
        models = {}
    kept: list[StoredSegment] = []
    taken = np.empty(0, np.int64)
    db.execute("DELETE FROM tombstones")
    for segment in tables.segments(db):
        try:
            named = models.get(segment.state)
            if named is None or named.number != segment.model or segment.state == "pending":
                raise FormatError("without its model")
            stored = read_segment(
                folder / "segments", segment.number, segment.checksum, loaded[segment.model], thorough=True
            )
            dead = dead_rows(stored, truth)
            living = stored.ids[~dead]
            ordered = np.array_equal(stored.order, np.argsort(stored.ids, kind="stable"))
            if not ordered or np.isin(living, taken).any() or len(np.unique(stored.ids)) < len(stored.ids):
                raise FormatError("its ids are not in order, or held by another")
        except (FormatError, OSError):
            db.execute("DELETE FROM segments WHERE number = ?", (segment.number,))
            continue
        taken = np.concatenate([taken, living])
        kept.append(stored.without(np.flatnonzero(dead)))
        n_bytes = sum(file.stat().st_size for file in (folder / "segments" / f"{segment.number:06d}").iterdir())
        db.execute(
            "UPDATE segments SET n = ?, bytes = ?, last_seq = ? WHERE number = ?",
            (len(stored.segment), n_bytes, int(stored.seqs.max(initial=0)), segment.number),
        )
    # a re-coding that was under way begins again: its segments were made beside others that may be gone
    db.execute("DELETE FROM models WHERE state = 'pending'")
    return kept


def _settle_numbers(db: sqlite3.Connection, facts: tables.Facts, truth: Truth, sound: list[StoredSegment]) -> None:
    """Set counts and numbers to what they must at least be, and mark dead rows."""
    last = max(facts.seq, int(truth.seqs.max(initial=0)), *(int(each.seqs.max(initial=0)) for each in sound), 0)
    flushed = max([0, *(int(each.seqs.max(initial=0)) for each in sound)])
    if sound:
        flushed = min(last, max(flushed, facts.flushed_seq))
    for each in sound:
        if each.segment.alive is not None:
            tables.bury(db, each.number, np.flatnonzero(~each.segment.alive), last)
    db.execute("DELETE FROM removals WHERE seq <= ? OR seq > ?", (flushed, last))
    db.execute("DELETE FROM removals WHERE seq > (SELECT seq FROM vectors WHERE vectors.id = removals.id)")
    numbers = [facts.next_number - 1, *(each.number for each in sound)]
    numbers += [row.number for row in tables.models(db).values()]
    tables.set_facts(
        db,
        next_seq=last + 1,
        next_id=max(facts.next_id, int(truth.ids.max(initial=-1)) + 1),
        next_number=max(numbers) + 1,
        n_vectors=len(truth.ids),
        flushed_seq=flushed,
    )


def _send_back(db: sqlite3.Connection, truth: Truth, sound: list[StoredSegment]) -> None:
    """Give vectors that are in no segment, but should be, sequence numbers as if they had just been added."""
    facts = tables.facts(db)
    assert facts is not None
    held: list[NDArray[np.int64]] = [each.ids[each.living_rows()] for each in sound]
    flushed = truth.ids[truth.seqs <= facts.flushed_seq]
    lost = np.setdiff1d(flushed, np.concatenate([np.empty(0, np.int64), *held]))
    db.executemany("UPDATE vectors SET seq = ? WHERE id = ?", enumerate(lost.tolist(), facts.next_seq))
    tables.set_facts(db, next_seq=facts.next_seq + len(lost))
