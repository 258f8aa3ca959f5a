"""How good suggested tags are, measured on photos whose tags were hidden.

A fifth of the tagged photos loses its tags, a space is fitted on what is left, and tags are suggested for them. Of the
first k suggestions, with hidden tags H of which some photo left still carries each:

    precision@k = |suggested and in H| / k
    recall@k    = |suggested and in H| / |H|
    nDCG@k      = sum_j [s_j in H] / log2(j + 1)  over its greatest possible value     (Jarvelin and Kekalainen 2002)

means over hidden photos that have such a tag, with their standard errors. Precision cannot reach 1 where photos carry
fewer than k tags. Compared are two rankings that need nothing learned: popularity suggests the most frequent tags to
all; kNN adds up the tags of the 10 nearest tagged photos by compared embeddings, each weighted by the probability that
it is of the same class, 1 / (1 + e^(3 - 9.9 c)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.kernels.threads import one_blas_thread
from lookalike.quantization.arguments import check_count, check_share, normalised
from lookalike.tags.tag_map import BLOCK, Rows
from lookalike.tags.tag_ranking import NearestRows, Neighbours
from lookalike.tags.tag_space import Tags, TagSpace
from lookalike.tags.tag_table import TagTable

__all__ = ["RANKINGS", "Figure", "Reliability", "TagEvaluation", "evaluate_tags", "ranking_metrics"]

RANKINGS = ("popularity", "knn", "space", "space+knn", "space+votes")
"""The rankings compared: by frequency; by votes of the nearest by embedding; by nearness in the joint space; by
that and votes of the nearest by embedding; and by that and votes of the nearest in the joint space, which is used."""
_KNN = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over photos, and its standard error."""

    mean: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Suggestions whose score lies in a range: how many, their mean score, and the share that was right."""

    lowest: float
    highest: float
    n: int
    score: float
    right: float


@dataclass(frozen=True, slots=True, eq=False)
class TagEvaluation:
    """What was measured.

    Parameters
    ----------
    k : int
    n_photos : int
        Tagged photos in all.
    n_hidden : int
        Photos whose tags were hidden, and that have one that can be found.
    n_tags : int
        Tags that can be suggested.
    figures : dict of str to (Figure, Figure, Figure)
        Precision, recall and nDCG at k, for each of :data:`RANKINGS`.
    reliability : tuple of Reliability
        Of the scores of "space+votes", in tenths; ranges without suggestions are left out.
    """

    k: int
    n_photos: int
    n_hidden: int
    n_tags: int
    figures: dict[str, tuple[Figure, Figure, Figure]]
    reliability: tuple[Reliability, ...]


def ranking_metrics(suggested: NDArray[np.int32], hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Precision, recall and nDCG of rankings.

    Parameters
    ----------
    suggested : int32 (n, k)
        Tag numbers, best first; -1 in empty slots.
    hidden : bool (n, n_tags)
        What is right; at least one tag of each photo.

    Returns
    -------
    float64 (n, 3)
    """
    k = suggested.shape[1]
    right = np.take_along_axis(hidden, np.maximum(suggested, 0).astype(np.int64), axis=1) & (suggested >= 0)
    n_hidden = hidden.sum(axis=1)
    gains = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(gains)[np.minimum(n_hidden, k) - 1]
    return np.stack([right.mean(axis=1), right.sum(axis=1) / n_hidden, right @ gains / ideal], axis=1)


def evaluate_tags(
    embeddings: Rows, tags: Tags, *, k: int = 5, share: float = 0.2, rounds: int = 1, seed: int = 0
) -> TagEvaluation:
    """Hide the tags of some photos and see which rankings find them.

    Parameters
    ----------
    embeddings : array-like (n, dim)
        As the encoder gives them, of all photos.
    tags : TagTable or sequence of iterables of str
        The tags of each.
    k : int
        Suggestions for each photo.
    share : float
        Share of the tagged photos whose tags are hidden.
    rounds : int
        Hide one such share after the other, up to ``1 / share`` of them, so that more photos are tried. Every round
        fits a space.
    seed : int
        Decides which.

    Raises
    ------
    InvalidArgumentError
        Fewer than 10 tagged photos, or none of those hidden shares a tag with another, among other things.
    """
    k, share, rounds = check_count(k, "k"), check_share(share, "share"), check_count(rounds, "rounds")
    seed = check_count(seed, "seed", least=0)
    table = tags if isinstance(tags, TagTable) else TagTable.of(tags)
    if len(table) != embeddings.shape[0]:
        raise InvalidArgumentError(f"`tags` are of {len(table)} photos, but `embeddings` of {embeddings.shape[0]}.")
    tagged = np.flatnonzero(table.per_photo() > 0)
    if len(tagged) < 10:
        raise InvalidArgumentError(f"Photos with tags: {len(tagged)}, but at least 10 are needed to hide some of them.")
    n_hidden = max(1, round(share * len(tagged)))
    if share == 1 or rounds * n_hidden > len(tagged) + rounds:
        raise InvalidArgumentError(f"`rounds` is {rounds} and `share` {share:g}: together more than all photos.")
    order = np.random.default_rng(seed).permutation(tagged)
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in RANKINGS}
    scored: list[NDArray[np.float64]] = []
    for number in range(rounds):
        rows = np.sort(order[number * n_hidden : (number + 1) * n_hidden])
        for name, values in _one_round(embeddings, table, rows, k, seed, scored).items():
            found[name].append(values)
    if not scored:
        raise InvalidArgumentError(
            "None of the tags that were hidden is on another photo too, so none could be found again. Give photos tags "
            "that they share, or try more of them (`rounds`)."
        )
    figures = {name: _figures(np.concatenate(values)) for name, values in found.items()}
    n_tried = sum(len(each) for each in found[RANKINGS[0]])
    return TagEvaluation(k, len(tagged), n_tried, table.n_tags, figures, _reliability(np.concatenate(scored)))


