"""Colours, styles and composition, each against something simpler."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from benchmarks.quality import DEMO, PICTWO
from benchmarks.report import Cell
from benchmarks.style_weights import Pictures, average_precision, judged_fits, truth
from benchmarks.understanding.sets import LabelledSet
from lookalike.appearance import STYLES, colour_named, measure
from lookalike.collection.seen import Seen
from lookalike.photos import read_photo
from lookalike.query import Colour, Query

N_RESULTS = 10
COLOURS = ("red", "orange", "yellow", "green", "teal", "blue", "navy", "purple", "pink", "brown", "beige", "white")
N_PAIRS = 24
FOLDERS = {"demo": DEMO, "@pictwo": PICTWO}
N_VARIED = 100


def _seen(each: LabelledSet) -> list[Seen]:
    rows = [each.photos._catalog.seen.of_photo(photo_id) for photo_id in each.ids.tolist()]
    return [Seen.from_row(*row) for row in rows if row is not None]


def transport(palettes: NDArray[np.float32], asked: NDArray[np.float32]) -> NDArray[np.float64]:
    """Earth mover's distance in OKLab from palettes (n, 6, 4) to one or two asked colours (m, 4): float64 (n,)."""
    colours, shares = palettes[..., :3].astype(np.float64), palettes[..., 3].astype(np.float64)
    distances = np.linalg.norm(colours[:, :, None] - asked[None, None, :, :3], axis=-1)  # (n, 6, m)
    if len(asked) == 1:
        whole: NDArray[np.float64] = (distances[..., 0] * shares).sum(1)
        return whole
    # With two, what gains most by the first colour goes there until it has its share.
    order = np.argsort(distances[..., 0] - distances[..., 1], axis=1)
    distances, shares = np.take_along_axis(distances, order[..., None], 1), np.take_along_axis(shares, order, 1)
    before = np.cumsum(shares, axis=1) - shares
    first = np.clip(asked[0, 3] - before, 0, shares)
    result: NDArray[np.float64] = (distances[..., 0] * first + distances[..., 1] * (shares - first)).sum(1)
    return result


def colour_row(each: LabelledSet) -> list[Cell]:
    """Mean distance of the ten best to the asked palette: ours, the nearest mean colours, the best possible, chance."""
    palettes = np.array([seen.palette for seen in _seen(each)], np.float32)
    means = (palettes[..., :3] * palettes[..., 3:]).sum(1)
    rng = np.random.default_rng(0)
    queries = [(name,) for name in COLOURS] + [tuple(rng.choice(COLOURS, 2, replace=False)) for _ in range(N_PAIRS)]
    figures = []
    for names in queries:
        asked = np.array([[*colour_named(name), 1 / len(names)] for name in names], np.float32)
        terms = tuple(Colour(str(name), share=1 / len(names)) for name in names)
        hits = each.photos.search(Query(terms=terms), k=N_RESULTS)
        distances = transport(palettes, asked)
        ours = distances[np.searchsorted(each.ids, [hit.id for hit in hits])]
        by_mean = distances[
            np.argsort(np.linalg.norm(means - (asked[:, :3] * asked[:, 3:]).sum(0), axis=1))[:N_RESULTS]
        ]
        figures.append((ours.mean(), by_mean.mean(), np.sort(distances)[:N_RESULTS].mean(), distances.mean()))
    return [each.name, len(queries), *map(float, np.mean(figures, axis=0))]


COLOUR_COLUMNS = ["set", "queries", "search", "mean colour", "best possible", "chance"]


def style_rows() -> list[list[Cell]]:
    """Average precision of every style on the hand-labelled photos; doubtful ones are left out.

    Scores of a photo are by weights that were fitted without its fifth of the photos, or without its folder.
    """
    pictures = Pictures()
    told, alone = judged_fits(pictures), judged_fits(pictures, network=False)
    rows: list[list[Cell]] = []
    for name, folder in FOLDERS.items():
        is_here = np.array([folder in path.parents for path, _ in pictures.photos])
        for key, style in STYLES.items():
            has, judged = truth(pictures.photos, style.name)
            here, relevant = is_here[judged], has[is_here & judged]
            if relevant.sum() < 2:
                continue
            if key in told:
                scores = [told[key].random, told[key].by_folder, alone[key].random, alone[key].by_folder]
            else:
                shown = np.flatnonzero(judged)
                scores = [np.array([measure(pictures.images[i])[key] for i in shown])] * 4
            figures = [average_precision(relevant, each[here]) for each in scores]
            rows.append([style.name, name, len(relevant), int(relevant.sum()), *figures, float(relevant.mean())])
    return rows


STYLE_COLUMNS = [
    "style",
    "set",
    "photos",
    "of the style",
    "average precision",
    "by folder",
    "statistics alone",
    "statistics alone, by folder",
    "chance",
]


def _cropped(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((int(0.04 * width), int(0.03 * height), int(0.97 * width), int(0.98 * height)))


def _recoloured(image: Image.Image) -> Image.Image:
    hue, saturation, value = image.convert("HSV").split()
    turned = Image.merge("HSV", (hue.point([(tone + 85) % 256 for tone in range(256)]), saturation, value))
    return turned.convert("RGB")


def _darker(image: Image.Image) -> Image.Image:
    return ImageEnhance.Contrast(ImageEnhance.Brightness(image).enhance(0.7)).enhance(0.8)


VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "cropped by 3 to 7 %": _cropped,
    "recoloured": _recoloured,
    "darker, less contrast": _darker,
}


def composition_rows(each: LabelledSet) -> list[list[Cell]]:
    """How often the photo of which a variant was made is the first hit by composition alone."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(each.ids), min(N_VARIED, len(each.ids)), replace=False)
    images = {
        int(row): read_photo(each.photos.file(int(each.ids[row])).read_bytes(), min_side=256).image for row in chosen
    }
    small = np.array([_grey(read_photo(each.photos.thumbnail(int(photo_id))).image) for photo_id in each.ids])
    rows: list[list[Cell]] = []
    for name, vary in VARIANTS.items():
        ours = pixels = 0
        for row, image in images.items():
            varied = vary(image)
            buffer = io.BytesIO()
            varied.save(buffer, "JPEG", quality=90)
            hits = each.photos.search("content:0 composition:1", photo=buffer.getvalue(), k=1)
            ours += hits[0].id == each.ids[row]
            pixels += int(np.square(small - _grey(varied)).sum(1).argmin()) == row
        n = len(images)
        rows.append([name, each.name, n, ours / n, pixels / n, 1 / len(each.ids)])
    return rows


COMPOSITION_COLUMNS = ["variant", "set", "queries", "found first", "by grey pixels, 16 x 16", "chance"]


def _grey(image: Image.Image) -> NDArray[np.float32]:
    return np.asarray(image.convert("L").resize((16, 16), Image.Resampling.BOX), np.float32).ravel() / np.float32(255)
