"""An index on disk: the same after a round, replaced in one step, refused when damaged."""

from __future__ import annotations

import copy
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import FormatError, InvalidArgumentError
from lookalike.index import LOPQIndex, array_files, storage

Data = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def index(photos_like: Data) -> LOPQIndex:
    made = LOPQIndex.build(photos_like[0][:1500], metric="cosine")
    made.add(photos_like[0][1500:1600])
    made.remove(np.arange(10))
    return made


@pytest.fixture
def folder(index: LOPQIndex, tmp_path: Path) -> Path:
    index.save(tmp_path / "photos.index")
    return tmp_path / "photos.index"


@pytest.mark.parametrize("mmap", [True, False])
def test_an_opened_index_searches_as_the_saved_one(
    index: LOPQIndex, folder: Path, photos_like: Data, mmap: bool
) -> None:
    opened = LOPQIndex.open(folder, mmap=mmap)
    got, want = opened.search(photos_like[1], 10), index.search(photos_like[1], 10)
    np.testing.assert_array_equal(got.ids, want.ids)
    np.testing.assert_array_equal(got.distances, want.distances)
    assert len(opened) == 1590
    opened.add(photos_like[0][3000:3050], np.arange(3000, 3050))
    assert opened.remove([3000, 50]) == 2
    opened.save(folder)
    assert len(LOPQIndex.open(folder)) == 1638


@pytest.mark.parametrize("rerank", [None, "float16", "float32"])
def test_text_ids_and_every_kind_of_embedding_are_kept(tmp_path: Path, rerank: str | None) -> None:
    LOPQIndex.build(np.eye(3), ids=["ä", "b", "c"], rerank=rerank).save(tmp_path / "x")
    assert LOPQIndex.open(tmp_path / "x").search(np.eye(3)[0], 1).ids.tolist() == [["ä"]]


def test_an_empty_index_is_kept(index: LOPQIndex, tmp_path: Path) -> None:
    LOPQIndex.from_model(index.model).save(tmp_path / "x")
    opened = LOPQIndex.open(tmp_path / "x")
    assert len(opened) == 0
    opened.add(np.ones((1, 64)))
    assert len(opened) == 1


def test_saving_again_leaves_no_old_files_and_open_maps_stay_readable(
    index: LOPQIndex, folder: Path, photos_like: Data
) -> None:
    mapped = LOPQIndex.open(folder)
    files = len(list(folder.iterdir()))
    index.save(folder)
    index.save(folder)
    assert len(list(folder.iterdir())) == files
    np.testing.assert_array_equal(mapped.search(photos_like[1]).ids, index.search(photos_like[1]).ids)
    LOPQIndex.verify(folder)


