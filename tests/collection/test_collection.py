"""A collection: what can be searched with, what comes back, and what is refused."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.catalog import Catalog, TagRow
from lookalike.collection.collection import MAX_QUERY
from lookalike.collection.ranking import photo_calibration
from lookalike.collection.thumbnails import ThumbnailStore
from lookalike.errors import (
    CollectionError,
    FormatError,
    InvalidArgumentError,
    NotACollectionError,
    PhotoError,
    PhotoGoneError,
    UnknownPhotoError,
)

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def photos(demo_collection: Path) -> Iterator[lookalike.Collection]:
    with lookalike.Collection.open(demo_collection, create=False) as photos:
        yield photos


def ids_of(photos: lookalike.Collection) -> list[int]:
    return [photo.id for photo in photos.photos_after(0, 1000)]


def test_embeddings_have_unit_length_and_search_ranks_by_their_cosine_and_scores_by_a_function_of_it(
    photos: lookalike.Collection,
) -> None:
    ids = np.array(ids_of(photos))
    embeddings = photos.embeddings(ids)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    for position in range(0, len(ids), 17):
        cosines = embeddings @ embeddings[position]
        cosines[position] = -2
        hits = photos.search(photo=int(ids[position]), k=10)
        assert [hit.id for hit in hits] == list(ids[np.argsort(-cosines, kind="stable")[:10]])
        calibration = photo_calibration(photos.settings.card)
        assert calibration is not None
        expected = calibration(-np.sort(-cosines)[:10])
        np.testing.assert_allclose([hit.score for hit in hits], expected, atol=1e-4)


def test_a_photo_is_found_by_id_path_bytes_and_its_embedding(photos: lookalike.Collection) -> None:
    record = photos.photos_after(0, 5)[-1]
    by_id = photos.search(photo=record.id, k=5)
    assert by_id.photo_id == record.id
    assert record.id not in [hit.id for hit in by_id]
    for photo in (np.int64(record.id), record.path, Path(record.path), str(record.id), Path(record.path).read_bytes()):
        assert photos.search(photo=photo, k=5).hits == by_id.hits
    by_vector = photos.search(vector=photos.embeddings([record.id])[0], k=6)
    assert by_vector[0].id == record.id
    assert by_vector[0].score == pytest.approx(1, abs=2e-3)
    assert [hit.id for hit in by_vector[1:]] == [hit.id for hit in by_id]


def test_an_outside_copy_of_a_photo_finds_it_first(photos: lookalike.Collection, tmp_path: Path) -> None:
    record = photos.photos_after(0, 9)[-1]
    copy = tmp_path / "smaller.jpg"
    with Image.open(record.path) as image:
        image.convert("RGB").resize((image.width // 2, image.height // 2)).save(copy, quality=80)
    result = photos.search(photo=copy, k=3)
    assert result.photo_id is None
    assert result[0].id == record.id
    assert result[0].score > 0.8


def test_pages_of_hits_join_to_the_whole(photos: lookalike.Collection) -> None:
    photo_id = ids_of(photos)[0]
    whole = photos.search(photo=photo_id, k=1000)
    assert len(whole) == len(photos) - 1
    assert not whole.has_more
    paged = [hit for offset in range(0, 60, 20) for hit in photos.search(photo=photo_id, k=20, offset=offset)]
    assert paged == list(whole[:60])
    assert photos.search(photo=photo_id, k=20).has_more


def test_words_find_titles(photos: lookalike.Collection) -> None:
    result = photos.search(words="flowers", k=50)
    assert len(result) > 3
    assert result.stats.method == "words"
    assert result[0].score > 0.98
    for hit in result:
        assert 0 < hit.score <= 1
        assert hit.parts == {"words": hit.score}
    assert len(photos.search(words="zzzzzz")) == 0


def test_a_thumbnail_that_was_lost_is_made_again(photos: lookalike.Collection, tmp_path: Path) -> None:
    copy = tmp_path / "c.lookalike"
    shutil.copytree(photos.path, copy)
    with lookalike.Collection.open(copy) as copied:
        photo_id = ids_of(copied)[0]
        before = copied.thumbnail(photo_id)
        shutil.rmtree(copy / "thumbnails")
        assert copied.thumbnail(photo_id) == before


def test_a_thumbnail_is_never_made_of_a_file_that_changed(demo_photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.new("RGB", (64, 64), "red").save(path)
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        photos.add(path)
        photo_id = photos.find(path)
        assert photo_id is not None
        red = photos.thumbnail(photo_id)
        stored = photos.thumbnails.path(photos.photo(photo_id).sha256)
        stored.write_bytes(b"")
        Image.new("RGB", (64, 64), "blue").save(path)
        with pytest.raises(PhotoGoneError, match=r"another content now\. Run `lookalike add`"):
            photos.thumbnail(photo_id)
        assert stored.read_bytes() == b""
        Image.new("RGB", (64, 64), "red").save(path)
        assert photos.thumbnail(photo_id) == red == stored.read_bytes()


def forbid(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let `folder` be as one that may not be entered: the tests may run as root, who may enter any."""

    def forbidden(ask: Callable[..., Any]) -> Callable[..., Any]:
        def asked(path: Path, **options: Any) -> Any:
            if path.is_relative_to(folder):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return ask(path, **options)

        return asked

    for name in ("stat", "is_file"):  # the latter raises up to Python 3.13
        monkeypatch.setattr(Path, name, forbidden(getattr(Path, name)))


