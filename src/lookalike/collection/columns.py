"""What was seen in every photo, by columns in memory: what rankings by colour, words and measures are computed from.

Read from the catalog when first needed, and from then on only what has come since: what was seen in a photo does not
change, but for a new recipe, when all is read anew. Memory: some 350 bytes for each photo.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance import N_COLOURS
from lookalike.catalog import Catalog
from lookalike.collection.seen import EMPTY, MEASURES, N_LABELS

__all__ = ["Columns", "ColumnsView", "at_rows"]

_BLOCK = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What was seen in n photos, present or gone, by ascending id.

    Attributes
    ----------
    ids : int64 (n,)
    classes : uint16 (n, 16)
    probabilities : float32 (n, 16)
    palettes : float32 (n, 6, 4)
    compositions : int8 (n, d)
    measures : float32 (n, m)
        As in `lookalike.collection.seen.MEASURES`.
    """

    ids: NDArray[np.int64]
    classes: NDArray[np.uint16]
    probabilities: NDArray[np.float32]
    palettes: NDArray[np.float32]
    compositions: NDArray[np.int8]
    measures: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    def begin(self, later: Columns) -> bool:
        """Tell whether later columns begin with these: nothing was looked at again, and no photo came in between."""
        n = len(self)
        return np.array_equal(self.ids, later.ids[:n]) and np.array_equal(self.classes, later.classes[:n])

    def measure(self, name: str) -> NDArray[np.float32]:
        """One of the measures: float32 (n,)."""
        return self.measures[:, MEASURES.index(name)]

    def rows_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of photos; -1 for those that were not looked at: int64 (len(ids),)."""
        if len(ids) == len(self.ids) and np.array_equal(ids, self.ids):  # mostly, and then quick
            return np.arange(len(ids))
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        if not len(ids):
            return np.empty(0, np.int64)
        table = np.full(max(int(self.ids[-1]), int(ids.max())) + 1, -1)  # ids are small: quicker than to search each
        table[self.ids] = np.arange(len(self.ids))
        rows: NDArray[np.int64] = table[ids]
        return rows


class ColumnsView:
    """The columns of one collection, as new as its catalog.

    Parameters
    ----------
    catalog : Catalog
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._generation = -1
        self._seq = 0
        self._columns = _columns([])

    def current(self) -> Columns:
        """Return the columns of the last commit; they never change."""
        with self._lock, self._catalog.snapshot():
            generation = self._catalog.generation
            if generation == self._generation:
                return self._columns
            parts = [self._columns]
            while rows := self._catalog.seen.after(self._seq, _BLOCK):
                parts.append(_columns([row[1:] for row in rows]))
                self._seq = rows[-1][0]
            if len(parts) > 1:
                self._columns = _joined(parts)
            self._generation = generation
            return self._columns


def _columns(rows: list[tuple[int, bytes, bytes, bytes, bytes]]) -> Columns:
    """Bring rows of the catalog into columns; what is damaged is left out, and `verify` tells it."""
    lengths = tuple(map(len, EMPTY.to_row()))
    sound = [row for row in rows if tuple(map(len, row[1:])) == lengths]
    labels, palettes, compositions, measures = (
        np.frombuffer(b"".join(fields), np.uint8).reshape(len(sound), length)
        for fields, length in zip(
            zip(*(row[1:] for row in sound), strict=True) if sound else [()] * 4, lengths, strict=True
        )
    )
    half = 2 * N_LABELS
    return Columns(
        np.array([row[0] for row in sound], np.int64),
        np.ascontiguousarray(labels[:, :half]).view("<u2"),
        np.ascontiguousarray(labels[:, half:]).view("<f2").astype(np.float32),
        palettes.view("<f2").astype(np.float32).reshape(-1, N_COLOURS, 4),
        compositions.view(np.int8),
        measures.view("<f4"),
    )


def _joined(parts: list[Columns]) -> Columns:
    """One after the other, by ascending id; of a photo that was looked at again the last."""
    ids = np.concatenate([part.ids for part in parts])
    rows = np.argsort(ids, kind="stable")
    rows = rows[
        np.append(ids[rows][1:] != ids[rows][:-1], np.ones(min(len(rows), 1), np.bool_))
    ]  # of equal ids the last
    return Columns(*(np.concatenate([getattr(part, each.name) for part in parts])[rows] for each in fields(Columns)))


def at_rows(values: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Values float32 (n,) of rows int64 (n,); 0 for those that are -1: photos that were not looked at yet."""
    if not len(values):
        return np.zeros(len(rows), np.float32)
    return np.where(rows >= 0, values[rows], np.float32(0))
