"""What is damaged is found, does not stop searching, and is mended from the database."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lookalike import LiveIndex
from lookalike.errors import FormatError, NewerVersionError


@pytest.fixture(scope="module")
def sound(clustered: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of ids 20 to 379: two segments with dead rows, and some vectors in memory."""
    path = tmp_path_factory.mktemp("sound") / "x.live"
    index = LiveIndex.open(
        path, dim=16, metric="cosine", centred=True, bytes_per_vector=8, flush_at=100, train_from=200, background=False
    )
    index.add(clustered[:200])
    index.add(clustered[200:320])
    index.remove(np.arange(20))
    index.add(clustered[320:380])
    index.add(clustered[30:35], np.arange(30, 35))
    index.backup(path.with_name("copy.live"))
    index.close()
    return path.with_name("copy.live")


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "x.live")
    return tmp_path / "x.live"


def everything_is_found(path: Path, clustered: np.ndarray, n_probe: int | None = 99) -> bool:
    with LiveIndex.open(path, writable=False) as index:
        ids = index.search(clustered[20:380], 1, n_probe=n_probe).ids[:, 0]
        return len(index) == 360 and bool((ids == np.arange(20, 380)).all())


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) * 2 // 3] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def execute(statement: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path / "log.sqlite")) as db, db:
            assert db.execute(statement).rowcount > 0

    return change


def test_a_sound_index_is_clean(path: Path, clustered: np.ndarray) -> None:
    report = LiveIndex.verify(path)
    assert report.is_clean, report
    assert (report.n_vectors, report.n_segments) == (360, 2)
    assert "all is well" in str(report)
    assert LiveIndex.repair(path).mended == ()
    assert everything_is_found(path, clustered)


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
@pytest.mark.parametrize("name", ["blocks", "cells", "embeddings", "ids", "offsets", "order", "seqs", "segment"])
@pytest.mark.filterwarnings("ignore")
def test_damage_to_any_file_of_a_segment_is_found_and_mended(
    path: Path, clustered: np.ndarray, damage: Callable[[Path], None], name: str
) -> None:
    (file,) = (path / "segments" / "000002").glob(f"{name}.*")
    damage(file)
    report = LiveIndex.verify(path)
    assert [problem.place for problem in report.problems] == ["segment 2"]
    if damage is not flip or name not in ("blocks", "embeddings"):  # large files are compared by size at opening
        with LiveIndex.open(path, writable=False) as index:
            assert len(index.stats().damaged) == 1
        assert everything_is_found(path, clustered)
    report = LiveIndex.repair(path)
    assert report.is_clean, report
    assert [problem.place for problem in report.mended] == ["segment 2"]
    assert everything_is_found(path, clustered)


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
def test_a_damaged_model_is_trained_again(path: Path, clustered: np.ndarray, damage: Callable[[Path], None]) -> None:
    (file,) = (path / "models").iterdir()
    damage(file)
    assert "model 1" in [problem.place for problem in LiveIndex.verify(path).problems]
    assert everything_is_found(path, clustered)
    with LiveIndex.open(path, background=False) as index:  # and adding goes on
        index.add(clustered[:1], [1000])
        index.remove([1000, 21])
        index.add(clustered[21:22], [21])
    assert everything_is_found(path, clustered)
    assert LiveIndex.repair(path).is_clean
    assert everything_is_found(path, clustered)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE live SET value = value + 1 WHERE name = 'n_vectors'",
        "UPDATE live SET value = 100 WHERE name = 'flushed_seq'",
        "UPDATE live SET value = value + 5 WHERE name = 'flushed_seq'",
        "UPDATE live SET value = 100 WHERE name = 'next_seq'",
        "UPDATE live SET value = 5 WHERE name = 'next_id'",
        "UPDATE live SET value = 2 WHERE name = 'next_number'",
        "DELETE FROM tombstones WHERE (segment, row) = (SELECT segment, row FROM tombstones LIMIT 1)",
        "DELETE FROM tombstones",
        "INSERT INTO tombstones VALUES (99, 1, 1)",
        "INSERT INTO tombstones VALUES (3, 1, 1)",
        "INSERT INTO tombstones VALUES (3, 1000000, 1)",
        "UPDATE tombstones SET seq = 100000",
        "INSERT INTO removals VALUES (1, 7)",
        "INSERT INTO removals SELECT max(seq) + 1, 31 FROM vectors",
        "INSERT INTO removals SELECT seq + 1, id FROM vectors WHERE id = 340",
        "DELETE FROM segments WHERE number = 2",
        "UPDATE segments SET n = n + 1",
        "UPDATE segments SET model = 99",
        "UPDATE segments SET checksum = 'x'",
        "UPDATE segments SET state = 'pending' WHERE number = 3",
        "INSERT INTO segments SELECT 77, state, model, source, n, last_seq, bytes, checksum FROM segments LIMIT 1",
        "DELETE FROM models",
        "UPDATE models SET mean = NULL",
        "UPDATE models SET checksum = 'x'",
    ],
)
def test_tables_that_do_not_agree_are_found_and_mended(path: Path, clustered: np.ndarray, statement: str) -> None:
    execute(statement)(path)
    assert not LiveIndex.verify(path).is_clean
    report = LiveIndex.repair(path)
    assert report.is_clean, report
    assert report.mended
    assert everything_is_found(path, clustered)


