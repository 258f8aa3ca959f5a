"""What was learned of a collection's tags, in a file beside it: ``tags.safetensors`` (docs/formats/tag-space.md).

It is a cache: whatever is wrong with it, it is learned again from the collection.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lookalike.explore.tag_map import TagMap
from lookalike.explore.tag_ranking import Calibration
from lookalike.quantization.files import write_whole

__all__ = ["TAG_FILE", "LearnedTags"]

TAG_FILE = "tags.safetensors"
_FORMAT = "lookalike.tag-space"
_VERSION = 1
_KEY = "lookalike"
_DTYPES = {
    "ids": "int64",
    "places": "float16",
    "mean": "float32",
    "axes": "float32",
    "origin": "float32",
    "weights": "float64",
}


@dataclass(frozen=True, slots=True, eq=False)
class LearnedTags:
    """A map learned from tags, with the places of the photos that there were.

    Parameters
    ----------
    map : TagMap
    calibration : Calibration
    ids : int64 (n,)
        Photos, ascending.
    places : float16 (n, d)
        Their places in the joint space, of any length.
    n_tags : int
        Tags of photos that it was learned from, each photo's counted.
    n_photos : int
        Photos that it was learned from.
    """

    map: TagMap
    calibration: Calibration
    ids: NDArray[np.int64]
    places: NDArray[np.float16]
    n_tags: int
    n_photos: int

    def write(self, directory: Path, encoder: str) -> None:
        """Write it beside a collection, where that can be written to."""
        header = {
            "format": _FORMAT,
            "version": _VERSION,
            "encoder": encoder,
            "n_tags": self.n_tags,
            "n_photos": self.n_photos,
            "n_held_out": self.calibration.n_photos,
        }
        each = self.calibration
        tensors = {
            "ids": self.ids,
            "places": self.places,
            "mean": self.map.mean,
            "axes": self.map.axes,
            "origin": self.map.origin,
            "weights": np.stack([each.alone, each.joint, each.compared]),
        }
        contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        with suppress(OSError):
            write_whole(directory / TAG_FILE, save(contiguous, metadata={_KEY: json.dumps(header, sort_keys=True)}))

    @classmethod
    def read(cls, directory: Path, encoder: str, dim: int) -> LearnedTags | None:
        """Read what `write` wrote for this encoder; None where there is nothing that can be used."""
        path = directory / TAG_FILE
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="numpy") as file:
                header = json.loads((file.metadata() or {})[_KEY])
                tensors = {name: file.get_tensor(name) for name in _DTYPES}
            known = (header["format"], header["version"], header["encoder"]) == (_FORMAT, _VERSION, encoder)
            counts = [header[name] for name in ("n_tags", "n_photos", "n_held_out")]
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError):
            return None
        n, d = len(tensors["ids"]), tensors["axes"].shape[-1]
        shapes = {"ids": (n,), "places": (n, d), "mean": (dim,), "axes": (dim, d), "origin": (d,), "weights": (3, 7)}
        sound = all(
            tensor.shape == shapes[name] and tensor.dtype == _DTYPES[name] and bool(np.isfinite(tensor).all())
            for name, tensor in tensors.items()
        )
        if not known or not sound or not all(type(count) is int for count in counts):
            return None
        if (np.diff(tensors["ids"]) <= 0).any():
            return None
        alone, joint, compared = tensors["weights"]
        return cls(
            TagMap(tensors["mean"], tensors["axes"], tensors["origin"]),
            Calibration(alone, joint, compared, counts[2]),
            tensors["ids"],
            tensors["places"],
            counts[0],
            counts[1],
        )
