"""An opened live index, as far as searching and looking at it goes: what every process may do.

A search sees one state (:mod:`.snapshot`), of which there is a new one after every change (:mod:`.follower`).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InvalidArgumentError, LiveIndexError
from lookalike.index.identities import as_ids
from lookalike.index.live import tables
from lookalike.index.live.backup import copy_index
from lookalike.index.live.database import connect, read_transaction
from lookalike.index.live.follower import Follower, was_closed
from lookalike.index.live.settings import Opening, Options
from lookalike.index.live.snapshot import Snapshot
from lookalike.index.live.statistics import LiveStats, statistics
from lookalike.index.live.store import Store
from lookalike.index.live.upkeep import Upkeep
from lookalike.index.results import SearchResult
from lookalike.quantization.arguments import check_count

__all__ = ["DATABASE", "OpenedIndex"]

DATABASE = "log.sqlite"


class OpenedIndex:
    """What a live index offers to those who read it; see :class:`LiveIndex`.

    Parameters
    ----------
    database : path-like
        SQLite file that holds the tables of the index, made when they are missing.
    folder : path-like
        Where segments and models lie.
    dim, metric, centred, bytes_per_vector, writable, compaction, flush_at, train_from, background
        As in :meth:`open`.
    """

    def __init__(
        self,
        database: str | os.PathLike[str],
        folder: str | os.PathLike[str],
        *,
        dim: int | None = None,
        metric: str | None = None,
        centred: bool | None = None,
        bytes_per_vector: int | None = None,
        writable: bool = True,
        compaction: str = "eager",
        flush_at: int = 16_384,
        train_from: int = 2_048,
        background: bool = True,
    ) -> None:
        self._opening = Opening.checked(
            writable=writable, compaction=compaction, flush_at=flush_at, train_from=train_from, background=background
        )
        self._database, self._folder = Path(database), Path(folder)
        facts = Options(dim, metric, centred, bytes_per_vector).settle(self._database, writable=writable)
        self._dim, self._metric = facts.dim, facts.metric
        self._closing, self._lock = contextlib.ExitStack(), contextlib.ExitStack()
        self._closed, self._process = False, os.getpid()
        with contextlib.ExitStack() as stack:
            db = connect(self._database, writable=False)
            self._follower = Follower(db, self._folder, compaction=compaction, flush_at=flush_at)
            stack.callback(self._follower.close)
            self._store: Store | None = None
            self._upkeep: Upkeep | None = None
            if writable:
                self._store = Store(self._database, self._folder, self._follower, facts)
                stack.callback(self._store.close)
                self._store.sweep()
            self._follower.refresh()
            if self._store is not None:
                self._upkeep = Upkeep(self._store, self._opening)
            self._closing = stack.pop_all()

    def close(self) -> None:
        """Finish what is under way, other threads' changes too, flush, and let others write.

        In a process forked from the one that opened it, this does nothing.
        """
        if self._closed or self._process != os.getpid():
            return
        self._closed = True
        with self._lock, self._closing:
            if self._upkeep is not None:
                self._upkeep.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._now().n_vectors

    def __contains__(self, id: object) -> bool:
        if isinstance(id, bool) or not isinstance(id, (int, np.integer)):
            return False
        return 0 <= int(id) < 2**63 and self._now().holds(int(id))

    def __repr__(self) -> str:
        forked = self._process != os.getpid()
        state = "closed" if self._closed else "of another process" if forked else f"{len(self)} vectors"
        return f"LiveIndex({state} of dimension {self._dim}, {self._metric}, {str(self._folder)!r})"

    @property
    def dim(self) -> int:
        """Dimension of the vectors."""
        return self._dim

    @property
    def metric(self) -> str:
        """What is compared: "l2" or "cosine"."""
        return self._metric

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of all vectors, rising: int64 (n_vectors,)."""
        return self._now().ids()

    def snapshot(self) -> Snapshot:
        """Give the newest state, which never changes: whatever is asked of it agrees."""
        return self._now()

    def vectors(self, ids: ArrayLike) -> NDArray[np.float32]:
        """Give vectors as they were added.

        Parameters
        ----------
        ids : array-like (n,)

        Returns
        -------
        float32 (n, dim)
            In the order of ``ids``.

        Raises
        ------
        InvalidArgumentError
            There is no vector of one of the ids.
        """
        self._now()
        wanted = np.asarray(as_ids(ids, kind="int"), np.int64)
        with contextlib.closing(connect(self._database, writable=False)) as db, read_transaction(db):
            there, _, found = tables.read_vectors(db, self._dim, np.unique(wanted))
        missing = np.setdiff1d(wanted, there)
        if len(missing):
            raise InvalidArgumentError(f"`ids` holds {missing[0]}, of which there is no vector.")
        return found[np.searchsorted(there, wanted)]

    # ------------------------------------------------------------------ searching

    def search(
        self,
        queries: ArrayLike,
        k: int = 10,
        *,
        n_probe: int | None = None,
        n_candidates: int | None = None,
        rerank: int | bool | None = None,
        filter: ArrayLike | None = None,
        exact: bool = False,
    ) -> SearchResult:
        """Nearest vectors of each query, in one state of the index.

        Parameters
        ----------
        queries : array-like (n_queries, dim) or (dim,)
        k : int
            Hits per query; beyond the number of vectors, slots stay empty.
        n_probe, n_candidates, rerank
            As in :meth:`LOPQIndex.search`; they hold for what is in segments. What is in memory is always compared
            exactly.
        filter : bool array-like or array-like of ids, optional
            A mask ``mask[id]``, or the ids admitted. Where it leaves few, these are compared exactly.
        exact : bool
            Compare with every vector: float32 in memory, float16 in segments.

        Returns
        -------
        SearchResult

        Raises
        ------
        InvalidArgumentError
        """
        return self._now().search(
            queries, k, n_probe=n_probe, n_candidates=n_candidates, rerank=rerank, filter=filter, exact=exact
        )

    # ------------------------------------------------------------------ looking at it

    def stats(self, *, recall_sample: int = 0) -> LiveStats:
        """Count what the index holds and what was written for it.

        Parameters
        ----------
        recall_sample : int
            Search for so many of the vectors, by codes and exactly, and tell what share of the true ten nearest the
            first way finds.
        """
        self._now()
        return statistics(
            self._database,
            self._follower,
            self._upkeep,
            recall_sample=check_count(recall_sample, "recall_sample", least=0),
        )

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the index, as it is at one moment, to a path at which nothing is; adding and searching go on meanwhile.

        Raises
        ------
        InvalidArgumentError
            Something is there.
        FormatError
            A file of the index is missing; `repair` it first.
        LiveIndexError
            The disk is full or cannot be written.
        """
        self._now()
        with contextlib.nullcontext() if self._store is None else self._store.keeping():
            copy_index(self._database, self._folder, Path(path), name=DATABASE)

    def _now(self) -> Snapshot:
        self._check_usable()
        return self._follower.current()

    def _check_usable(self) -> None:
        """Raise where it was closed, or in a forked process: SQLite's connections must not be carried into one."""
        if self._closed:
            raise was_closed()
        if self._process != os.getpid():
            raise LiveIndexError(
                f"this live index was opened by process {self._process}, from which this one was forked. "
                "Open it anew here: one process writes, any number read (`writable=False`)."
            )

    def _writer(self) -> tuple[Store, Upkeep]:
        self._check_usable()
        if self._store is None or self._upkeep is None:
            raise LiveIndexError("this live index was opened for reading. Open it with `writable=True` to change it.")
        return self._store, self._upkeep
