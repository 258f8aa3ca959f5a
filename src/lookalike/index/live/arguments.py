"""Checks of what callers of a live index hand in."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InvalidArgumentError, LiveIndexError
from lookalike.index.identities import as_ids
from lookalike.index.live.opened import DATABASE

__all__ = ["check_begun", "check_vacant", "existing_folder", "next_ids", "unique_ids"]

LAST_ID = 2**63 - 1
"""The largest number of SQLite, which what comes after an id must not exceed."""


def unique_ids(ids: ArrayLike, n: int) -> NDArray[np.int64]:
    """Turn an argument into n ids, all different, or say what is wrong with it."""
    names = np.asarray(as_ids(ids, n=n, kind="int"), np.int64)
    if int(names.max(initial=0)) >= LAST_ID:
        raise InvalidArgumentError(f"`ids` holds {names.max()}, but ids go up to {LAST_ID - 1:,}. Give smaller ones.")
    unique, counts = np.unique(names, return_counts=True)
    if len(unique) != n:
        raise InvalidArgumentError(f"`ids` holds {unique[counts > 1][0]} more than once; give every id once.")
    return names


def next_ids(first: int, n: int) -> NDArray[np.int64]:
    """Give the next n ids, or say that there are not so many."""
    if first + n > LAST_ID:
        raise InvalidArgumentError(
            f"There are no {n:,} ids after the largest there ever was, {first - 1:,}. Give `ids`."
        )
    return np.arange(first, first + n, dtype=np.int64)


def existing_folder(path: str | os.PathLike[str]) -> Path:
    """Give the folder of an index, or raise where there is none."""
    folder = Path(path)
    if not (folder / DATABASE).is_file():
        raise LiveIndexError(f"There is no live index at {folder}: it has no {DATABASE}.")
    return folder


def check_vacant(folder: Path) -> None:
    """Raise where a folder is a file, or holds things of others."""
    if folder.exists() and not folder.is_dir():
        raise InvalidArgumentError(f"{folder} is a file, but a live index is a directory. Give another path.")
    others = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    if DATABASE not in others and others - {"writer.lock", "writer.json"}:
        raise InvalidArgumentError(
            f"{folder} holds other files, and a live index its own directory. Give a new or an empty one."
        )


def check_begun(connection: sqlite3.Connection) -> None:
    """Raise unless a transaction is begun."""
    if not connection.in_transaction:
        raise InvalidArgumentError(
            "`connection` has no transaction begun. Begin one (`BEGIN IMMEDIATE`) and commit it."
        )