def test_a_copy_in_a_folder_that_may_not_be_entered_does_not_hide_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (64, 64), "red").save(tmp_path / name / "x.png")
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        photos.add(tmp_path / "a", tmp_path / "b")
        red = photos.thumbnail(1)
        photos.thumbnails.path(photos.photo(1).sha256).unlink()
        with monkeypatch.context() as patched:
            forbid(patched, tmp_path / "a")
            assert photos.file(1) == tmp_path / "b" / "x.png"
            assert photos.thumbnail(1) == red
            forbid(patched, tmp_path)
            with pytest.raises(PhotoGoneError):
                photos.file(1)


def test_a_thumbnail_that_cannot_be_kept_is_shown(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "x.png")
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:
        photos.add(tmp_path / "x.png")
        red = photos.thumbnail(1)
        shutil.rmtree(photos.thumbnails.root)
        photos.thumbnails.root.symlink_to(tmp_path / "a disk that is not connected")
        assert photos.thumbnail(1) == red


def test_a_collection_whose_making_was_interrupted_is_made(tmp_path: Path) -> None:
    half = tmp_path / "half.lookalike"
    half.mkdir()
    Catalog(half / "catalog.sqlite", writable=True).close()
    (half / "writer.lock").touch()
    with lookalike.Collection.open(half) as photos:
        assert len(photos) == 0


@pytest.mark.parametrize(
    ("version", "method"),
    [("1", "image statistics and embeddings of efficientnet-lite2"), ("another", "image statistics alone")],
)
def test_it_tells_whether_embeddings_have_a_part_in_styles(tmp_path: Path, version: str, method: str) -> None:
    copy = Path(shutil.copytree(GOLDEN / "version-3", tmp_path / "three.lookalike"))
    settings = json.loads((copy / "collection.json").read_text())
    settings["card"]["version"] = version
    (copy / "collection.json").write_text(json.dumps(settings))
    with lookalike.Collection.open(copy) as photos:
        assert photos.style_method == method


def test_a_card_is_found_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cards").mkdir()
    names = []
    monkeypatch.setattr("lookalike.collection.opening.load_encoder", lambda name, **_: names.append(name))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AttributeError):
        lookalike.Collection.open("a.lookalike", encoder="cards/card.toml")
    monkeypatch.chdir(tmp_path / "cards")
    with pytest.raises(AttributeError):
        lookalike.Collection.open("b.lookalike", encoder="../cards/card.toml")
    assert names == [str(tmp_path / "cards" / "card.toml")] * 2


