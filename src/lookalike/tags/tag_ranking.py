"""One score for a tag, from how near it lies, how photos near by vote, and how frequent it is.

Votes are the tags of the nearest tagged photos; a photo at cosine c counts e^(15 (c - c_1)), c_1 the cosine of the
nearest. So a near photo is not outvoted by many that are less near, and the number of neighbours hardly matters. Of a
photo that is near to nothing the share of the votes is drawn to the tag's frequency, by the probability that its
nearest is of another class, 1 - 1 / (1 + e^(3 - 9.9 c_1)). Then

    log-odds = b_0 + b_1 similarity + b_2 log-odds of the votes + b_3 log-odds of the frequency

fitted by logistic regression on photos that were held out, whose tags the space had not seen. Frequency enters because
for a photo like nothing else the frequent tags are right most often. This ranks the tags of a photo. Their scores heed
the place j in that ranking too, because tags compete (a photo rarely deserves twenty),

    score = 1 / (1 + exp(-(a_0 + a_1 log-odds + a_2 log j))),    a_2 <= 0

so that a score is the share of such suggestions that are right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.tags.tag_table import TagTable

__all__ = ["N_NEIGHBOURS", "Calibration", "NearestRows", "Neighbours", "log_odds", "voted"]

N_NEIGHBOURS = 30
"""Neighbours that vote."""
_SHARPNESS = 15.0
_SMOOTHING = 0.1
_RIDGE = 1e-3
_FIRST = 20
"""Pairs of each photo that scores are fitted on."""
_FEWEST = 20
"""Pairs of a photo and a tag that it carries, below which nothing is fitted."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The nearest tagged photos of some photos.

    Parameters
    ----------
    rows : int64 (n, m)
        Rows of the photos that the space was fitted on, nearest first; -1 in empty slots.
    cosines : float32 (n, m)
        Cosines, falling.
    joint : bool
        Whether these are neighbours in the joint space, rather than by compared embeddings.
    """

    rows: NDArray[np.int64]
    cosines: NDArray[np.float32]
    joint: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What turns features into a probability.

    Parameters
    ----------
    alone, joint, compared : float64 (7,)
        Intercept and weights of similarity, votes and frequency, then what makes scores of log-odds and places:
        intercept, weight of the log-odds and of the logarithm of the place. Without votes, with votes of neighbours in
        the joint space, and with votes of neighbours by compared embeddings.
    n_photos : int
        Held-out photos it was fitted on; 0 where there were too few, and the weights are those of another collection.
    """

    alone: NDArray[np.float64]
    joint: NDArray[np.float64]
    compared: NDArray[np.float64]
    n_photos: int

    @classmethod
    def given(cls) -> Calibration:
        """Return the weights for a collection with too few tags to fit them."""
        plain = [0.0, 1.0, 0.0]
        return cls(
            np.array([-0.5, 5.0, 0.0, 0.9, *plain]),
            np.array([-0.9, 2.0, 0.75, 0.1, *plain]),
            np.array([-0.9, 3.0, 0.6, 0.3, *plain]),
            0,
        )

    @classmethod
    def fitted(
        cls,
        similarity: NDArray[np.float64],
        joint: NDArray[np.float64],
        compared: NDArray[np.float64],
        frequency: NDArray[np.float64],
        truth: NDArray[np.float64],
        photos: NDArray[np.int64],
    ) -> Calibration:
        """Fit on pairs of a held-out photo and a tag: features, what is true (0 or 1), and the photo of each pair.

        First on all pairs, then on the 20 that come first for each photo by that: what is suggested is among them.
        """
        if int(truth.sum()) < _FEWEST or truth.all():
            return cls.given()
        fits = []
        for votes in (None, joint, compared):
            x = np.column_stack([similarity] + ([] if votes is None else [votes]) + [frequency])
            weights = _logistic(x, truth)
            first, _ = _first(weights[0] + x @ weights[1:], photos)
            score = np.array([0.0, 1.0, 0.0])
            if 0 < truth[first].sum() < len(first):
                weights = _logistic(x[first], truth[first])
                odds = weights[0] + x @ weights[1:]
                first, places = _first(odds, photos)
                score = _logistic(np.column_stack([odds[first], -np.log(places)]), truth[first], n_evidence=2)
                score[2] *= -1
            weights = weights if votes is not None else np.insert(weights, 2, 0.0)
            fits.append(np.concatenate([weights, score if score[1] > 0 else [0.0, 1.0, 0.0]]))
        return cls(fits[0], fits[1], fits[2], len(np.unique(photos)))


