"""What is wrong with a collection is found and made good; copies are whole while photos come."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import lookalike
from lookalike.collection import AddProgress, CollectionReport
from lookalike.errors import (
    CollectionError,
    CollectionLockedError,
    FormatError,
    InvalidArgumentError,
    NewerVersionError,
    NotACollectionError,
)
from lookalike.index.live.lock import writer_lock


@pytest.fixture(scope="module")
def made(demo_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with twelve photos, one of which has gone since, and a collection of them: gives its path."""
    root = tmp_path_factory.mktemp("care")
    (root / "photos").mkdir()
    for number, path in enumerate(sorted(demo_photos.rglob("*.webp"))[::13]):
        shutil.copy(path, root / "photos" / f"{number:02}.webp")
    with lookalike.Collection.open(root / "c.lookalike") as photos:
        photos.add(root / "photos", n_workers=1)  # so that ids are in the order of names
        (root / "photos" / "11.webp").unlink()
        photos.add(root / "photos")
    return root / "c.lookalike"


@pytest.fixture
def collection(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "c.lookalike"))


@pytest.fixture
def hits(made: Path) -> Iterator[list[lookalike.Hit]]:
    with lookalike.Collection.open(made) as photos:
        yield list(photos.search(photo=1, k=20))


def sql(directory: Path, *statements: str) -> None:
    with closing(sqlite3.connect(directory / "catalog.sqlite")) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def said(report: CollectionReport) -> str:
    return "\n".join(map(str, report.problems))


def test_a_sound_collection_is_clean_and_counted(collection: Path) -> None:
    report = lookalike.Collection.verify(collection)
    assert report.is_clean, said(report)
    counts = (report.n_photos, report.n_files, report.n_vectors, report.n_segments, report.n_thumbnails)
    assert counts == (11, 11, 11, 0, 11)
    assert lookalike.Collection.repair(collection).mended == ()


def lose_thumbnail(directory: Path) -> None:
    next((directory / "thumbnails").rglob("*.jpg")).write_bytes(b"\xff\xd8 half of it")


HARM: dict[str, tuple[Callable[[Path], None] | tuple[str, ...], str]] = {
    "vector of a photo lost": (("DELETE FROM vectors WHERE id = 4",), "vectors: photo 4 has no embedding"),
    "bit flipped in a vector": (
        ("UPDATE vectors SET vector = zeroblob(length(vector)) WHERE id = 4",),
        "id 4 does not have the content",
    ),
    "vector cut short": (("UPDATE vectors SET vector = x'00' WHERE id = 4",), "id 4 has not the 5120 bytes"),
    "vector of no photo": (
        (
            "INSERT INTO vectors SELECT 4000, next, crc, vector FROM vectors, "
            "(SELECT value AS next FROM live WHERE name = 'next_seq') WHERE id = 4",
            "UPDATE live SET value = value + 1 WHERE name = 'next_seq'",
            "UPDATE live SET value = 4001 WHERE name = 'next_id'",
        ),
        "photo 4000 has an embedding among those of present photos",
    ),
    "vector of a gone photo among the others": (
        ("UPDATE files SET gone_at = '2026-01-01' WHERE photo_id = 2",),
        "photo 2 has an embedding among",
    ),
    "laid aside of a present photo": (
        ("INSERT INTO aside SELECT id, vector FROM vectors WHERE id = 3", "DELETE FROM vectors WHERE id = 3"),
        "photo 3 has an embedding among",
    ),
    "full text lost": (("DELETE FROM photo_text WHERE rowid < 4",), "full text: 3 photos, the first 1, have no line"),
    "full text of no photo": (
        ("INSERT INTO photo_text (rowid, title) VALUES (999, 'x')",),
        "full text: photo 999 has a line in it, but is no photo",
    ),
    "file of no photo": (
        ("INSERT INTO files VALUES ('/x.jpg', 888, 1, 1, NULL, NULL)",),
        "photo 888 has files, embeddings or tags, but no record",
    ),
    "half a thumbnail": (lose_thumbnail, "none, or half of one"),
    "thumbnails lost": (lambda path: shutil.rmtree(path / "thumbnails"), "11 photos, the first 1, have none"),
}


