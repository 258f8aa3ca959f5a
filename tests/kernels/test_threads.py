"""Work is cut the same way for any number of threads, and threads never multiply."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from threadpoolctl import threadpool_info

from lookalike.kernels.threads import map_blocks, n_threads, one_blas_thread, one_thread


def blas_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_blocks_come_back_in_order_and_cover_every_row() -> None:
    slices = map_blocks(lambda rows: rows, 10, 4)
    assert slices == [slice(0, 4), slice(4, 8), slice(8, 10)]
    assert map_blocks(lambda rows: rows, 0, 4) == []


@pytest.mark.parametrize("wanted", ["1", "2", "3"])
def test_no_more_threads_than_set_even_when_nested(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_THREADS", wanted)
    seen: set[int] = set()

    def inner(rows: slice) -> None:
        seen.add(threading.get_ident())

    map_blocks(lambda rows: map_blocks(inner, 20, 1), 20, 1)
    assert n_threads() == int(wanted)
    assert len(seen) <= int(wanted)


def test_the_engine_keeps_to_the_calling_thread_where_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_THREADS", "3")
    with one_thread():
        with one_thread():
            pass
        assert set(map_blocks(lambda _: threading.get_ident(), 20, 1)) == {threading.get_ident()}
    assert threading.get_ident() not in map_blocks(lambda _: threading.get_ident(), 20, 1)


def test_a_senseless_setting_falls_back_to_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("0", "-2", "many", ""):
        monkeypatch.setenv("LOOKALIKE_THREADS", value)
        assert n_threads() >= 1


def test_blas_is_single_threaded_inside_and_restored_after_concurrent_use() -> None:
    before = blas_threads()

    def use(_: int) -> bool:
        with one_blas_thread():
            return all(n == 1 for n in blas_threads())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(use, range(50)))
    assert blas_threads() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_is_free_of_what_other_threads_were_doing() -> None:
    """Neither a held lock nor another thread's block goes with it; its own block does."""
    code = """
import os, signal, threading
import numpy
from tests.kernels.test_threads import blas_threads
from lookalike.kernels.threads import one_blas_thread

before = blas_threads()
entered, leave = threading.Event(), threading.Event()

def in_child(check):
    child = os.fork()
    if not child:
        signal.alarm(20)  # ends a child that hangs
        os._exit(0 if check() else 3)
    assert os.waitpid(child, 0)[1] == 0

def free():
    restored = blas_threads() == before
    with one_blas_thread():
        inside = all(n == 1 for n in blas_threads())
    return restored and inside and blas_threads() == before

def stay():
    with one_blas_thread():
        entered.set()
        leave.wait()

def come_and_go():
    while not leave.is_set():
        with one_blas_thread():
            pass

threading.Thread(target=stay, daemon=True).start()
entered.wait()
in_child(free)
with one_blas_thread():
    in_child(lambda: all(n == 1 for n in blas_threads()))
threading.Thread(target=come_and_go, daemon=True).start()
for _ in range(50):
    in_child(free)
leave.set()
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join()
assert blas_threads() == before
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, env=environment, timeout=200)


def test_an_error_in_a_block_comes_out_and_restores_blas() -> None:
    before = blas_threads()

    def fail(rows: slice) -> None:
        raise ValueError(rows.start)

    with pytest.raises(ValueError, match="0"):
        map_blocks(fail, 3, 1)
    assert blas_threads() == before
