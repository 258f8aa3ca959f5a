"""The life of models: trained from a number of vectors on, again when these have doubled or drifted, and exchanged.

They have drifted when those flushed lately are coded less exactly than those of the training, or when recall on a
sample (:mod:`.recall`) has fallen since.

A new model starts *pending*. Beside each live segment a pending one is written with the new model and mean; whatever is
removed or replaced meanwhile dies in both, and what is flushed meanwhile is coded anew in its turn. When every live
segment has its counterpart, one transaction exchanges model, mean and all segments, so no search ever mixes two models.
All of it is in the database, so a run that is killed goes on where it was. Memory: 4 bytes per dimension and vector
of the training sample, and then for each of the segment that is coded anew.
"""

from __future__ import annotations

import sqlite3
import time

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import FormatError, InvalidArgumentError
from lookalike.index.encoding import default_codebooks, default_rotation
from lookalike.index.live import tables
from lookalike.index.live.flush import distortion, stored_segment
from lookalike.index.live.merge import died_since
from lookalike.index.live.model_files import read_model, write_model
from lookalike.index.live.recall import CHANGED
from lookalike.index.live.segment_files import RERANK
from lookalike.index.live.snapshot import Space
from lookalike.index.live.store import Store, told_of_the_disk
from lookalike.quantization import LOPQModel
from lookalike.quantization.fitting import default_n_coarse

__all__ = ["DRIFT", "FALL", "GROWTH", "asks", "drift", "is_due", "n_recoded", "recode_step", "renew_mean", "train"]

MOST_TRAINING = 200_000
_MOST_TRAINING_BYTES = 1 << 28
"""Training takes about four times as much memory as what it learns from."""
GROWTH = 2.0
DRIFT = 1.3
"""Distortion of vectors flushed lately, over that of the training, beyond which another is asked for."""
FALL = 0.1
"""Fall of recall, from what it was after the training, beyond which another is asked for. Of a few thousand vectors
without any order .04 more are found while they are those of the training."""
_LEAST_MEASURED = 1000
_MOST_HELD_OUT = 2048
_MEAN_GROWTH = 1.5
_MEAN_PRIOR = 16
"""A mean of few vectors is mostly themselves, so it is drawn towards 0: ``sum / (n + 16)``."""


def drift(db: sqlite3.Connection) -> float | None:
    """Distortion of vectors flushed lately over that of the model's training; None while too few were measured."""
    model, written = tables.models(db).get("live"), tables.written(db)
    n = written.get("drift_n", 0)
    if model is None or n < _LEAST_MEASURED or model.distortion <= 0:
        return None
    return written["drift_sum"] / n / model.distortion


def asks(db: sqlite3.Connection) -> str | None:
    """Tell what asks for another training: "distortion", "recall", or None.

    Nothing does before a quarter of the index has changed since all was coded with the model, and recall is compared
    with what it was then: a training that did not help is not soon followed by another.
    """
    models, last = tables.models(db), tables.watched(db)
    live = models.get("live")
    if live is None or "pending" in models or last is None or last.model != live.number:
        return None
    facts = tables.facts(db)
    assert facts is not None
    if facts.seq - last.first_seq < CHANGED * facts.n_vectors:
        return None
    moved = drift(db)
    if moved is not None and moved > DRIFT:
        return "distortion"
    return "recall" if last.first_recall - last.recall > FALL else None


def is_due(store: Store, train_from: int) -> bool:
    """Tell whether a model should be trained."""
    with store.glance() as db:
        facts, models = tables.facts(db), tables.models(db)
        assert facts is not None
        if "pending" in models or facts.n_vectors < train_from:
            return False
        live = models.get("live")
        if live is None or facts.n_vectors >= GROWTH * live.n_vectors:
            return True
        return asks(db) is not None