@pytest.mark.parametrize("harm", HARM)
def test_what_is_wrong_is_told_and_mended(collection: Path, hits: list[lookalike.Hit], harm: str) -> None:
    do, expected = HARM[harm]
    if callable(do):
        do(collection)
    else:
        sql(collection, *do)
    report = lookalike.Collection.verify(collection)
    assert expected in said(report)
    mended = lookalike.Collection.repair(collection)
    assert mended.is_clean, said(mended)
    assert mended.mended == report.problems
    assert lookalike.Collection.verify(collection).is_clean
    with lookalike.Collection.open(collection) as photos:
        found = {hit.id: hit.score for hit in photos.search(photo=1, k=20)}
        kept = {hit.id: hit.score for hit in hits if hit.id in found}
        assert found.keys() >= {hit.id for hit in hits} - {2}
        assert {photo_id: found[photo_id] for photo_id in kept} == pytest.approx(kept, abs=0.12), "the mean moves"
        if harm == "full text lost":
            assert photos.search(words=photos.photo(2).name.removesuffix(".webp"), k=5)[0].id == 2


def test_what_needs_a_file_that_is_not_there_stays_told(collection: Path) -> None:
    sql(collection, "DELETE FROM aside")
    sql(collection, "DELETE FROM photo_text WHERE rowid = 1")
    report = lookalike.Collection.repair(collection)
    assert said(report) == "vectors: photo 12 has no embedding."
    assert [each.place for each in report.mended] == ["full text"]


def test_a_lost_vector_comes_back_from_the_copy_that_was_not_changed(collection: Path, tmp_path: Path) -> None:
    with lookalike.Collection.open(collection) as photos:
        shutil.copy(photos.file(4), tmp_path / "b.webp")
        shutil.copy(photos.file(5), tmp_path / "a.webp")
    sql(
        collection,
        f"UPDATE files SET path = '{tmp_path / 'a.webp'}' WHERE photo_id = 4",
        f"INSERT INTO files VALUES ('{tmp_path / 'b.webp'}', 4, 1, 1, NULL, NULL)",
        "DELETE FROM vectors WHERE id = 4",
    )
    assert lookalike.Collection.repair(collection).is_clean
    with lookalike.Collection.open(collection) as photos:
        assert photos.search(photo=(tmp_path / "b.webp").read_bytes() + b"\0", k=1)[0].id == 4


def test_a_ruined_database_is_told_with_advice(collection: Path) -> None:
    (collection / "catalog.sqlite").write_bytes(b"no database" * 1000)
    report = lookalike.Collection.verify(collection)
    assert "not a Lookalike catalog" in said(report)
    with pytest.raises(FormatError):
        lookalike.Collection.repair(collection)
    with pytest.raises(NotACollectionError):
        lookalike.Collection.verify(collection.parent)


def test_lost_settings_are_told_with_advice(collection: Path) -> None:
    (collection / "collection.json").unlink()
    report = lookalike.Collection.verify(collection)
    assert [problem.place for problem in report.problems] == ["collection.json"]
    assert "is missing. Put it back from a backup" in said(report)
    assert report.n_photos == 11


def test_a_collection_of_a_newer_version_is_no_damage(collection: Path) -> None:
    settings = json.loads((collection / "collection.json").read_text())
    (collection / "collection.json").write_text(json.dumps(settings | {"format_version": 99}))
    with pytest.raises(NewerVersionError, match="pip install --upgrade"):
        lookalike.Collection.verify(collection)


def test_a_backup_taken_while_photos_come_is_whole(demo_photos: Path, tmp_path: Path) -> None:
    taken: list[tuple[int, int]] = []
    with lookalike.Collection.open(tmp_path / "c.lookalike") as photos:

        def back_up(progress: AddProgress) -> None:
            if progress.done and len(taken) < 3:
                before = len(photos)
                photos.backup(tmp_path / f"copy{len(taken)}.lookalike")
                taken.append((before, len(photos)))

        photos.add(next(demo_photos.iterdir()), progress=back_up, n_workers=1)
    for number, (least, most) in enumerate(taken):
        copy = tmp_path / f"copy{number}.lookalike"
        report = lookalike.Collection.verify(copy)
        assert report.is_clean, said(report)
        assert least <= report.n_photos <= most
        with lookalike.Collection.open(copy) as photos:
            assert photos.search(photo=1, k=100).stats.n_photos == report.n_photos
    assert not list(tmp_path.glob(".*")), "nothing is left beside it"


