"""Whether taught filters are better than simpler ways, and explanations true.

Labels are the folders of the demo's photos and of `@pictwo/images`. A class is taught by some of its photos; all other
photos of the set are ranked. The random photos hold the class at its true rate. Explanations are judged by hiding: what
a quarter of a photo's cells, the hottest or the coldest, takes from the cosine with another photo when it is blurred.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import lookalike
from benchmarks.quality import DEMO, PICTWO
from benchmarks.report import ROOT, Cell, Report
from lookalike.collection.probe import compared
from lookalike.explore.asking import explain
from lookalike.explore.teaching import fit_probe
from lookalike.photos import read_photo

N_EXAMPLES = (5, 10, 20, 50)
N_BACKGROUND = 300
N_UNSEEN = 5
"""Photos of a class that must be left to be found."""
BINS = ((0.0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.01))
GRID, CELL_PX = 9, 30


def run(*, quick: bool) -> Report:
    """Measure both sets."""
    report = Report("Filters taught by examples, and explanations", "teaching")
    sets: list[tuple[str, list[Path], Callable[[Path], str]]] = [
        ("demo, 16 collections", [DEMO], lambda path: path.parent.name),
        ("@pictwo, 13 categories", sorted(PICTWO.glob("*/original")), lambda path: path.parts[-3]),
    ]
    taught: list[list[Cell]] = []
    promised: list[list[Cell]] = []
    reliability: list[list[Cell]] = []
    hidden: list[list[Cell]] = []
    for name, folders, label_of in sets:
        collection = ROOT / "build" / "bench" / "teaching.lookalike"
        shutil.rmtree(collection, ignore_errors=True)
        with lookalike.Collection.open(collection) as photos:
            photos.add(*folders)
            ids = photos.ids()
            labels = np.array([label_of(Path(photos.photo(int(each)).path)) for each in ids])
            embeddings, mean = photos.raw_embeddings(ids), photos.mean
            averages, promises, scored = _teach(embeddings, labels, mean, n_draws=1 if quick else 10)
            taught += [[name, *row] for row in averages]
            promised += [[name, *row] for row in promises]
            reliability.append([name, *_kept(scored)])
            hidden.append([name, *_hide(photos, n_pairs=10 if quick else 40)])
        shutil.rmtree(collection)
    report.table(
        "Average precision by number of examples",
        ["set", "by", *(f"{n} examples" for n in N_EXAMPLES)],
        taught,
    )
    report.table(
        "What a filter promises of itself, and keeps",
        ["set", "examples", "precision promised", "precision", "recall promised", "recall", "AP promised", "AP"],
        promised,
    )
    report.table(
        "Share of photos that are of the class, by score",
        ["set", *(f"{low:.1f} to {min(high, 1):.1f}" for low, high in BINS)],
        reliability,
    )
    report.table(
        "What hiding a quarter of the cells takes from the cosine",
        ["set", "pairs", "hottest", "coldest", "hottest takes more", "largest error of the sum"],
        hidden,
    )
    report.notes.append("Goal: the probe is at least as good as both other ways for every number of examples.")
    report.notes.append("Goal: hiding the hottest takes more than hiding the coldest; the heats sum to the cosine.")
    return report


def _average_precision(scores: NDArray[np.floating], wanted: NDArray[np.bool_]) -> float:
    hits = wanted[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


Scored = list[tuple[NDArray[np.float32], NDArray[np.bool_]]]


def _teach(
    embeddings: NDArray[np.float32], labels: NDArray[np.str_], mean: NDArray[np.float32], *, n_draws: int
) -> tuple[list[list[Cell]], list[list[Cell]], Scored]:
    x = compared(embeddings, mean)
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    kept: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    scored: Scored = []
    for n in N_EXAMPLES:
        for draw in range(n_draws):
            rng = np.random.default_rng(draw)
            for label in np.unique(labels):
                members = np.flatnonzero(labels == label)
                if len(members) < n + N_UNSEEN:
                    continue
                shown = rng.choice(members, n, replace=False)
                rest = np.setdiff1d(np.arange(len(labels)), shown)
                drawn = rng.choice(rest, min(N_BACKGROUND, len(rest)), replace=False)
                probe = fit_probe(str(label), embeddings[shown], embeddings[drawn], mean=mean, encoder="0" * 64)
                wanted, scores = labels[rest] == label, probe.scores(embeddings[rest])
                cosines = x[rest] @ x[shown].T
                average = _average_precision(x[rest] @ probe.weights, wanted)
                found["nearest example", n].append(_average_precision(cosines.max(axis=1), wanted))
                found["mean of the examples", n].append(_average_precision(cosines.mean(axis=1), wanted))
                found["probe", n].append(average)
                passing = scores >= probe.threshold
                true = float(np.sum(passing & wanted))
                kept[n].append(
                    (
                        probe.precision,
                        true / max(int(passing.sum()), 1),
                        probe.recall,
                        true / int(wanted.sum()),
                        probe.average_precision,
                        average,
                    )
                )
                scored.append((scores, wanted))
    rows: list[list[Cell]] = [
        [way, *(float(np.mean(found[way, n])) if (way, n) in found else "" for n in N_EXAMPLES)]
        for way in ("nearest example", "mean of the examples", "probe")
    ]
    promises: list[list[Cell]] = [[n, *np.mean(each, axis=0).tolist()] for n, each in kept.items()]
    return rows, promises, scored


def _kept(scored: Scored) -> list[Cell]:
    scores, wanted = (np.concatenate(each) for each in zip(*scored, strict=True))
    within = [wanted[(scores >= low) & (scores < high)] for low, high in BINS]
    return [float(here.mean()) if len(here) else "" for here in within]


def _hide(photos: lookalike.Collection, *, n_pairs: int) -> list[Cell]:
    rng = np.random.default_rng(0)
    encoder, mean = photos.encoder, photos.mean
    side = GRID * CELL_PX
    border = round(side * (1 / encoder.card.crop - 1) / 2)
    drops, errors = [], []
    for a in rng.choice(photos.ids(), n_pairs, replace=False).tolist():
        b = photos.search(photo=a, k=10)[int(rng.integers(10))].id
        why = explain(photos, a, b)
        errors += [abs(float(heat.sum()) - why.cosine) for heat in (why.heat_a, why.heat_b)]
        image = read_photo(photos.file(a).read_bytes(), min_side=photos.settings.min_side).image
        box = tuple(share * length for share, length in zip(why.box_a, (*image.size, *image.size), strict=True))
        seen = image.resize((side, side), Image.Resampling.BILINEAR, box=box)  # type: ignore[arg-type]
        blurred = seen.resize((6, 6), Image.Resampling.BOX).resize(seen.size, Image.Resampling.BICUBIC)
        order = np.argsort(-why.heat_a, axis=None)
        n_hidden = GRID * GRID // 4
        pictures = []
        for cells in (order[:0], order[:n_hidden], order[-n_hidden:]):
            mask = np.zeros(GRID * GRID, np.bool_)
            mask[cells] = True
            pixels = np.kron(mask.reshape(GRID, GRID), np.ones((CELL_PX, CELL_PX), np.bool_))
            hidden = np.where(pixels[..., None], np.asarray(blurred), np.asarray(seen))
            # The encoder takes the middle: a margin makes that the whole of what it saw.
            margin = ((border, border), (border, border), (0, 0))
            pictures.append(Image.fromarray(np.pad(hidden, margin, mode="edge")))
        cosines = compared(encoder.encode(pictures).embeddings, mean) @ photos.embeddings([b])[0]
        drops.append(cosines[0] - cosines[1:])
    hottest, coldest = np.mean(drops, axis=0).tolist()
    in_order = float(np.mean([drop[0] > drop[1] for drop in drops]))
    return [n_pairs, hottest, f"{coldest:+.3f}", in_order, f"{max(errors):.0e}"]
