"""How many threads everyone may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import faiss
from threadpoolctl import threadpool_limits

__all__ = ["n_threads", "threads"]


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Give FAISS, BLAS and the engine `n` threads each inside the block."""
    before = faiss.omp_get_max_threads(), os.environ.get("LOOKALIKE_THREADS")
    faiss.omp_set_num_threads(n)
    os.environ["LOOKALIKE_THREADS"] = str(n)
    try:
        with threadpool_limits(n):
            yield
    finally:
        faiss.omp_set_num_threads(before[0])
        if before[1] is None:
            del os.environ["LOOKALIKE_THREADS"]
        else:
            os.environ["LOOKALIKE_THREADS"] = before[1]


def n_threads() -> int:
    """How many threads the innermost `threads` gives."""
    return int(faiss.omp_get_max_threads())