@pytest.mark.parametrize(
    ("query", "error", "says"),
    [
        ({}, InvalidArgumentError, "at least one"),
        ({"photo": 1, "k": 0}, InvalidArgumentError, "`k` is 0"),
        ({"photo": 1, "k": 2.5}, InvalidArgumentError, "expected an integer"),
        ({"words": "a", "k": 10**30}, InvalidArgumentError, "expected an integer"),
        ({"words": "a", "offset": -1}, InvalidArgumentError, "`offset` is -1"),
        ({"photo": 3.5}, InvalidArgumentError, "expected an id"),
        ({"photo": "a\0b"}, InvalidArgumentError, "cannot be read"),
        ({"photo": "/dev/zero"}, InvalidArgumentError, "not a file"),
        ({"photo": 2**70}, UnknownPhotoError, "no photo"),
        ({"vector": ["a"] * 1280}, InvalidArgumentError, "no array of numbers"),
        ({"photo": 10**9}, UnknownPhotoError, "1000000000"),
        ({"photo": "/nowhere/x.jpg"}, InvalidArgumentError, "cannot be read"),
        ({"photo": "~no-such-person/x.jpg"}, InvalidArgumentError, "cannot be read"),
        ({"query": "photo:~no-such-person[0,0,.5,.5]"}, InvalidArgumentError, "cannot be read"),
        ({"photo": b"no photo"}, PhotoError, "photo"),
        ({"vector": np.ones(3)}, InvalidArgumentError, "1280"),
        ({"vector": np.zeros(1280)}, InvalidArgumentError, "zero"),
        ({"vector": np.full(1280, np.nan)}, InvalidArgumentError, "NaN"),
    ],
)
def test_a_query_that_makes_no_sense_is_a_clear_error(
    photos: lookalike.Collection, query: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        photos.search(**query)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [1e39, 1e308, -1e308])
def test_a_vector_beyond_float32_is_too_large(photos: lookalike.Collection, number: float) -> None:
    with pytest.raises(InvalidArgumentError, match="beyond those of float32"):
        photos.search(vector=np.full(photos.settings.card.dim, number))


def test_what_is_no_query_is_refused(photos: lookalike.Collection) -> None:
    for given in (5, b"x", ["a"], 1.5):
        with pytest.raises(InvalidArgumentError, match=r"`query` is .*; expected a text or a `Query`"):
            photos.search(given)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError, match=r"`words` is .*; expected a text"):
            photos.search(words=given)  # type: ignore[arg-type]
    for given in (None, 5, "x" * (MAX_QUERY + 1)):
        with pytest.raises(InvalidArgumentError, match="1,000 characters at most"):
            photos.remember_query(given)  # type: ignore[arg-type]


def test_a_vector_of_any_length_points_the_same_way(photos: lookalike.Collection) -> None:
    vector = photos.embeddings(ids_of(photos)[:1])[0].astype(np.float64)
    hits = [hit.id for hit in photos.search(vector=vector, k=5)]
    for scale in (1e-30, 1e30):
        assert [hit.id for hit in photos.search(vector=vector * scale, k=5)] == hits


def test_a_closed_collection_says_so(demo_collection: Path) -> None:
    photos = lookalike.Collection.open(demo_collection)
    photos.close()
    photos.close()
    with pytest.raises(CollectionError, match="was closed"):
        photos.search(words="flowers")


