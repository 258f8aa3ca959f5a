"""How many threads everyone may use, and the clock that goes with it.

On one thread, seconds are those of the processor: what else the machine does then counts less, and on an idle machine
they are the same as the wall's. A library that used a second thread in secret would be charged for it. On more threads
seconds are the wall's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import faiss
from threadpoolctl import threadpool_limits

__all__ = ["clock", "n_threads", "threads"]


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


def clock() -> float:
    """Seconds to take differences of: the processor's on one thread, the wall's on more."""
    return time.process_time() if n_threads() == 1 else time.perf_counter()
