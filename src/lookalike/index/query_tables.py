"""What a block of queries must know of a model before lists are scanned: tables, biases and norm levels.

A distance from codes is ``bias + sum_j table[j][code_j]`` in the visited cell (docs/explanation/lopq.md). With
additive codebooks and no rotations one table serves all cells of a query; else there is one for every query and visited
cell, or, with a multi-index, for every query and visited half-cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.quantization import AdditiveQuantizer, LOPQModel

__all__ = ["QueryTables", "local_queries"]


@dataclass(frozen=True, slots=True, eq=False)
class QueryTables:
    """Arguments of :func:`lookalike.kernels.scan_lists` that do not depend on segments.

    Parameters
    ----------
    tables : float32 (n_slots, m / n_parts, 16 or 256)
    slots : int64 (n_queries, n_probe, n_parts)
    biases, level_scales : float32 (n_queries, n_probe)
    levels : float32 (n_levels, 16 or 256)
    """

    tables: NDArray[np.float32]
    slots: NDArray[np.int64]
    biases: NDArray[np.float32]
    level_scales: NDArray[np.float32]
    levels: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        model: LOPQModel,
        projected: NDArray[np.float32],
        near: NDArray[np.float32],
        cells: NDArray[np.int64],
        local: NDArray[np.float32] | None,
    ) -> QueryTables:
        """Build tables of projected queries.

        Parameters
        ----------
        model : LOPQModel
        projected : float32 (n_queries, dim)
        near : float32 (n_queries, n_parts, n_coarse)
            Of :meth:`CoarseQuantizer.scores`.
        cells : int64 (n_queries, n_probe)
            Numbers of the cells that each query visits; -1 for none.
        local : float32 (n_queries * n_probe, n_axes) or None
            What :func:`local_queries` gave for them.
        """
        visited = np.maximum(cells, 0)
        if not isinstance(model.product, AdditiveQuantizer):
            return cls._product(model, projected, visited)
        product = model.product
        if local is None:
            local = projected
            slots = np.repeat(np.arange(len(cells)), cells.shape[1]).reshape(*cells.shape, 1)
        else:
            slots = np.arange(cells.size).reshape(*cells.shape, 1)
        biases = near[np.arange(len(cells))[:, None], 0, visited]
        biases += np.einsum("nd,nd->n", projected, projected)[:, None]
        biases += product.norm_means[visited]
        return cls(product.tables(local), slots, biases, product.norm_scales[visited], product.norm_levels)

    @classmethod
    def _product(cls, model: LOPQModel, projected: NDArray[np.float32], cells: NDArray[np.int64]) -> QueryTables:
        product, n_parts = model.product, model.coarse.n_parts
        assert not isinstance(product, AdditiveQuantizer)
        halves = model.coarse.unflat(cells.reshape(-1)).reshape(*cells.shape, n_parts)
        codebooks = product.transposed()
        n_queries, n_probe = cells.shape
        tables, slots, n_slots = [], np.empty((n_queries, n_probe, n_parts), np.int64), 0
        for p in range(n_parts):
            part = projected[:, p * model.coarse.part_dim : (p + 1) * model.coarse.part_dim]
            used, places = halves[:, :, p].astype(np.int64), np.arange(cells.size).reshape(cells.shape)
            if n_parts == 2:  # pairs of cells share halves
                wanted = used + model.coarse.n_coarse * np.arange(n_queries)[:, None]
                flat, places = np.unique(wanted, return_inverse=True)
                owners, halves_used = np.divmod(flat, model.coarse.n_coarse)
                local = _local(model, p, np.ascontiguousarray(part[owners]), halves_used[:, None])
            else:
                halves_used = used.reshape(-1)
                local = _local(model, p, part, used)
            slots[:, :, p] = places.reshape(cells.shape) + n_slots
            n_slots += len(local)
            tables.append(kernels.subvector_tables(local, product.first(halves_used, p, n_parts), codebooks))
        zeros = np.zeros(cells.shape, np.float32)
        levels = product.error_levels[None] if len(product.error_levels) else np.empty((0, 16), np.float32)
        return cls(np.concatenate(tables), slots, zeros, zeros + 1, levels)


def local_queries(
    model: LOPQModel, projected: NDArray[np.float32], cells: NDArray[np.int64]
) -> NDArray[np.float32] | None:
    """Bring queries into the stretched frames of the cells that they visit, where additive codes have frames.

    A rotation is large and each query needs one for every cell it visits, so this is done for many queries at once.

    Parameters
    ----------
    model : LOPQModel
    projected : float32 (n_queries, dim)
    cells : int64 (n_queries, n_probe)

    Returns
    -------
    float32 (n_queries * n_probe, n_axes) or None
    """
    product = model.product
    if not isinstance(product, AdditiveQuantizer) or not len(product.spreads):
        return None
    visited = np.maximum(cells, 0)
    local = _local(model, 0, projected, visited)
    local *= product.spreads[visited.reshape(-1)].astype(np.float32)
    return local


def _local(model: LOPQModel, part: int, queries: NDArray[np.float32], cells: NDArray[np.int64]) -> NDArray[np.float32]:
    frames = model.frames
    return kernels.local_queries(
        np.ascontiguousarray(queries),
        cells,
        frames.offsets[part],
        frames.rotations[part],
        frames.rotation_scales[part],
        frames.rotation_of_cell[part],
    )
