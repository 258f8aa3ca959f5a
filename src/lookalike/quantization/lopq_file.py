"""Models of yahoo/lopq: their protobuf file, read and written.

The message has few fields (https://github.com/yahoo/lopq, ``protobuf/lopq_model.proto``), so the wire format
(https://protobuf.dev/programming-guides/encoding/) is spoken here directly: no generated code, no dependency,
and arrays come straight from the file's bytes.

========================  ======  =====================================================================
field                     number  content
========================  ======  =====================================================================
D, V, M                   1 2 3   dimension, centroids per half, sub-quantizers
num_subquantizers         4       centroids per sub-quantizer
Cs (Matrix)               5       2 of V x D/2
Rs (Matrix)               6       2 V of D/2 x D/2, first half's first; rows are axes: ``R (x - c - mu)``
mus (Vector)              7       2 V of D/2
subs (Matrix)             8       M of num_subquantizers x D/M
Matrix, Vector            1, 2    packed float32 values; shape (Matrix only)
========================  ======  =====================================================================
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import FormatError
from lookalike.quantization.files import write_whole

__all__ = ["LopqParameters", "read_lopq", "write_lopq"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True, eq=False)
class LopqParameters:
    """The arrays of such a file.

    Parameters
    ----------
    centroids : float32 (2, V, D/2)
    rotations : float32 (2, V, D/2, D/2)
    residual_means : float32 (2, V, D/2)
    codebooks : float32 (M, num_subquantizers, D/M)
    """

    centroids: NDArray[np.float32]
    rotations: NDArray[np.float32]
    residual_means: NDArray[np.float32]
    codebooks: NDArray[np.float32]


def write_lopq(path: str | os.PathLike[str], parameters: LopqParameters) -> None:
    """Write the file, complete or not at all."""
    _, n_coarse, part_dim = parameters.centroids.shape
    m, k, _ = parameters.codebooks.shape
    sizes = (2 * part_dim, n_coarse, m, k)
    message = b"".join(_tag(number, _VARINT) + _varint(size) for number, size in enumerate(sizes, start=1))
    rotations = parameters.rotations.reshape(-1, part_dim, part_dim)
    means = parameters.residual_means.reshape(-1, part_dim)
    arrays = [(5, parameters.centroids), (6, rotations), (7, means), (8, parameters.codebooks)]
    message += b"".join(_field(number, _array_message(each)) for number, stack in arrays for each in stack)
    write_whole(path, message)


def read_lopq(path: str | os.PathLike[str]) -> LopqParameters:
    """Read such a file.

    Raises
    ------
    FormatError
        The file is damaged, lacks a part of the model, or its shapes do not belong together.
    """
    arrays: dict[int, list[NDArray[np.float32]]] = {5: [], 6: [], 7: [], 8: []}
    data = memoryview(Path(path).read_bytes())
    try:
        for number, value in _fields(data):
            if number in arrays:
                if isinstance(value, int):
                    raise FormatError(f"field {number} is a number, not a message")
                arrays[number].append(_read_array(value))
        centroids = _stacked(arrays[5], "Cs", 2)
        n_coarse = centroids.shape[1]
        rotations = _stacked(arrays[6], "Rs", 2 * n_coarse)
        means = _stacked(arrays[7], "mus", 2 * n_coarse)
        codebooks = _stacked(arrays[8], "subs", None)
        for name, array, axes in (
            ("Cs", centroids, 3),
            ("Rs", rotations, 3),
            ("mus", means, 2),
            ("subs", codebooks, 3),
        ):
            if array.ndim != axes:
                raise FormatError(f"its {name} have shape {array.shape[1:]}")
        part_dim = centroids.shape[2]
        if rotations.shape[1:] != (part_dim, part_dim) or means.shape[1:] != (part_dim,):
            raise FormatError(f"its Rs {rotations.shape[1:]} and mus {means.shape[1:]} do not fit its Cs")
    except FormatError as error:
        raise FormatError(f"{path} is not a complete model of yahoo/lopq: {error}.") from error
    return LopqParameters(
        centroids, rotations.reshape(2, n_coarse, part_dim, part_dim), means.reshape(2, n_coarse, part_dim), codebooks
    )


def _stacked(arrays: list[NDArray[np.float32]], name: str, n: int | None) -> NDArray[np.float32]:
    if not arrays or (n is not None and len(arrays) != n):
        raise FormatError(f"it has {len(arrays)} {name}, and {'some' if n is None else n} are needed")
    if len({array.shape for array in arrays}) != 1:
        raise FormatError(f"its {name} differ in shape")
    return np.stack(arrays)


def _read_array(message: memoryview) -> NDArray[np.float32]:
    values: list[NDArray[np.float32]] = []
    shape: list[int] = []
    for number, value in _fields(message):
        if number == 1 and not isinstance(value, int):
            if len(value) % 4:
                raise FormatError("a list of floats ends early")
            values.append(np.frombuffer(value, "<f4").astype(np.float32))
        elif number == 2:
            shape += [value] if isinstance(value, int) else list(_varints(value))
    flat = np.concatenate([np.empty(0, np.float32), *values])
    if shape and math.prod(shape) != len(flat):
        raise FormatError(f"an array of shape {tuple(shape)} has {len(flat)} values")
    return flat.reshape(shape) if shape else flat


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        number, kind = tag >> 3, tag & 7
        value: int | memoryview
        if kind == _VARINT:
            value, position = _read_varint(message, position)
            yield number, value
            continue
        if kind == _BYTES:
            size, position = _read_varint(message, position)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise FormatError(f"it holds a field of unknown kind {kind}")
        if position + size > len(message):
            raise FormatError("it ends early")
        yield number, message[position : position + size]
        position += size


def _varints(data: memoryview) -> Iterator[int]:
    position = 0
    while position < len(data):
        value, position = _read_varint(data, position)
        yield value


def _read_varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise FormatError("it ends early")
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise FormatError("it holds a number of more than 64 bits")


def _array_message(array: NDArray[np.float32]) -> bytes:
    values = _field(1, np.ascontiguousarray(array, "<f4").tobytes())
    if array.ndim == 1:
        return values
    return values + b"".join(_tag(2, _VARINT) + _varint(size) for size in array.shape)


def _field(number: int, content: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(content)) + content


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
