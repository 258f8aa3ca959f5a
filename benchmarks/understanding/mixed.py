"""Queries of several parts against each part alone, through the product's own search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Cell
from benchmarks.understanding.looks import COLOURS
from benchmarks.understanding.metrics import average_precision
from benchmarks.understanding.sets import LabelledSet
from benchmarks.understanding.words import asked
from lookalike.query import Colour, Photo, Query, Words, plain_words

N_QUERIES = 600
LEAST_PHOTOS = 4
_Term = Photo | Words | Colour


def mixed_rows(each: LabelledSet) -> list[list[Cell]]:
    """Mean average precision of the whole query and of its parts, one row for each kind of query.

    Relevant is what the photo's class holds; for a colour, what of it scores one half or more for that colour. What is
    subtracted is the first wrong hit of the photo alone.
    """
    rng = np.random.default_rng(0)
    queries = asked(each)
    figures: dict[str, list[tuple[float, float, float]]] = {}
    by_colour = {name: _scores(each, Colour(name)) for name in COLOURS}
    for _ in range(N_QUERIES):
        words, relevant = queries[int(rng.integers(len(queries)))]
        members = np.flatnonzero(relevant)
        if len(members) < LEAST_PHOTOS:
            continue
        first, second = rng.choice(members, 2, replace=False)
        photo, other = (Photo(int(each.ids[row])) for row in (first, second))
        told = plain_words(words)
        figures.setdefault("photo + word", []).append(_compare(each, relevant, [first], (photo,), told))
        figures.setdefault("photo + photo", []).append(_compare(each, relevant, [first, second], (photo,), (other,)))
        hits = each.bare.search(Query(terms=(photo,)), k=len(each.ids))
        wrong = next((hit.id for hit in hits if not relevant[np.searchsorted(each.ids, hit.id)]), None)
        if wrong is not None:
            taken = (Photo(wrong, weight=-1.0),)
            own = [int(first), int(np.searchsorted(each.ids, wrong))]
            figures.setdefault("photo - photo", []).append(_compare(each, relevant, own, (photo,), taken))
        for name in rng.permutation(COLOURS):
            coloured = relevant & (by_colour[str(name)] >= 0.5)
            if coloured[first] and coloured.sum() >= LEAST_PHOTOS:
                pair = _compare(each, coloured, [first], (photo,), (Colour(str(name)),))
                figures.setdefault("photo + colour", []).append(pair)
                break
    rows: list[list[Cell]] = []
    for kind, values in figures.items():
        one, two, fused = map(float, np.mean(values, axis=0))
        rows.append(
            [kind, each.name, len(values), one, "-" if kind == "photo - photo" else two, fused, fused - max(one, two)]
        )
    return rows


COLUMNS = [
    "query",
    "set",
    "queries",
    "mAP, photo alone",
    "mAP, other part alone",
    "mAP, together",
    "above the best part",
]


def _scores(each: LabelledSet, term: Colour) -> NDArray[np.float64]:
    """Scores of a part for all photos: float64 (n,)."""
    scores = np.zeros(len(each.ids))
    for hit in each.bare.search(Query(terms=(term,)), k=len(each.ids)):
        scores[np.searchsorted(each.ids, hit.id)] = hit.score
    return scores


def _compare(
    each: LabelledSet, relevant: NDArray[np.bool_], left_out: list[int], one: tuple[_Term, ...], two: tuple[_Term, ...]
) -> tuple[float, float, float]:
    """Average precisions of one part, the other, and both, of the same hits; the query's own photos are left out."""
    wanted = relevant.copy()
    wanted[left_out] = False
    hits = each.bare.search(Query(terms=one + two), k=len(each.ids))
    rows = np.searchsorted(each.ids, [hit.id for hit in hits])
    kept = ~np.isin(rows, left_out)
    parts = np.array([list(hit.parts.values()) for hit in hits])  # (n_hits, 2)
    orders = [np.argsort(-parts[:, 0], kind="stable"), np.argsort(-parts[:, 1], kind="stable"), np.arange(len(rows))]
    first, second, both = (average_precision(wanted[rows[order][kept[order]]], int(wanted.sum())) for order in orders)
    return first, second if two[0].weight > 0 else 0.0, both
