"""Checks of what callers hand in: done once, at the public boundary; inside, code assumes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InvalidArgumentError

__all__ = ["as_vectors", "check_choice", "check_count", "check_share", "normalised"]

_LARGEST = 1e15
"""Coordinates beyond this overflow float32 when squared and summed over thousands of dimensions."""


def as_vectors(value: ArrayLike, name: str, *, dim: int | None = None) -> NDArray[np.float32]:
    """Turn an argument into float32 (n, dim), C-contiguous and finite, or say what is wrong with it.

    Parameters
    ----------
    value : array-like (n, dim) or (dim,)
        Any real dtype. One vector alone becomes one row. Never changed; not copied when it already fits.
    name : str
        What the caller calls it, for the message.
    dim : int, optional
        The dimension required.

    Raises
    ------
    InvalidArgumentError
        Wrong number of axes, dtype or dimension; NaN, infinite or enormous values.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise InvalidArgumentError(
            f"`{name}` has dtype {array.dtype}, but numbers are needed (float16, float32, float64 or integers). "
            f"Convert it with `{name}.astype(numpy.float32)`."
        )
    if array.ndim == 1 and (array.size or dim is None):
        array = array[None, :]
    if array.ndim != 2:
        raise InvalidArgumentError(f"`{name}` has shape {array.shape}, but (n, dim) is needed: one vector per row.")
    if array.shape[1] == 0:
        raise InvalidArgumentError(f"`{name}` has shape {array.shape}: vectors need at least one dimension.")
    if dim is not None and array.shape[1] != dim:
        raise InvalidArgumentError(
            f"`{name}` has dimension {array.shape[1]}, but dimension {dim} was trained on. "
            "Give vectors of the same kind as those, or build anew."
        )
    if array.size:
        low, high = float(array.min()), float(array.max())  # NaN passes through both
        if not (low >= -_LARGEST and high <= _LARGEST):
            raise InvalidArgumentError(
                f"`{name}` holds values from {low} to {high}, but finite ones below {_LARGEST:g} are needed. "
                f"Remove the rows where `numpy.isfinite({name}).all(axis=1)` is false, or scale the vectors down."
            )
    return np.ascontiguousarray(array, dtype=np.float32)


def check_choice(value: str, name: str, choices: tuple[str, ...]) -> str:
    """Give ``value``, or raise unless it is one of ``choices``."""
    if value not in choices:
        raise InvalidArgumentError(f"`{name}` is {value!r}, but one of {', '.join(map(repr, choices))} is needed.")
    return value


def check_count(value: object, name: str, *, least: int = 1) -> int:
    """Give ``value`` as an int, or raise unless it is a whole number of at least ``least``."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        raise InvalidArgumentError(f"`{name}` is {value!r}, but a whole number of at least {least} is needed.")
    return int(value)


def check_share(value: object, name: str) -> float:
    """Give ``value`` as a float, or raise unless it is a number above 0 and at most 1."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InvalidArgumentError(f"`{name}` is {value!r}, but a number above 0 and at most 1 is needed.")
    if not 0 < value <= 1:  # NaN too
        raise InvalidArgumentError(f"`{name}` is {value!r}, but a number above 0 and at most 1 is needed.")
    return float(value)


def normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale vectors to unit length; a zero vector has no direction and stays zero (cosine 0 to everything)."""
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    # divided by the largest first, so that tiny and huge vectors keep their direction
    unit = (vectors / np.where(largest > 0, largest, 1)).astype(np.float32, copy=False)
    norms = np.sqrt(np.einsum("nd,nd->n", unit, unit))[:, None]
    unit /= np.where(norms > 0, norms, 1)
    return unit
