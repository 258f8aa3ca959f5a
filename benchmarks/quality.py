"""Precision of the similarity pivot: the product's search, exact search, and chance.

Labels are the folders that photos lie in: the demo's 16 collections, `@pictwo/images`' 13 categories. Every photo is a
query once. "Exact" multiplies all embeddings by all in NumPy, and so also judges the product's own exact search. The
third set holds every size and crop of the second set's pictures, enough for the product to search by its LOPQ index;
there, hits that are versions of the query's own picture are left out before precision is counted.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

import lookalike
from benchmarks.report import ROOT, Report
from lookalike.encoders import load_encoder
from lookalike.encoders.retrieval import compare_retrieval
from lookalike.photos import read_photo

PRECISIONS: tuple[Literal["int8"], Literal["fp32"]] = ("int8", "fp32")
DEMO = ROOT / "build" / "demo" / "photos"
PICTWO = ROOT / "build" / "pictwo"


def run(*, quick: bool) -> Report:
    """Measure every set."""
    report = Report("Quality of similarity search", "quality")
    originals = sorted(PICTWO.glob("*/original"))
    sets: list[tuple[str, list[Path], Callable[[Path], str], Callable[[Path], str]]] = [
        ("demo, 16 collections", [DEMO], lambda path: path.parent.name, str),
        ("@pictwo, 13 categories", originals, lambda path: path.parts[-3], str),
    ]
    if not quick:
        sets.append(
            ("@pictwo, all versions", [PICTWO], lambda path: path.parts[-3], lambda path: path.parts[-3] + path.stem)
        )
    columns = ["set", "photos", "search", "P@5 product", "P@5 exact", "difference", "P@5 chance", "mAP exact"]
    rows: list[list[str | int | float]] = []
    for name, folders, label_of, picture_of in sets:
        rows.append([name, *_measure(folders, label_of, picture_of)])
    report.table("Precision at 5 and mean average precision", columns, rows)
    report.notes.append("Goal: product and exact within .005 of each other.")
    report.table(
        "int8 against fp32: mean average precision of the encoder alone",
        ["set", "encoder", "int8", "fp32", "lost", "standard error"],
        [
            [name, encoder, *_int8_loss(encoder, folders, label_of)]
            for name, folders, label_of, _ in sets[:2]
            for encoder in ("efficientnet-lite2", "efficientnet-lite0")
        ],
    )
    report.notes.append("Goal: int8 loses at most .01 on the demo's photos.")
    return report


def _int8_loss(encoder: str, folders: list[Path], label_of: Callable[[Path], str]) -> list[str | int | float]:
    files = sorted(path for folder in folders for path in folder.rglob("*.webp"))
    int8, fp32 = (load_encoder(encoder, precision=precision, n_threads=2) for precision in PRECISIONS)
    pictures = [read_photo(path.read_bytes(), min_side=int8.card.min_side).image for path in files]
    compared = compare_retrieval(fp32, int8, pictures, [label_of(path) for path in files])
    return [compared.second, compared.first, f"{compared.loss:+.4f}", compared.standard_error]


def _measure(
    folders: list[Path], label_of: Callable[[Path], str], picture_of: Callable[[Path], str]
) -> list[str | int | float]:
    collection = ROOT / "build" / "bench" / "quality.lookalike"
    shutil.rmtree(collection, ignore_errors=True)
    with lookalike.Collection.open(collection) as photos:
        photos.add(*folders)
        records = photos.photos_after(0, 10**6)
        ids = [record.id for record in records]
        labels = np.unique([label_of(Path(record.path)) for record in records], return_inverse=True)[1]
        pictures = np.unique([picture_of(Path(record.path)) for record in records], return_inverse=True)[1]
        n_versions = int(np.bincount(pictures).max())
        embeddings = photos.embeddings(ids)
        position_of = {photo_id: position for position, photo_id in enumerate(ids)}

        def product(position: int) -> NDArray[np.int64]:
            hits = photos.search(photo=ids[position], k=5 + n_versions)
            return np.array([position_of[hit.id] for hit in hits])

        at_product, at_exact, precision, chance = [], [], [], []
        for position in range(len(ids)):
            others = pictures != pictures[position]
            same = labels == labels[position]
            order = np.argsort(-(embeddings @ embeddings[position]), kind="stable")
            order = order[others[order]]
            found = product(position)
            at_product.append(same[found[others[found]][:5]].mean())
            at_exact.append(same[order[:5]].mean())
            relevant = same[order]
            ranks = np.flatnonzero(relevant) + 1
            precision.append(float(np.mean(np.arange(1, len(ranks) + 1) / ranks)) if len(ranks) else 0.0)
            chance.append(relevant.mean())
        method = photos.search_method
    difference = float(np.mean(at_product) - np.mean(at_exact))
    return [
        len(ids),
        method,
        float(np.mean(at_product)),
        float(np.mean(at_exact)),
        f"{difference:+.4f}",
        float(np.mean(chance)),
        float(np.mean(precision)),
    ]
