"""An index on disk: a directory of arrays, one model, and ``index.json`` that names them (docs/formats/index.md).

Saving writes new files under a new generation number, each synced, then replaces ``index.json`` in one rename, then
deletes what nothing names any more. So the directory holds the old index or the new one at every instant, and readers
that have mapped the old files keep them until they let go. Who saves while another does waits for its turn.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.errors import FormatError, InvalidArgumentError
from lookalike.index.array_files import file_entry, read_array, write_array
from lookalike.index.segment import Segment
from lookalike.index.tuning import SearchDefaults
from lookalike.quantization import LOPQModel
from lookalike.quantization.arguments import check_count
from lookalike.quantization.files import write_whole

__all__ = ["StoredIndex", "read_index", "verify_index", "write_index"]

FORMAT = "lookalike.index"
VERSION = 1
_MANIFEST = "index.json"
_LOCK = "save.lock"
_OURS = re.compile(r"g\d{6}-[a-z0-9.-]+")
_UNFINISHED = re.compile(rf"\.(index\.json|{_OURS.pattern})\.\d+\.tmp")
_ARRAYS = ("cells", "offsets", "blocks", "ids", "embeddings", "alive")


@dataclass(frozen=True, slots=True, eq=False)
class StoredIndex:
    """What a directory holds.

    Parameters
    ----------
    model : LOPQModel
    segments : tuple of Segment
    rerank : {"float16", "float32"} or None
        How embeddings of later additions are kept.
    defaults : SearchDefaults or None
        What searches do where their call says nothing.
    next_id : int
        The number after the largest id there ever was, where ids are numbers.
    """

    model: LOPQModel
    segments: tuple[Segment, ...]
    rerank: str | None
    defaults: SearchDefaults | None = None
    next_id: int = 0


def write_index(path: str | os.PathLike[str], stored: Callable[[], StoredIndex]) -> None:
    """Write an index, as ``stored`` gives it when its turn has come, into a new, empty or existing index directory."""
    from filelock import FileLock  # when something is saved, because it takes long to import

    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise InvalidArgumentError(f"{folder} is a file, but an index is a directory. Give another path.")
    names = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    if _MANIFEST not in names and not all(name == _LOCK or _is_ours(name) for name in names):
        raise InvalidArgumentError(
            f"{folder} holds other files, and an index of its own directory. Give a new or an empty one."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / _LOCK, is_singleton=False):
        generation = int(_manifest(folder)["generation"]) + 1 if (folder / _MANIFEST).exists() else 1
        _write(folder, generation, stored())


def _write(folder: Path, generation: int, stored: StoredIndex) -> None:
    prefix = f"g{generation:06d}-"
    model_name = f"{prefix}model.safetensors"
    stored.model.save(folder / model_name)
    segments = []
    for number, segment in enumerate(stored.segments):
        arrays = {}
        for name in _ARRAYS:
            array = getattr(segment, name)
            if array is not None:
                file = f"{prefix}s{number:04d}-{name}.npy"
                write_array(folder / file, array)
                arrays[name] = file_entry(folder / file)
        segments.append({"n": len(segment), "scale": segment.scale, "arrays": arrays})
    body = {
        "format": FORMAT,
        "version": VERSION,
        "generation": generation,
        "rerank": stored.rerank,
        "model": file_entry(folder / model_name),
        "segments": segments,
    }
    if stored.defaults is not None:
        body["defaults"] = asdict(stored.defaults)
    if stored.next_id:
        body["next_id"] = stored.next_id
    text = json.dumps({**body, "checksum": _checksum(body)}, indent=1, sort_keys=True)
    write_whole(folder / _MANIFEST, text.encode())
    named = {entry["file"] for entry in _entries(body)}
    for old in folder.iterdir():
        if _is_ours(old.name) and old.name not in named:
            old.unlink(missing_ok=True)


def read_index(path: str | os.PathLike[str], *, mmap: bool) -> StoredIndex:
    """Read an index; with ``mmap`` its codes and embeddings stay on disk and are read as they are needed.

    Sizes, shapes and the model, which is read whole, are checked always; arrays against their checksums only without
    ``mmap``, since that reads every byte (see :func:`verify_index`).
    """
    folder = Path(path)
    for attempt in (1, 2):
        manifest = _manifest(folder)
        try:
            return _read(folder, manifest, mmap=mmap)
        except FileNotFoundError as error:  # saved anew between the two reads
            if attempt == 2:
                raise FormatError(f"{folder} lacks a file that it names: {error}. Restore it from a backup.") from error
    raise AssertionError


def verify_index(path: str | os.PathLike[str]) -> None:
    """Compare every file with its checksum.

    Raises
    ------
    FormatError
        Naming the first file that differs.
    """
    folder = Path(path)
    manifest = _manifest(folder)
    try:
        for entry in _entries(manifest):
            file = _file(folder, entry)
            if not file.is_file() or file_entry(file) != entry:
                raise FormatError(f"{file} does not have the content it was saved with. Restore it from a backup.")
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{folder / _MANIFEST} lacks a field: {error}.") from error


def _read(folder: Path, manifest: dict[str, Any], *, mmap: bool) -> StoredIndex:
    try:
        for entry in _entries(manifest):
            file = _file(folder, entry)
            if file.stat().st_size != entry["bytes"]:
                raise FormatError(f"{file} has {file.stat().st_size} bytes, but {entry['bytes']} were saved.")
            if (not mmap or entry is manifest["model"]) and file_entry(file) != entry:
                raise FormatError(f"{file} does not have the content it was saved with.")
        model = LOPQModel.load(_file(folder, manifest["model"]))
        rerank = manifest["rerank"]
        if rerank not in ("float16", "float32", None):
            raise FormatError(f"{folder} keeps embeddings as {rerank!r}, which this version does not know.")
        segments = tuple(_read_segment(folder, each, model, rerank, mmap=mmap) for each in manifest["segments"])
        defaults = SearchDefaults(**manifest["defaults"]) if "defaults" in manifest else None
        next_id = check_count(manifest.get("next_id", 0), "next_id", least=0, most=2**63)
    except (KeyError, TypeError, AttributeError, InvalidArgumentError) as error:
        raise FormatError(f"{folder} is not a valid index: {error}. Restore it from a backup.") from error
    return StoredIndex(model, segments, rerank, defaults, next_id)


def _read_segment(folder: Path, entry: dict[str, Any], model: LOPQModel, rerank: str | None, *, mmap: bool) -> Segment:
    arrays: dict[str, Any] = {
        name: read_array(_file(folder, entry["arrays"][name]), mmap=mmap and name in ("blocks", "ids", "embeddings"))
        for name in _ARRAYS
        if name in entry["arrays"]
    }
    segment = Segment(**{"embeddings": None, **arrays, "scale": float(entry["scale"])})
    embeddings = segment.embeddings
    if (
        len(segment) != entry["n"]
        or segment.blocks.shape[1] != model.n_bytes
        or (len(segment.cells) and segment.cells[-1] >= model.coarse.n_cells)
        or segment.ids.dtype.kind not in "iU"
        or (rerank is None) != (embeddings is None)
        or (embeddings is not None and (embeddings.dtype != np.dtype(rerank) or embeddings.shape[1] != model.dim_in))
    ):
        raise FormatError(f"{folder}: a segment does not fit the model it was saved with.")
    return segment


def _is_ours(name: str) -> bool:
    """Tell whether a file is one that saving writes beside the manifest, whole or not."""
    return bool(_OURS.fullmatch(name) or _UNFINISHED.fullmatch(name))


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / _MANIFEST
    if not file.is_file():
        raise FileNotFoundError(f"There is no index at {folder}: it has no {_MANIFEST}.")
    try:
        manifest = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{file} is not readable JSON ({error}). Restore it from a backup.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise FormatError(f"{file} does not describe an index of Lookalike.")
    version = manifest.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FormatError(f"{file} has format version {version!r}, which never existed.")
    if version > VERSION:
        raise FormatError(
            f"{file} has format version {version}, but this Lookalike reads versions up to {VERSION}. "
            "Upgrade it: pip install --upgrade lookalike."
        )
    if manifest.pop("checksum", None) != _checksum(manifest):
        raise FormatError(f"{file} does not have the content it was saved with. Restore it from a backup.")
    return manifest


def _entries(manifest: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield manifest["model"]
    for segment in manifest["segments"]:
        yield from segment["arrays"].values()


def _file(folder: Path, entry: dict[str, Any]) -> Path:
    if not _OURS.fullmatch(entry["file"]):  # nothing outside of the directory, whatever the manifest says
        raise FormatError(f"{folder} names a file {entry['file']!r}, which no index has.")
    return folder / str(entry["file"])


def _checksum(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
