"""Readers beside a writer, and whether every answer of theirs is that of one state between a call's start and its end.

One process writes; others open the index for reading and search it all the while. Two counters lie in memory that all
share: operations begun and operations acknowledged. A reader notes the second before a search and the first after it:
whatever it saw lies between. Afterwards the log is replayed, and an exact search has to give, to the last bit, what one
of the states between gives; an ordinary search only ids of one of them, each at the true distance of its vector.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike import LiveIndex

from .operations import DIM, N_IDS, Beside, State, apply, next_operation, perform, read_pool

__all__ = ["Answers", "Watched", "watch_readers"]

_K = 5
_FLUSH_AT, _TRAIN_FROM = 128, 400
_MOST_IDS = 2 * N_IDS
_PAUSE_SECONDS = 0.002
_FOCI = ("flush", "merge", "train", None, None)


@dataclass(frozen=True, slots=True)
class Watched:
    """What was compared.

    Parameters
    ----------
    operations : int
    exact, ordinary : int
        Answers of exact and of ordinary searches.
    states : float
        Mean number of states that an answer was allowed to be of.
    """

    operations: int
    exact: int
    ordinary: int
    states: float

    def __str__(self) -> str:
        return (
            f"{self.operations} operations, {self.exact} exact and {self.ordinary} ordinary answers, "
            f"each of one of {self.states:.1f} states on average"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a reader got.

    Parameters
    ----------
    first, last : int64 (n,)
        Operations acknowledged before each call, and begun at its end.
    exact : bool (n,)
    modulus : int64 (n,)
        Ids that it divides were admitted.
    rows : int64 (n,)
        Rows of the pool that were asked for.
    ids : int64 (n, k)
    distances : float32 (n, k)
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    exact: NDArray[np.bool_]
    modulus: NDArray[np.int64]
    rows: NDArray[np.int64]
    ids: NDArray[np.int64]
    distances: NDArray[np.float32]

    @classmethod
    def read(cls, file: Path) -> Answers:
        """Read what :func:`_read` wrote."""
        with np.load(file) as arrays:
            return cls(*(arrays[name] for name in cls.__slots__))

    def __len__(self) -> int:
        return len(self.first)


class _Counters:
    """Two numbers in memory that forks share: each is written by one process, and read whole."""

    def __init__(self) -> None:
        self._values = np.frombuffer(mmap.mmap(-1, 4096), np.int64)

    begun = property(lambda self: int(self._values[0]), lambda self, n: self._values.__setitem__(0, n))
    done = property(lambda self: int(self._values[1]), lambda self, n: self._values.__setitem__(1, n))
    over = property(lambda self: bool(self._values[2]), lambda self, yes: self._values.__setitem__(2, yes))


def watch_readers(seconds: float, *, n_readers: int, seed: int, folder: Path | None = None) -> Watched:
    """Let readers and a writer work for a time, and compare.

    Raises
    ------
    AssertionError
        An answer is of no state, or a process failed; says which.
    """
    work = Path(tempfile.mkdtemp(prefix="readers-")) if folder is None else folder
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    pool, counters = read_pool(), _Counters()
    with _open(work / "index", seed) as index:  # made, and all that is needed loaded before the forks
        index.search(pool[:1], 1)
    pids = [_fork(lambda: _write(work / "index", pool, counters, seed=seed, seconds=seconds), work / "writer.txt")]
    for number in range(n_readers):
        file = work / f"{number}.npz"
        pids.append(
            _fork(
                lambda number=number, file=file: _read(work / "index", pool, counters, file, seed=[seed, number]),
                work / f"{number}.txt",
            )
        )
    for pid in pids:
        os.waitpid(pid, 0)
    failures = [file.read_text() for file in sorted(work.glob("*.txt"))]
    assert not failures, f"in {work}:\n" + "\n".join(failures)
    answers = [Answers.read(file) for file in sorted(work.glob("*.npz"))]
    watched = _compare(answers, pool, seed=seed, n_operations=counters.done)
    report = LiveIndex.verify(work / "index")
    assert report.is_clean, f"verify says: {report}"
    if folder is None:
        shutil.rmtree(work)
    return watched


def _open(path: Path, seed: int) -> LiveIndex:
    return LiveIndex.open(
        path,
        dim=DIM,
        bytes_per_vector=4,
        compaction=("eager", "basic", "none")[seed % 3],
        flush_at=_FLUSH_AT,
        train_from=_TRAIN_FROM,
    )


def _fork(work: object, failed: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        work()  # type: ignore[operator]
        os._exit(0)
    except BaseException:
        failed.write_text(f"{failed.stem} failed:\n{traceback.format_exc()}")
    finally:
        os._exit(1)


def _write(path: Path, pool: NDArray[np.float32], counters: _Counters, *, seed: int, seconds: float) -> None:
    end, number, state, beside = time.monotonic() + seconds, 0, State(), Beside()
    with contextlib.ExitStack() as closing:
        closing.callback(lambda: setattr(counters, "over", True))
        index = _open(path, seed)
        while time.monotonic() < end:
            operation = next_operation(seed, number, state, _FOCI[number // 100 % len(_FOCI)])
            if operation.kind == "reopen":
                beside.join()
                index.close()
                index = _open(path, seed)
            counters.begun = number + 1
            perform(operation, index, pool, state, beside, path.with_name("copy"))
            counters.done = number + 1
            apply(operation, state)
            number += 1
            time.sleep(_PAUSE_SECONDS)
        beside.join()
        index.close()


def _read(path: Path, pool: NDArray[np.float32], counters: _Counters, file: Path, *, seed: list[int]) -> None:
    rng = np.random.default_rng(seed)
    got: list[tuple[int, int, bool, int, int, NDArray[np.int64], NDArray[np.float32]]] = []
    while not counters.over:
        with LiveIndex.open(path, writable=False, flush_at=_FLUSH_AT) as index:
            for _ in range(int(rng.integers(20, 2000))):
                if counters.over:
                    break
                rows = rng.integers(0, len(pool), int(rng.integers(1, 4)))
                exact = bool(rng.random() < 0.6)
                first = counters.done
                modulus = int(rng.choice([1, 1, 2, 50]))
                admitted = None if modulus == 1 else np.arange(0, _MOST_IDS, modulus)
                hits = index.search(pool[rows], _K, exact=exact, filter=admitted)
                last = counters.begun
                ids = np.asarray(hits.ids, np.int64)
                asked = zip(rows.tolist(), ids, hits.distances, strict=True)
                got += [(first, last, exact, modulus, *each) for each in asked]
    if not got:  # the writer failed at once, and says so
        return
    columns = [np.array(column) for column in zip(*got, strict=True)]
    np.savez(file, **dict(zip(Answers.__slots__, columns, strict=True)))  # type: ignore[arg-type]  # no `allow_pickle`


def _compare(answers: list[Answers], pool: NDArray[np.float32], *, seed: int, n_operations: int) -> Watched:
    """Replay the log, holding the states that answers may still be of."""
    every = [(int(each.first[i]), int(each.last[i]), each, i) for each in answers for i in range(len(each))]
    every.sort(key=lambda entry: entry[0])
    states: deque[tuple[int, NDArray[np.int64]]] = deque()
    following = _states(seed, n_operations)
    n_states = 0
    for first, last, each, i in every:
        while states and states[0][0] < first:
            states.popleft()
        while not states or states[-1][0] < min(last, n_operations):
            number, row_of_id = next(following)
            if number >= first:
                states.append((number, row_of_id))
        possible = [row_of_id for number, row_of_id in states if number <= last]
        n_states += len(possible)
        assert any(_fits(each, i, row_of_id, pool) for row_of_id in possible), (
            f"query {each.rows[i]}, {'exact' if each.exact[i] else 'ordinary'}: ids {each.ids[i]}, distances "
            f"{each.distances[i]} are of no state from {first} to {last}"
        )
    n_exact = sum(int(each.exact.sum()) for each in answers)
    return Watched(n_operations, n_exact, len(every) - n_exact, n_states / max(1, len(every)))


def _states(seed: int, n_operations: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Give each state: operations done, and the row of the pool for each id, -1 where there is none."""
    state = State()
    for number in range(n_operations + 1):
        row_of_id = np.full(_MOST_IDS, -1, np.int64)
        row_of_id[list(state.row_of_id)] = list(state.row_of_id.values())
        yield number, row_of_id
        apply(next_operation(seed, number, state, _FOCI[number // 100 % len(_FOCI)]), state)


def _fits(answers: Answers, i: int, row_of_id: NDArray[np.int64], pool: NDArray[np.float32]) -> bool:
    ids, distances = answers.ids[i], answers.distances[i]
    hits = ids[ids >= 0]
    rows = row_of_id[hits]
    if (
        (rows < 0).any()
        or (hits % answers.modulus[i]).any()
        or len(np.unique(hits)) != len(hits)
        or not np.isinf(distances[len(hits) :]).all()
    ):
        return False
    query = pool[answers.rows[i]]
    if not np.array_equal(np.sqrt(np.square(pool[rows] - query).sum(axis=1)), distances[: len(hits)]):
        return False
    if not answers.exact[i]:
        return True
    living = row_of_id[:: answers.modulus[i]]
    living = living[living >= 0]
    nearest = np.sort(np.square(pool[living] - query).sum(axis=1))[:_K]
    return np.array_equal(np.sqrt(nearest), distances[: len(hits)])
