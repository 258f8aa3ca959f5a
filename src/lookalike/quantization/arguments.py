"""Checks of what callers hand in: done once, at the public boundary; inside, code assumes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InvalidArgumentError

__all__ = ["as_array", "as_vectors", "check_choice", "check_count", "check_share", "normalised", "shown"]

_LARGEST = 1e15
"""Coordinates beyond this overflow float32 when squared and summed over thousands of dimensions."""

_LEAST = 1e-14
"""Where all coordinates lie below this, float32 loses their squares, and what is learned from them means nothing."""


def as_array(value: ArrayLike, name: str) -> NDArray[Any]:
    """Turn an argument into an array of any dtype, or say why it is none.

    NumPy's texts of any length (``StringDType``) become objects, as pandas has them.

    Raises
    ------
    InvalidArgumentError
        Rows of different lengths, a set or another thing without order, or masked values.
    """
    if np.ma.is_masked(value):
        raise InvalidArgumentError(
            f"`{name}` has masked values, which mean nothing here. Leave them out, or fill them: `{name}.filled(...)`."
        )
    try:
        array = np.asarray(value)
        if array.dtype.kind == "T":
            array = array.astype(np.object_)
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:  # the last: tensors of PyTorch
        raise InvalidArgumentError(
            f"`{name}` cannot become an array: {str(error).rstrip('.')}. "
            "Give an array, or a list whose rows have the same length."
        ) from error
    if array.dtype.kind == "O" and array.ndim == 0:
        raise InvalidArgumentError(
            f"`{name}` is of type {type(value).__name__}, but a list or an array is needed"
            + (f". Give `list({name})`." if hasattr(value, "__iter__") else ".")
        )
    return array


def as_vectors(
    value: ArrayLike, name: str, *, dim: int | None = None, trained_on: str | None = None
) -> NDArray[np.float32]:
    """Turn an argument into float32 (n, dim), C-contiguous and finite, or say what is wrong with it.

    Parameters
    ----------
    value : array-like (n, dim) or (dim,)
        Any real dtype. One vector alone becomes one row; so does each of a column whose values are vectors, as pandas
        and Arrow have them. Never changed; not copied when it already fits.
    name : str
        What the caller calls it, for the message.
    dim : int, optional
        The dimension required.
    trained_on : {"l2", "cosine"}, optional
        The metric of what is learned from these: by "l2", they may not be so small that float32 cannot square them.

    Raises
    ------
    InvalidArgumentError
        Wrong number of axes, dtype or dimension; NaN, infinite, enormous or tiny values.
    """
    array = as_array(value, name)
    if array.dtype.kind == "O" and array.ndim == 1:
        array = as_array(list(array), name)
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
        largest = max(-low, high)
        if trained_on == "l2" and 0 < largest < _LEAST:
            raise InvalidArgumentError(
                f"`{name}` holds values up to {largest:.3g} only, whose squares float32 cannot hold. Scale the vectors "
                f"up: `{name} / numpy.abs({name}).max()`."
            )
    return np.ascontiguousarray(array, dtype=np.float32)


def check_choice(value: str, name: str, choices: tuple[str, ...]) -> str:
    """Give ``value``, or raise unless it is one of ``choices``."""
    if not isinstance(value, str) or value not in choices:
        raise InvalidArgumentError(f"`{name}` is {shown(value)}, but one of {', '.join(map(repr, choices))} is needed.")
    return value


def check_count(value: object, name: str, *, least: int = 1, most: int | None = None) -> int:
    """Give ``value`` as an int, or raise unless it is a whole number of at least ``least`` and at most ``most``."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        raise InvalidArgumentError(f"`{name}` is {shown(value)}, but a whole number of at least {least} is needed.")
    if most is not None and value > most:
        raise InvalidArgumentError(f"`{name}` is {shown(value)}, but a whole number of at most {most} is needed.")
    return int(value)


def shown(value: object) -> str:
    """Show a value in a message: numbers of NumPy as plain ones, and nothing at length."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, int) and plain.bit_length() > 128:  # beyond some thousand digits Python refuses to show it
        return f"a number of {plain.bit_length()} bits"
    text = repr(plain)
    return text if len(text) <= 200 else f"{text[:200]}..."


def check_share(value: object, name: str) -> float:
    """Give ``value`` as a float, or raise unless it is a number above 0 and at most 1."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InvalidArgumentError(f"`{name}` is {shown(value)}, but a number above 0 and at most 1 is needed.")
    if not 0 < value <= 1:  # NaN too
        raise InvalidArgumentError(f"`{name}` is {shown(value)}, but a number above 0 and at most 1 is needed.")
    return float(value)


def normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale vectors to unit length; a zero vector has no direction and stays zero (cosine 0 to everything)."""
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    # divided by the largest first, so that tiny and huge vectors keep their direction
    unit = (vectors / np.where(largest > 0, largest, 1)).astype(np.float32, copy=False)
    norms = np.sqrt(np.einsum("nd,nd->n", unit, unit))[:, None]
    unit /= np.where(norms > 0, norms, 1)
    return unit
