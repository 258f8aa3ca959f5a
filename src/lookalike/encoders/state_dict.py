"""Read a PyTorch checkpoint in the legacy format without PyTorch, and without running anything in it.

The format (``torch.save`` before 1.6, ``torch/serialization.py``) is a row of pickles, magic number, protocol,
system facts, the object, the list of storage keys, followed by each storage as a count (int64) and its raw values.
A pickle is a program, so a plain load would run whatever the file's author wrote. The unpickler here resolves four
names and no others, each to something inert: `collections.OrderedDict` to a dict without attributes,
`_rebuild_tensor_v2` to a function that writes down its arguments, and the two storage classes to their dtype's name.
Every tensor's offset, shape and strides are checked against its storage before an array is made.

Cost: one pass over the file, the weights twice in memory for a moment.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import EncoderError

__all__ = ["read_state_dict"]


_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGE_DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class _NamedTensors(dict[str, Any]):
    """A dict that lets nobody set attributes; checkpoints try to, with facts about module versions."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Drop the state: nothing in it is a tensor."""


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: str
    n_values: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in values, not bytes


def _reject(reason: str) -> NoReturn:
    raise EncoderError(
        f"not a legacy PyTorch checkpoint of plain tensors: {reason}. Expected the file exactly as its package ships "
        "it; reinstall that package."
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _describe_tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
    # Stands for torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks).
    if not isinstance(storage, _Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        _reject("a tensor's storage, shape or strides have the wrong type")
    if not isinstance(offset, int) or not all(_is_count(value) for value in (offset, *shape, *strides)):
        _reject("a tensor's offset, shape or strides are not non-negative integers")
    if len(shape) != len(strides):
        _reject("a tensor has as many strides as dimensions, this one has not")
    n_values = 1
    last = offset
    for size, stride in zip(shape, strides, strict=True):
        n_values *= size
        last += (size - 1) * stride
    # More values than stored would be a view that repeats itself: never in a checkpoint, and a way to fill the memory.
    if n_values > storage.n_values or (n_values > 0 and last >= storage.n_values):
        _reject("a tensor reaches outside its storage")
    return _Tensor(storage, offset, shape, strides)


class _TensorUnpickler(pickle.Unpickler):
    """Resolves the names of a state dict, each to an inert stand-in, and refuses all others."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return _NamedTensors
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _describe_tensor
        if module == "torch" and name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[name]  # a string: cannot be called, cannot be changed
        _reject(f"it asks for {module}.{name}")

    def persistent_load(self, pid: object) -> _Storage:
        if not (isinstance(pid, tuple) and len(pid) == 6):
            _reject("a storage is described by six values, this one is not")
        kind, dtype, key, _, n_values, view = pid
        if kind != "storage" or dtype not in _STORAGE_DTYPES.values() or view is not None:
            _reject(f"storage of kind {kind!r}, dtype {dtype!r}")
        if not isinstance(key, str) or not _is_count(n_values):
            _reject("a storage's key or size has the wrong type")
        return _Storage(key, dtype, n_values)


def _unpickle(stream: io.BytesIO) -> object:
    try:
        return _TensorUnpickler(stream).load()
    except EncoderError:
        raise
    except Exception as error:  # a damaged pickle fails with nearly any exception
        _reject(f"{type(error).__name__}: {error}")


def _read_storage(stream: io.BytesIO, storage: _Storage) -> NDArray[Any]:
    dtype = np.dtype(storage.dtype)
    head = stream.read(8)
    if len(head) < 8 or int.from_bytes(head, "little", signed=True) != storage.n_values:
        _reject(f"storage {storage.key} does not hold {storage.n_values} values as declared")
    data = stream.read(storage.n_values * dtype.itemsize)
    if len(data) < storage.n_values * dtype.itemsize:
        _reject(f"it ends inside storage {storage.key}")
    return np.frombuffer(data, dtype=dtype)


def read_state_dict(data: bytes) -> dict[str, NDArray[Any]]:
    """Tensors of a legacy PyTorch checkpoint, by name.

    Parameters
    ----------
    data
        The whole file.

    Returns
    -------
    dict
        C-contiguous arrays of float32 or int64, in the file's order.

    Raises
    ------
    EncoderError
        If the file is damaged, holds anything but tensors of these two types, or asks for any other name.
    """
    stream = io.BytesIO(data)
    if _unpickle(stream) != _MAGIC:
        _reject("the magic number is missing")
    if _unpickle(stream) != _PROTOCOL:
        _reject(f"its protocol is not {_PROTOCOL}")
    system = _unpickle(stream)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        _reject("it was not written on a little-endian machine")
    tensors = _unpickle(stream)
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(tensor, _Tensor) for name, tensor in tensors.items()
    ):
        _reject("it is not a dict of named tensors")
    keys = _unpickle(stream)
    declared = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in declared for key in keys):
        _reject("its list of storages does not match its tensors")
    values = {key: _read_storage(stream, declared[key]) for key in keys}

    arrays: dict[str, NDArray[Any]] = {}
    for name, tensor in tensors.items():
        storage = values.get(tensor.storage.key)
        if storage is None or tensor.storage != declared[tensor.storage.key]:
            _reject(f"the storage of {name} is missing or declared twice")
        view = np.lib.stride_tricks.as_strided(
            storage[tensor.offset :],
            tensor.shape,
            tuple(stride * storage.itemsize for stride in tensor.strides),
            writeable=False,
        )
        arrays[name] = np.array(view, order="C")  # "C": the default would keep the file's odd strides
    return arrays