def test_a_backup_is_restored_as_it_was(collection: Path, hits: list[lookalike.Hit], tmp_path: Path) -> None:
    with lookalike.Collection.open(collection) as photos:
        photos.backup(tmp_path / "copy")
        for taken in (tmp_path / "copy", collection / "inside"):
            with pytest.raises(InvalidArgumentError, match=r"is there already|lies inside"):
                photos.backup(taken)
    shutil.rmtree(collection)
    collection.mkdir()
    assert lookalike.Collection.restore(tmp_path / "copy", collection).is_clean
    with lookalike.Collection.open(collection) as photos:
        assert list(photos.search(photo=1, k=20)) == hits
        assert photos.thumbnail(1)
    with pytest.raises(InvalidArgumentError, match="is there already"):
        lookalike.Collection.restore(tmp_path / "copy", collection)


def test_a_damaged_backup_is_not_restored(collection: Path, tmp_path: Path) -> None:
    sql(collection, "UPDATE vectors SET vector = zeroblob(length(vector)) WHERE id = 4")
    with pytest.raises(FormatError, match=r"is damaged.*lookalike repair"):
        lookalike.Collection.restore(collection, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX processes")
def test_a_backup_removes_what_one_that_was_killed_left_and_nothing_else(collection: Path, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    names = {number: f".copy.{number}.new" for number in (ended.pid, os.getppid())}
    others = {".copy.x.new", f".copy.b.{ended.pid}.new"}
    for name in (*names.values(), *others):
        (tmp_path / name).mkdir()
    with lookalike.Collection.open(collection) as photos:
        photos.backup(tmp_path / "copy")
    assert not (tmp_path / names[ended.pid]).exists()
    assert {path.name for path in tmp_path.glob(".copy*")} == {names[os.getppid()], *others}


def test_a_full_disk_leaves_no_half_of_a_backup(
    collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lookalike.collection.backup._copy_thumbnails", full)
    with (
        lookalike.Collection.open(collection) as photos,
        pytest.raises(CollectionError, match="No space left on device"),
    ):
        photos.backup(tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.lookalike"]


def test_compacting_gives_space_back_and_changes_no_answer(collection: Path, hits: list[lookalike.Hit]) -> None:
    sql(collection, "CREATE TABLE waste AS SELECT randomblob(1000000) AS x", "DROP TABLE waste")
    before = (collection / "catalog.sqlite").stat().st_size
    with lookalike.Collection.open(collection) as photos:
        photos.compact()
        assert list(photos.search(photo=1, k=20)) == hits
    assert (collection / "catalog.sqlite").stat().st_size < before - 900_000
    assert lookalike.Collection.verify(collection).is_clean


def test_compacting_trains_anew_where_it_is_asked_to(
    collection: Path, hits: list[lookalike.Hit], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    with lookalike.Collection.open(collection) as photos:
        photos.compact(train=True, notify=told.append)
        assert (photos.stats().n_trainings, told) == (0, ["Merging."])  # every photo is compared
        monkeypatch.setattr("lookalike.collection.compacting.TRAIN_FROM", 11)
        told.clear()
        photos.compact(train=True)
        assert (photos.stats().n_trainings, photos.stats().model_n_vectors, photos.stats().n_segments) == (1, 11, 1)
        photos.compact(train=True, notify=told.append)
        assert told == [
            "Training a model on 11 photos; searching goes on.",
            "Coding them with it: segment 1 of 1.",
            "Merging.",
        ]
        assert photos.stats().n_trainings == 2
        assert {hit.id for hit in photos.search(photo=1, k=20)} == {hit.id for hit in hits}
    assert lookalike.Collection.verify(collection).is_clean


def test_what_writes_waits_for_nobody_and_names_who_does(collection: Path) -> None:
    with lookalike.Collection.open(collection) as photos, writer_lock(collection):
        for write in (photos.compact, lambda: lookalike.Collection.repair(collection)):
            with pytest.raises(CollectionLockedError, match="process"):
                write()
        assert lookalike.Collection.verify(collection).is_clean
        assert photos.stats().n_vectors == 11