def test_a_collection_that_cannot_be_written_to_can_be_searched(
    demo_collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "c.lookalike"
    shutil.copytree(demo_collection, copy)
    with lookalike.Collection.open(demo_collection) as photos:
        expected = photos.search(photo=1, k=5).hits
    for path in copy.glob("catalog.sqlite-*"):
        path.unlink()
    # The tests may run as root, who may write anywhere: say what a read-only disk says.
    monkeypatch.setattr("lookalike.databases.os.access", lambda *_: False)
    with lookalike.Collection.open(copy) as photos:
        assert photos.search(photo=1, k=5).hits == expected
    assert not list(copy.glob("catalog.sqlite-*"))


def test_who_may_not_write_sees_what_others_are_writing(
    demo_collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "c.lookalike"
    shutil.copytree(demo_collection, copy)
    with closing(Catalog(copy / "catalog.sqlite", writable=True)) as writer:
        with writer.transaction():
            writer.tags.put([TagRow(1, "pier", "pier", "user")])
        monkeypatch.setattr("lookalike.databases.os.access", lambda *_: False)
        with lookalike.Collection.open(copy) as photos:
            assert [hit.id for hit in photos.search("tag:pier")] == [1]
            assert len(photos.search(photo=1, k=5)) == 5
            with writer.transaction():
                writer.tags.put([TagRow(2, "pier", "pier", "user")])
            assert sorted(hit.id for hit in photos.search("tag:pier")) == [1, 2]


def test_an_empty_collection_finds_nothing(tmp_path: Path) -> None:
    with lookalike.Collection.open(tmp_path / "empty.lookalike") as photos:
        assert len(photos) == 0
        assert len(photos.search(words="anything")) == 0
        assert len(photos.search(vector=np.ones(1280))) == 0
        assert photos.embeddings([]).shape == (0, 1280)


def test_a_folder_of_something_else_is_not_taken_for_a_collection(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(NotACollectionError, match="is not a Lookalike collection"):
        lookalike.Collection.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]
    with pytest.raises(NotACollectionError, match="There is no collection"):
        lookalike.Collection.open(tmp_path / "none.lookalike", create=False)


def test_a_collection_keeps_its_encoder(photos: lookalike.Collection) -> None:
    with pytest.raises(InvalidArgumentError, match="efficientnet-lite2"):
        lookalike.Collection.open(photos.path, encoder="efficientnet-lite0")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"format": "lookalike-collection"}'])
def test_damaged_settings_are_a_format_error(photos: lookalike.Collection, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "collection.json").write_bytes(content)
    with pytest.raises(FormatError, match=r"collection\.json"):
        lookalike.Collection.open(tmp_path)


def test_settings_of_a_newer_version_are_refused_with_advice(photos: lookalike.Collection, tmp_path: Path) -> None:
    settings = json.loads((photos.path / "collection.json").read_text())
    settings["format_version"] = 999
    (tmp_path / "collection.json").write_text(json.dumps(settings))
    with pytest.raises(FormatError, match="pip install --upgrade"):
        lookalike.Collection.open(tmp_path)


def test_a_collection_in_whose_place_another_was_put_is_neither_read_nor_written(
    demo_collection: Path, joint_collection: Path, tmp_path: Path
) -> None:
    place, away = tmp_path / "c.lookalike", tmp_path / "away.lookalike"
    shutil.copytree(demo_collection, place)
    with lookalike.Collection.open(place) as photos, ThreadPoolExecutor(1) as other_thread:
        n_photos = len(photos)
        place.rename(away)
        shutil.copytree(joint_collection, place)
        assert len(photos) == n_photos  # this thread goes on reading the one that it opened
        for ask in (photos.__len__, lambda: photos.tags(1)):
            with pytest.raises(CollectionError, match="Open it again"):
                other_thread.submit(ask).result()
        with pytest.raises(CollectionError, match="Open it again"):
            photos.tag(1, "boat")
        with pytest.raises(CollectionError, match="Open it again"):
            photos.forget_filter("red")
        shutil.rmtree(place)
        away.rename(place)
        assert other_thread.submit(photos.__len__).result() == n_photos
        photos.tag(1, "boat")


def test_a_thumbnail_made_again_does_not_bring_back_a_collection_that_was_moved_away(tmp_path: Path) -> None:
    store = ThumbnailStore(tmp_path / "moved.lookalike" / "thumbnails")
    with pytest.raises(FileNotFoundError):
        store.put("ab" * 32, b"jpeg")
    assert list(tmp_path.iterdir()) == []
