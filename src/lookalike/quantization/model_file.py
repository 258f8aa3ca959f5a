"""The model's file: safetensors, with a JSON header in its metadata (docs/formats/model.md).

safetensors holds arrays and text and nothing that runs; its own reader checks offsets, lengths and shapes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lookalike.errors import FormatError
from lookalike.quantization.files import write_whole

__all__ = ["FORMAT", "VERSION", "read_tensors", "write_tensors"]

FORMAT = "lookalike.lopq-model"
VERSION = 3
_KEY = "lookalike"
_NONE = np.empty(0, np.float32)
_DTYPES = {
    "frames.rotation_of_cell": ("int32",),
    "frames.rotations": ("int8", "float32"),
    "additive.spreads": ("float16",),
}
"""Every other tensor is float32."""


def write_tensors(path: str | os.PathLike[str], header: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> None:
    """Write tensors and header, as the lowest version that has such tensors; equal content gives equal bytes."""
    version = 3 if tensors.get("product.codebooks", _NONE).ndim == 4 else 2
    text = json.dumps({"format": FORMAT, "version": version, **header}, sort_keys=True)
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_whole(path, save(contiguous, metadata={_KEY: text}))


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and tensors of a file that :func:`write_tensors` wrote.

    Raises
    ------
    FormatError
        Damaged, something else, or newer than this version.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no model at {path}.")
    try:
        with safe_open(path, framework="numpy") as file:
            header = _header(path, file.metadata())
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (SafetensorError, ValueError, TypeError, OverflowError, MemoryError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"{path} is not a readable safetensors file ({error}). Take it from a backup, or train anew."
        ) from error
    for name, tensor in tensors.items():
        if tensor.dtype.name not in _DTYPES.get(name, ("float32",)):
            raise FormatError(f"{path}: tensor {name} has dtype {tensor.dtype}, which this format does not have.")
    return header, tensors


def _header(path: str | os.PathLike[str], metadata: dict[str, str] | None) -> dict[str, Any]:
    try:
        header = json.loads((metadata or {})[_KEY])
    except (KeyError, json.JSONDecodeError, RecursionError) as error:
        raise FormatError(f"{path} is a safetensors file, but not a model of Lookalike.") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise FormatError(f"{path} is a safetensors file, but not a model of Lookalike.")
    version = header.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FormatError(f"{path} has format version {version!r}, which never existed.")
    if version > VERSION:
        raise FormatError(
            f"{path} has format version {version}, but this Lookalike reads versions up to {VERSION}. "
            "Upgrade it: pip install --upgrade lookalike."
        )
    return header