def test_a_vector_that_changed_in_the_database_is_named(path: Path) -> None:
    execute("UPDATE vectors SET vector = zeroblob(64) WHERE id = 31")(path)
    report = LiveIndex.verify(path)
    assert "id 31 does not have the content" in str(report)
    assert not LiveIndex.repair(path).is_clean
    with LiveIndex.open(path, background=False) as index:  # its owner can mend it
        index.add(np.ones((1, 16)), [31])
    assert LiveIndex.verify(path).is_clean


def test_a_damaged_database_is_told_from_damaged_segments(path: Path) -> None:
    with (path / "log.sqlite").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096)
    report = LiveIndex.verify(path)
    assert report.problems[0].place == "database"
    with pytest.raises(FormatError, match="backup"):
        LiveIndex.repair(path)
    (path / "log.sqlite").write_bytes(b"no database at all, but text that is long enough to be one" * 100)
    assert not LiveIndex.verify(path).is_clean
    with pytest.raises(FormatError, match="backup"):
        LiveIndex.open(path)


def test_a_schema_that_is_no_text_is_told_as_damage(path: Path) -> None:
    file = path / "log.sqlite"
    file.write_bytes(file.read_bytes().replace(b"CREATE TABLE removals", b"CREATE TABLE\xd5removals"))
    assert LiveIndex.verify(path).problems[0].place == "database"
    for call in (LiveIndex.repair, LiveIndex.open):
        with pytest.raises(FormatError, match="backup"):
            call(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE live SET value = '{' WHERE name = 'written'",
        "UPDATE live SET value = x'00' WHERE name = 'mean'",
        "UPDATE live SET value = 'many' WHERE name = 'next_seq'",
        "DELETE FROM live WHERE name = 'dim'",
        "UPDATE live SET value = 0 WHERE name = 'version'",
    ],
)
def test_facts_that_make_no_sense_are_refused(path: Path, statement: str) -> None:
    execute(statement)(path)
    assert LiveIndex.verify(path).problems[0].place == "database"
    for writable in (True, False):
        with pytest.raises(FormatError, match=r"[Rr]estore"):
            LiveIndex.open(path, writable=writable)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE vectors SET seq = 'many' WHERE id = 25",
        "UPDATE vectors SET vector = 7 WHERE seq = (SELECT max(seq) FROM vectors)",
        "UPDATE models SET mean = 7",
        "UPDATE segments SET bytes = 'many'",
        "UPDATE tombstones SET row = 'many' WHERE row = (SELECT max(row) FROM tombstones)",
    ],
)
def test_values_of_the_wrong_kind_are_told_as_damage(path: Path, statement: str) -> None:
    execute(statement)(path)
    assert not LiveIndex.verify(path).is_clean
    with pytest.raises(FormatError, match="backup"):
        LiveIndex.repair(path)
    with contextlib.suppress(FormatError), LiveIndex.open(path, background=False) as index:
        index.compact()


def test_a_newer_version_is_refused_with_advice(path: Path) -> None:
    execute("UPDATE live SET value = 2 WHERE name = 'version'")(path)
    for call in (LiveIndex.open, LiveIndex.verify, LiveIndex.repair, lambda p: LiveIndex.open(p, writable=False)):
        with pytest.raises(NewerVersionError, match="pip install --upgrade"):
            call(path)


def test_what_a_killed_run_left_is_no_damage_and_is_swept(path: Path) -> None:
    shutil.copytree(path / "segments" / "000002", path / "segments" / "000099")
    (path / "segments" / ".000100.tmp").mkdir()
    (path / "models" / "000050.safetensors").write_bytes(b"x")
    report = LiveIndex.verify(path)
    assert report.is_clean
    assert len(report.leftovers) == 3
    LiveIndex.open(path, background=False).close()
    assert LiveIndex.verify(path).leftovers == ()


def test_what_is_removed_while_a_segment_is_damaged_never_comes_back(path: Path, clustered: np.ndarray) -> None:
    """Nobody can mark rows of a segment that cannot be opened, so it may not count again when it can."""
    file = path / "segments" / "000002" / "ids.npy"
    content = file.read_bytes()
    flip(file)
    with LiveIndex.open(path, background=False) as index:
        assert index.remove([100]) == 1
        index.add(-clustered[101:102], [101])
        file.write_bytes(content)
    with LiveIndex.open(path, background=False) as index:
        assert len(index.stats().damaged) == 1
        assert 100 not in index
        assert 101 in index
        assert 100 not in index.search(clustered[100], 400, exact=True).ids
        assert index.search(-clustered[101], 1).ids.tolist() == [[101]]
        assert len(index.ids) == len(index) == 359
    assert LiveIndex.repair(path).is_clean
    with LiveIndex.open(path, background=False) as index:
        assert len(index.ids) == 359
        assert index.search(-clustered[101], 1, n_probe=99).ids.tolist() == [[101]]