def test_a_crash_while_saving_leaves_the_old_index(
    index: LOPQIndex, folder: Path, photos_like: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_written = 0

    def write_then_die(file: Path, array: np.ndarray) -> None:
        nonlocal n_written
        n_written += 1
        if n_written == 3:
            raise KeyboardInterrupt
        np.save(file, array)

    monkeypatch.setattr(storage, "write_array", write_then_die)
    with pytest.raises(KeyboardInterrupt):
        index.save(folder)
    monkeypatch.undo()
    LOPQIndex.verify(folder)
    assert len(LOPQIndex.open(folder)) == 1590
    index.save(folder)
    assert {file.name[:7] for file in folder.iterdir()} == {"index.j", "g000002", "save.lo"}


def test_the_first_saving_that_was_cut_short_is_done_again(index: LOPQIndex, tmp_path: Path) -> None:
    left = ["g000001-model.safetensors", "g000001-s0003-ids.npy", ".g000001-model.safetensors.12.tmp"]
    for name in [*left, ".index.json.12.tmp"]:
        (tmp_path / name).write_bytes(b"half")
    index.save(tmp_path)
    LOPQIndex.verify(tmp_path)
    assert not [file.name for file in tmp_path.iterdir() if file.read_bytes() == b"half"]


def test_savings_at_the_same_time_take_turns(index: LOPQIndex, tmp_path: Path, photos_like: Data) -> None:
    mine = copy.deepcopy(index)
    with ThreadPoolExecutor(4) as pool:
        savings = []
        for row in range(16):
            mine.add(photos_like[0][row : row + 1])
            savings.append(pool.submit(mine.save, tmp_path / "x"))
    for saving in savings:
        saving.result()
    LOPQIndex.verify(tmp_path / "x")
    assert len(LOPQIndex.open(tmp_path / "x")) == len(mine)


def test_other_peoples_folders_and_files_are_left_alone(index: LOPQIndex, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    for path in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(InvalidArgumentError):
            index.save(path)
    with pytest.raises(FileNotFoundError, match="no index at"):
        LOPQIndex.open(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_any_flipped_byte_is_found_by_verify_and_by_opening_without_mmap(folder: Path) -> None:
    for file in sorted(set(folder.iterdir()) - {folder / "save.lock"}):
        content = file.read_bytes()
        place = len(content) * 2 // 3
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(FormatError):
            LOPQIndex.verify(folder)
        with pytest.raises(FormatError):
            LOPQIndex.open(folder, mmap=False)
        file.write_bytes(content)
    LOPQIndex.verify(folder)


def test_a_flipped_byte_of_the_model_is_found_by_opening_with_mmap(folder: Path) -> None:
    (file,) = folder.glob("*model.safetensors")
    content = bytearray(file.read_bytes())
    content[-1000] ^= 1
    file.write_bytes(content)
    with pytest.raises(FormatError, match=r"model\.safetensors does not have the content"):
        LOPQIndex.open(folder, mmap=True)


def test_ids_that_were_removed_are_never_given_again_after_opening(folder: Path, photos_like: Data) -> None:
    opened = LOPQIndex.open(folder)
    opened.remove(np.arange(500, 1600))
    opened.save(folder)
    assert json.loads((folder / "index.json").read_text())["next_id"] == 1600
    again = LOPQIndex.open(folder)
    again.add(photos_like[0][:2])
    assert sorted(again.ids)[-3:] == [499, 1600, 1601]


def test_a_manifest_that_tells_no_next_id_is_read(folder: Path, photos_like: Data) -> None:
    body = json.loads((folder / "index.json").read_text())
    del body["checksum"], body["next_id"]
    (folder / "index.json").write_text(json.dumps({**body, "checksum": storage._checksum(body)}))
    opened = LOPQIndex.open(folder)
    opened.add(photos_like[0][:1])
    assert max(opened.ids) == 1600


def test_a_file_cut_short_or_missing_is_refused_at_once(folder: Path) -> None:
    for file in sorted(set(folder.iterdir()) - {folder / "save.lock"}):
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
        with pytest.raises(FormatError):
            LOPQIndex.open(folder)
        if file.name != "index.json":
            file.unlink()
            with pytest.raises(FormatError):
                LOPQIndex.open(folder)
            with pytest.raises(FormatError):
                LOPQIndex.verify(folder)
        file.write_bytes(content)


def rewritten(folder: Path, **changes: object) -> None:
    """Give the manifest other fields and a checksum that fits."""
    body = json.loads((folder / "index.json").read_text())
    del body["checksum"]
    body.update(changes)
    (folder / "index.json").write_text(json.dumps({**body, "checksum": storage._checksum(body)}))


@pytest.mark.parametrize(
    "header", [b"{'descr': '<f2', ", bytes(118), b"{'descr': ('<f2', {}), 'fortran_order': False, 'shape': (1,)}"]
)
@pytest.mark.parametrize("mmap", [True, False])
def test_an_array_file_with_a_damaged_header_is_refused(tmp_path: Path, header: bytes, mmap: bool) -> None:
    file = tmp_path / "x.npy"
    np.save(file, np.ones(4, np.float16))
    file.write_bytes(file.read_bytes()[:10] + header.ljust(118) + b"\0" * 8)
    with pytest.raises(FormatError, match="not a readable array"):
        array_files.read_array(file, mmap=mmap)


def test_a_newer_version_is_refused_with_advice(folder: Path) -> None:
    rewritten(folder, version=2)
    with pytest.raises(FormatError, match="pip install --upgrade"):
        LOPQIndex.open(folder)


def test_a_hostile_manifest_is_refused(folder: Path) -> None:
    good = (folder / "index.json").read_bytes()
    body = json.loads(good)
    outside = {"file": "../../etc/passwd", "bytes": 1, "sha256": "0"}
    swapped = [{**each, "arrays": {**each["arrays"], "blocks": each["arrays"]["ids"]}} for each in body["segments"]]
    for changes in (
        {"model": outside},
        {"model": None},
        {"segments": 5},
        {"segments": [{}]},
        {"segments": swapped},
        {"segments": [{**each, "scale": float("inf")} for each in body["segments"]]},
        {"next_id": -1},
        {"next_id": "5"},
        {"next_id": 2**63 + 1},
        {"rerank": "float64"},
        {"rerank": "float32"},
        {"version": None},
        {"format": "zip"},
    ):
        rewritten(folder, **changes)
        with pytest.raises(FormatError):
            LOPQIndex.open(folder)
        (folder / "index.json").write_bytes(good)
    for text in (b"", b"[]", b"{", b"[" * 100_000, b"\xff\xfe"):
        (folder / "index.json").write_bytes(text)
        with pytest.raises(FormatError):
            LOPQIndex.open(folder)
