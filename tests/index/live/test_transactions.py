"""A vector and its owner's record in one transaction of the owner's database."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lookalike import LiveIndex
from lookalike.errors import InvalidArgumentError


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE photos (id INTEGER PRIMARY KEY, name TEXT)")
    yield db
    db.close()


@pytest.mark.parametrize("background", [False, True])
def test_both_are_there_or_neither(tmp_path: Path, owner: sqlite3.Connection, background: bool) -> None:
    x = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    with LiveIndex(
        tmp_path / "catalog.sqlite",
        tmp_path,
        dim=8,
        bytes_per_vector=4,
        flush_at=30,
        train_from=60,
        background=background,
    ) as index:
        for number, vector in enumerate(x):
            owner.execute("BEGIN IMMEDIATE")
            owner.execute("INSERT INTO photos VALUES (?, ?)", (number, "a"))
            index.put(owner, [number], vector)
            if number % 10 == 9:
                index.discard(owner, [number - 5])
            owner.execute("ROLLBACK" if number % 4 == 3 else "COMMIT")
            index.refresh()
            assert (index.search(vector, 1, n_probe=99).ids[0, 0] == number) == (number % 4 != 3)
        if background:
            index.wait()
        assert index.stats().n_flushes > 0
        kept = [n for n in range(200) if n % 4 != 3 and not (n % 10 == 4 and (n + 5) % 4 != 3)]
        assert index.ids.tolist() == kept
        with pytest.raises(InvalidArgumentError, match="BEGIN IMMEDIATE"):
            index.put(owner, [1], x[0])
        index.add(x[:1], [7000])
        assert 7000 in index
        assert 3 not in index
    with LiveIndex(tmp_path / "catalog.sqlite", tmp_path, writable=False) as reader:
        assert reader.ids.tolist() == [*kept, 7000]


def test_flushes_and_merges_wait_for_nobody_who_waits_for_them(tmp_path: Path, owner: sqlite3.Connection) -> None:
    x = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    other = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None, timeout=60, check_same_thread=False)
    with LiveIndex(
        tmp_path / "catalog.sqlite", tmp_path, dim=8, bytes_per_vector=4, flush_at=20, train_from=60
    ) as index:

        def put() -> None:
            for number in range(200, 300):
                other.execute("BEGIN IMMEDIATE")
                index.put(other, [number], x[number])
                other.execute("COMMIT")

        thread = threading.Thread(target=put)
        thread.start()
        for number in range(200):
            index.add(x[number : number + 1], [number])
        thread.join()
        index.wait()
        assert index.ids.tolist() == list(range(300))
        assert (index.search(x, 1, exact=True).ids[:, 0] == np.arange(300)).all()
    other.close()


def test_a_transaction_that_an_interrupt_left_open_hides_nothing_and_stops_nothing(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    with LiveIndex.open(tmp_path / "x", dim=4, background=False) as index:
        index.add(x[:20])
        with LiveIndex.open(tmp_path / "x", writable=False) as reader:
            for each in (reader, index):
                connection = each._follower._db
                connection.execute("BEGIN")
                connection.execute("SELECT count(*) FROM vectors").fetchone()
            assert index._store is not None
            index._store._db.execute("BEGIN IMMEDIATE")
            index.add(x[20:])
            for each in (reader, index):
                assert len(each) == 40
                assert each.search(x[30], 1).ids.tolist() == [[30]]
