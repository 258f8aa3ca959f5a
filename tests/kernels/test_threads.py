"""Work is cut the same way for any number of threads, and threads never multiply."""

from __future__ import annotations

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


def test_an_error_in_a_block_comes_out_and_restores_blas() -> None:
    before = blas_threads()

    def fail(rows: slice) -> None:
        raise ValueError(rows.start)

    with pytest.raises(ValueError, match="0"):
        map_blocks(fail, 3, 1)
    assert blas_threads() == before