class NearestRows:
    """The nearest of what was seen so far, for each of some photos."""

    def __init__(self, n: int, *, joint: bool) -> None:
        self.rows = np.full((n, N_NEIGHBOURS), -1, np.int64)
        self.cosines = np.full((n, N_NEIGHBOURS), -np.inf, np.float32)
        self.joint = joint

    def see(self, rows: NDArray[np.int64], cosines: NDArray[np.float32]) -> None:
        """Take a block's cosines (n, len(rows)) in."""
        if len(rows) > N_NEIGHBOURS:
            best = np.argpartition(-cosines, N_NEIGHBOURS - 1, axis=1)[:, :N_NEIGHBOURS]
            named, values = rows[best], np.take_along_axis(cosines, best, axis=1)
        else:
            named, values = np.broadcast_to(rows, cosines.shape), cosines
        all_rows, all_cosines = np.hstack([self.rows, named]), np.hstack([self.cosines, values])
        order = np.lexsort((all_rows, -all_cosines), axis=1)[:, :N_NEIGHBOURS]
        self.rows = np.take_along_axis(all_rows, order, axis=1)
        self.cosines = np.take_along_axis(all_cosines, order, axis=1)

    def neighbours(self) -> Neighbours:
        """Return them."""
        return Neighbours(self.rows, np.maximum(self.cosines, -1), self.joint)


def log_odds(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of probabilities, kept finite."""
    p = np.clip(p, 1e-5, 1 - 1e-5)
    odds: NDArray[np.float64] = np.log(p / (1 - p))
    return odds


def voted(neighbours: Neighbours, carried: TagTable, frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of each tag by weighted votes: float64 (n, n_tags)."""
    rows, cosines = neighbours.rows, neighbours.cosines.astype(np.float64)
    n, n_tags = len(rows), carried.n_tags
    there = rows >= 0
    nearest = np.where(there, cosines, -np.inf).max(axis=1, initial=-1.0)
    weights = np.where(there, np.exp(np.minimum(_SHARPNESS * (cosines - nearest[:, None]), 0)), 0)
    query, slot = np.nonzero(there)
    at, counts = carried.entries(rows[query, slot])
    keys = np.repeat(query, counts) * n_tags + carried.tags[at]
    votes = np.bincount(keys, np.repeat(weights[query, slot], counts), minlength=n * n_tags)
    doubt = _SMOOTHING + 1 - 1 / (1 + np.exp(3.0 - 9.9 * nearest))
    share = votes.reshape(n, n_tags) + doubt[:, None] * frequency
    return log_odds(share / (weights.sum(axis=1) + doubt)[:, None])


def _first(odds: NDArray[np.float64], photos: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the first pairs of each photo lie, and their places from 1."""
    order = np.lexsort((-odds, photos))
    starts = np.flatnonzero(np.diff(photos[order], prepend=-1))
    places = 1 + np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return order[places <= _FIRST], places[places <= _FIRST]


def _logistic(x: NDArray[np.float64], y: NDArray[np.float64], n_evidence: int | None = None) -> NDArray[np.float64]:
    """Fit intercept and weights; of the first features (by default all but the last) none may count against a tag."""
    n_evidence = x.shape[1] - 1 if n_evidence is None else n_evidence
    active = list(range(x.shape[1]))
    while True:
        weights = _newton(x[:, active], y)
        against = {i for i, weight in zip(active, weights[1:], strict=True) if weight < 0 and i < n_evidence}
        if not against:
            break
        active = [i for i in active if i not in against]
    full = np.zeros(x.shape[1] + 1)
    full[0] = weights[0]
    full[[1 + i for i in active]] = weights[1:]
    return full


def _newton(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread < 1e-9] = 1
    z = np.column_stack([np.ones(len(x)), (x - mean) / spread])
    penalty = _RIDGE * y.sum() * np.diag([0.0] + [1.0] * x.shape[1])
    b = np.zeros(z.shape[1])
    b[0] = log_odds(np.array(y.mean()))

    def cost(b: NDArray[np.float64]) -> float:
        odds = z @ b
        return float(np.logaddexp(0, odds).sum() - odds @ y + b @ penalty @ b / 2)

    before = cost(b)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(z @ b, -50, 50)))
        hessian = (z * (p * (1 - p) + 1e-9)[:, None]).T @ z + penalty
        step = np.linalg.solve(hessian, z.T @ (y - p) - penalty @ b)
        while (now := cost(b + step)) > before and float(np.abs(step).max()) > 1e-9:
            step /= 2
        b = b + step
        if before - now < 1e-9 * before:
            break
        before = now
    weights = b[1:] / spread
    return np.concatenate([[b[0] - weights @ mean], weights])
