"""Files that a person names: read only if they are files, and no larger than may be."""

import os
from pathlib import Path

import pytest

from lookalike.collection.outside import read_file
from lookalike.errors import InvalidArgumentError, PhotoTooLargeError
from lookalike.photos import PhotoLimits


def test_a_file_is_read_up_to_its_limit_and_beyond_it_not_at_all(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"1234567890")
    assert read_file(photo, PhotoLimits(max_bytes=10)) == read_file(photo) == b"1234567890"
    os.truncate(photo, PhotoLimits().max_bytes + 1)
    for limits in (PhotoLimits(max_bytes=10), None):
        with pytest.raises(PhotoTooLargeError):
            read_file(photo, limits)


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(InvalidArgumentError, match="is not a file"):
            read_file(tmp_path / name)
    for name in ("missing.jpg", "a\0b"):
        with pytest.raises(InvalidArgumentError, match="cannot be read"):
            read_file(tmp_path / name)
