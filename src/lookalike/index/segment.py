"""An immutable piece of an index: codes gathered by cell, ids, and embeddings for re-ranking.

Rows are sorted by cell, so a cell's list is one slice and its embeddings lie together on disk. Only cells that hold
something are kept (sorted numbers and offsets, found by binary search): a multi-index has far more cells than vectors.
Deleting marks rows dead; :meth:`Segment.merged` drops them.

float16 embeddings are stored times a power of two chosen so that the largest coordinate comes near 2^14:
float16 keeps 11 bits between 6e-5 and 65504 and loses digits or overflows outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.errors import InvalidArgumentError
from lookalike.index.identities import Ids
from lookalike.kernels.threads import map_blocks
from lookalike.quantization import AdditiveQuantizer

__all__ = ["LANES", "Segment"]

LANES = 32
_BLOCK = 8192
_LARGEST_EXPONENT = 48
"""Of a scale: queries of ordinary size times more than that overflow float32 when they are squared."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Codes of n vectors, in lists.

    Parameters
    ----------
    cells : int64 (n_lists,)
        Numbers of the cells that have a list, rising.
    offsets : int64 (n_lists + 1,)
        List i is rows ``offsets[i]`` to ``offsets[i + 1]``.
    blocks : uint8 (n_blocks, n_bytes, lanes)
        Codes; see :func:`lookalike.kernels.block_codes`.
    ids : int64 or str (n,)
    embeddings : float16 or float32 (n, dim_in), or None
        The vectors as compared (unit length for cosine), times ``scale``.
    scale : float
        A power of two; 1 for float32.
    alive : bool (n,), or None when all are

    Attributes
    ----------
    lengths : int64 (n_lists,)
        Rows of each list.
    first_blocks : int64 (n_lists,)
        Where each list begins in ``blocks``.
    """

    cells: NDArray[np.int64]
    offsets: NDArray[np.int64]
    blocks: NDArray[np.uint8]
    ids: Ids
    embeddings: NDArray[np.float16] | NDArray[np.float32] | None
    scale: float = 1.0
    alive: NDArray[np.bool_] | None = None
    lengths: NDArray[np.int64] = field(init=False)
    first_blocks: NDArray[np.int64] = field(init=False)
    _living: NDArray[np.int64] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        n = len(self.ids)
        fits = (
            self.cells.dtype == self.offsets.dtype == np.int64
            and self.blocks.dtype == np.uint8
            and self.blocks.ndim == 3
            and self.blocks.shape[2] in (1, LANES)
            and self.ids.ndim == 1
            and self.cells.ndim == 1
            and self.offsets.shape == (len(self.cells) + 1,)
            and (self.embeddings is None or (self.embeddings.ndim == 2 and len(self.embeddings) == n))
            and (self.alive is None or (self.alive.shape == (n,) and self.alive.dtype == np.bool_))
            and bool(np.isfinite(self.scale))
            and self.scale > 0
        )
        if not fits:
            raise InvalidArgumentError("the arrays of this segment do not belong together.")
        if self.offsets[0] != 0 or self.offsets[-1] != n or (np.diff(self.offsets) < 0).any():
            raise InvalidArgumentError("the lists of this segment do not cover its rows.")
        object.__setattr__(self, "lengths", np.diff(self.offsets))
        n_blocks = -(-self.lengths // self.blocks.shape[2])
        object.__setattr__(self, "first_blocks", np.cumsum(n_blocks) - n_blocks)
        if int(n_blocks.sum()) != len(self.blocks):
            raise InvalidArgumentError("the lists of this segment do not cover its blocks of codes.")
        if len(self.cells) and (self.cells[0] < 0 or (np.diff(self.cells) <= 0).any()):
            raise InvalidArgumentError("the cells of this segment are not in order.")

    @classmethod
    def build(
        cls,
        cells: NDArray[np.int64],
        codes: NDArray[np.uint8],
        ids: Ids,
        vectors: NDArray[Any],
        *,
        rerank: str | None,
        lanes: int,
    ) -> Self:
        """Sort rows into lists; equal cells keep the order given.

        Parameters
        ----------
        cells : int64 (n,)
            Number of each vector's cell.
        codes : uint8 (n, n_bytes)
        ids : int64 or str (n,)
        vectors : float32 (n, dim_in)
        rerank : {"float16", "float32"} or None
            How embeddings are kept.
        lanes : int
            Codes per block: 32, or 1 for the many short lists of a multi-index.
        """
        order = np.argsort(cells, kind="stable")
        used, starts = np.unique(cells[order], return_index=True)
        embeddings, scale = None, 1.0
        if rerank == "float32":
            embeddings = vectors[order]
        elif rerank == "float16":
            largest = max(float(vectors.max(initial=0.0)), -float(vectors.min(initial=0.0)))
            scale = 2.0 ** min(14 - np.ceil(np.log2(largest)), _LARGEST_EXPONENT) if largest > 0 else 1.0
            embeddings = _halved(vectors, order, scale)
        offsets = np.append(starts, len(cells)).astype(np.int64)
        blocks = kernels.block_codes(codes[order], offsets, lanes)
        return cls(used.astype(np.int64), offsets, blocks, ids[order], embeddings, scale)

    @classmethod
    def merged(cls, segments: Sequence[Segment]) -> Self:
        """One segment of the living rows of several, in their order."""
        kept = [np.flatnonzero(s.alive) if s.alive is not None else np.arange(len(s)) for s in segments]
        cells = np.concatenate([s.cell_of_row()[rows] for s, rows in zip(segments, kept, strict=True)])
        order = np.argsort(cells, kind="stable")
        used, starts = np.unique(cells[order], return_index=True)
        embeddings = None
        scale = min(s.scale for s in segments)
        if all(s.embeddings is not None for s in segments):
            parts = []
            for s, rows in zip(segments, kept, strict=True):
                assert s.embeddings is not None
                own = s.embeddings[rows]
                # both scales are powers of two, so only what falls under float16's range loses digits
                parts.append(own if s.scale == scale else (own * np.float32(scale / s.scale)).astype(own.dtype))
            embeddings = np.concatenate(parts)[order]
        offsets = np.append(starts, len(cells)).astype(np.int64)
        codes = np.concatenate(
            [kernels.unblock_codes(s.blocks, s.offsets)[rows] for s, rows in zip(segments, kept, strict=True)]
        )
        return cls(
            used.astype(np.int64),
            offsets,
            kernels.block_codes(codes[order], offsets, segments[0].blocks.shape[2]),
            np.concatenate([s.ids[rows] for s, rows in zip(segments, kept, strict=True)])[order],
            embeddings,
            scale,
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_alive(self) -> int:
        """Rows that are not deleted."""
        return len(self) if self.alive is None else int(np.count_nonzero(self.alive))

    def admitted_lengths(self, admitted: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Rows of each list that a mask (n,) admits: int64 (n_lists,). Those that are not deleted are counted once."""
        if admitted is None:
            return self.lengths
        if admitted is self.alive and self._living is not None:
            return self._living
        before = np.concatenate([[0], np.cumsum(admitted)])
        lengths: NDArray[np.int64] = before[self.offsets[1:]] - before[self.offsets[:-1]]
        if admitted is self.alive:
            object.__setattr__(self, "_living", lengths)
        return lengths

    def cell_of_row(self) -> NDArray[np.int64]:
        """Give the number of each row's cell: int64 (n,)."""
        return np.repeat(self.cells, np.diff(self.offsets))

    def without(self, rows: NDArray[np.int64]) -> Self:
        """Mark rows dead."""
        alive = np.ones(len(self), np.bool_) if self.alive is None else self.alive.copy()
        alive[rows] = False
        return replace(self, alive=alive)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unpack the stored vectors of rows, as compared: float32 (len(rows), dim_in)."""
        assert self.embeddings is not None
        return self.embeddings[rows].astype(np.float32) / np.float32(self.scale)

    def products(self, direction: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Inner products float32 (len(rows),) of a direction float32 (dim_in,) with the stored vectors of rows."""
        assert self.embeddings is not None
        return kernels.row_products(direction, self.embeddings, rows) / np.float32(self.scale)

    def nearest(
        self, queries: NDArray[np.float32], rows: NDArray[np.int64], k: int, *, cosine: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Nearest to each query among some rows, by exact squared distances to the stored embeddings.

        Parameters
        ----------
        queries : float32 (n_queries, dim_in)
        rows : int64 (n_queries, depth)
            -1 for none.
        k : int
        cosine : bool
            Vectors are of unit length or zero; a zero vector has cosine 0 to everything, which is a squared distance
            of 2, and not the 1 that is measured.

        Returns
        -------
        squared : float32 (n_queries, k)
            Never falling; ``inf`` in empty slots.
        rows : int64 (n_queries, k)
            -1 in empty slots.
        """
        assert self.embeddings is not None
        squared, rows = kernels.nearest_rows(self._scaled(queries), self.embeddings, rows, k, self._to_zero(cosine))
        return self._unscaled(squared), rows

    def search(
        self,
        queries: NDArray[np.float32],
        near: NDArray[np.float32],
        projected: NDArray[np.float32],
        product: AdditiveQuantizer,
        *,
        n_probe: int,
        depth: int,
        k: int,
        cosine: bool = False,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """Do a whole search of a segment that has all cells, whose codes have no frames of their own.

        Parameters
        ----------
        queries : float32 (n_queries, dim_in)
        near : float32 (n_queries, n_cells)
            Of :meth:`CoarseQuantizer.scores`.
        projected : float32 (n_queries, dim)
        product : AdditiveQuantizer
        n_probe, depth, k : int
            See :func:`lookalike.kernels.search_whole`.
        cosine : bool
            As in :meth:`nearest`.

        Returns
        -------
        squared, rows
            As of :meth:`nearest`.
        n_codes : int64 (n_queries,)
            Codes scored.
        """
        assert self.embeddings is not None
        squared, rows, n_codes = kernels.search_whole(
            self._scaled(queries),
            near,
            product.tables(projected),
            product.norm_means,
            product.norm_scales,
            product.norm_levels,
            self.offsets,
            self.first_blocks,
            self.blocks,
            self.embeddings,
            n_probe,
            depth,
            k,
            self._to_zero(cosine),
        )
        return self._unscaled(squared), rows, n_codes

    def _scaled(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        return queries if self.scale == 1 else queries * np.float32(self.scale)

    def _unscaled(self, squared: NDArray[np.float32]) -> NDArray[np.float32]:
        return squared if self.scale == 1 else squared / np.float32(self.scale * self.scale)

    def _to_zero(self, cosine: bool) -> float | None:  # noqa: FBT001
        return 2 * self.scale * self.scale if cosine else None


def _halved(vectors: NDArray[Any], order: NDArray[np.int64], scale: float) -> NDArray[np.float16]:
    """Vectors in this order, scaled, on all threads."""
    halved = np.empty(vectors.shape, np.float16)

    def block(rows: slice) -> None:
        halved[rows] = vectors[order[rows]] * scale

    map_blocks(block, len(vectors), _BLOCK)
    return halved
