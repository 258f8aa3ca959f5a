"""The catalog: what was written is there, once, and searchable."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from lookalike.catalog import Catalog, FileRecord, NewPhoto
from lookalike.errors import CollectionError, FormatError, UnknownPhotoError

DIM = 8


def a_photo(content: str, *, title: str | None = None, caption: str = "", keywords: str = "") -> NewPhoto:
    generator = np.random.default_rng(len(content))
    return NewPhoto(
        sha256=hashlib.sha256(content.encode()).hexdigest(),
        format="jpeg",
        bytes=len(content),
        width=40,
        height=30,
        taken_at="2001-02-03T04:05:06",
        title=title,
        facts="{}",
        text=(caption, keywords, ""),
        embedding=generator.random(DIM, dtype=np.float32),
    )


def a_file(path: str) -> FileRecord:
    return FileRecord(path, 10, 1, None)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite", writable=True)
    yield catalog
    catalog.close()


def put(catalog: Catalog, path: str, photo: NewPhoto) -> int:
    with catalog.transaction():
        photo_id, _ = catalog.put(a_file(path), photo)
    return photo_id


def test_a_photo_comes_back_as_it_was_put(catalog: Catalog) -> None:
    photo = a_photo("one", title="Still life")
    photo_id = put(catalog, "/p/one.jpg", photo)
    record = catalog.photo(photo_id)
    assert (record.sha256, record.title, record.width, record.path, record.name) == (
        photo.sha256,
        "Still life",
        40,
        "/p/one.jpg",
        "one.jpg",
    )


def test_a_transaction_gives_new_embeddings_and_what_came_or_went(catalog: Catalog) -> None:
    photo = a_photo("one")
    with catalog.transaction() as changes:
        photo_id, _ = catalog.put(a_file("/p/one.jpg"), photo)
        assert changes.moved == changes.embeddings.keys() == {photo_id}
        assert changes.embeddings[photo_id] is photo.embedding
    with catalog.transaction() as changes:
        assert not changes.moved
        catalog.put(a_file("/p/two.jpg"), a_photo("one"))
        catalog.mark_gone(["/p/one.jpg", "/p/never.jpg"])
        assert (changes.moved, changes.embeddings) == ({photo_id}, {})


def test_one_content_at_two_paths_is_one_photo(catalog: Catalog) -> None:
    first = put(catalog, "/p/a.jpg", a_photo("same"))
    second = put(catalog, "/p/b.jpg", a_photo("same"))
    assert first == second
    assert (catalog.n_photos(), catalog.n_files(), catalog.paths(first)) == (1, 2, ["/p/a.jpg", "/p/b.jpg"])


def test_a_photo_is_hidden_with_its_last_file_and_returns_with_it(catalog: Catalog) -> None:
    photo_id = put(catalog, "/p/a.jpg", a_photo("same"))
    put(catalog, "/p/b.jpg", a_photo("same"))
    with catalog.transaction():
        assert catalog.mark_gone(["/p/a.jpg"]) == 1
    assert catalog.n_photos() == 1
    with catalog.transaction():
        assert catalog.mark_gone(["/p/b.jpg", "/p/a.jpg"]) == 1
    assert catalog.n_photos() == 0
    assert catalog.present_among([photo_id]) == set()
    with catalog.transaction():
        catalog.restore_file("/p/b.jpg")
    assert catalog.present_among([photo_id, 99]) == {photo_id}
    assert catalog.photo(photo_id).path == "/p/b.jpg"


def test_a_path_with_new_content_no_longer_holds_the_old_photo(catalog: Catalog) -> None:
    old = put(catalog, "/p/a.jpg", a_photo("old"))
    new = put(catalog, "/p/a.jpg", a_photo("new one"))
    assert catalog.id_of_path("/p/a.jpg") == new != old
    assert catalog.present_among([old, new]) == {new}


def test_a_transaction_that_fails_leaves_nothing(catalog: Catalog) -> None:
    generation = catalog.generation

    def fail() -> None:
        with catalog.transaction():
            catalog.put(a_file("/p/lost.jpg"), a_photo("lost"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (catalog.n_photos(), catalog.generation) == (0, generation)


def test_a_failure_is_listed_until_the_file_can_be_read(catalog: Catalog) -> None:
    with catalog.transaction():
        catalog.put_failure("/p/a.jpg", "It ends early.", a_file("/p/a.jpg"))
    assert catalog.failures() == [("/p/a.jpg", "It ends early.")]
    assert catalog.files_below("/p") == {"/p/a.jpg": (a_file("/p/a.jpg"), "failed")}
    put(catalog, "/p/a.jpg", a_photo("mended"))
    assert catalog.failures() == []


@pytest.mark.parametrize(
    ("file", "again", "n_photos", "after"),
    [
        (FileRecord("/p/a.jpg", 11, 1, None), False, 0, (FileRecord("/p/a.jpg", 11, 1, None), "failed")),
        (FileRecord("/p/a.jpg", 11, 1, None), True, 0, (FileRecord("/p/a.jpg", 0, 0, None), "failed")),
        (FileRecord("/p/a.jpg", 10, 1, 5), False, 1, (FileRecord("/p/a.jpg", 10, 1, 5), "kept")),
        (FileRecord("/p/a.jpg", 10, 1, None), True, 1, (FileRecord("/p/a.jpg", 0, 0, None), "kept")),
        (None, True, 1, (FileRecord("/p/a.jpg", 0, 0, None), "kept")),
    ],
    ids=["changed", "changed, again", "a new sidecar", "as it was, again", "not looked at"],
)
def test_a_photo_stays_whose_file_is_as_it_was_though_it_cannot_be_read(
    catalog: Catalog, file: FileRecord | None, again: bool, n_photos: int, after: tuple[FileRecord, str]
) -> None:
    put(catalog, "/p/a.jpg", a_photo("a photo"))
    for _ in range(2):
        with catalog.transaction():
            catalog.put_failure("/p/a.jpg", "Permission denied.", file, again=again)
        assert catalog.n_photos() == n_photos
        assert catalog.files_below("/p") == {"/p/a.jpg": after}
    put(catalog, "/p/a.jpg", a_photo("a photo"))
    assert (catalog.n_photos(), catalog.n_failures()) == (1, 0)


def test_files_below_a_folder_are_not_those_of_a_folder_with_a_longer_name(catalog: Catalog) -> None:
    for path in ("/p/a.jpg", "/p/deep/b.jpg", "/pictures/c.jpg", "/p_/d.jpg", "/p%/e.jpg"):
        put(catalog, path, a_photo(path))
    assert set(catalog.files_below("/p")) == {"/p/a.jpg", "/p/deep/b.jpg"}
    assert set(catalog.files_below("/p/a.jpg")) == {"/p/a.jpg"}
    assert len(catalog.files_below("/")) == 5


def test_an_embedding_is_laid_aside_until_it_is_wanted(catalog: Catalog) -> None:
    photo_id = put(catalog, "/p/a.jpg", a_photo("same"))
    with catalog.transaction():
        catalog.lay_aside(photo_id, b"1234")
    assert catalog.vectors_aside([photo_id, 99]) == {photo_id: b"1234"}
    with catalog.transaction():
        catalog.forget_aside([photo_id])
    assert catalog.vectors_aside([photo_id]) == {}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("flowers", {"a", "b"}),
        ("FLOWER", {"a", "b"}),
        ("flow", {"a", "b"}),
        ("flowers fruit", {"a"}),
        ('"fruit flowers"', set()),
        ('"flowers and fruit"', {"a"}),
        ("cafe", {"c"}),
        ("IMG", {"c"}),
        ("1234", {"c"}),
        ("정물", {"d"}),
        ("", set()),
        ('"', set()),
        ("NOT", set()),
        ("title:flowers OR *", set()),
        ("a AND (b", set()),
    ],
)
def test_words_find_what_titles_captions_keywords_and_names_say(catalog: Catalog, words: str, found: set[str]) -> None:
    ids = {
        "a": put(catalog, "/p/x1.jpg", a_photo("1", title="Flowers and fruit")),
        "b": put(catalog, "/p/x2.jpg", a_photo("22", caption="a vase", keywords="flower still-life")),
        "c": put(catalog, "/p/IMG_1234.jpg", a_photo("333", caption="le café")),
        "d": put(catalog, "/p/x4.jpg", a_photo("4444", title="정물화")),
    }
    names = {photo_id: name for name, photo_id in ids.items()}
    assert {names[photo_id] for photo_id, _ in catalog.search_words(words, 10)} == found


@pytest.mark.parametrize("word", ["서울", "лебединый", "がく", "café"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_in_parts_are_found_by_those_in_one_piece(
    catalog: Catalog, word: str, form: Literal["NFC", "NFD"]
) -> None:
    parted, asked = unicodedata.normalize("NFD", word), unicodedata.normalize(form, word)
    ids = [
        put(catalog, f"/x/{parted} 1.jpg", a_photo("1")),
        put(catalog, "/x/2.jpg", a_photo("22", title=parted)),
        put(catalog, "/x/3.jpg", a_photo("333", caption=f"a {parted}")),
        put(catalog, "/x/4.jpg", a_photo("4444", keywords=parted)),
    ]
    put(catalog, f"/y/{parted}.jpg", a_photo("22"))
    assert sorted(found for found, _ in catalog.search_words(asked, 10)) == ids
    assert catalog.paths(ids[0]) == [f"/x/{parted} 1.jpg"], "paths stay as they are"


def test_texts_of_before_are_composed(catalog: Catalog) -> None:
    photo_id = put(catalog, "/x/1.jpg", a_photo("1", title="サクラ"))
    generation = catalog.generation
    catalog.compose_texts()
    assert catalog.generation == generation, "nothing to do"
    parted = unicodedata.normalize("NFD", "서울 여행")
    catalog.connection.execute("UPDATE photo_text SET title = ?", (parted,))
    assert catalog.search_words("서울", 10) == []
    catalog.compose_texts()
    assert [found for found, _ in catalog.search_words("서울", 10)] == [photo_id]


def test_a_title_counts_more_than_a_file_name(catalog: Catalog) -> None:
    name = put(catalog, "/p/harbour.jpg", a_photo("1", title="Boats"))
    title = put(catalog, "/p/x.jpg", a_photo("22", title="Harbour"))
    put(catalog, "/p/y.jpg", a_photo("333", title="Something else"))
    assert [photo_id for photo_id, _ in catalog.search_words("harbour", 10)] == [title, name]


def test_photos_that_are_gone_are_not_found_by_words(catalog: Catalog) -> None:
    put(catalog, "/p/x.jpg", a_photo("1", title="Harbour"))
    with catalog.transaction():
        catalog.mark_gone(["/p/x.jpg"])
    assert catalog.search_words("harbour", 10) == []


def test_readers_see_what_a_writer_committed_and_nothing_before(tmp_path: Path) -> None:
    writer = Catalog(tmp_path / "catalog.sqlite", writable=True)
    reader = Catalog(tmp_path / "catalog.sqlite", writable=False)
    before = reader.generation
    with writer.transaction():
        writer.put(a_file("/p/1.jpg"), a_photo("one"))
        assert reader.n_photos() == 0
    assert reader.n_photos() == 1
    assert reader.generation > before
    with pytest.raises(CollectionError, match="readonly"), reader.transaction():
        pass
    writer.close()
    reader.close()


def test_a_writer_closes_while_others_read(tmp_path: Path) -> None:
    writer = Catalog(tmp_path / "catalog.sqlite", writable=True)
    with contextlib.closing(Catalog(tmp_path / "catalog.sqlite", writable=False)) as reader, reader.snapshot():
        reader.n_photos()
        put(writer, "/p/1.jpg", a_photo("one"))
        closing = threading.Thread(target=writer.close)
        closing.start()
        closing.join(15)  # a writer waits 30 seconds for another
        assert not closing.is_alive()
        assert reader.n_photos() == 0
    with contextlib.closing(Catalog(tmp_path / "catalog.sqlite", writable=False)) as reader:
        assert reader.n_photos() == 1


def test_a_copy_without_a_sidecar_leaves_the_facts_of_the_one_with_it(catalog: Catalog) -> None:
    with catalog.transaction():
        photo_id, _ = catalog.put(FileRecord("/p/a.jpg", 10, 1, 7), a_photo("same", title="Told by the sidecar"))
        catalog.put(FileRecord("/q/a.jpg", 10, 1, None), a_photo("same"))
    assert catalog.photo(photo_id).title == "Told by the sidecar"
    assert [found for found, _ in catalog.search_words("sidecar", 5)] == [photo_id]
    with catalog.transaction():
        catalog.put(FileRecord("/p/a.jpg", 10, 1, None), a_photo("same"))
    assert catalog.photo(photo_id).title is None


def test_names_of_files_that_have_gone_find_nothing(catalog: Catalog) -> None:
    photo_id = put(catalog, "/p/zanzibar.jpg", a_photo("same"))
    put(catalog, "/p/harbour.jpg", a_photo("same"))
    with catalog.transaction():
        catalog.mark_gone(["/p/zanzibar.jpg"])
    assert catalog.search_words("zanzibar", 5) == []
    assert catalog.search_words("harbour", 5) != []
    with catalog.transaction():
        catalog.restore_file("/p/zanzibar.jpg")
    assert [found for found, _ in catalog.search_words("zanzibar", 5)] == [photo_id]


def test_connections_end_with_their_threads(catalog: Catalog, tmp_path: Path) -> None:
    database = str(tmp_path.resolve() / "catalog.sqlite")

    def n_open_after_threads(n_threads: int) -> int:
        for _ in range(n_threads):
            thread = threading.Thread(target=catalog.n_photos)
            thread.start()
            thread.join()
        # of this catalog only: what other tests left may be closed meanwhile
        return sum(str(each.resolve()).startswith(database) for each in Path("/proc/self/fd").iterdir())

    after_one = n_open_after_threads(1)
    assert after_one > 0
    assert n_open_after_threads(20) <= after_one


def test_a_statement_ends_though_another_thread_closes_the_catalog(catalog: Catalog, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        put(catalog, f"/p/{name}.jpg", a_photo(name))
    reader = Catalog(tmp_path / "catalog.sqlite", writable=False)
    begun, closed = threading.Event(), threading.Event()
    found: list[object] = []

    def read() -> None:
        rows = reader.connection.execute("SELECT id FROM photos")
        found.append(rows.fetchone())
        begun.set()
        closed.wait()
        found.extend(rows)
        with pytest.raises(CollectionError, match="closed"):
            reader.n_photos()

    thread = threading.Thread(target=read)
    thread.start()
    begun.wait()
    reader.close()
    closed.set()
    thread.join()
    assert len(found) == 3


def test_a_catalog_that_is_missing_is_a_format_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is missing"):
        Catalog(tmp_path / "catalog.sqlite", writable=False)


def test_an_unknown_photo_is_an_error_that_names_it(catalog: Catalog) -> None:
    with pytest.raises(UnknownPhotoError, match="77"):
        catalog.photo(77)
    with pytest.raises(UnknownPhotoError, match="9999"):
        catalog.photo(10**40 - 1)


def test_other_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.sqlite"
    text.write_text("not a database at all, but long enough to be read as one " * 20)
    with pytest.raises(FormatError, match="not a Lookalike catalog"):
        Catalog(text, writable=True)

    foreign = tmp_path / "foreign.sqlite"
    database = sqlite3.connect(foreign)
    database.execute("PRAGMA application_id = 5")
    database.execute("CREATE TABLE t (x)")
    database.commit()
    database.close()
    with pytest.raises(FormatError, match="another program"):
        Catalog(foreign, writable=True)


def test_a_schema_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    Catalog(path, writable=True).close()
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE ", b"CREATE TABLE\xd5"))
    with pytest.raises(FormatError, match="backup"):
        Catalog(path, writable=True)


def test_a_newer_format_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    Catalog(path, writable=True).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 999")
    database.close()
    with pytest.raises(FormatError, match="pip install --upgrade"):
        Catalog(path, writable=True)
