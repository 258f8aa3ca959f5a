"""The embeddings of a collection: with segments search finds what exact search finds, whatever came and went."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import lookalike
from lookalike.catalog import FileRecord, NewPhoto
from lookalike.collection.writing import PhotoWriter
from lookalike.errors import CollectionError, InvalidArgumentError
from lookalike.index.live import tables

DIM = 1280
REQUIRED = 0.99


@pytest.fixture(scope="module")
def many_embeddings(demo_collection: Path) -> NDArray[np.float32]:
    """7,000 embeddings around and between those of real photos, float32 (n, dim), unit length."""
    with lookalike.Collection.open(demo_collection, create=False) as photos:
        real = photos._vectors.embeddings([photo.id for photo in photos.photos_after(0, 1000)])
    generator = np.random.default_rng(0)
    first, second = generator.integers(len(real), size=(2, 7000))
    share = generator.random((7000, 1), dtype=np.float32)
    mixed = share * real[first] + (1 - share) * real[second]
    mixed *= generator.normal(1, 0.3, mixed.shape).astype(np.float32)
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture
def photos(tmp_path: Path) -> Iterator[lookalike.Collection]:
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        yield photos


def writer_of(photos: lookalike.Collection) -> PhotoWriter:
    return PhotoWriter(photos.path, DIM, background=False)


def put(writer: PhotoWriter, embeddings: NDArray[np.float32], first: int = 0) -> None:
    """Put photos number `first` and up; their ids are one larger."""
    with writer.transaction():
        for number, embedding in enumerate(embeddings, first):
            photo = NewPhoto(f"{number:064x}", "jpeg", 1, 1, 1, None, None, "{}", ("", "", ""), embedding)
            writer.catalog.put(FileRecord(f"/p/{number}.jpg", 1, 1, None), photo)


def problems(path: Path) -> list[str]:
    """What is wrong, but for thumbnails: these photos have none."""
    report = lookalike.Collection.verify(path)
    return [str(each) for each in report.problems if each.place != "thumbnails"]


def recall(photos: lookalike.Collection, photo_ids: range) -> float:
    """Share of the exact first ten that search finds, over some photos as queries."""
    found = 0
    for photo_id in photo_ids:
        approximate = photos.search(photo=photo_id, k=10)
        exact = photos.search(photo=photo_id, k=10, exact=True)
        found += len({hit.id for hit in approximate} & {hit.id for hit in exact})
    return found / (10 * len(photo_ids))


def test_search_is_the_same_with_segments(photos: lookalike.Collection, many_embeddings: NDArray[np.float32]) -> None:
    with writer_of(photos) as writer:
        put(writer, many_embeddings[:2000])
        assert photos.search_method == "exact"
        before = photos.search(photo=1, k=10)
        assert before.stats.method == "exact"
        assert before.stats.n_photos == 2000

        put(writer, many_embeddings[2000:6000], 2000)
        assert photos.search_method == "lopq"
        after = photos.search(photo=1, k=10)
        assert after.stats.method == "lopq"
        assert 0 < after.stats.n_codes < after.stats.n_photos
        exact = photos.search(photo=1, k=10, exact=True)
        assert [hit.id for hit in after] == [hit.id for hit in exact]
        np.testing.assert_allclose([hit.score for hit in after], [hit.score for hit in exact], atol=2e-3)
        measured = recall(photos, range(1, 6000, 150))
        assert measured >= REQUIRED, f"recall10@10 is {measured:.3f}, required {REQUIRED}"

        # What came after the segments is found beside them; what has gone is not found by either.
        put(writer, many_embeddings[6000:6500], 6000)
        embeddings = photos.embeddings([6491, 1])
        assert photos.search(vector=embeddings[0], k=1)[0].id == 6491
        with writer.transaction():
            writer.catalog.mark_gone(["/p/6490.jpg", "/p/0.jpg"])
        assert photos.search(vector=embeddings[0], k=1)[0].id != 6491
        for exact_too in (False, True):
            result = photos.search(vector=embeddings[1], k=7000, exact=exact_too)
            assert len(result) == result.stats.n_photos == 6498
            assert not {1, 6491} & {hit.id for hit in result}
        measured = recall(photos, range(2, 6400, 170))
        assert measured >= REQUIRED, f"recall10@10 is {measured:.3f}, required {REQUIRED}"
    assert problems(photos.path) == []


def test_a_limited_search_finds_the_nearest_of_those_admitted(
    photos: lookalike.Collection, many_embeddings: NDArray[np.float32]
) -> None:
    with writer_of(photos) as writer:
        put(writer, many_embeddings[:5000])
        put(writer, many_embeddings[5000:5100], 5000)
    assert photos.search_method == "lopq"
    for ids in (range(1, 5101, 2), range(40, 5101, 100), [7], [1], []):
        within = lookalike.Within(ids=ids)
        exact = photos.search(photo=1, k=20, exact=True, within=within)
        found = photos.search(photo=1, k=20, within=within)
        admitted = set(ids) - {1}
        assert {hit.id for hit in found} <= admitted
        assert len(found) == len(exact) == min(20, len(admitted))
        assert found.stats.n_photos == len(ids)
        share = len({hit.id for hit in found} & {hit.id for hit in exact}) / len(exact) if admitted else 1
        assert share >= REQUIRED, f"recall is {share:.3f}, required {REQUIRED}"
    assert len(photos.search(photo=1, within=lookalike.Within(folder="/p/7.jpg"))) == 1


def test_a_photo_that_comes_back_is_found_by_the_embedding_it_had(
    photos: lookalike.Collection, many_embeddings: NDArray[np.float32]
) -> None:
    with writer_of(photos) as writer:
        put(writer, many_embeddings[:3000])
        kept = photos._vectors.embeddings([5])
        hits = photos.search(photo=5, k=20).hits
        with writer.transaction():
            writer.catalog.mark_gone(["/p/4.jpg"])
        assert 5 not in {hit.id for hit in photos.search(photo=6, k=3000)}
        assert [hit.id for hit in photos.search(photo=5, k=20)] == [hit.id for hit in hits], "gone, yet searched with"
        np.testing.assert_array_equal(photos._vectors.embeddings([5]), kept)
        with writer.transaction():
            writer.catalog.restore_file("/p/4.jpg")
        assert [hit.id for hit in photos.search(photo=6, k=3000)].count(5) == 1
        np.testing.assert_array_equal(photos._vectors.embeddings([5]), kept)
        # the content of its path changes and its file goes in one transaction: neither was ever there
        with writer.transaction():
            for name, number in (("a", 9001), ("b", 9002)):
                photo = NewPhoto(f"{number:064x}", "jpeg", 1, 1, 1, None, None, "{}", ("", "", ""), many_embeddings[0])
                writer.catalog.put(FileRecord(f"/p/{name}.jpg", 1, 1, None), photo)
            writer.catalog.mark_gone(["/p/a.jpg"])
        assert len(photos) == 3001
        assert photos.search(photo=1, k=1).stats.n_photos == 3001
    assert problems(photos.path) == []


def alike(embedding: NDArray[np.float32], cosine: float) -> NDArray[np.float32]:
    """An embedding with such a cosine to another."""
    other = np.random.default_rng(5).normal(size=DIM)
    other -= (other @ embedding) * embedding
    mixed = cosine * embedding + np.sqrt(1 - cosine**2) * other / np.linalg.norm(other)
    return np.asarray(mixed, np.float32)


@pytest.mark.parametrize(("cosine", "copies", "inherits"), [(0.85, 0, True), (0.75, 0, False), (0.85, 1, False)])
def test_a_photo_edited_in_place_keeps_what_people_said_of_it(
    photos: lookalike.Collection, many_embeddings: NDArray[np.float32], cosine: float, copies: int, inherits: bool
) -> None:
    path, other = "/p/0.jpg", "/p/copy.jpg"
    with writer_of(photos) as writer:
        put(writer, many_embeddings[:3])
        if copies:
            before = NewPhoto(f"{0:064x}", "jpeg", 1, 1, 1, None, None, "{}", ("", "", ""), None)
            with writer.transaction():
                writer.catalog.put(FileRecord(other, 1, 1, None), before)
    photos.tag(path, "Grandma", "dopplr:eat=Oslo")
    photos.reject_tags(path, "pier")
    edited = NewPhoto(
        "ee" * 32, "jpeg", 2, 1, 1, None, "Title", "{}", ("", "", ""), alike(many_embeddings[0], cosine), (("k", "K"),)
    )
    with writer_of(photos) as writer, writer.transaction():
        writer.catalog.put(FileRecord(path, 2, 2, None), edited)
    new = photos.find(path)
    assert new is not None
    assert new != 1
    given = {("Grandma", "user"), ("dopplr:eat=Oslo", "user")} if inherits else set()
    assert {(tag.raw, tag.origin) for tag in photos.tags(new)} == {("K", "file"), *given}
    assert photos.rejected_tags(new) == ([(new, "pier")] if inherits else [])
    assert (new in [found for found, _ in photos._catalog.search_words("grandma", 9)]) == inherits
    assert [found for found, _ in photos._catalog.search_words("title", 9)] == [new]
    assert problems(photos.path) == []


def test_photos_of_which_the_files_were_renamed_keep_their_own_tags(
    photos: lookalike.Collection, many_embeddings: NDArray[np.float32]
) -> None:
    with writer_of(photos) as writer:
        put(writer, np.stack([many_embeddings[0], alike(many_embeddings[0], 0.95)]))
    photos.tag(1, "grandma")
    for path, number in (("/p/0.jpg", 1), ("/p/1.jpg", 0)):
        known = NewPhoto(f"{number:064x}", "jpeg", 1, 1, 1, None, None, "{}", ("", "", ""), None)
        with writer_of(photos) as writer, writer.transaction():
            writer.catalog.put(FileRecord(path, 1, 1, None), known)
    assert [[tag.raw for tag in photos.tags(path)] for path in ("/p/0.jpg", "/p/1.jpg")] == [[], ["grandma"]]


def test_a_photo_that_returns_while_its_embedding_is_read_is_not_lost(
    photos: lookalike.Collection, many_embeddings: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = tables.read_vectors
    with writer_of(photos) as writer:
        put(writer, many_embeddings[:3])
        with writer.transaction():
            writer.catalog.mark_gone(["/p/1.jpg"])

        def read_and_return(db: sqlite3.Connection, dim: int, ids: NDArray[np.int64]) -> object:
            found = read(db, dim, ids)
            monkeypatch.undo()
            with writer.transaction():
                writer.catalog.restore_file("/p/1.jpg")
            return found

        monkeypatch.setattr(tables, "read_vectors", read_and_return)
        np.testing.assert_array_equal(photos.raw_embeddings([2]), many_embeddings[1:2])


def test_a_transaction_that_fails_leaves_neither_record_nor_vector(
    photos: lookalike.Collection, many_embeddings: NDArray[np.float32]
) -> None:
    with writer_of(photos) as writer:
        put(writer, many_embeddings[:20])
        photo = NewPhoto("ff" * 32, "jpeg", 1, 1, 1, None, None, "{}", ("", "", ""), many_embeddings[30][:7])

        def fail() -> None:
            with writer.transaction():
                writer.catalog.mark_gone(["/p/3.jpg"])
                writer.catalog.put(FileRecord("/p/new.jpg", 1, 1, None), photo)

        with pytest.raises(InvalidArgumentError, match="dimension"):
            fail()
        assert (len(photos), photos.search(photo=1).stats.n_photos) == (20, 20)
        put(writer, many_embeddings[20:40], 20)
        assert photos.search(photo=1).stats.n_photos == 40
    assert problems(photos.path) == []


def test_a_full_disk_stops_writing_and_nothing_else(
    photos: lookalike.Collection, many_embeddings: NDArray[np.float32]
) -> None:
    with writer_of(photos) as writer:
        put(writer, many_embeddings[:20])
        n_pages = writer.catalog.connection.execute("PRAGMA page_count").fetchone()[0]
        writer.catalog.connection.execute(f"PRAGMA max_page_count = {n_pages}")
        with pytest.raises(CollectionError, match=r"disk is full.*What was written before is safe"):
            put(writer, many_embeddings[20:120], 20)
        assert photos.search(photo=1, k=100).stats.n_photos == len(photos) == 20
        writer.catalog.connection.execute(f"PRAGMA max_page_count = {2 * n_pages + 100}")
        put(writer, many_embeddings[20:120], 20)
        assert photos.search(photo=1, k=200).stats.n_photos == len(photos) == 120
    assert problems(photos.path) == []


def test_a_killed_writer_loses_nothing_that_was_acknowledged(
    photos: lookalike.Collection, many_embeddings: NDArray[np.float32], tmp_path: Path
) -> None:
    np.save(tmp_path / "embeddings.npy", many_embeddings)
    code = f"""if True:
        import sys
        import numpy as np
        from lookalike.catalog import FileRecord, NewPhoto
        from lookalike.collection.writing import PhotoWriter
        embeddings = np.load({str(tmp_path / "embeddings.npy")!r}, mmap_mode="r")
        number = int(sys.argv[1])
        with PhotoWriter(__import__("pathlib").Path({str(photos.path)!r}), {DIM}) as writer:
            while number < len(embeddings):
                with writer.transaction():
                    for number in range(number, number + 50):
                        photo = NewPhoto(f"{{number:064x}}", "jpeg", 1, 1, 1, None, None, "{{}}", ("", "", ""),
                                         np.array(embeddings[number]))
                        writer.catalog.put(FileRecord(f"/p/{{number}}.jpg", 1, 1, None), photo)
                    if number % 3 == 0:
                        writer.catalog.mark_gone([f"/p/{{number - 7}}.jpg"])
                number += 1
                print(number, flush=True)
        """
    done = 0
    for n_more in (700, 1500, 900):  # before there is a model, while the first is trained, afterwards
        process = subprocess.Popen([sys.executable, "-c", code, str(done)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        least = done + n_more
        while done < least:
            done = int(process.stdout.readline())
        process.kill()
        done = max([done, *map(int, process.stdout.read().split())])
        process.wait()
        process.stdout.close()
        assert problems(photos.path) == []
        added = [photos.find(f"/p/{number}.jpg") for number in range(0, done, 50)]
        for photo_id in added:
            assert photo_id is not None
            assert photos.search(vector=photos.embeddings([photo_id])[0], k=1)[0].id == photo_id
        done = len(photos) + len(photos._catalog.connection.execute("SELECT 1 FROM aside").fetchall())


def test_other_processes_see_what_was_committed_at_their_next_search(
    photos: lookalike.Collection, many_embeddings: NDArray[np.float32]
) -> None:
    with lookalike.Collection.open(photos.path) as reader, writer_of(photos) as writer:
        for number in range(0, 60, 20):
            put(writer, many_embeddings[number : number + 20], number)
            assert reader.search(photo=number + 1, k=100).stats.n_photos == number + 20


def test_a_damaged_segment_costs_neither_answers_nor_the_next_run(
    photos: lookalike.Collection, many_embeddings: NDArray[np.float32], caplog: pytest.LogCaptureFixture
) -> None:
    with writer_of(photos) as writer:
        put(writer, many_embeddings[:4500])
    expected = [hit.id for hit in photos.search(photo=1, k=10, exact=True)]
    for lost in ("all", "a part"):
        if lost == "all":
            shutil.rmtree(photos.path / "segments")
        else:
            next((photos.path / "segments").rglob("cells.npy")).write_bytes(b"x")
        with lookalike.Collection.open(photos.path) as again:
            assert [hit.id for hit in again.search(photo=1, k=10)] == expected
        assert "left out until `repair`" in caplog.text
        caplog.clear()
        with writer_of(photos):
            assert "is made again from the catalog" in caplog.text
        with lookalike.Collection.open(photos.path) as again:
            assert again.search_method == "lopq"
            assert [hit.id for hit in again.search(photo=1, k=10)] == expected
            assert again.stats().damaged == ()
