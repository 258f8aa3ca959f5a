"""Ids of vectors, and filters on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.quantization.arguments import as_array, shown

__all__ = ["Ids", "admitted", "as_ids", "empty_ids"]

Ids = NDArray[np.int64] | NDArray[np.str_]


def as_ids(value: ArrayLike, name: str = "ids", *, n: int | None = None, kind: str | None = None) -> Ids:
    """Turn an argument into int64 (n,) or str (n,) ids.

    Parameters
    ----------
    value : array-like (n,)
    name : str
        What the caller calls it.
    n : int, optional
        How many are required.
    kind : {"int", "str"}, optional
        Which kind is required.

    Raises
    ------
    InvalidArgumentError
        Not one axis, neither whole numbers nor text, negative, empty text, or not as required.
    """
    array: NDArray[Any] = as_array(value, name)
    if array.size == 0 and array.dtype.kind == "f":  # numpy's dtype of an empty list
        array = array.astype(np.str_ if kind == "str" else np.int64)
    if array.ndim != 1:
        raise InvalidArgumentError(f"`{name}` has shape {array.shape}, but one axis is needed: one id per vector.")
    if array.dtype.kind == "U" and not isinstance(value, np.ndarray):
        other = next((each for each in value if not isinstance(each, str)), None)  # type: ignore[union-attr]
        if other is not None:
            raise InvalidArgumentError(
                f"`{name}` holds text and {shown(other)}, but all must be of one kind: whole numbers, or text."
            )
    if n is not None and len(array) != n:
        raise InvalidArgumentError(f"`{name}` holds {len(array)} ids, but {n} are needed: one per vector.")
    if array.dtype.kind == "O" and all(isinstance(each, str) for each in array):
        array = array.astype(np.str_)
    if array.dtype.kind in "iu":
        if array.size and (array.min() < 0 or int(array.max()) > np.iinfo(np.int64).max):
            raise InvalidArgumentError(f"`{name}` goes below 0 or beyond 64 bits; -1 stands for an empty slot.")
        ids: Ids = array.astype(np.int64)
    elif array.dtype.kind == "U":
        if array.size and (array == "").any():
            raise InvalidArgumentError(f'`{name}` holds "", which stands for an empty slot. Give every vector a name.')
        ids = array.astype(np.str_)
    else:
        raise InvalidArgumentError(f"`{name}` has dtype {array.dtype}, but whole numbers or text are needed.")
    found = "str" if ids.dtype.kind == "U" else "int"
    if kind is not None and found != kind:
        raise InvalidArgumentError(f"`{name}` are of kind {found}, but this index has ids of kind {kind}.")
    return ids


def admitted(filter: ArrayLike, ids: Ids) -> NDArray[np.bool_]:
    """Which of ``ids`` a filter admits: bool (n,).

    Parameters
    ----------
    filter : bool array-like (m,) or array-like of ids
        A bool mask admits the id ``i`` where ``mask[i]``; ids beyond its end are not admitted. Otherwise the ids to
        admit; unknown ones do nothing.
    ids : int64 or str (n,)
    """
    array = as_array(filter, "filter")
    if array.dtype.kind == "b":
        if ids.dtype.kind == "U" or array.ndim != 1:
            raise InvalidArgumentError(
                f"`filter` is a bool mask of shape {array.shape}, which names ids by their number, but this index "
                "has ids of text, or the mask not one axis. Give the admitted ids themselves."
            )
        inside = np.asarray(ids, np.int64) < len(array)
        out: NDArray[np.bool_] = np.zeros(len(ids), np.bool_)
        out[inside] = array[np.asarray(ids, np.int64)[inside]]
        return out
    wanted = as_ids(
        filter if array.dtype.kind == "U" else array, "filter", kind="str" if ids.dtype.kind == "U" else "int"
    )
    return np.isin(ids, wanted)


def empty_ids(shape: tuple[int, int], like: Ids | None) -> Ids:
    """Slots with no hit: -1, or "" where ids are text."""
    if like is not None and like.dtype.kind == "U":
        blank: NDArray[np.str_] = np.zeros(shape, like.dtype)
        return blank
    return np.full(shape, -1, np.int64)
