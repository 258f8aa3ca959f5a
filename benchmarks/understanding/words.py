"""Words to photos: class names asked for as words, against keywords in the texts alone and against chance."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lookalike
from benchmarks.report import Cell
from benchmarks.understanding.metrics import average_precision, recall
from benchmarks.understanding.sets import WORK, LabelledSet
from lookalike.explore.asking_tags import nearest_photos_of_tag

LEAST_PHOTOS = 5
DEMO_WORDS = {
    "met-floral-collection": "flowers",
    "met-impressionism-collection": "impressionist painting",
    "met-landscape-collection": "landscape",
    "met-old-masters-collection": "old master painting",
    "met-portrait-figure-collection": "portrait",
    "met-seascape-collection": "sea",
    "nasa-apollo-legacy-collection": "astronaut on the moon",
    "nasa-deep-space-collection": "galaxy",
    "nasa-earth-orbit-collection": "earth from orbit",
    "nasa-hubble-nebula-collection": "nebula",
    "nasa-solar-system-collection": "planet",
    "nasa-space-shuttle-launch-collection": "rocket launch",
    "nmk-ancient-pottery-collection": "pottery",
    "nmk-buddhist-sculpture-collection": "statue of Buddha",
    "nmk-korean-metalcraft-collection": "metalwork",
    "nmk-korean-painting-collection": "Korean painting",
}
"""What someone would type who looks for a collection of the demo; the others are asked for by their folders' names."""


DULL = {"with", "from", "during", "view", "image", "north", "south", "east", "west", "most", "this"}


def asked(labelled: LabelledSet) -> list[tuple[str, NDArray[np.bool_]]]:
    """Words, and which photos they mean: bool (n,)."""
    if labelled.name == "demo":
        return [(words, labelled.labels == label) for label, words in DEMO_WORDS.items()]
    if labelled.name != "stamps":
        return [(str(name).replace("-", " "), labelled.labels == name) for name in np.unique(labelled.labels)]
    paths = [Path(record.path).parts for record in labelled.photos.photos(labelled.ids.tolist())]
    start = paths[0].index("stamps") + 1
    names = sorted({name for path in paths for name in path[start:-1]})
    found = [
        (re.sub("[^a-z]+", " ", name).strip(), np.array([name in path[start:] for path in paths])) for name in names
    ]
    return [(words, relevant) for words, relevant in found if relevant.sum() >= LEAST_PHOTOS]


def title_words(labelled: LabelledSet) -> list[tuple[str, NDArray[np.bool_]]]:
    """Words of four letters or more in the titles of three or more photos, and the photos in whose texts they stand."""
    titles = [
        set(re.findall("[a-z]{4,}", (record.title or "").lower()))
        for record in labelled.photos.photos(labelled.ids.tolist())
    ]
    found = []
    for word in sorted(set().union(*titles)):
        if sum(word in title for title in titles) >= 3 and word not in DULL:
            holding = [photo_id for photo_id, _ in labelled.photos._catalog.search_words(word, len(labelled.ids))]
            found.append((word, np.isin(labelled.ids, holding)))
    return found


def rankings(
    photos: lookalike.Collection, ids: NDArray[np.int64], words: str
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Rows of the photos that each way finds, best first."""
    hits = photos.search(words=words, k=len(ids))
    yield "search", np.searchsorted(ids, np.array([hit.id for hit in hits], np.int64))
    found = photos._catalog.search_words(words, len(ids))
    yield "keywords", np.searchsorted(ids, np.array([photo_id for photo_id, _ in found], np.int64))


def measure_words(
    name: str,
    photos: lookalike.Collection,
    ids: NDArray[np.int64],
    queries: list[tuple[str, NDArray[np.bool_]]],
) -> list[Cell]:
    """Give a row: mAP and recall@10 of search, of keywords and of chance."""
    figures: dict[str, list[tuple[float, float]]] = {"search": [], "keywords": []}
    for words, relevant in queries:
        n = int(relevant.sum())
        for way, rows in rankings(photos, ids, words):
            figures[way].append((average_precision(relevant[rows], n), recall(relevant[rows], n)))
    shares = [relevant.mean() for _, relevant in queries]
    chance_recall = [
        10 * share / max(min(10, relevant.sum()), 1) for share, (_, relevant) in zip(shares, queries, strict=True)
    ]
    ours, keywords = (np.mean(figures[way], axis=0) for way in ("search", "keywords"))
    return [
        name,
        len(ids),
        len(queries),
        *(
            float(each)
            for pair in zip(ours, keywords, (np.mean(shares), np.mean(chance_recall)), strict=True)
            for each in pair
        ),
    ]


COLUMNS = [
    "photos of",
    "n",
    "queries",
    "mAP",
    "mAP keywords",
    "mAP chance",
    "recall@10",
    "recall@10 keywords",
    "recall@10 chance",
]


def word_rows(sets: list[LabelledSet]) -> list[list[Cell]]:
    """Measure every set, with its texts and without."""
    rows = []
    for each in sets:
        queries = asked(each)
        if each.name in ("demo", "stamps"):
            texts = "titles" if each.name == "demo" else "file names"
            rows.append(measure_words(f"{each.name}, with {texts}", each.photos, each.ids, queries))
        rows.append(measure_words(f"{each.name}, no texts", each.bare, each.ids, queries))
        if each.name == "demo":
            words = title_words(each)
            rows.append(measure_words("demo, words of its titles, with titles", each.photos, each.ids, words))
            rows.append(measure_words("demo, words of its titles, no texts", each.bare, each.ids, words))
    return rows


TAGGED = [
    "photos of",
    "tagged",
    "untagged photos",
    "queries",
    "mAP, untagged photos",
    "before the tags",
    "of the tags alone",
]


def tagged_rows(each: LabelledSet, shares: Sequence[float]) -> list[list[Cell]]:
    """Give a share of the photos of every query its words as a tag, and see how the others are found by these."""
    rows: list[list[Cell]] = []
    queries = [(words, relevant) for words, relevant in asked(each) if relevant.sum() >= LEAST_PHOTOS]
    for share in shares:
        rng = np.random.default_rng(0)
        chosen = [
            rng.choice(np.flatnonzero(relevant), max(LEAST_PHOTOS, round(share * relevant.sum())), replace=False)
            for _, relevant in queries
        ]
        directory = WORK / "tagged.lookalike"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(each.bare.path, directory)
        figures = []
        with lookalike.Collection.open(directory) as photos:
            if told := {tag for _, tag, _ in photos.said_tags()}:
                photos.untag(each.ids.tolist(), *told)
            for (words, _), some in zip(queries, chosen, strict=True):
                photos.tag(each.ids[some].tolist(), words)
            left = np.ones(len(each.ids), np.bool_)
            left[np.concatenate(chosen)] = False
            for words, relevant in queries:
                wanted, n = relevant & left, int((relevant & left).sum())
                if not n:
                    continue
                near = [photo.id for photo in nearest_photos_of_tag(photos, words, len(each.ids))]
                orders = [
                    [hit.id for hit in found.search(words=words, k=len(each.ids))] for found in (photos, each.bare)
                ]
                found = [np.searchsorted(each.ids, np.array(order, np.int64)) for order in (*orders, near)]
                figures.append([average_precision(wanted[order[left[order]]], n) for order in found])
        means = np.mean(figures, axis=0).tolist()
        rows.append([each.name, f"{share:.0%}", int(left.sum()), len(figures), *means])
    return rows