def train(store: Store) -> None:
    """Train a model on what is there now; the first one is live at once, a later one is pending.

    Raises
    ------
    InvalidArgumentError
        There is nothing to learn from.
    """
    started = time.perf_counter()
    with store.upkeep:
        with store.reading() as db:
            facts, before = tables.facts(db), tables.models(db)
            assert facts is not None
            if not facts.n_vectors:
                raise InvalidArgumentError("there are no vectors to learn from. Add some first.")
            number = store.new_number()
            rng = np.random.default_rng(facts.n_vectors)
            space = Space(facts.metric, _mean(db, facts))
            learned = space.compared(_sample(db, facts, rng))
        held = rng.permutation(len(learned))[: min(_MOST_HELD_OUT, len(learned) // 8)]
        judged = learned[held] if len(held) else learned
        learned = np.delete(learned, held, axis=0)
        rotation = default_rotation(RERANK, facts.bytes_per_vector)
        model = LOPQModel.fit(
            learned,
            n_coarse=min(default_n_coarse(facts.n_vectors, 1), max(1, len(learned) // 16)),
            n_subquantizers=2 * facts.bytes_per_vector,
            rotation=rotation,
            codebooks=default_codebooks(RERANK, facts.bytes_per_vector, rotation),
            metric=facts.metric,
        )
        spread = distortion(model, judged)
        with told_of_the_disk(store.models):
            n_bytes, checksum = write_model(store.models, number, model)
        with store.transaction() as db:
            dropped = _drop_pending(store, db)
            db.execute(
                "INSERT INTO models (number, state, n_vectors, distortion, mean, bytes, checksum) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    "pending" if "live" in before else "live",
                    facts.n_vectors,
                    spread,
                    None if space.mean is None else space.mean.astype("<f4").tobytes(),
                    n_bytes,
                    checksum,
                ),
            )
            store.changed_manifest(db)
            tables.count_written(db, models=n_bytes, n_trainings=1, train_seconds=time.perf_counter() - started)
        store.follower.refresh()
        store.retire(segments=dropped, models=[before["pending"].number] if "pending" in before else [])


def recode_step(store: Store) -> bool:
    """Code one more segment with the pending model, or exchange all when none is left. Tells whether it did."""
    with store.upkeep:
        with store.glance() as db:
            models, rows = tables.models(db), tables.segments(db)
        pending = models.get("pending")
        if pending is None:
            return False
        try:
            model = read_model(store.models, pending)
        except (FormatError, FileNotFoundError):  # damaged: another will be trained
            with store.transaction() as db:
                dropped = _drop_pending(store, db)
            store.retire(segments=dropped, models=[pending.number])
            return True
        done = {row.source for row in rows if row.state == "pending"}
        todo = [row.number for row in rows if row.state == "live" and row.number not in done]
        if todo:
            _recode(store, pending, model, todo[0])
            return True
        _exchange(store, models)
        return True


def n_recoded(store: Store) -> tuple[int, int] | None:
    """Count the segments that are coded with the pending model, and all that have to be; None where none is pending."""
    with store.glance() as db:
        states = [row.state for row in tables.segments(db)]
        return (states.count("pending"), states.count("live")) if "pending" in tables.models(db) else None


def _recode(store: Store, pending: tables.ModelRow, model: LOPQModel, source: int) -> None:
    started = time.perf_counter()
    snapshot = store.follower.refresh()
    old = next((each for each in snapshot.segments if each.number == source), None)
    if old is None:
        raise FormatError(f"segment {source} is damaged and cannot be coded anew. Mend it with `LiveIndex.repair`.")
    rows = old.living_rows()
    if not len(rows):
        with store.transaction() as db:
            store.drop_segments(db, [source])
        store.follower.refresh()
        store.retire(segments=[source])
        return
    with store.reading() as db:
        facts = tables.facts(db)
        assert facts is not None
        ids, seqs, vectors = tables.read_vectors(db, store.dim, old.ids[rows])
    # what was replaced since `snapshot` lives elsewhere; its row here is dead by now
    order = np.argsort(old.ids[rows])
    mine = seqs == old.seqs[rows][order][np.searchsorted(old.ids[rows], ids, sorter=order)]
    ids, seqs, vectors = ids[mine], seqs[mine], vectors[mine]
    if not len(ids):
        return
    compared = Space(facts.metric, _stored_mean(pending.mean)).compared(vectors)
    new = stored_segment(store.new_number(), model, ids, seqs, compared)
    written = store.write(new)
    with store.transaction() as db:
        store.add_segment(db, new, written, model=pending.number, source=source)
        dead = died_since(db, [old], 0)
        tables.bury(db, new.number, new.locate(dead), tables.counts(db)["next_seq"] - 1)
        tables.count_written(db, recode=written[0], recode_seconds=time.perf_counter() - started)


def _exchange(store: Store, models: dict[str, tables.ModelRow]) -> None:
    """Put the pending model and segments in the place of the live ones, unless a flush has just added one."""
    old, new = models["live"], models["pending"]
    with store.transaction() as db:
        rows = tables.segments(db)
        done = {row.source for row in rows if row.state == "pending"}
        live = [row.number for row in rows if row.state == "live"]
        if not done.issuperset(live):
            return
        orphans = [row.number for row in rows if row.state == "pending" and row.source not in live]
        store.drop_segments(db, [*live, *orphans])
        db.execute("UPDATE segments SET state = 'live', source = NULL WHERE state = 'pending'")
        db.execute("DELETE FROM models WHERE number = ?", (old.number,))
        db.execute("UPDATE models SET state = 'live' WHERE number = ?", (new.number,))
        written = tables.written(db)
        tables.count_written(db, drift_n=-written.get("drift_n", 0), drift_sum=-written.get("drift_sum", 0))
    store.follower.refresh()
    store.retire(segments=[*live, *orphans], models=[old.number])


def _drop_pending(store: Store, db: sqlite3.Connection) -> list[int]:
    """Give up a re-coding; gives the segments to delete."""
    numbers = [row.number for row in tables.segments(db) if row.state == "pending"]
    db.execute("DELETE FROM models WHERE state = 'pending'")
    store.drop_segments(db, numbers)
    return numbers


# ---------------------------------------------------------------------- the mean


def renew_mean(store: Store, *, growth: float = _MEAN_GROWTH) -> bool:
    """Take the mean anew where there is no model yet and the vectors have grown so much. Tells whether it did."""
    with store.glance() as db:
        facts = tables.facts(db)
        assert facts is not None
        if not facts.centred or "live" in tables.models(db):
            return False
        if not facts.n_vectors or facts.n_vectors == facts.mean_n or facts.n_vectors < growth * facts.mean_n:
            return False
        mean = _mean(db, facts)
        assert mean is not None
    with store.transaction() as db:
        tables.set_facts(db, mean=mean.astype("<f4").tobytes(), mean_n=facts.n_vectors)
        store.changed_manifest(db)
    store.follower.refresh()
    return True


def _mean(db: sqlite3.Connection, facts: tables.Facts) -> NDArray[np.float32] | None:
    if not facts.centred:
        return None
    total, n = np.zeros(facts.dim, np.float64), 0
    for ids, _, vectors in tables.vector_blocks(db, facts.dim, after=0):
        total += vectors.sum(axis=0, dtype=np.float64)
        n += len(ids)
    return (total / (n + _MEAN_PRIOR)).astype(np.float32)


def _stored_mean(mean: bytes | None) -> NDArray[np.float32] | None:
    return None if mean is None else np.frombuffer(mean, "<f4").astype(np.float32)


def _sample(db: sqlite3.Connection, facts: tables.Facts, rng: np.random.Generator) -> NDArray[np.float32]:
    """Vectors to learn from: float32 (n, dim)."""
    ids = np.fromiter((row[0] for row in db.execute("SELECT id FROM vectors ORDER BY id")), np.int64)
    most = min(MOST_TRAINING, _MOST_TRAINING_BYTES // (4 * facts.dim))
    if len(ids) > most:
        ids = np.sort(rng.choice(ids, most, replace=False))
    return tables.read_vectors(db, facts.dim, ids)[2]
