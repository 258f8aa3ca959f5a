"""`find_photos` yields every photo below some folders once, in order, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lookalike.photos import PHOTO_SUFFIXES, find_photos


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "b.jpg", "a.JPG", "c.txt", "d", "e.jpg.xmp", ".hidden.jpg", "z/1.png", "z/deep/er/2.heic", "k/3.NEF",
        ".git/4.jpg", "photos.lookalike/thumbnails/5.jpg", "m.jpg/6.webp",
    ):  # fmt: skip
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    return tmp_path


def names(tree: Path, *paths: Path) -> list[str]:
    return [photo.relative_to(tree).as_posix() for photo in find_photos(paths)]


def test_photos_are_found_folder_by_folder_in_the_order_of_names(tree: Path) -> None:
    assert names(tree, tree) == ["a.JPG", "b.jpg", "k/3.NEF", "m.jpg/6.webp", "z/1.png", "z/deep/er/2.heic"]


def test_no_photo_is_yielded_twice(tree: Path) -> None:
    assert names(tree, tree / "z", tree, tree / "b.jpg", tree / "b.jpg") == [
        "z/1.png", "z/deep/er/2.heic", "a.JPG", "b.jpg", "k/3.NEF", "m.jpg/6.webp",
    ]  # fmt: skip


def test_a_file_that_is_named_is_yielded_if_it_is_a_photos(tree: Path) -> None:
    assert names(tree, tree / ".hidden.jpg", tree / "c.txt", tree / "missing.jpg") == [".hidden.jpg"]


def test_loops_of_symbolic_links_end_and_linked_photos_are_found_once(tree: Path) -> None:
    (tree / "z" / "loop").symlink_to(tree, target_is_directory=True)
    (tree / "linked").symlink_to(tree / "k", target_is_directory=True)
    (tree / "broken.jpg").symlink_to(tree / "nowhere.jpg")
    found = names(tree, tree)
    assert len(found) == 6
    assert [name for name in found if name.endswith("3.NEF")] == ["k/3.NEF"]


@pytest.mark.skipif(os.name == "nt", reason="paths of another length")
def test_a_folder_that_cannot_be_read_is_told(tree: Path) -> None:
    folder = os.open(tree, os.O_RDONLY)
    for _ in range(20):  # deeper than a path can name
        os.mkdir("y" * 250, dir_fd=folder)
        below = os.open("y" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    told: list[tuple[Path, str | None]] = []
    found = list(find_photos([tree], lambda path, error: told.append((path, error.strerror))))
    assert len(found) == 6
    ((path, reason),) = told
    assert path.name == "y" * 250
    assert reason == "File name too long"


def test_nothing_is_found_in_nothing(tmp_path: Path) -> None:
    assert list(find_photos([])) == list(find_photos([tmp_path, tmp_path / "missing"])) == []


def test_suffixes_are_in_lower_case_with_their_dot() -> None:
    assert {".jpg", ".png", ".webp", ".gif", ".tif", ".bmp", ".avif", ".heic", ".dng", ".cr3"} <= PHOTO_SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in PHOTO_SUFFIXES)
