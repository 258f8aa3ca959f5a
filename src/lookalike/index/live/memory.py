"""Vectors that are in no segment yet: an active buffer that grows, and frozen ones behind it.

Bortnikov et al., "Accordion: better memory organization for LSM key-value stores", VLDB 2018. What piles up in memory
is compacted there, before any of it is written to a segment. *none* keeps every version of every id until the flush;
*basic* flattens the frozen buffers into one and drops what was removed; *eager* also drops what was replaced, so that
under skewed updates memory lasts far longer and flushes are fewer.

Views handed out never change: rows are appended behind their end, and marks of the dead are copied before they change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["COMPACTIONS", "MemoryPart", "Rows"]

COMPACTIONS = ("none", "basic", "eager")
_ALIVE, _REMOVED, _REPLACED = 0, 1, 2
_LEAST = 256


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of one buffer, at one moment.

    Parameters
    ----------
    ids : int64 (n,)
    seqs : int64 (n,), rising
    vectors : float32 (n, dim)
        As they are compared.
    norms : float32 (n,)
        Their squared lengths.
    alive : bool (n,), or None when all are
    """

    ids: NDArray[np.int64]
    seqs: NDArray[np.int64]
    vectors: NDArray[np.float32]
    norms: NDArray[np.float32]
    alive: NDArray[np.bool_] | None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_alive(self) -> int:
        """Rows that can be found."""
        return len(self) if self.alive is None else int(np.count_nonzero(self.alive))


class _Buffer:
    """Arrays with room to grow."""

    def __init__(self, dim: int, capacity: int) -> None:
        self.n = 0
        self.n_dead = 0
        self.ids = np.empty(capacity, np.int64)
        self.seqs = np.empty(capacity, np.int64)
        self.vectors = np.empty((capacity, dim), np.float32)
        self.norms = np.empty(capacity, np.float32)
        self.state = np.zeros(capacity, np.uint8)
        self._view: Rows | None = None

    def append(self, ids: NDArray[np.int64], seqs: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        end = self.n + len(ids)
        if end > len(self.ids):
            self._grow(max(end, 2 * len(self.ids)))
        here = slice(self.n, end)
        self.ids[here], self.seqs[here], self.vectors[here] = ids, seqs, vectors
        self.norms[here] = np.einsum("nd,nd->n", vectors, vectors)
        self.n, self._view = end, None

    def kill(self, rows: list[int], state: int) -> None:
        self.state[rows] = state
        self.n_dead += len(rows)
        self._view = None

    def view(self) -> Rows:
        if self._view is None:
            n = self.n
            alive = self.state[:n] == _ALIVE if self.n_dead else None
            self._view = Rows(self.ids[:n], self.seqs[:n], self.vectors[:n], self.norms[:n], alive)
        return self._view

    def _grow(self, capacity: int) -> None:
        for name in ("ids", "seqs", "vectors", "norms", "state"):
            old = getattr(self, name)
            new = np.zeros((capacity, *old.shape[1:]), old.dtype)
            new[: self.n] = old[: self.n]
            setattr(self, name, new)


class MemoryPart:
    """The buffers.

    Parameters
    ----------
    dim : int
    compaction : {"none", "basic", "eager"}
    freeze_at : int
        Rows of the active buffer at which it is frozen.
    """

    def __init__(self, dim: int, *, compaction: str, freeze_at: int) -> None:
        self._dim = dim
        self._compaction = compaction
        self._freeze_at = freeze_at
        self._frozen: list[_Buffer] = []
        self._active = _Buffer(dim, _LEAST)
        self._where: dict[int, tuple[_Buffer, int]] = {}
        self.n_compactions = 0

    @property
    def n_rows(self) -> int:
        """Rows held, dead ones too."""
        return sum(buffer.n for buffer in self._buffers())

    def __len__(self) -> int:
        return len(self._where)

    def views(self) -> tuple[Rows, ...]:
        """Give what there is to be searched, oldest first."""
        return tuple(buffer.view() for buffer in self._buffers() if buffer.n)

    def append(self, ids: NDArray[np.int64], seqs: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Add rows; older ones of the same ids are dead from now on.

        Parameters
        ----------
        ids : int64 (n,)
        seqs : int64 (n,), rising, later than all before
        vectors : float32 (n, dim)
        """
        if not len(ids):
            return
        names = ids.tolist()
        self._kill(names, _REPLACED)
        start = self._active.n
        self._active.append(ids, seqs, vectors)
        self._where.update((name, (self._active, row)) for row, name in enumerate(names, start))
        if self._active.n >= self._freeze_at:
            self._freeze()

    def remove(self, ids: Iterable[int]) -> None:
        """Mark rows of ids dead; unknown ids do nothing."""
        self._kill(ids, _REMOVED)

    def drop_through(self, seq: int) -> None:
        """Forget rows up to a sequence number: a segment holds them now."""
        old = [buffer for buffer in self._buffers() if buffer.n]
        if not old or old[0].seqs[0] > seq:
            return
        self._frozen, self._active, self._where = [], _Buffer(self._dim, _LEAST), {}
        for buffer in old:
            self._copy(buffer, buffer.seqs[: buffer.n] > seq, self._active)

    def _buffers(self) -> list[_Buffer]:
        return [*self._frozen, self._active]

    def _kill(self, ids: Iterable[int], state: int) -> None:
        rows: dict[_Buffer, list[int]] = {}
        for each in ids:
            place = self._where.pop(each, None)
            if place is not None:
                rows.setdefault(place[0], []).append(place[1])
        for buffer, dead in rows.items():
            buffer.kill(dead, state)

    def _freeze(self) -> None:
        self._frozen.append(self._active)
        self._active = _Buffer(self._dim, _LEAST)
        if self._compaction == "none" or len(self._frozen) < 2:
            return
        kept = []
        for buffer in self._frozen:
            state = buffer.state[: buffer.n]
            kept.append(state == _ALIVE if self._compaction == "eager" else state != _REMOVED)
        flat = _Buffer(self._dim, max(_LEAST, sum(int(np.count_nonzero(each)) for each in kept)))
        for buffer, keep in zip(self._frozen, kept, strict=True):
            self._copy(buffer, keep, flat)
        self._frozen = [flat]
        self.n_compactions += 1

    def _copy(self, source: _Buffer, keep: NDArray[np.bool_], target: _Buffer) -> None:
        """Append the rows to keep, dead or alive, to another buffer."""
        rows = np.flatnonzero(keep)
        start = target.n
        target.append(source.ids[rows], source.seqs[rows], source.vectors[rows])
        state = source.state[rows]
        target.state[start : target.n] = state
        target.n_dead += int(np.count_nonzero(state))
        alive = np.flatnonzero(state == _ALIVE)
        names = source.ids[rows[alive]].tolist()
        self._where.update((name, (target, start + row)) for name, row in zip(names, alive.tolist(), strict=True))
