"""A segment on disk: one folder of arrays and ``segment.json`` that names them (docs/formats/live-index.md).

Written under a temporary name, forced to disk, renamed; never changed afterwards. Which rows are dead is in the
database. Small arrays are compared with their checksums whenever a segment is opened; codes and embeddings, which stay
on disk and are mapped, by their size, and by their checksum only on request.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import FormatError, InvalidArgumentError
from lookalike.index.array_files import file_entry, read_array, write_array
from lookalike.index.segment import Segment
from lookalike.quantization import LOPQModel
from lookalike.quantization.files import sync_folder

__all__ = ["RERANK", "StoredSegment", "copy_segment", "fits", "read_segment", "segment_folder", "write_segment"]

FORMAT = "lookalike.segment"
VERSION = 1
RERANK = "float16"
_ARRAYS = ("cells", "offsets", "blocks", "ids", "embeddings")
_SMALL = ("cells", "offsets", "ids", "order", "seqs")
_NAMES = (*_ARRAYS, "order", "seqs")


@dataclass(frozen=True, slots=True, eq=False)
class StoredSegment:
    """An opened segment.

    Parameters
    ----------
    number : int
        Its name, never used again.
    segment : Segment
        With the dead rows that its holder knows of.
    order : int64 (n,)
        Rows in order of their ids.
    seqs : int64 (n,)
        Sequence number of each row's vector.
    """

    number: int
    segment: Segment
    order: NDArray[np.int64]
    seqs: NDArray[np.int64]

    @classmethod
    def of(cls, number: int, segment: Segment, seqs: NDArray[np.int64]) -> Self:
        """Order the ids of a segment."""
        return cls(number, segment, np.argsort(segment.ids, kind="stable"), seqs)

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of the rows: int64 (n,)."""
        return self.segment.ids  # type: ignore[return-value]

    def locate(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the rows that hold ids, dead or alive: int64 (n_found,)."""
        if not len(self.order) or not len(ids):
            return np.empty(0, np.int64)
        places = np.searchsorted(self.ids, ids, sorter=self.order)
        rows = self.order[np.minimum(places, len(self.order) - 1)]
        found: NDArray[np.int64] = rows[self.ids[rows] == ids]
        return found

    def without(self, rows: NDArray[np.int64]) -> Self:
        """Mark rows dead."""
        return replace(self, segment=self.segment.without(rows)) if len(rows) else self

    def living_rows(self) -> NDArray[np.int64]:
        """Rows that are not dead: int64 (n_alive,)."""
        alive = self.segment.alive
        return np.arange(len(self.segment)) if alive is None else np.flatnonzero(alive)


def segment_folder(segments: Path, number: int) -> Path:
    """Where a segment lies."""
    return segments / f"{number:06d}"


def write_segment(segments: Path, stored: StoredSegment) -> tuple[int, str]:
    """Write a segment in full; it is there under its name only when all of it is on disk.

    Returns
    -------
    n_bytes : int
        Of all its files.
    checksum : str
        SHA-256 of ``segment.json``.
    """
    target = segment_folder(segments, stored.number)
    temporary = segments / f".{target.name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    segments.mkdir(parents=True, exist_ok=True)
    try:
        temporary.mkdir()
        entries = {}
        for name in _NAMES:
            array = getattr(stored.segment if name in _ARRAYS else stored, name)
            file = temporary / f"{name}.npy"
            write_array(file, array, sync_name=False)
            entries[name] = file_entry(file)
        body = {
            "format": FORMAT,
            "version": VERSION,
            "n": len(stored.segment),
            "scale": stored.segment.scale,
            "rerank": RERANK,
            "arrays": entries,
        }
        text = json.dumps(body, indent=1, sort_keys=True).encode()
        with (temporary / "segment.json").open("wb") as file_:
            file_.write(text)
            file_.flush()
            os.fsync(file_.fileno())
        sync_folder(temporary)
        shutil.rmtree(target, ignore_errors=True)  # of a run that was killed before its commit
        temporary.rename(target)
        sync_folder(segments)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    n_bytes = len(text) + sum(int(entry["bytes"]) for entry in entries.values())
    return n_bytes, hashlib.sha256(text).hexdigest()


def copy_segment(segments: Path, target: Path, number: int) -> None:
    """Copy a segment's files from one folder of segments to another.

    Raises
    ------
    FileNotFoundError
        One of them is not there: merged away meanwhile, or lost.
    """
    source, copy = segment_folder(segments, number), segment_folder(target, number)
    copy.mkdir()
    for name in ("segment.json", *(f"{name}.npy" for name in _NAMES)):  # not what a listing finds: half may be deleted
        shutil.copyfile(source / name, copy / name)


def read_segment(
    segments: Path, number: int, checksum: str, model: LOPQModel | None, *, thorough: bool = False
) -> StoredSegment:
    """Open a segment.

    Parameters
    ----------
    segments : Path
    number : int
    checksum : str
        SHA-256 of its ``segment.json``.
    model : LOPQModel or None
        The model that coded it; None leaves unchecked whether they fit.
    thorough : bool
        Compare large files with their checksums too.

    Raises
    ------
    FormatError
        Damaged, naming the file.
    FileNotFoundError
        A file is not there: merged away meanwhile, or lost.
    """
    folder = segment_folder(segments, number)
    file = folder / "segment.json"
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != checksum:
        raise FormatError(f"{file} does not have the content it was saved with.")
    try:
        body = json.loads(content)
        if body["format"] != FORMAT or body["version"] != VERSION:
            raise FormatError(f"{file} has format {body['format']!r}, version {body['version']!r}, unknown here.")
        arrays = {name: _checked(folder, name, body["arrays"][name], thorough=thorough) for name in _NAMES}
        order, seqs = arrays.pop("order"), arrays.pop("seqs")
        segment = Segment(**arrays, scale=float(body["scale"]))
    except (KeyError, TypeError, AttributeError, InvalidArgumentError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{folder} is not a valid segment: {error}.") from error
    n, embeddings = len(segment), segment.embeddings
    if (
        n != body["n"]
        or order.shape != (n,)
        or seqs.shape != (n,)
        or order.dtype != np.int64
        or seqs.dtype != np.int64
        or segment.ids.dtype != np.int64
        or embeddings is None
        or embeddings.dtype != np.dtype(RERANK)
        or (model is not None and not fits(segment, model))
    ):
        raise FormatError(f"{folder} does not fit the model it was saved with.")
    return StoredSegment(number, segment, order, seqs)


def fits(segment: Segment, model: LOPQModel) -> bool:
    """Tell whether a model can have coded a segment."""
    return (
        segment.blocks.shape[1] == model.n_bytes
        and segment.embeddings is not None
        and segment.embeddings.shape[1] == model.dim_in
        and (not len(segment.cells) or int(segment.cells[-1]) < model.coarse.n_cells)
    )


def _checked(folder: Path, name: str, entry: dict[str, Any], *, thorough: bool) -> NDArray[Any]:
    file = folder / f"{name}.npy"
    if entry["file"] != file.name:
        raise FormatError(f"{folder} names a file {entry['file']!r}, which no segment has.")
    n_bytes = file.stat().st_size
    if n_bytes != entry["bytes"]:
        raise FormatError(f"{file} has {n_bytes} bytes, but {entry['bytes']} were saved.")
    if (thorough or name in _SMALL) and file_entry(file) != entry:
        raise FormatError(f"{file} does not have the content it was saved with.")
    return read_array(file, mmap=name not in ("cells", "offsets"))