def _one_round(
    embeddings: Rows, table: TagTable, rows: NDArray[np.int64], k: int, seed: int, scored: list[NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    photos = table.photos()
    kept = ~np.isin(photos, rows)
    left = TagTable.from_pairs(table.names, len(table), photos[kept], table.tags[kept].astype(np.int64))
    space = TagSpace.fit(embeddings, left, seed=seed)
    known = left.per_tag() > 0
    hidden = (table.indicators(rows) > 0) & known
    rows, hidden = rows[hidden.any(axis=1)], hidden[hidden.any(axis=1)]
    if not len(rows):
        return {name: np.zeros((0, 3)) for name in RANKINGS}
    x = _taken(embeddings, rows)
    joint, compared = _neighbours(space, embeddings, x, left)
    popular = np.argsort(-left.per_tag(), kind="stable")[:k].astype(np.int32)
    both = space.suggest(x, k, neighbours=joint)
    right = np.take_along_axis(hidden, np.maximum(both.tags, 0).astype(np.int64), axis=1)
    scored.append(np.column_stack([both.scores[both.tags >= 0], right[both.tags >= 0]]).astype(np.float64))
    suggested = (
        np.broadcast_to(popular, (len(rows), len(popular))),
        _plain_votes(compared, left, k),
        space.suggest(x, k).tags,
        space.suggest(x, k, neighbours=compared).tags,
        both.tags,
    )
    return {name: ranking_metrics(_padded(each, k), hidden) for name, each in zip(RANKINGS, suggested, strict=True)}


def _neighbours(
    space: TagSpace, embeddings: Rows, x: NDArray[np.float32], left: TagTable
) -> tuple[Neighbours, Neighbours]:
    """Find the nearest tagged photos exactly, in the joint space and by compared embeddings."""
    places, compared = space.photos(x), space.map.compared(x)
    by_place, by_embedding = NearestRows(len(x), joint=True), NearestRows(len(x), joint=False)
    tagged = left.per_photo() > 0
    with one_blas_thread():
        for start in range(0, len(left), BLOCK):
            block = np.asarray(embeddings[start : start + BLOCK], np.float32)
            which = np.flatnonzero(tagged[start : start + BLOCK])
            own = space.map.compared(block[which])
            by_place.see(start + which, places @ normalised(space.map.places(own)).T)
            by_embedding.see(start + which, compared @ own.T)
    return by_place.neighbours(), by_embedding.neighbours()


def _plain_votes(neighbours: Neighbours, table: TagTable, k: int) -> NDArray[np.int32]:
    rows, cosines = neighbours.rows[:, :_KNN], neighbours.cosines[:, :_KNN].astype(np.float64)
    weights = np.where(rows >= 0, 1 / (1 + np.exp(3.0 - 9.9 * cosines)), 0)
    votes = np.zeros((len(rows), table.n_tags))
    for slot in range(rows.shape[1]):
        at, counts = table.entries(np.maximum(rows[:, slot], 0))
        votes[np.repeat(np.arange(len(rows)), counts), table.tags[at]] += np.repeat(weights[:, slot], counts)
    best = np.argsort(-votes, axis=1, kind="stable")[:, :k].astype(np.int32)
    return np.where(np.take_along_axis(votes, best, axis=1) > 0, best, -1).astype(np.int32)


def _taken(embeddings: Rows, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Read some rows, block by block."""
    parts = []
    for start in range(0, embeddings.shape[0], BLOCK):
        here = rows[(rows >= start) & (rows < start + BLOCK)] - start
        if len(here):
            parts.append(np.asarray(embeddings[start : start + BLOCK], np.float32)[here])
    return np.concatenate(parts)


def _padded(tags: NDArray[np.int32], k: int) -> NDArray[np.int32]:
    return np.pad(tags, ((0, 0), (0, k - tags.shape[1])), constant_values=-1)


def _figures(values: NDArray[np.float64]) -> tuple[Figure, Figure, Figure]:
    n = len(values)
    errors = values.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.zeros(3)
    precision, recall, ndcg = (Figure(float(m), float(e)) for m, e in zip(values.mean(axis=0), errors, strict=True))
    return precision, recall, ndcg


def _reliability(scored: NDArray[np.float64]) -> tuple[Reliability, ...]:
    tenth = np.minimum((scored[:, 0] * 10).astype(np.int64), 9)
    found = []
    for i in range(10):
        here = scored[tenth == i]
        if len(here):
            found.append(
                Reliability(i / 10, (i + 1) / 10, len(here), float(here[:, 0].mean()), float(here[:, 1].mean()))
            )
    return tuple(found)
