"""What was learned of a collection's tags, beside it: ``tags.safetensors`` and an index (docs/formats/tag-space.md).

It is a cache: whatever is wrong with it, it is learned again from the collection.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lookalike.errors import LookalikeError
from lookalike.index import LOPQIndex
from lookalike.quantization.files import write_whole
from lookalike.tags.tag_map import TagMap
from lookalike.tags.tag_ranking import Calibration

__all__ = ["TAG_FILE", "LearnedTags"]

TAG_FILE = "tags.safetensors"
_FORMAT = "lookalike.tag-space"
_VERSION = 2
_KEY = "lookalike"
_INDEX = re.compile("tags-[0-9a-f]{16}\\.index")
_DTYPES = {
    "mean": "float32",
    "axes": "float32",
    "origin": "float32",
    "weights": "float64",
}


@dataclass(frozen=True, slots=True, eq=False)
class LearnedTags:
    """A map learned from tags, with an index of the photos that there were.

    Parameters
    ----------
    map : TagMap
    calibration : Calibration
    index : LOPQIndex
        Of the places of photos, as a `TagIndex` names them; not of tags, which are placed anew.
    n_tags : int
        Tags of photos that it was learned from, each photo's counted.
    n_photos : int
        Photos that it was learned from.
    """

    map: TagMap
    calibration: Calibration
    index: LOPQIndex
    n_tags: int
    n_photos: int

    def write(self, directory: Path, encoder: str) -> None:
        """Write it beside a collection, where that can be written to."""
        each = self.calibration
        tensors = {
            "mean": self.map.mean,
            "axes": self.map.axes,
            "origin": self.map.origin,
            "weights": np.stack([each.alone, each.joint, each.compared]),
        }
        contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        content = hashlib.sha256(contiguous["axes"].tobytes() + np.sort(self.index.ids).tobytes()).hexdigest()
        name = f"tags-{content[:16]}.index"
        header = {
            "format": _FORMAT,
            "version": _VERSION,
            "encoder": encoder,
            "index": name,
            "n_tags": self.n_tags,
            "n_photos": self.n_photos,
            "n_held_out": each.n_photos,
        }
        with suppress(OSError, LookalikeError):
            self.index.save(directory / name)
            write_whole(directory / TAG_FILE, save(contiguous, metadata={_KEY: json.dumps(header, sort_keys=True)}))
            for other in directory.glob("tags-*.index"):
                if other.name != name:
                    shutil.rmtree(other, ignore_errors=True)

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
            name = str(header["index"])
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError):
            return None
        d = tensors["axes"].shape[-1]
        shapes = {"mean": (dim,), "axes": (dim, d), "origin": (d,), "weights": (3, 7)}
        sound = all(
            tensor.shape == shapes[name] and tensor.dtype == _DTYPES[name] and bool(np.isfinite(tensor).all())
            for name, tensor in tensors.items()
        )
        if not known or not sound or not all(type(count) is int for count in counts) or not _INDEX.fullmatch(name):
            return None
        try:
            index = LOPQIndex.open(directory / name, mmap=False)
        except (LookalikeError, OSError):
            return None
        if index.model.dim_in != d or index.ids.dtype.kind != "i" or (np.asarray(index.ids, np.int64) % 2).any():
            return None
        alone, joint, compared = tensors["weights"]
        return cls(
            TagMap(tensors["mean"], tensors["axes"], tensors["origin"]),
            Calibration(alone, joint, compared, counts[2]),
            index,
            counts[0],
            counts[1],
        )
