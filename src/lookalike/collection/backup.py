"""A copy of a collection, consistent while photos are being added.

The catalog is copied as it is at one moment, by SQLite's own backup, with the segments and models that it names then;
thumbnails never change under their name, so they are linked where the disk allows it. The copy takes its name when all
of it is there.
"""

from __future__ import annotations

import glob
import os
import shutil
from pathlib import Path

from lookalike.collection.thumbnails import ThumbnailStore
from lookalike.collection.vectors import CATALOG
from lookalike.errors import CollectionError, InvalidArgumentError, LiveIndexError
from lookalike.index.live.backup import copy_index
from lookalike.quantization.files import sync_folder

__all__ = ["copy_collection"]


def copy_collection(directory: Path, target: Path) -> None:
    """Copy the collection at `directory` to `target`, where nothing or an empty directory is.

    Raises
    ------
    InvalidArgumentError
        Something is at `target`, or it lies inside of the collection.
    FormatError
        A file of the index is missing.
    CollectionError
        The disk is full or cannot be written to.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InvalidArgumentError(f"`{target}` is there already. Give a path at which nothing is.")
    whole = Path(os.path.abspath(target))  # noqa: PTH100  the target need not exist
    if directory.resolve() in [whole.resolve(), *whole.resolve().parents]:
        raise InvalidArgumentError(f"`{target}` lies inside of the collection itself. Give another path.")
    temporary = whole.with_name(f".{whole.name}.{os.getpid()}.new")
    try:
        _remove_unfinished(whole)
        whole.parent.mkdir(parents=True, exist_ok=True)
        copy_index(directory / CATALOG, directory, temporary, name=CATALOG)
        _copy_thumbnails(ThumbnailStore(directory / "thumbnails"), temporary / "thumbnails")
        shutil.copyfile(directory / "collection.json", temporary / "collection.json")
        if target.exists():
            target.rmdir()
        temporary.rename(whole)
        sync_folder(whole.parent)
    except (OSError, LiveIndexError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__ or error
        reason = getattr(cause, "strerror", None) or cause
        raise CollectionError(
            f"The copy at `{target}` could not be made: {reason}. What was begun is removed again; the original is "
            "as it was."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_unfinished(target: Path) -> None:
    """Remove what copies to the same place left that were killed: their name tells the process."""
    for unfinished in target.parent.glob(f".{glob.escape(target.name)}.*.new"):
        process = unfinished.name[len(target.name) + 2 : -len(".new")]
        if process.isdecimal() and (int(process) == os.getpid() or not _is_running(int(process))):
            shutil.rmtree(unfinished, ignore_errors=True)


def _is_running(process: int) -> bool:
    if os.name == "nt":  # where asking would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _copy_thumbnails(source: ThumbnailStore, target: Path) -> None:
    linked = True
    for folder in sorted(source.root.iterdir()) if source.root.is_dir() else ():
        if not folder.is_dir():
            continue
        (target / folder.name).mkdir(parents=True)
        for jpeg in folder.glob("*.jpg"):
            copy = target / folder.name / jpeg.name
            if linked:
                try:
                    os.link(jpeg, copy)
                    continue
                except FileNotFoundError:  # made again at the first look
                    continue
                except OSError:  # another disk, or one that knows no links
                    linked = False
            shutil.copyfile(jpeg, copy)
