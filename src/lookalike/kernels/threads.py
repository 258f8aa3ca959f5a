"""Threads under one roof: the engine's own, never multiplied by those of BLAS.

The engine cuts work into blocks of a fixed size and gives the blocks to its own threads, each calling a
single-threaded BLAS. So the result does not depend on how many threads there are: BLAS with a different number of
threads may add in a different order (its symmetric eigensolver does), and a last bit there can become another code
here. ``LOOKALIKE_THREADS`` sets how many threads are used; without it, as many as the process has cores.

The BLAS libraries in the process are found by threadpoolctl, which knows OpenBLAS, MKL, BLIS and others. OpenBLAS is
switched by its own function: recent threadpoolctl lets only the first thread that ever asked do that, and in a server
any thread may come first. The setting belongs to the process, so nested and concurrent uses are counted, and the last
one out restores it. A forked child has one thread only, so uses by others end there.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TypeVar

from threadpoolctl import ThreadpoolController

__all__ = ["map_blocks", "n_threads", "one_blas_thread", "one_thread"]

T = TypeVar("T")

_lock = threading.RLock()
_users = 0
_n_modules = 0
_switches: list[tuple[Callable[[], int], Callable[[int], object]]] | None = None
_before: list[int] = []
_here = threading.local()


class one_blas_thread:  # noqa: N801  reads as a function where it is used
    """Keep BLAS at one thread inside a ``with`` block, in every thread of the process."""

    def __enter__(self) -> None:
        global _users, _switches, _n_modules
        with _lock:
            if _users == 0:
                n_modules = len(sys.modules)
                if _switches is None or n_modules != _n_modules:  # a module that came since may have brought a BLAS
                    _switches, _n_modules = _find_switches(), n_modules
                _before[:] = [get() for get, _ in _switches]
                for _, set_ in _switches:
                    set_(1)
            _users += 1
            _here.uses = getattr(_here, "uses", 0) + 1

    def __exit__(self, *exception: object) -> None:
        global _users
        with _lock:
            _users -= 1
            _here.uses -= 1
            if _users == 0:
                _restore()


def _restore() -> None:
    for (_, set_), count in zip(_switches or (), _before, strict=True):
        set_(count)


def _after_fork_in_child() -> None:
    """Leave the blocks of threads that a child does not have; the lock was taken before, so that counts are whole."""
    global _lock, _users
    _lock = threading.RLock()
    of_others, _users = _users, getattr(_here, "uses", 0)
    if of_others and not _users:
        _restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _lock.acquire(), after_in_parent=lambda: _lock.release(), after_in_child=_after_fork_in_child
    )


def _find_switches() -> list[tuple[Callable[[], int], Callable[[int], object]]]:
    """Functions that get and set the number of threads of each BLAS in this process."""
    switches = []
    for library in ThreadpoolController().lib_controllers:
        if library.user_api != "blas":
            continue
        get, set_ = library.get_num_threads, library.set_num_threads
        for affixes in product(("", "scipy_"), ("", "64_", "_64")) if library.internal_api == "openblas" else ():
            name = "openblas_set_num_threads".join(affixes)
            set_ = getattr(library.dynlib, name, set_)
        switches.append((get, set_))
    return switches


def n_threads() -> int:
    """How many threads the engine may use: ``LOOKALIKE_THREADS``, else the cores of this process."""
    wanted = os.environ.get("LOOKALIKE_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_blocks(function: Callable[[slice], T], n: int, block: int) -> list[T]:
    """Call ``function`` on each slice of ``block`` rows of ``range(n)`` and give the results in order.

    The slices depend on ``n`` and ``block`` alone, so a reduction over the results is the same for any number of
    threads. A call from inside such a function runs in the thread it is in, so threads do not multiply.
    """
    if 0 < n <= block:
        with one_blas_thread():
            return [function(slice(0, n))]
    slices = [slice(start, min(start + block, n)) for start in range(0, n, block)]
    workers = 1 if getattr(_here, "working", False) else min(n_threads(), len(slices))
    with one_blas_thread():
        if workers <= 1:
            return [function(each) for each in slices]
        with ThreadPoolExecutor(workers, initializer=_mark) as pool:
            return list(pool.map(function, slices))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Keep the engine to the calling thread inside a ``with`` block: for work that nobody waits for."""
    before = getattr(_here, "working", False)
    _here.working = True
    try:
        yield
    finally:
        _here.working = before


def _mark() -> None:
    _here.working = True
