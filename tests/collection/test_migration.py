"""Collections of earlier format versions go on, with what they hold and the scores they gave."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import lookalike
from lookalike.catalog import stored_version
from lookalike.collection.writing import PhotoWriter
from lookalike.errors import CollectionError, FormatError

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of a collection of version 1: photos 1 to 6, and 7 whose file has gone; a file that could not be read."""
    return Path(shutil.copytree(GOLDEN / "version-1", tmp_path / "old.lookalike"))


def stored(directory: Path) -> NDArray[np.float32]:
    """Embeddings float32 (7, dim) of a collection of version 1."""
    with closing(sqlite3.connect(directory / "catalog.sqlite")) as db:
        vectors = [vector for (vector,) in db.execute("SELECT vector FROM embeddings ORDER BY photo_id")]
    return np.frombuffer(b"".join(vectors), "<f2").astype(np.float32).reshape(7, -1)


def test_a_collection_of_version_1_is_brought_up_to_date_when_it_is_opened(old: Path) -> None:
    vectors = stored(old)
    (old / "segments" / "000001").mkdir(parents=True)
    (old / "segments" / "000001" / "index.json").write_text("{}")
    said: list[str] = []
    with lookalike.Collection.open(old, notify=said.append) as photos:
        assert len(said) == 1
        assert "this happens once" in said[0]
        assert (len(photos), photos.n_failures(), photos.photo(3).title) == (6, 1, "Title 2")
        assert photos.search_method == "exact"
        centred = vectors - vectors[:6].sum(axis=0) / (6 + 16)  # of those that are present
        centred /= np.linalg.norm(centred, axis=1, keepdims=True)
        np.testing.assert_allclose(photos.embeddings(range(1, 8)), centred, atol=1e-6)
        hits = photos.search(photo=2, k=10)
        assert {hit.id for hit in hits} == {1, 3, 4, 5, 6}
        scores = {hit.id: 1 / (1 + np.exp(3.05 - 9.97 * float(centred[1] @ centred[hit.id - 1]))) for hit in hits}
        assert {hit.id: hit.score for hit in hits} == pytest.approx(scores, abs=1e-4)
    assert not list((old / "segments").glob("*")), "the old index is gone"
    assert [each.place for each in lookalike.Collection.verify(old).problems] == ["thumbnails"], "there never were any"
    with lookalike.Collection.open(old, notify=said.append) as photos:
        assert len(photos) == 6
    assert len(said) == 1, "only once"


def test_a_collection_of_version_2_is_read_for_ever(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(GOLDEN / "version-2", tmp_path / "two.lookalike"))
    before = (copy / "catalog.sqlite").read_bytes()
    with lookalike.Collection.open(copy) as photos:
        assert (len(photos), photos.n_failures(), photos.photo(3).title) == (6, 1, "Title 2")
        assert {hit.id for hit in photos.search(photo=7, k=10)} == {1, 2, 3, 4, 5, 6}
        np.testing.assert_allclose(np.linalg.norm(photos.embeddings(range(1, 8)), axis=1), 1, atol=1e-5)
    assert [each.place for each in lookalike.Collection.verify(copy).problems] == ["thumbnails"], "there never were any"
    assert (copy / "catalog.sqlite").read_bytes() == before, "reading changes nothing"
    with closing(sqlite3.connect(copy / "catalog.sqlite")) as db:
        db.execute("PRAGMA user_version = 3")
    with pytest.raises(FormatError, match="pip install --upgrade"):
        lookalike.Collection.open(copy)


def test_a_photo_that_had_gone_before_returns_without_being_encoded(old: Path, tmp_path: Path) -> None:
    with lookalike.Collection.open(old) as photos:
        before = photos.embeddings([7])
        with PhotoWriter(old, 1280, background=False) as writer, writer.transaction():
            writer.catalog.restore_file("/photos/6.webp")
        assert 7 in {hit.id for hit in photos.search(photo=1, k=10)}
        np.testing.assert_allclose(photos.embeddings([7]), before, atol=1e-6)


def test_what_stops_halfway_leaves_the_old_collection(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("lookalike.index.live.tables.put", full)
        with pytest.raises(CollectionError, match=r"It is as it was\. Free some space"):
            lookalike.Collection.open(old)
    assert stored_version(old / "catalog.sqlite") == 1
    assert len(stored(old)) == 7
    with lookalike.Collection.open(old) as photos:
        assert len(photos) == 6


def test_where_nobody_can_write_a_collection_of_version_1_says_what_to_do(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.collection.migration.os.access", lambda *_: False)
    with pytest.raises(CollectionError, match="Copy it to a place that can be written"):
        lookalike.Collection.open(old)


def test_a_damaged_embedding_of_version_1_is_told(old: Path) -> None:
    with closing(sqlite3.connect(old / "catalog.sqlite")) as db:
        db.execute("UPDATE embeddings SET vector = x'00' WHERE photo_id = 3")
        db.commit()
    with pytest.raises(FormatError, match="1280 dimensions"):
        lookalike.Collection.open(old)
