"""Counts of a live index: what it holds, what was written for it, and how well it searches."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path

from lookalike.index.live import tables
from lookalike.index.live.database import connect, read_transaction
from lookalike.index.live.follower import Follower
from lookalike.index.live.recall import measured, sample
from lookalike.index.live.training import asks, drift
from lookalike.index.live.upkeep import Upkeep

__all__ = ["LiveStats", "statistics"]


@dataclass(frozen=True, slots=True)
class LiveStats:
    """Counts of one moment.

    Parameters
    ----------
    n_vectors : int
        That can be found.
    n_in_memory : int
        Rows in memory; those that are dead and not yet dropped count too.
    n_segments, n_rows, n_dead : int
        Segments, rows in them, and how many of these are dead.
    n_pending : int
        Segments that are coded anew already, while a new model is under way.
    disk_bytes : mapping of str to int
        Of the database, of segments and of models.
    given_bytes : int
        Vectors added since the index was made.
    written_bytes : mapping of str to int
        What was written for them: log (the vectors themselves, without what SQLite adds), flush, merge, recode, models.
    write_amplification : float
        Bytes written for each byte given.
    n_flushes, n_merges, n_trainings : int
        Since the index was made.
    seconds : mapping of str to float
        Spent on flush, merge, train and recode since the index was made.
    n_compactions : int
        In memory, since it was opened.
    n_stalls : int
        Calls that waited for a flush, since it was opened.
    stall_seconds : float
    model : int or None
        Number of the model.
    model_n_vectors : int
        Vectors there were when it was trained.
    drift : float or None
        Mean distortion of vectors flushed lately, over that of held-out vectors of the training; None while too few
        were measured.
    recall : float or None
        Share of the true ten nearest that searches find, where it was asked for.
    recall_watched : float or None
        The same, as the writer watched it last, by a sample; None before it first did with this model.
    recall_after_training : float or None
        What it was when everything had just been coded with the model.
    asks_for_training : {"distortion", "recall"} or None
        What a writer will train anew for: ``drift`` beyond 1.3, or recall that fell by more than .1 since the
        training. None before a quarter of the index has changed, and while a new model is under way.
    damaged : tuple of str
        What is left out until `repair`.
    failure : str or None
        What went wrong in the background, until it is raised.
    """

    n_vectors: int
    n_in_memory: int
    n_segments: int
    n_rows: int
    n_dead: int
    n_pending: int
    disk_bytes: Mapping[str, int]
    given_bytes: int
    written_bytes: Mapping[str, int]
    write_amplification: float
    n_flushes: int
    n_merges: int
    n_trainings: int
    seconds: Mapping[str, float]
    n_compactions: int
    n_stalls: int
    stall_seconds: float
    model: int | None
    model_n_vectors: int
    drift: float | None
    recall: float | None
    recall_watched: float | None
    recall_after_training: float | None
    asks_for_training: str | None
    damaged: tuple[str, ...]
    failure: str | None

    def __str__(self) -> str:
        width = max(len(each.name) for each in fields(self)) + 1
        return "\n".join(f"{each.name:{width}}{getattr(self, each.name)}" for each in fields(self))


def statistics(database: Path, follower: Follower, upkeep: Upkeep | None, *, recall_sample: int) -> LiveStats:
    """Count; with a ``recall_sample``, search for so many of the vectors both ways."""
    snapshot = follower.current()
    with closing(connect(database, writable=False)) as db, read_transaction(db):
        rows, models, written = tables.segments(db), tables.models(db), tables.written(db)
        moved, wanted, watched = drift(db), asks(db), tables.watched(db)
        queries = sample(db, snapshot, recall_sample) if recall_sample and snapshot.n_vectors else None
        parts = {name: int(written.get(name, 0)) for name in ("log", "flush", "merge", "recode", "models")}
        n_bytes = {
            "segments": sum(row.bytes for row in rows),
            "models": sum(row.bytes for row in models.values()),
        }
    live = models.get("live")
    if watched is not None and (live is None or watched.model != live.number):
        watched = None
    given = int(written.get("given", 0))
    files = [database.with_name(database.name + part) for part in ("", "-wal", "-shm")]
    failure = None if upkeep is None else upkeep.failure
    return LiveStats(
        n_vectors=snapshot.n_vectors,
        n_in_memory=sum(len(each) for each in snapshot.memory),
        n_segments=len(snapshot.segments),
        n_rows=sum(len(each.segment) for each in snapshot.segments),
        n_dead=sum(len(each.segment) - each.segment.n_alive for each in snapshot.segments),
        n_pending=sum(row.state == "pending" for row in rows),
        disk_bytes={"database": sum(file.stat().st_size for file in files if file.exists()), **n_bytes},
        given_bytes=given,
        written_bytes=parts,
        write_amplification=sum(parts.values()) / given if given else 0.0,
        n_flushes=int(written.get("n_flushes", 0)),
        n_merges=int(written.get("n_merges", 0)),
        n_trainings=int(written.get("n_trainings", 0)),
        seconds={name: round(written.get(f"{name}_seconds", 0.0), 3) for name in ("flush", "merge", "train", "recode")},
        n_compactions=follower.n_compactions,
        n_stalls=0 if upkeep is None else upkeep.n_stalls,
        stall_seconds=0.0 if upkeep is None else upkeep.stall_seconds,
        model=snapshot.model_number,
        model_n_vectors=0 if live is None else live.n_vectors,
        drift=moved,
        recall=None if queries is None else measured(snapshot, queries),
        recall_watched=None if watched is None else watched.recall,
        recall_after_training=None if watched is None else watched.first_recall,
        asks_for_training=wanted,
        damaged=snapshot.damaged,
        failure=None if failure is None else str(failure),
    )
