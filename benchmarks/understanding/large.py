"""A collection of 100,000 photos, written without reading any, by the classes that `add` writes with.

Embeddings are those of CIFAR-10's 30,000 small photos, each up to four times, the repeats moved by a random tenth of
their length; what was seen, titles and sizes are those of the labelled sets' photos, drawn at random, so that words and
colours meet real distributions, though not of the same photo. Times lie in ten years, one of five tags in every tenth
photo. Half of the photos carry five of 2,000 other tags too, each the name of a photo that they look like.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lookalike
from benchmarks.engine.datasets import DATA
from benchmarks.understanding.sets import WORK, LabelledSet
from lookalike.catalog import FileRecord, NewPhoto
from lookalike.collection.locking import writing
from lookalike.collection.seen import RECIPE
from lookalike.collection.writing import PhotoWriter

N_PHOTOS = 100_000
TAGS = ("holiday", "work", "family", "garden", "music")
N_KINDS = 2000
"""Tags that stand for a look."""
_EACH = 5
_AT_A_TIME = 4096
_MOVED = 0.1


def large_collection(sets: list[LabelledSet], *, n_photos: int = N_PHOTOS) -> Path:
    """Give the collection's folder, making it if it is not there; trained and merged."""
    directory = WORK / f"large-{n_photos}.lookalike"
    finished = directory / "finished"
    if finished.exists():
        return directory
    shutil.rmtree(directory, ignore_errors=True)
    rng = np.random.default_rng(0)
    base = np.load(DATA / "cifar-base.npy").astype(np.float32)
    rows = [
        (row, record.title, record.width, record.height)
        for each in sets
        for record in each.photos.photos(each.ids.tolist())
        if (row := each.photos._catalog.seen.of_photo(record.id)) is not None
    ]
    mean = base.mean(axis=0)
    kinds = _unit(base[rng.choice(len(base), N_KINDS, replace=False)] - mean)
    nearest = np.concatenate(
        [
            np.argpartition(-_unit(base[start : start + _AT_A_TIME] - mean) @ kinds.T, _EACH, axis=1)[:, :_EACH]
            for start in range(0, len(base), _AT_A_TIME)
        ]
    )
    lookalike.Collection.open(directory).close()
    with writing(directory), PhotoWriter(directory, base.shape[1], train_from=10**9, background=False) as writer:
        for start in range(0, n_photos, _AT_A_TIME):
            with writer.transaction():
                for number in range(start, min(start + _AT_A_TIME, n_photos)):
                    embedding = base[number % len(base)]
                    if number >= len(base):
                        noise = rng.standard_normal(len(embedding)).astype(np.float32)
                        embedding = embedding + _MOVED / np.linalg.norm(noise) * noise
                    seen, title, width, height = rows[int(rng.integers(len(rows)))]
                    day = np.datetime64("2015-01-01") + int(rng.integers(3650))
                    tag = TAGS[int(rng.integers(len(TAGS)))]
                    tags = [tag] if rng.random() < 0.1 else []
                    if rng.random() < 0.5:
                        tags += [f"kind{kind:04}" for kind in nearest[number % len(base)]]
                    photo = NewPhoto(
                        sha256=hashlib.sha256(str(number).encode()).hexdigest(),
                        format="jpeg",
                        bytes=10**6,
                        width=width,
                        height=height,
                        taken_at=f"{day}T12:00:00",
                        title=title,
                        facts=json.dumps({}),
                        text=("", "", ""),
                        embedding=embedding / np.linalg.norm(embedding),
                        tags=tuple((each, each) for each in tags),
                        seen=(RECIPE, seen[0], seen[1], seen[2], seen[3]),
                    )
                    file = FileRecord(f"/photos/{number % 100:02}/{number:06}.jpg", photo.bytes, number, None)
                    writer.catalog.put(file, photo)
            print(f"large: {start:,} of {n_photos:,}", flush=True)
    with writing(directory), PhotoWriter(directory, base.shape[1], train_from=10**9, background=False) as writer:
        writer.index.train()
        writer.index.compact()
    finished.touch()
    return directory


def _unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit
