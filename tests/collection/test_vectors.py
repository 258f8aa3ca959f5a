"""The view of a collection's embeddings: with an index it finds what exact search finds, whatever came and went."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import lookalike
from lookalike.catalog import Catalog, FileRecord, NewPhoto
from lookalike.collection.maintenance import INDEX_FROM, maintain, open_index, read_space
from lookalike.collection.space import Space
from lookalike.collection.vectors import VectorView
from lookalike.index import LOPQIndex

DIM = 1280


@pytest.fixture(scope="module")
def many_embeddings(demo_collection: Path) -> NDArray[np.float32]:
    """7,000 embeddings around and between those of real photos, float32 (n, dim), unit length."""
    with lookalike.Collection.open(demo_collection, create=False) as photos:
        _, real = next(photos._catalog.embedding_blocks(0))
    generator = np.random.default_rng(0)
    first, second = generator.integers(len(real), size=(2, 7000))
    share = generator.random((7000, 1), dtype=np.float32)
    mixed = share * real[first] + (1 - share) * real[second]
    mixed *= generator.normal(1, 0.3, mixed.shape).astype(np.float32)
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite", writable=True)
    yield catalog
    catalog.close()


def put(catalog: Catalog, embeddings: NDArray[np.float32], first: int = 0) -> None:
    with catalog.transaction():
        for number, embedding in enumerate(embeddings, first):
            photo = NewPhoto(f"{number:064x}", "jpeg", 1, 1, 1, None, None, "{}", ("", "", ""), embedding)
            catalog.put(FileRecord(f"/p/{number}.jpg", 1, 1, None), photo)


def recall(view: VectorView, catalog: Catalog, photo_ids: range) -> float:
    """Share of the exact first ten that the view's own search finds, over some photos as queries."""
    found = 0
    for photo_id in photo_ids:
        query = view.refresh().space.centre(catalog.embeddings([photo_id]))[0]
        approximate, _ = view.search(view.refresh(), query, 10, exclude=photo_id, exact=False)
        exact, _ = view.search(view.refresh(), query, 10, exclude=photo_id, exact=True)
        found += len({hit for hit, _ in approximate} & {hit for hit, _ in exact})
    return found / (10 * len(photo_ids))


def test_search_is_the_same_with_an_index(
    catalog: Catalog, tmp_path: Path, many_embeddings: NDArray[np.float32]
) -> None:
    segments = tmp_path / "segments"
    view = VectorView(catalog, segments, DIM)
    put(catalog, many_embeddings[: INDEX_FROM - 1])
    assert maintain(catalog, segments, DIM)
    assert catalog.setting("index") is None, "below INDEX_FROM there is a mean, but no index"
    assert not maintain(catalog, segments, DIM), "nothing has grown"
    query = read_space(catalog, DIM).centre(many_embeddings[:1])[0]
    before, evidence = view.search(view.refresh(), query, 10, exclude=None, exact=False)
    assert evidence.method == "exact"
    assert before[0][0] == 1

    put(catalog, many_embeddings[INDEX_FROM - 1 : INDEX_FROM + 500], INDEX_FROM - 1)
    assert maintain(catalog, segments, DIM)
    assert [path.name for path in segments.iterdir()] == ["000001"]
    after, evidence = view.search(view.refresh(), query, 10, exclude=None, exact=False)
    assert evidence.method == "lopq"
    assert evidence.n_codes < evidence.n_photos
    before, _ = view.search(view.refresh(), query, 10, exclude=None, exact=True)
    assert [hit for hit, _ in after] == [hit for hit, _ in before]
    np.testing.assert_allclose([c for _, c in after], [c for _, c in before], atol=2e-3)
    measured, required = recall(view, catalog, range(1, 4000, 100)), 0.99
    assert measured >= required, f"recall10@10 is {measured:.3f}, required {required}"

    # What came after the index is found beside it; what has gone is not found by either.
    put(catalog, many_embeddings[INDEX_FROM + 500 : 5000], INDEX_FROM + 500)
    fresh = read_space(catalog, DIM).centre(many_embeddings[4990:4991])[0]
    assert view.search(view.refresh(), fresh, 1, exclude=None, exact=False)[0][0][0] == 4991
    with catalog.transaction():
        catalog.mark_gone(["/p/4990.jpg", "/p/0.jpg"])
    assert view.search(view.refresh(), fresh, 1, exclude=None, exact=False)[0][0][0] != 4991
    for exact in (False, True):
        hits, _ = view.search(view.refresh(), query, 5000, exclude=None, exact=exact)
        assert 1 not in {hit for hit, _ in hits}
    assert recall(view, catalog, range(2, 4000, 150)) >= required

    # Grown by half: trained anew, the old index is removed, everything is in the new one.
    put(catalog, many_embeddings[5000:], 5000)
    assert maintain(catalog, segments, DIM, max_fresh=2000)
    assert [path.name for path in segments.iterdir()] == ["000002"]
    assert view.refresh().ids.size == 0
    assert recall(view, catalog, range(2, 7000, 250)) >= required


