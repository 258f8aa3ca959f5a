"""The inner loops: arrays in, arrays out; no objects, no checks, no I/O.

Every function exported here has a namesake in :mod:`lookalike.kernels.reference` that is slow, obvious, and the
definition of what is correct; ``tests/kernels`` holds the two together. Callers have checked shapes and dtypes.

Modules are imported when a kernel of theirs is first used, so that exact search of a few photos does not pay for
importing the compiler. Call kernels as ``kernels.name(...)``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.kernels.additive import codeword_sums, encode_additive
    from lookalike.kernels.blocks import block_codes, unblock_codes
    from lookalike.kernels.cell_order import multisequence, nearest_cells
    from lookalike.kernels.codes import pack_codes, unpack_codes
    from lookalike.kernels.distances import assign, exact_distances
    from lookalike.kernels.encode import encode_subvectors
    from lookalike.kernels.frames import rotate, rotate_back
    from lookalike.kernels.keys import join_keys, split_keys
    from lookalike.kernels.labels import label_sums
    from lookalike.kernels.rerank import nearest_rows, row_products
    from lookalike.kernels.scan import scan_lists
    from lookalike.kernels.selection import top_k
    from lookalike.kernels.tables import local_queries, subvector_tables
    from lookalike.kernels.whole import search_whole

__all__ = [
    "assign",
    "block_codes",
    "codeword_sums",
    "encode_additive",
    "encode_subvectors",
    "exact_distances",
    "join_keys",
    "label_sums",
    "local_queries",
    "multisequence",
    "nearest_cells",
    "nearest_rows",
    "pack_codes",
    "rotate",
    "rotate_back",
    "row_products",
    "scan_lists",
    "search_whole",
    "split_keys",
    "subvector_tables",
    "top_k",
    "unblock_codes",
    "unpack_codes",
]

_HOMES = {
    "assign": "distances",
    "block_codes": "blocks",
    "codeword_sums": "additive",
    "encode_additive": "additive",
    "encode_subvectors": "encode",
    "exact_distances": "distances",
    "join_keys": "keys",
    "label_sums": "labels",
    "local_queries": "tables",
    "multisequence": "cell_order",
    "nearest_cells": "cell_order",
    "nearest_rows": "rerank",
    "pack_codes": "codes",
    "rotate": "frames",
    "rotate_back": "frames",
    "row_products": "rerank",
    "scan_lists": "scan",
    "search_whole": "whole",
    "split_keys": "keys",
    "subvector_tables": "tables",
    "top_k": "selection",
    "unblock_codes": "blocks",
    "unpack_codes": "codes",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    kernel = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return kernel
