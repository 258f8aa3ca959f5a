"""What scores of hits promise and keep: the reliability table, the constants fitted anew, and where lists are cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Cell
from benchmarks.understanding.metrics import fit_logistic
from benchmarks.understanding.sets import LabelledSet
from lookalike.collection.ranking import Logistic, spread_calibration

N_HITS = 20
EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LEAST_IN_A_BIN = 30
FIXED = 0.5
_Pairs = tuple[NDArray[np.float32], NDArray[np.bool_]]


def reliability_rows(sets: list[LabelledSet]) -> list[list[Cell]]:
    """Share of hits of the query's class by overall score, over the first 20 hits of every photo."""
    rows: list[list[Cell]] = []
    everything: list[_Pairs] = []
    for each in sets:
        found = [each.photos.search(photo=int(photo_id), k=N_HITS) for photo_id in each.ids]
        scores = np.array([hit.score for hits in found for hit in hits], np.float32)
        same = np.array(
            [
                each.labels[np.searchsorted(each.ids, hit.id)] == label
                for hits, label in zip(found, each.labels, strict=True)
                for hit in hits
            ]
        )
        everything.append((scores, same))
        rows.append([each.name, *shares(scores, same)])
    weights = np.concatenate([np.full(len(scores), 1 / len(scores)) for scores, _ in everything])
    scores, same = (np.concatenate([pair[i] for pair in everything]) for i in range(2))
    rows.append(["all, each set counting the same", *shares(scores, same, weights)])
    return rows


def shares(
    scores: NDArray[np.float32], same: NDArray[np.bool_], weights: NDArray[np.floating] | None = None
) -> list[Cell]:
    """Share of hits that are right by score, in the bins of `EDGES` that hold enough."""
    bins = np.minimum(np.digitize(scores, EDGES) - 1, len(EDGES) - 2)
    cells: list[Cell] = []
    for number in range(len(EDGES) - 1):
        here = bins == number
        enough = here.sum() >= LEAST_IN_A_BIN
        cells.append(
            f"{np.average(same[here], weights=None if weights is None else weights[here]):.0%}" if enough else "-"
        )
    return cells


RELIABILITY = ["set", *(f"{low:.1f} to {high:.1f}" for low, high in pairwise(EDGES))]


def _first_hits(each: LabelledSet) -> _Pairs:
    cosines = each.compared @ each.compared.T
    np.fill_diagonal(cosines, -9)
    first = np.argsort(-cosines, axis=1)[:, :N_HITS]
    same = each.labels[first] == each.labels[:, None]
    return np.take_along_axis(cosines, first, axis=1).ravel(), same.ravel()


def fitted(pairs: list[_Pairs]) -> Logistic:
    """Fit the constant on several sets that count the same."""
    cosines, same = (np.concatenate([pair[i] for pair in pairs]) for i in range(2))
    weights = np.concatenate([np.full(len(pair[0]), 1e4 / len(pair[0])) for pair in pairs])
    return Logistic(*fit_logistic(cosines, same, weights))


def constant_rows(encoder: str, sets: list[LabelledSet]) -> list[list[Cell]]:
    """Judge the constant fitted on the other sets, and the one told from the set's own spread of cosines."""
    pairs = [_first_hits(each) for each in sets]
    rows: list[list[Cell]] = []
    for number, (each, (cosines, same)) in enumerate(zip(sets, pairs, strict=True)):
        others = fitted(pairs[:number] + pairs[number + 1 :])
        row: list[Cell] = [encoder, each.name, f"{others.offset:.2f}, {others.slope:.2f}"]
        for calibration in (fitted(pairs), others, spread_calibration(_sample(each.compared))):
            row += [_error(calibration(cosines), same), _promised(calibration(cosines), same)]
        rows.append(row)
    every = fitted(pairs)
    rows.append([encoder, "all", f"{every.offset:.2f}, {every.slope:.2f}", *[""] * 6])
    return rows


CONSTANTS = [
    "encoder",
    "set",
    "fitted on the others",
    "error, fitted on all",
    ".8 to .9, on all",
    "error, fitted on the others",
    ".8 to .9, on the others",
    "error, by spread",
    ".8 to .9, by spread",
]


def _sample(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Draw as many as the product does, at random: photos come class by class."""
    chosen: NDArray[np.float32] = np.random.default_rng(0).permutation(vectors)[:512]
    return chosen


def _error(scores: NDArray[np.float32], same: NDArray[np.bool_]) -> float:
    """Give the expected calibration error over ten bins."""
    bins = np.minimum((scores * 10).astype(int), 9)
    gaps = [abs(scores[bins == b].mean() - same[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))


def _promised(scores: NDArray[np.float32], same: NDArray[np.bool_]) -> str:
    here = (scores >= 0.8) & (scores < 0.9)
    return f"{same[here].mean():.0%} of {here.sum():,}" if here.sum() >= LEAST_IN_A_BIN else "-"


def spread_rows(each: LabelledSet, constant: Logistic) -> list[list[Cell]]:
    """Judge a fixed constant and the one by spread in spaces made of the set's own, with other spreads of cosines."""
    vectors = each.compared
    axes = np.linalg.svd(vectors, full_matrices=False)[2]
    noise = np.random.default_rng(0).standard_normal(vectors.shape).astype(np.float32)
    spaces = {
        "as it is": vectors,
        "first 64 axes": vectors @ axes[:64].T,
        "squared, signs kept": np.sign(vectors) * vectors**2,
        "with noise": vectors + 0.02 * noise,
    }
    rows: list[list[Cell]] = []
    for name, space in spaces.items():
        centred = space - space.mean(0)
        other = LabelledSet(each.name, each.photos, each.bare, each.ids, each.labels, centred)
        cosines, same = _first_hits(other)
        by_spread = spread_calibration(_sample(other.compared))
        row: list[Cell] = [each.name, name, float(same.mean())]
        rows.append([*row, _error(constant(cosines), same), _error(by_spread(cosines), same)])
    return rows


def cut_rows(each: LabelledSet, n_queries: int = 300) -> list[list[Cell]]:
    """Precision, recall and F1 of the lists down to the cut, against those down to a fixed score."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(each.ids), min(n_queries, len(each.ids)), replace=False)
    figures: dict[str, list[tuple[float, float, float, int]]] = {"cut": [], f"score {FIXED}": []}
    for position in chosen:
        same = each.labels == each.labels[position]
        n_same = int(same.sum()) - 1
        hits = each.photos.search("cut:yes", photo=int(each.ids[position]), k=len(each.ids))
        every = each.photos.search(photo=int(each.ids[position]), k=len(each.ids))
        lists = {"cut": hits, f"score {FIXED}": [hit for hit in every if hit.score >= FIXED]}
        for name, found in lists.items():
            right = int(same[np.searchsorted(each.ids, np.array([hit.id for hit in found], np.int64))].sum())
            precision, recall = right / len(found) if len(found) else 1.0, right / max(n_same, 1)
            f1 = 2 * precision * recall / max(precision + recall, 1e-9)
            figures[name].append((precision, recall, f1, len(found)))
    rows: list[list[Cell]] = []
    for name, values in figures.items():
        means = np.mean(values, axis=0)
        rows.append([each.name, name, *map(float, means[:3]), float(np.median([value[3] for value in values]))])
    return rows
