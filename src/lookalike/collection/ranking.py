"""From the scores of a query's parts to one ranked list: fusion, calibration, where to stop, near-duplicates.

Each part of a query says of each photo how likely it is what that part asks for. These probabilities are fused as
evidence is: log-odds are added, weighted; a part that is subtracted takes away the log-probability of not being it
(naive Bayes with odds of 1 before). What a part is sure of may still not be what was meant: a teal wall is no teal
bird. So beside others no part is believed beyond its `doubt`, without which one that is sure of much (colours) drowns
the rest.

What is a match by chance is told from the collection itself: the scores of a sample of its photos are nearly all those
of photos that have nothing to do with the query. Their median and lower spread give a normal law (Efron, "Large-Scale
Simultaneous Hypothesis Testing: The Choice of a Null Hypothesis", JASA 2004), and hits are worth looking at as far down
as at most one in ten is expected by chance (Benjamini & Hochberg, JRSS B 1995).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from lookalike.encoders import EncoderCard

__all__ = [
    "COLOURS",
    "DOUBT_OF_LOOKS",
    "DOUBT_OF_WORDS",
    "SUBTRACTED",
    "Logistic",
    "Part",
    "fused",
    "n_beyond_chance",
    "photo_calibration",
    "representatives",
    "spread_calibration",
    "standing_out",
    "text_calibration",
    "told_apart",
]

_BLOCK = 256
_CHANCE = 0.1
"""Share of hits by chance up to which a list is worth looking at."""
_LEAST, _MOST = 1e-4, 1 - 1e-4
_LOWER = 0.16
"""Share of a normal law that lies more than one deviation below its median."""
_ORDINARY = 3.0
"""Deviations above the background at which a score that was never calibrated counts as one half."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """A probability from a score: ``1 / (1 + exp(-(offset + slope score)))`` (Platt 1999)."""

    offset: float
    slope: float

    def __call__(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities float32, of the shape of `scores`."""
        odds = np.clip(self.offset + self.slope * scores, -30, 30)
        calibrated: NDArray[np.float32] = (1 / (1 + np.exp(-odds))).astype(np.float32)
        return calibrated


_PHOTOS = {"efficientnet-lite2": Logistic(-3.05, 9.97), "efficientnet-lite0": Logistic(-3.14, 10.47)}
_OTHERS = Logistic(-3.02, 0.81)
"""For encoders without one of their own: of cosines counted in the spread of those of any two photos."""
SUBTRACTED = 0.25
"""Weight of a photo that is subtracted: not all that it shows is unwanted."""
DOUBT_OF_WORDS, DOUBT_OF_LOOKS = 0.02, 0.1
"""Chosen by the mean average precision of fused queries on four sets (docs/explanation/ranking.md)."""
COLOURS = Logistic(-17.7, 33.0)
"""From `lookalike.appearance.palette_scores` to the probability that a photo shows the asked colour: that a fifth of
its pixels lie within .1 of it in OKLab. Fitted on 16 named colours and the photos of three sets."""
_FEW = 64
"""Photos below which that spread is not measured, and taken to be what it is for the packaged encoders."""
_USUAL_SPREAD = 0.083


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one part of a query says of n photos.

    Attributes
    ----------
    name : str
        As it stands in a hit's `parts`.
    weight : float
        Below 0: what is not wanted.
    scores : float32 (n,)
        Probability, 0 to 1, that a photo is what the part asks for.
    doubt : float
        Least probability that beside other parts is left to either side, below one half.
    """

    name: str
    weight: float
    scores: NDArray[np.float32]
    doubt: float = 0.0


def photo_calibration(card: EncoderCard) -> Logistic | None:
    """From cosines of compared embeddings to the probability that two photos show the same kind of thing.

    Fitted on the first twenty hits of four labelled sets together (docs/explanation/ranking.md). None for encoders for
    which that was not done: `spread_calibration` takes its place.
    """
    return _PHOTOS.get(card.name)


def spread_calibration(embeddings: NDArray[np.float32]) -> Logistic:
    """Give the same for any encoder, from the spread of the cosines of a collection's photos.

    Parameters
    ----------
    embeddings : float32 (n, dim)
        A sample of the photos, as they are compared; 300 are enough.
    """
    spread = _USUAL_SPREAD
    if len(embeddings) >= _FEW:
        cosines = embeddings @ embeddings.T
        spread = max(_background(cosines[np.triu_indices(len(cosines), 1)])[1], 1e-3)
    return Logistic(_OTHERS.offset, _OTHERS.slope / spread)


def text_calibration(cosines: NDArray[np.float32]) -> Logistic:
    """From the cosines of a text in a joint space to the probability that it says what is in a photo.

    Parameters
    ----------
    cosines : float32 (n,)
        With a sample of the collection's photos. What stands out of them is told as for photos (`spread_calibration`);
        of less than 64, what is usual is not known, and the middle one gets even odds.
    """
    centre, spread = _background(cosines)
    slope, few = _OTHERS.slope / max(spread, 1e-3), len(cosines) < _FEW
    return Logistic((0.0 if few else _OTHERS.offset) - slope * centre, slope)


def fused(parts: Sequence[Part], n: int) -> NDArray[np.float32]:
    """Overall score of n photos, 0 to 1: float32 (n,).

    Of one part with the weight 1 it is that part's own score.
    """
    if len(parts) == 1 and parts[0].weight == 1:
        return parts[0].scores
    log_odds = np.zeros(n, np.float64)
    if not any(part.weight > 0 for part in parts):  # only what is not wanted: all else is equally good
        log_odds += -math.log(_LEAST)
    for part in parts:
        doubt = part.doubt if len(parts) > 1 else 0.0
        p = np.clip(doubt + (1 - 2 * doubt) * part.scores, _LEAST, _MOST).astype(np.float64)
        log_odds += part.weight * (np.log(p) - np.log1p(-p)) if part.weight > 0 else -part.weight * np.log1p(-p)
    together: NDArray[np.float32] = (1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))).astype(np.float32)
    return together


def told_apart(parts: Sequence[Part]) -> list[Part]:
    """Give parts a name each: a name that comes again is numbered, "photo:12 (2)"."""
    apart: list[Part] = []
    names: set[str] = set()
    for part in parts:
        name, number = part.name, 1
        while name in names:
            number += 1
            name = f"{part.name} ({number})"
        names.add(name)
        apart.append(replace(part, name=name))
    return apart


def standing_out(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give probabilities for scores without a calibration, by how far they stand out of all: float32 (n,)."""
    centre, spread = _background(scores)
    return Logistic(-_ORDINARY, 1.0)(((scores - centre) / spread).astype(np.float32))


