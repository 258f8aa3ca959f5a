"""Bringing folders into a collection: what is new, changed, moved or gone, and nothing else, is worked on.

A photo's walk: file -> content hash (known? no second embedding) -> decode -> thumbnail, facts, embedding, in a
worker process -> one transaction for every few photos. Killed at any point, nothing that was committed is lost, and
the next run takes up the rest. Cost: the network's time; reading, decoding and storing hide behind it on the other
cores. Memory: one decoded photo per worker, a path and four numbers per file to do; what the live index takes comes
on top (vectors.py), most while it trains.
"""

from __future__ import annotations

import base64
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog import Catalog, FileRecord, FileStatus, NewPhoto, SeenFields, absolute
from lookalike.collection.seen import RECIPE
from lookalike.collection.settings import CollectionSettings
from lookalike.collection.worker_pool import CHUNK, Answers, WorkerPool
from lookalike.errors import CollectionError, InvalidArgumentError
from lookalike.photos import PhotoLimits, find_photos, sidecar_of

if TYPE_CHECKING:
    from lookalike.collection.writing import PhotoWriter

__all__ = ["AddProgress", "add_photos", "n_cores"]

_AT_A_TIME = 2000

State = Literal["counting", "running", "indexing", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class AddProgress:
    """How far an `add` is.

    Attributes
    ----------
    state : str
        "counting", "running", "indexing", then "done", "stopped" or "failed".
    total, done : int
        Files to read, and read so far. Files that are as they were when last read do not count.
    total_bytes : int
        Size of the files to read.
    added, updated, unchanged, moved, gone, failed : int
        Files: with content new to the collection; changed, or with facts read anew; as they were; known content
        at a new path (copies too); no longer there; not readable.
    rate : float or None
        Files per second, once known.
    eta_seconds : float or None
        Time to go, once known.
    message : str or None
        What a person should know besides.
    """

    state: State = "counting"
    total: int = 0
    done: int = 0
    total_bytes: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    gone: int = 0
    failed: int = 0
    rate: float | None = None
    eta_seconds: float | None = None
    message: str | None = None


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class _Plan:
    to_read: list[FileRecord]
    read_before: frozenset[str]
    returned: list[FileRecord]
    gone: list[str]
    unreadable: list[tuple[str, str]]
    n_unchanged: int


def _stat(path: Path) -> FileRecord:
    status = path.stat()
    sidecar = sidecar_of(path)
    return FileRecord(
        str(path), status.st_size, _mtime_ns(status), _mtime_ns(sidecar.stat()) if sidecar is not None else None
    )


def _mtime_ns(status: os.stat_result) -> int:
    """Return the time stamp, or the nearest that SQLite can store: from 1677 to 2262."""
    return max(-(2**63), min(status.st_mtime_ns, 2**63 - 1))


def _plan(catalog: Catalog, roots: Sequence[Path], on_found: Callable[[int], None], *, retry_failed: bool) -> _Plan:
    known: dict[str, tuple[FileRecord, FileStatus]] = {}
    unseen: set[str] = set()
    for root in roots:
        known.update(catalog.files_below(str(root)))
        unseen |= catalog.seen.lacking_below(str(root), RECIPE)
    read_before = frozenset(path for path, (_, status) in known.items() if status != "failed")
    plan = _Plan([], read_before, [], [], [], 0)
    seen: set[str] = set()
    n_unchanged = 0

    def pass_over(folder: Path, error: OSError) -> None:
        name = os.fsencode(folder).decode("utf-8", "replace")
        seen.add(name)
        reason = f"The folder cannot be read: {error.strerror}. What is known of photos below it stays."
        plan.unreadable.append((name, reason))

    for path in find_photos(roots, pass_over):
        name = str(path)
        if name in seen:
            continue
        seen.add(name)
        try:
            name.encode()
            file = _stat(path)
        except UnicodeEncodeError:
            printable = os.fsencode(path).decode("utf-8", "replace")
            seen.add(printable)
            plan.unreadable.append((printable, "Its name is not valid UTF-8. Rename it."))
            continue
        except FileNotFoundError:  # it has just gone
            seen.discard(name)
            continue
        except OSError as error:
            plan.unreadable.append((name, f"The file cannot be read: {error.strerror}."))
            continue
        before, status = known.get(name, (None, None))
        if before != file or name in unseen or (status in ("failed", "kept") and retry_failed):
            plan.to_read.append(file)
        elif status == "gone":
            plan.returned.append(file)
        else:
            n_unchanged += 1
        on_found(len(seen))
    plan.gone.extend(
        path for path, (_, status) in known.items() if status != "gone" and path not in seen and _is_gone(path)
    )
    return replace(plan, n_unchanged=n_unchanged)


def _is_gone(path: str) -> bool:
    """Whether no file is there; a folder that may not be read, or a share that does not answer, says nothing."""
    try:
        return not stat.S_ISREG(Path(path).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def _resolve(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    roots = []
    for path in paths:
        if not os.fspath(path):  # which would be the current directory
            raise InvalidArgumentError("A path is empty. Give folders or files that exist.")
        root = absolute(path)
        try:
            exists = root.exists()
        except OSError as error:  # a folder above it may not be searched, or its name is too long
            raise InvalidArgumentError(f"`{path}` cannot be read: {error.strerror}.") from error
        if not exists:
            raise InvalidArgumentError(f"`{path}` does not exist. Give folders or files that do.")
        roots.append(root)
    if not roots:
        raise InvalidArgumentError("There is nothing to add. Give at least one folder or file.")
    return roots


class _Clock:
    """Rate and time to go, from when the first answers came (starting the workers does not count).

    A photo costs something for itself and something for its bytes, so the part done is the mean of both shares.
    """

    def __init__(self, n_files: int, n_bytes: int) -> None:
        self._totals = np.array([n_files, max(n_bytes, 1)], dtype=float)
        self._done = np.zeros(2)
        self._first: NDArray[np.float64] | None = None
        self._started = 0.0

    def tick(self, files: Sequence[FileRecord]) -> tuple[float | None, float | None]:
        """Count `files` as done; return files per second and seconds to go, None while unknown."""
        self._done += [len(files), sum(file.bytes for file in files)]
        if self._first is None:
            self._first, self._started = self._done.copy(), time.monotonic()
            return None, None
        elapsed = max(time.monotonic() - self._started, 1e-6)
        new = self._done - self._first
        share_new, share_left = np.mean(new / self._totals), np.mean(1 - self._done / self._totals)
        return float(new[0] / elapsed), float(elapsed * share_left / share_new)


def add_photos(
    writer: PhotoWriter,
    collection: Path,
    settings: CollectionSettings,
    paths: Iterable[str | os.PathLike[str]],
    *,
    progress: Callable[[AddProgress], None],
    stop: threading.Event,
    limits: PhotoLimits,
    n_workers: int | None,
    retry_failed: bool,
) -> AddProgress:
    """Bring `paths` into the catalog and the index.

    Returns
    -------
    AddProgress
        The last one; its state is still "running", or "stopped" when `stop` was set.

    Raises
    ------
    InvalidArgumentError
        One of `paths` does not exist, or `n_workers` is below 1.
    """
    if n_workers is not None and (not isinstance(n_workers, int) or n_workers < 1):
        raise InvalidArgumentError(f"`n_workers` is {n_workers!r}; expected an integer from 1 on, or None.")
    roots = _resolve(paths)
    catalog = writer.catalog
    now = AddProgress()
    progress(now)

    def count(n_found: int) -> None:
        if n_found % 500 == 0:
            progress(replace(now, total=n_found))

    plan = _plan(catalog, roots, count, retry_failed=retry_failed)
    now = replace(
        now,
        state="running",
        total=len(plan.to_read),
        total_bytes=sum(file.bytes for file in plan.to_read),
        unchanged=plan.n_unchanged,
        failed=len(plan.unreadable),
    )
    now = _put_in_order(writer, plan, now)
    progress(now)
    if not plan.to_read:
        return now

    worker_settings = {
        "collection": str(collection),
        "encoder": settings.encoder,
        "precision": settings.precision,
        "min_side": settings.min_side,
        "nsfw": settings.nsfw,
        "limits": asdict(limits),
    }
    clock = _Clock(now.total, now.total_bytes)
    n_workers = min(n_cores() if n_workers is None else n_workers, -(-len(plan.to_read) // CHUNK))
    with WorkerPool(n_workers, worker_settings, max_seconds=limits.max_seconds) as workers:
        for answers in workers.read(plan.to_read):
            if answers:
                now = _store(writer, answers, now, plan.read_before, roots)
                rate, eta = clock.tick([file for file, _ in answers])
                now = replace(now, rate=rate, eta_seconds=eta)
                progress(now)
            if stop.is_set():
                return replace(now, state="stopped")
    return now


def _put_in_order(writer: PhotoWriter, plan: _Plan, now: AddProgress) -> AddProgress:
    """Write down what is gone, back or unreadable, some at a time: a disk that was pulled out held very many."""
    catalog = writer.catalog
    for start in range(0, max(len(plan.gone), len(plan.returned), len(plan.unreadable)), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        with writer.transaction():
            n_gone = catalog.mark_gone(plan.gone[part])
            for file in plan.returned[part]:
                catalog.restore_file(file.path)
            for path, reason in plan.unreadable[part]:
                catalog.put_failure(path, reason, None)
        now = replace(now, gone=now.gone + n_gone, unchanged=now.unchanged + len(plan.returned[part]))
    return now


def _store(
    writer: PhotoWriter, answers: Answers, now: AddProgress, read_before: frozenset[str], roots: Sequence[Path]
) -> AddProgress:
    added, updated, moved, failed, gone = now.added, now.updated, now.moved, now.failed, now.gone
    for _, answer in answers:
        if "stop" in answer:
            raise CollectionError(answer["stop"])
    with writer.transaction():
        for file, answer in answers:
            if "reason" in answer:
                # What lies outside the file may be mended without touching it.
                writer.catalog.put_failure(file.path, answer["reason"], file, again="again" in answer)
                failed += 1
                continue
            gone += writer.catalog.mark_gone(_left_behind(writer.catalog, answer["sha256"], roots))
            _, inserted = writer.catalog.put(file, _new_photo(answer))
            if file.path in read_before:
                updated += 1
            elif inserted:
                added += 1
            else:
                moved += 1
    return replace(
        now, done=now.done + len(answers), added=added, updated=updated, moved=moved, failed=failed, gone=gone
    )


def _left_behind(catalog: Catalog, sha256: str, roots: Sequence[Path]) -> list[str]:
    """List where a known photo is no more, outside of `roots`, in which the plan has looked: its folder was moved."""
    photo_id = catalog.id_of_content(sha256)
    if photo_id is None:
        return []
    elsewhere = [path for path in catalog.paths(photo_id) if not any(Path(path).is_relative_to(root) for root in roots)]
    return [path for path in elsewhere if _is_gone(path)]


def _seen(labels: bytes, palette: bytes, composition: bytes, measures: bytes) -> SeenFields:
    return RECIPE, labels, palette, composition, measures


def _new_photo(answer: dict[str, Any]) -> NewPhoto:
    embedding, seen = answer["embedding"], answer["seen"]
    return NewPhoto(
        sha256=answer["sha256"],
        format=answer["format"],
        bytes=answer["bytes"],
        width=answer["width"],
        height=answer["height"],
        taken_at=answer["taken_at"],
        title=answer["title"],
        facts=answer["facts"],
        text=tuple(answer["text"]),
        embedding=None if embedding is None else np.frombuffer(base64.b64decode(embedding), dtype="<f4"),
        tags=tuple((tag, raw) for tag, raw in answer["tags"]),
        machine_tags=tuple((space, name, value, raw) for space, name, value, raw in answer["machine_tags"]),
        seen=None if seen is None else _seen(*map(base64.b64decode, seen)),
        labels=tuple((label, raw, score) for label, raw, score in answer["labels"]),
    )
