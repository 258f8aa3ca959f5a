"""How photos look: each style against chance, colours against the mean colour, composition, quality, time.

Styles are judged on photos labelled by eye (benchmarks/data/styles.json), with the default encoder's embeddings, by
weights that were fitted without a fifth of the photos or without a whole folder (style_weights.py). Asked colours are
drawn from the named ones, and palettes of other photos; the distance of a result is the earth mover's in OKLab, by a
linear program, moving all that was asked for. `python -m benchmarks.appearance FOLDER` draws the page's contact
sheets from the public-domain pictures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy.optimize import linprog

from benchmarks.report import ROOT, Cell, Report
from benchmarks.style_weights import ENCODERS, Pictures, average_precision, embeddings_of, image_of, judged_fits, truth
from lookalike.appearance import (
    COLOUR_NAMES,
    STYLES,
    Appearance,
    colour_named,
    measure,
    oklab_of,
    palette_scores,
    palette_vector,
    palette_vectors,
    srgb_of,
)
from lookalike.photos import read_photo

DEMO = ROOT / "build" / "demo" / "photos"
PICTWO = ROOT / "build" / "pictwo"
N_BEST = 10

Floats = NDArray[np.float32]


def run(*, quick: bool) -> Report:
    """Measure everything."""
    report = Report("How photos look", "appearance")
    report.table(
        "Styles: average precision on labelled photos",
        ["style", "photos", "have it", "chance", "cross-validated", "by folder"],
        _styles(),
    )
    paths = [*sorted(DEMO.rglob("*.webp")), *sorted(PICTWO.glob("*/original/*.webp"))]
    images = [image_of(path) for path in paths[:: 4 if quick else 1]]
    looks = [measure(image) for image in images]
    means = np.stack([oklab_of(np.asarray(image.reduce(8)).reshape(-1, 3)).mean(0) for image in images])
    report.table(
        f"Colours: mean earth mover's distance (OKLab) of the {N_BEST} best of {len(images)} photos to what was asked",
        ["asked", "queries", "palette scores", "palette vectors", "mean colour", "random"],
        _colours(np.stack([look.palette for look in looks]), means, 8 if quick else 45),
    )
    report.table(
        "Composition: the same picture in another size found first, of all originals",
        ["version", "composition", "lightness of 8 x 8 alone", "mean colour", "chance"],
        _composition(quick),
    )
    report.table(
        "Quality: how often the original ranks above a spoilt copy", ["copy", "overall score"], _quality(images[::3])
    )
    report.table("Time of one core", ["what", "ms"], _times(images[:100], np.stack([look.palette for look in looks])))
    return report


def _styles() -> list[list[Cell]]:
    pictures = Pictures()
    fits = judged_fits(pictures)
    rows: list[list[Cell]] = []
    for key, style in STYLES.items():
        has, judged = truth(pictures.photos, style.name)
        counts: list[Cell] = [int(judged.sum()), int(has[judged].sum()), float(has[judged].mean())]
        if key in fits:
            scores = [fits[key].random, fits[key].by_folder]
        else:
            images = [image for image, judge in zip(pictures.images, judged, strict=False) if judge]
            scores = [np.array([measure(image)[key] for image in images])] * 2
        rows.append([style.name, *counts, *[average_precision(has[judged], each) for each in scores]])
    return rows


def earth_movers_distance(palette: Floats, asked: Floats) -> float:
    """Return the least mean distance from which all that was asked for can be taken: exact, by a linear program."""
    palette = palette[palette[:, 3] > 0]
    wanted = asked[:, 3] / max(1.0, float(asked[:, 3].sum()))
    distances = np.sqrt(((palette[:, None, :3] - asked[None, :, :3]) ** 2).sum(2))
    n, m = distances.shape
    taken, given = np.kron(np.ones(n), np.eye(m)), np.kron(np.eye(n), np.ones(m))
    solved = linprog(
        distances.ravel(), A_ub=given, b_ub=palette[:, 3] * 1.0001, A_eq=taken, b_eq=wanted, method="highs"
    )
    return float(solved.fun / wanted.sum())


def _colours(palettes: Floats, means: Floats, n_queries: int) -> list[list[Cell]]:
    generator = np.random.default_rng(0)
    names = list(COLOUR_NAMES)

    def drawn(shares: list[float]) -> Floats:
        chosen = generator.choice(names, len(shares), replace=False)
        return np.array(
            [[*colour_named(str(name)), share] for name, share in zip(chosen, shares, strict=True)], np.float32
        )

    asked = {
        "one colour, all of the photo": [drawn([1.0]) for _ in range(n_queries)],
        "one colour, a third": [drawn([0.33]) for _ in range(n_queries)],
        "two colours, .6 and .4": [drawn([0.6, 0.4]) for _ in range(n_queries)],
        "three colours, .5, .3, .2": [drawn([0.5, 0.3, 0.2]) for _ in range(n_queries)],
        "the palette of a photo": [
            palettes[i][palettes[i, :, 3] > 0] for i in generator.choice(len(palettes), n_queries, replace=False)
        ],
    }
    vectors = palette_vectors(palettes)
    rows: list[list[Cell]] = []
    for name, queries in asked.items():
        found: list[list[float]] = []
        for query in queries:
            centre = (query[:, :3] * query[:, 3:]).sum(0) / query[:, 3].sum()
            orders = [
                -palette_scores(palettes, query),
                -vectors @ palette_vector(query),
                ((means - centre) ** 2).sum(1),
                generator.random(len(palettes)),
            ]
            best = [np.argsort(order, kind="stable")[:N_BEST] for order in orders]
            found.append([float(np.mean([earth_movers_distance(palettes[i], query) for i in ten])) for ten in best])
        rows.append([name, len(queries), *map(float, np.mean(found, axis=0))])
    return rows


def _composition(quick: bool) -> list[list[Cell]]:  # noqa: FBT001
    originals = sorted(PICTWO.glob("*/original/*.webp"))[:: 6 if quick else 2]
    images = [image_of(path) for path in originals]
    looks = [measure(image) for image in images]
    means = np.stack([np.asarray(image.resize((1, 1), Image.Resampling.BOX)).ravel() for image in images]).astype(float)
    rows: list[list[Cell]] = []
    for version in ("128x128", "600x800", "1200x600"):
        others = [image_of(path.parent.parent / version / path.name) for path in originals]
        descriptors, queries = (
            np.stack([look.composition for look in some]).astype(np.float32)
            for some in (looks, [measure(image) for image in others])
        )
        own = np.stack([np.asarray(image.resize((1, 1), Image.Resampling.BOX)).ravel() for image in others]).astype(
            float
        )
        right = np.arange(len(originals))
        firsts = [
            (queries @ descriptors.T).argmax(1),
            (queries[:, :64] @ descriptors[:, :64].T).argmax(1),
            ((own[:, None] - means) ** 2).sum(2).argmin(1),
        ]
        rows.append([version, *[float((first == right).mean()) for first in firsts], 1 / len(originals)])
    return rows


def _quality(images: list[Image.Image]) -> list[list[Cell]]:
    generator = np.random.default_rng(0)

    def noisy(image: Image.Image, sigma: float) -> Image.Image:
        pixels = np.asarray(image, dtype=np.float32)
        return Image.fromarray(np.clip(pixels + generator.normal(0, sigma, pixels.shape), 0, 255).astype(np.uint8))

    copies: dict[str, Callable[[Image.Image], Image.Image]] = {
        "blurred (sigma 1/150 of the side)": lambda image: image.filter(
            ImageFilter.GaussianBlur(max(image.size) / 150)
        ),
        "noise (sigma 10)": lambda image: noisy(image, 10),
        "noise (sigma 25)": lambda image: noisy(image, 25),
        "a quarter of the light": lambda image: image.point(lambda value: value // 4),
        "a third of the contrast": lambda image: image.point(lambda value: 85 + value // 3),
        "a quarter of the side": lambda image: image.reduce(4),
    }
    own = np.array([measure(image)["quality"] for image in images])
    rows: list[list[Cell]] = [
        [name, float((own > [measure(copy(image))["quality"] for image in images]).mean())]
        for name, copy in copies.items()
    ]
    return [*rows, ["JPEG of quality 10", float((own > [_coarse_quality(image) for image in images]).mean())]]


def _coarse_quality(image: Image.Image) -> float:
    content = BytesIO()
    image.save(content, "JPEG", quality=10)
    photo = read_photo(content.getvalue())
    return measure(photo.image, jpeg_step=photo.jpeg_step)["quality"]


def _times(images: list[Image.Image], palettes: Floats) -> list[list[Cell]]:
    embeddings, encoder = embeddings_of(images, ENCODERS[0])
    alone, seen = [], []
    for _ in range(9):
        start = process_time()
        for image in images:
            measure(image)
        alone.append((process_time() - start) / len(images) * 1e3)
        start = process_time()
        for image, embedding in zip(images, embeddings, strict=True):
            measure(image, embedding=embedding, encoder=encoder)
        seen.append((process_time() - start) / len(images) * 1e3)
    rows: list[list[Cell]] = [
        ["measure, a photo as ingest decodes it", min(seen)],
        ["the same without an embedding", min(alone)],
    ]
    many = np.resize(palettes, (100_000, 6, 4))
    for m in (1, 3):
        asked = np.column_stack([np.linspace(0.2, 0.8, m), np.zeros((m, 2)), np.full(m, 1 / m)])
        passes = []
        for _ in range(9):
            start = process_time()
            palette_scores(many, asked)
            passes.append((process_time() - start) * 1e3)
        rows.append([f"palette_scores of 100,000 photos, {m} asked", min(passes)])
    return rows


def sheets(folder: Path) -> None:
    """Draw for each style the best, borderline and failed of the public-domain pictures; and some palettes.

    Scores are by weights that were fitted without the picture's folder.
    """
    pictures = Pictures()
    fits = judged_fits(pictures)
    own = [i for i, (path, _) in enumerate(pictures.photos) if DEMO in path.parents]
    images, looks = pictures.images, {i: measure(pictures.images[i]) for i in own}
    for key, style in STYLES.items():
        has, judged = truth(pictures.photos, style.name)
        scores = np.full(len(has), np.nan)
        if key in fits:
            scores[judged] = fits[key].by_folder
        else:
            scores[own] = [look[key] for look in looks.values()]
        told = np.array([i for i in own if judged[i]])
        best = [int(i) for i in told[np.argsort(-scores[told], kind="stable")[:6]]]
        distance = np.abs(scores - style.threshold)
        border = [int(i) for i in told[np.argsort(distance[told], kind="stable")[:6]]]
        wrong = told[has[told] != (scores[told] >= style.threshold)]
        failed = [int(i) for i in wrong[np.argsort(-distance[wrong], kind="stable")[:6]]]
        rows = [("best", best), (f"nearest to the threshold, {style.threshold}", border), ("told wrongly", failed)]
        _sheet([(name, [(images[i], f"{scores[i]:.2f}", None) for i in row]) for name, row in rows]).save(
            folder / f"style-{key.replace('_', '-')}.jpg", quality=72, optimize=True
        )
    some = [0, 11, 33, 44, 61, 66, 75, 89, 104, 114, 129, 149]
    shown = [(images[own[i]], "", looks[own[i]]) for i in some]
    _sheet([("", shown[:6]), ("", shown[6:])]).save(folder / "palettes.jpg", quality=76, optimize=True)


def _sheet(rows: Sequence[tuple[str, Sequence[tuple[Image.Image, str, Appearance | None]]]]) -> Image.Image:
    side, gap = 132, 8
    sheet = Image.new("RGB", (6 * (side + gap) + gap, len(rows) * (side + 44) + gap), "white")
    pen = ImageDraw.Draw(sheet)
    for r, (name, row) in enumerate(rows):
        top = gap + r * (side + 44)
        pen.text((gap, top), name + ("" if row else ": none"), fill="black")
        for c, (image, caption, look) in enumerate(row):
            small = image.copy()
            small.thumbnail((side, side))
            left = gap + c * (side + gap)
            sheet.paste(small, (left, top + 14))
            if look is None:
                pen.text((left, top + 16 + small.height), caption, fill="black")
                continue
            x = float(left)
            for *lab, share in look.palette:
                colour = tuple(int(value) for value in srgb_of(lab))
                pen.rectangle((x, top + side + 17, x + share * side, top + side + 35), fill=colour)
                x += share * side
    return sheet


if __name__ == "__main__":
    sheets(Path(sys.argv[1]))
