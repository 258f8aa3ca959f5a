"""What is done to a live index, so that anybody can tell afterwards what must be in it.

An operation follows from a seed, its number and the state before it, so a log of numbers is enough to replay it. A
vector is a row of a pool of whole numbers from 0 to 255, which float16 holds exactly and whose squared distances are
whole numbers below 2^24: an index has to give them to the last bit.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike import LiveIndex

__all__ = ["DIM", "Beside", "Operation", "State", "apply", "next_operation", "perform", "read_pool"]

DIM = 16
N_IDS = 1500
"""Ids in use go up to here, so that most additions replace something once the index is full."""
_POOL = 20_000
_ROOT = Path(__file__).parent.parent.parent
_REAL = "shared/data/sift_photos_1m/base.npy"
_FOCUS = {
    "flush": "flush",
    "merge": "compact",
    "train": "train",
    "recode": "train",
    "exchange": "train",
    "look": "train",
    "open": "reopen",
    "close": "reopen",
    "backup": "backup",
}


@dataclass(slots=True)
class State:
    """What an index holds.

    Parameters
    ----------
    row_of_id : dict of int to int
        Row of the pool for each id.
    next_id : int
        What a vector without an id gets.
    """

    row_of_id: dict[int, int] = field(default_factory=dict)
    next_id: int = 0

    def copy(self) -> State:
        """Give a state of its own."""
        return State(dict(self.row_of_id), self.next_id)


@dataclass(frozen=True, slots=True)
class Operation:
    """One call.

    Parameters
    ----------
    kind : {"add", "remove", "flush", "compact", "train", "wait", "backup", "reopen"}
    ids : tuple of int
        Of vectors added or removed.
    rows : tuple of int
        Rows of the pool that are added.
    named : bool
        Whether the ids are given in the call.
    beside : bool
        Done in a thread of its own, while the next operations go on.
    """

    kind: str
    ids: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    named: bool = True
    beside: bool = False


class Beside:
    """Upkeep in threads beside the one that writes."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def start(self, function: Callable[[], None]) -> None:
        """Begin something."""

        def run() -> None:
            try:
                function()
            except BaseException as error:
                self._failures.append(error)

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def check(self) -> None:
        """Raise what failed."""
        if self._failures:
            raise self._failures[0]

    def join(self) -> None:
        """Wait for all, and raise what failed."""
        for each in self._threads:
            each.join()
        self._threads.clear()
        self.check()


def read_pool() -> NDArray[np.float32]:
    """Vectors, all different: float32 (n, DIM), whole numbers from 0 to 255.

    The first coordinates of SIFT descriptors where these are at hand; else clusters of random ones.
    """
    for root in (_ROOT, _ROOT.parent):
        if (root / _REAL).exists():
            vectors = np.load(root / _REAL, mmap_mode="r")[: 3 * _POOL, :DIM].astype(np.float32)
            break
    else:
        rng = np.random.default_rng(0)
        centres = rng.integers(40, 216, (50, DIM))
        spread = rng.normal(0, 12, (3 * _POOL, DIM))
        vectors = np.clip(centres[rng.integers(0, 50, 3 * _POOL)] + spread, 0, 255).round().astype(np.float32)
    vectors = np.unique(vectors, axis=0)
    return np.ascontiguousarray(vectors[np.random.default_rng(1).permutation(len(vectors))[:_POOL]])


def next_operation(seed: int, number: int, state: State, focus: str | None = None) -> Operation:
    """Choose the operation with a number, as the seed and the state before it want.

    Parameters
    ----------
    seed, number : int
    state : State
    focus : str, optional
        A phase of upkeep that is to happen often.
    """
    rng = np.random.default_rng([seed, number])
    kinds = {"add": 50, "remove": 25, "flush": 6, "compact": 2, "train": 0.7, "wait": 3, "backup": 0.3, "reopen": 0.7}
    if focus in _FOCUS:
        kinds[_FOCUS[focus]] += 25
    if len(state.row_of_id) < 300:
        kinds["add"] += 100
    weights = np.array(list(kinds.values()))
    kind = str(rng.choice(list(kinds), p=weights / weights.sum()))
    least, beyond = [(1, 2), (2, 20), (20, 150)][rng.choice(3, p=[0.4, 0.4, 0.2])]
    size = int(rng.integers(least, beyond))
    if kind == "add":
        taken = np.zeros(_POOL, np.bool_)
        taken[list(state.row_of_id.values())] = True
        rows = rng.choice(np.flatnonzero(~taken), size, replace=False)
        named = bool(rng.random() < 0.9) or state.next_id > N_IDS
        ids = rng.permutation(N_IDS)[:size] if named else np.arange(state.next_id, state.next_id + size)
        return Operation(kind, tuple(ids.tolist()), tuple(rows.tolist()), named)
    if kind == "remove":
        return Operation(kind, tuple(rng.permutation(N_IDS)[:size].tolist()))
    if kind == "train" and not state.row_of_id:
        return Operation("wait")
    return Operation(kind, beside=kind in ("flush", "compact", "train") and bool(rng.random() < 0.6))


def apply(operation: Operation, state: State) -> None:
    """Change a state as an operation does."""
    if operation.kind == "add":
        state.row_of_id.update(zip(operation.ids, operation.rows, strict=True))
        state.next_id = max(state.next_id, max(operation.ids) + 1)
    elif operation.kind == "remove":
        for each in operation.ids:
            state.row_of_id.pop(each, None)


def perform(
    operation: Operation,
    index: LiveIndex,
    pool: NDArray[np.float32],
    state: State,
    beside: Beside,
    copy: Path,
) -> None:
    """Do it to an index, and see that what the call returns is right.

    Parameters
    ----------
    operation : Operation
    index : LiveIndex
    pool : float32 (n, DIM)
    state : State
        Before the operation.
    beside : Beside
    copy : Path
        Where backups go.
    """
    ids = np.array(operation.ids, np.int64)
    beside.check()
    if operation.kind == "add":
        given = index.add(pool[list(operation.rows)], ids if operation.named else None)
        assert given.tolist() == list(operation.ids), f"add gave ids {given}, expected {operation.ids}"
    elif operation.kind == "remove":
        n_removed, n_there = index.remove(ids), sum(each in state.row_of_id for each in operation.ids)
        assert n_removed == n_there, f"remove gave {n_removed}, expected {n_there}"
    elif operation.kind == "wait":
        index.wait()
    elif operation.kind == "backup":
        shutil.rmtree(copy, ignore_errors=True)
        index.backup(copy)
        report = LiveIndex.verify(copy)
        assert report.is_clean, f"the backup is not clean: {report}"
        with LiveIndex.open(copy, writable=False) as backup:
            assert backup.ids.tolist() == sorted(state.row_of_id), "the backup does not hold what the index does"
    elif operation.kind in ("flush", "compact", "train"):
        call: Callable[[], None] = getattr(index, operation.kind)
        if operation.beside:
            beside.start(call)
        else:
            call()
