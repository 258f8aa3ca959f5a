"""A copy of a live index, consistent while it is being written."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from lookalike.errors import FormatError, InvalidArgumentError, LiveIndexError
from lookalike.index.live import tables
from lookalike.index.live.database import connect
from lookalike.index.live.model_files import model_file
from lookalike.index.live.segment_files import copy_segment
from lookalike.quantization.files import sync_folder

__all__ = ["copy_index"]

_TRIES = 10


def copy_index(database: Path, folder: Path, target: Path, *, name: str) -> None:
    """Copy one state of the database, and the models and segments it names.

    It is there under its name when all of it is on disk. Segments never change, so only one that is merged away between
    the two steps is missed; then both are done again.

    Parameters
    ----------
    database, folder : Path
        Of the index.
    target : Path
        A folder that is not there yet.
    name : str
        Of the database in it.

    Raises
    ------
    InvalidArgumentError
        Something is at ``target``.
    FormatError
        A file of the index is missing.
    LiveIndexError
        The disk is full or cannot be written.
    """
    if target.exists():
        raise InvalidArgumentError(f"{target} is there already. Give a path at which nothing is.")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        for attempt in range(_TRIES):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            try:
                _copy(database, folder, temporary, name)
            except FileNotFoundError as error:
                if attempt == _TRIES - 1:
                    raise FormatError(
                        f"{error.filename} is missing. Mend the index with `LiveIndex.repair` first."
                    ) from error
                continue
            break
        temporary.rename(target)
        sync_folder(target.parent)
    except (OSError, sqlite3.OperationalError) as error:
        raise LiveIndexError(f"the copy at {target} could not be made: {error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy(database: Path, folder: Path, target: Path, name: str) -> None:
    with closing(connect(database, writable=False)) as source, closing(sqlite3.connect(target / name)) as db:
        source.backup(db)
        segments, models = tables.segments(db), tables.models(db)
    for part in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            (target / f"{name}{part}").unlink()
    (target / "segments").mkdir()
    (target / "models").mkdir()
    for segment in segments:
        copy_segment(folder / "segments", target / "segments", segment.number)
    for model in models.values():
        shutil.copyfile(model_file(folder / "models", model.number), model_file(target / "models", model.number))
    for path in [*target.rglob("*"), target]:
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