def test_an_index_is_extended_by_what_came_since(
    catalog: Catalog, tmp_path: Path, many_embeddings: NDArray[np.float32]
) -> None:
    segments = tmp_path / "segments"
    put(catalog, many_embeddings[:5000])
    maintain(catalog, segments, DIM)
    space = read_space(catalog, DIM)
    put(catalog, many_embeddings[5000:6000], 5000)
    assert maintain(catalog, segments, DIM, max_fresh=1000)
    np.testing.assert_array_equal(read_space(catalog, DIM).mean, space.mean)
    view = VectorView(catalog, segments, DIM)
    assert view.refresh().index is not None
    assert len(view.refresh().index or ()) == 6000
    assert recall(view, catalog, range(1, 6000, 200)) >= 0.99


def test_a_kill_between_saving_an_index_and_naming_it_costs_nothing(
    catalog: Catalog, tmp_path: Path, many_embeddings: NDArray[np.float32]
) -> None:
    segments = tmp_path / "segments"
    (segments / "000001").mkdir(parents=True)
    (segments / "000001" / "half-written").write_bytes(b"x")
    put(catalog, many_embeddings[:INDEX_FROM])
    assert VectorView(catalog, segments, DIM).refresh().index is None
    maintain(catalog, segments, DIM)
    assert VectorView(catalog, segments, DIM).refresh().index is not None
    assert not (segments / "000001" / "half-written").exists()


def test_an_index_that_was_lost_is_made_again(
    catalog: Catalog, tmp_path: Path, many_embeddings: NDArray[np.float32], caplog: pytest.LogCaptureFixture
) -> None:
    segments = tmp_path / "segments"
    put(catalog, many_embeddings[:INDEX_FROM])
    maintain(catalog, segments, DIM)
    before = VectorView(catalog, segments, DIM)
    assert before.refresh().index is not None
    shutil.rmtree(segments)
    view = VectorView(catalog, segments, DIM)
    state = view.refresh()
    assert "every photo is compared instead" in caplog.text
    query = state.space.centre(many_embeddings[:1])[0]
    assert view.search(state, query, 1, exclude=None, exact=False)[0][0][0] == 1
    assert maintain(catalog, segments, DIM)
    assert view.refresh().index is not None
    assert len(view.refresh().ids) == 0
    assert recall(view, catalog, range(1, 4000, 200)) >= 0.99


def test_a_reader_follows_when_the_writer_puts_another_index_in_place(
    catalog: Catalog, tmp_path: Path, many_embeddings: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    segments = tmp_path / "segments"
    put(catalog, many_embeddings[:INDEX_FROM])
    maintain(catalog, segments, DIM)

    def swapped_meanwhile(path: Path, *, mmap: bool = True) -> LOPQIndex:
        monkeypatch.undo()
        writer = Catalog(tmp_path / "catalog.sqlite", writable=True)
        put(writer, many_embeddings[INDEX_FROM : INDEX_FROM + 10], INDEX_FROM)
        maintain(writer, segments, DIM, max_fresh=1)
        writer.close()
        return open_index(path, mmap=mmap)

    monkeypatch.setattr("lookalike.collection.vectors.open_index", swapped_meanwhile)
    state = VectorView(catalog, segments, DIM).refresh()
    assert state.index_name == "000002"
    assert len(state.index or ()) == INDEX_FROM + 10


def test_centred_cosines_are_the_cosines_of_centred_vectors() -> None:
    generator = np.random.default_rng(1)
    embeddings = generator.random((50, 20), dtype=np.float32)
    space = Space.fit(embeddings.sum(axis=0, dtype=np.float64), len(embeddings))
    centred = space.centre(embeddings)
    np.testing.assert_allclose(np.linalg.norm(centred, axis=1), 1, atol=1e-6)
    for query in centred[:5]:
        np.testing.assert_allclose(
            space.cosines(query, embeddings, space.norms(embeddings)), centred @ query, atol=1e-5
        )


def test_a_mean_of_few_photos_is_shrunk() -> None:
    one = Space.fit(np.full(4, 0.5), 1)
    assert np.all(one.mean < 0.5 / 10)
    many = Space.fit(np.full(4, 0.5) * 10_000, 10_000)
    np.testing.assert_allclose(many.mean, 0.5, rtol=0.01)