def n_beyond_chance(scores: NDArray[np.float32], background: NDArray[np.float32], n_photos: int) -> int:
    """How many of the best hits are worth looking at: all down to the last at which few are expected by chance.

    Parameters
    ----------
    scores : float32 (n,)
        Of the hits, overall, best first.
    background : float32 (m,)
        Of a sample of the photos, overall.
    n_photos : int
        That could have been found.
    """
    if len(background) < 2:
        return len(scores)
    centre, spread = _background(_log_odds(background))
    z = (_log_odds(scores) - centre) / spread
    tail = NormalDist()
    most = _CHANCE * len(z) / n_photos if len(z) else 1.0
    able = len(z) if most >= 1 else int(np.count_nonzero(z >= -tail.inv_cdf(most) - 1e-6))  # the rest not even as last
    for n in range(able, 0, -1):
        if n_photos * tail.cdf(-float(z[n - 1])) <= _CHANCE * n:
            return n
    return 0


def representatives(embeddings: NDArray[np.float32], least_cosine: float) -> NDArray[np.int64]:
    """Which earlier hit stands for each: int64 (n,), itself where none is nearly the same.

    Parameters
    ----------
    embeddings : float32 (n, dim)
        Of hits, best first; unit length.
    least_cosine : float
        From which on two are nearly the same.
    """
    own = np.arange(len(embeddings))
    for start in range(0, len(own), _BLOCK):
        block = embeddings[start : start + _BLOCK]
        firsts = np.flatnonzero(own[:start] == np.arange(start))
        before, among = block @ embeddings[firsts].T >= least_cosine, block @ block.T >= least_cosine
        for i in range(len(block)):
            earlier = firsts[before[i]]
            if not len(earlier):
                inside = own[start : start + i]
                earlier = inside[among[i, :i] & (inside == np.arange(start, start + i))]
            if len(earlier):
                own[start + i] = earlier[0]
    return own


def _log_odds(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    p = np.clip(scores.astype(np.float64), 1e-9, 1 - 1e-9)
    log_odds: NDArray[np.float64] = np.log(p) - np.log1p(-p)
    return log_odds


def _background(scores: NDArray[np.floating]) -> tuple[float, float]:
    """Median and deviation of the lower half; of no scores 0 and 1."""
    if not len(scores):
        return 0.0, 1.0
    lower, centre = np.quantile(scores, [_LOWER, 0.5])
    return float(centre), max(float(centre - lower), 1e-6)
