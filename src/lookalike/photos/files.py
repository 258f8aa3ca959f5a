"""Finding the photos below some folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lookalike.photos.formats import PHOTO_SUFFIXES

__all__ = ["find_photos"]


def find_photos(
    paths: Iterable[Path], on_unreadable: Callable[[Path, OSError], object] | None = None
) -> Iterator[Path]:
    """Yield the photo files at and below `paths`, folder by folder, each in the order of names.

    Hidden files and folders, our own collections (named ``*.lookalike`` or not) and files whose suffix is not a
    photo's are passed over, as are folders that cannot be read. Symbolic links are followed; a folder is visited once
    however many links lead to it, so loops end. A file that is named itself in `paths` is yielded if its suffix is a
    photo's, hidden or not.

    Parameters
    ----------
    paths : iterable of Path
        Files or folders; those that do not exist yield nothing.
    on_unreadable : callable, optional
        Called with each folder that cannot be read, and the reason.

    Yields
    ------
    Path
        Below the path it was found under, not resolved. No path twice.
    """
    visited: set[tuple[int, int]] = set()
    yielded: set[str] = set()
    for path in paths:
        if path.is_dir():
            found = _below(os.fspath(path), visited, on_unreadable)
        else:
            found = iter([os.fspath(path)] if _is_photo_name(path.name) and path.is_file() else [])
        for photo in found:
            if photo not in yielded:
                yielded.add(photo)
                yield Path(photo)


def _below(
    folder: str, visited: set[tuple[int, int]], on_unreadable: Callable[[Path, OSError], object] | None
) -> Iterator[str]:
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            status = Path(current).stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(current) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if on_unreadable is not None:
                on_unreadable(Path(current), error)
            continue
        if {"collection.json", "catalog.sqlite"} <= {entry.name for entry in listed}:
            continue  # a collection of ours, whatever it is called: its thumbnails are no photos
        folders = []
        for entry in listed:
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir():
                    if not entry.name.endswith(".lookalike"):
                        folders.append(entry.path)
                elif _is_photo_name(entry.name) and entry.is_file():
                    yield entry.path
            except OSError:
                continue
        waiting.extend(reversed(folders))


def _is_photo_name(name: str) -> bool:
    return "." in name and name[name.rindex(".") :].lower() in PHOTO_SUFFIXES
