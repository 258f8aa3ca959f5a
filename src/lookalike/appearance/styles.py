"""Four styles as scores of 0 to 1, from statistics of a small version of the photo and what a network sees in it.

*black and white* is `monochrome.monochrome_scores`' first. The other three are logistic functions 1 / (1 + exp(-x))
of few statistics, each of which has a meaning of its own; `STYLES` holds weights, thresholds and the figures they
were chosen by. Shallow depth of field and patterns heed the embedding too, where it is of an encoder that has probes
(style_probes.py): the network knows a person before a blurred street from a nebula, and cloth from a heap of leaves.

- *minimalist*: `calm`, the mean over 16 x 16 cells of log(1 + detail), detail being the mean difference of neighbours.
  Little detail over most of the area; the logarithm keeps one busy thing from counting much.
- *shallow depth of field*: `steepness`, the mean over cells with edges of how much of a change over four pixels lies
  in its largest step, which is low where most of the picture is soft; and `crispness`, log(1 + residue) of the tenth
  of cells with most fine detail, which is high where something is in focus.
- *patterns*: `repetition`, the highest autocorrelation at a distance of 8 to 33 of the 96 x 96 fine cells
  (Wiener-Khinchin: the inverse transform of the power spectrum, without waves of which fewer than five fit into the
  picture); `flatness`, the geometric over the arithmetic mean of the power spectrum; and `cover`, the share of cells
  with a standard deviation above 12 levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance.lightness import Lightness
from lookalike.appearance.style_probes import style_probes

__all__ = ["STYLES", "Style", "style_scores", "style_statistics"]

_SIDE: Final = 96
_NEAREST, _FARTHEST = 8, 34


@dataclass(frozen=True, slots=True)
class Style:
    """How a style is told.

    Attributes
    ----------
    name : str
        As people call it.
    threshold : float
        Scores from here on have the style. It gives the best F1 on the labelled photos.
    precision, recall : float
        There.
    average_precision, by_folder, chance : float
        Of the ranking there: weights fitted on four fifths of the photos and judged on the fifth; fitted on all folders
        but one and judged on that; and what a random order has. All figures are of the default encoder's probe where
        there is one.
    constant : float
    weights : tuple of (str, float)
        Of the logistic function without a network; a style without weights has its own formula.
    """

    name: str
    threshold: float
    precision: float
    recall: float
    average_precision: float
    by_folder: float
    chance: float
    constant: float = 0.0
    weights: tuple[tuple[str, float], ...] = ()


STYLES: Final[dict[str, Style]] = {  # python -m benchmarks.style_weights
    "black_and_white": Style("black and white", 0.73, 0.938, 0.938, 0.986, 0.986, 0.025),
    "shallow_depth_of_field": Style(
        "shallow depth of field",
        0.26,
        0.833,
        0.854,
        0.887,
        0.793,
        0.169,
        13.469,
        (("steepness", -41.751), ("crispness", 2.988)),
    ),
    "minimalist": Style("minimalist", 0.28, 0.918, 0.957, 0.970, 0.968, 0.091, 12.832, (("calm", -9.709),)),
    "patterns": Style(
        "patterns",
        0.29,
        0.893,
        0.962,
        0.951,
        0.624,
        0.043,
        -15.166,
        (("repetition", 15.141), ("flatness", 50.666), ("cover", 4.942)),
    ),
}


def _window() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a Hann window, and the autocorrelation it causes by itself."""
    one = np.hanning(_SIDE)
    window = np.outer(one, one)
    own = np.fft.irfft2(np.abs(np.fft.rfft2(window)) ** 2)
    return window.astype(np.float32), np.maximum(own / own[0, 0], 0.2).astype(np.float32)


def _lags() -> NDArray[np.intp]:
    """Return where in a flattened autocorrelation a pattern may repeat; half of it, since the rest mirrors that."""
    offsets = np.fft.fftfreq(_SIDE) * _SIDE
    distance = np.hypot(offsets[:, None], offsets[None, :])
    inside = (distance >= _NEAREST) & (distance < _FARTHEST) & (offsets[:, None] >= 0)
    return np.flatnonzero(inside)


_WINDOW, _OWN = _window()
_LAGS: Final = _lags()
_SLOW: Final = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None, :]) * _SIDE < 5
_OWN_AT_LAGS: Final = _OWN.ravel()[_LAGS]


def style_statistics(lightness: Lightness) -> dict[str, float]:
    """Return the statistics that styles are told by; the module says what each is."""
    cells = lightness.rise > 1
    steepness = float((lightness.steepest[cells] / lightness.rise[cells]).mean()) if cells.any() else 1.0
    residue = np.sort(lightness.residue.ravel())
    repetition, flatness = _spectrum(lightness.fine)
    return {
        "calm": float(np.log1p(lightness.detail).mean()),
        "steepness": steepness,
        "crispness": float(np.log1p(residue[-25:].mean())),
        "repetition": repetition,
        "flatness": flatness,
        "cover": float((lightness.deviation > 12).mean()),
    }


def _spectrum(fine: NDArray[np.float32]) -> tuple[float, float]:
    """Return repetition and flatness; none where all fine structure is within one level of grey, which nobody sees."""
    waves = (fine - fine.mean()) * _WINDOW
    spectrum = np.fft.rfft2(waves)
    spectrum[_SLOW] = 0
    power = spectrum.real**2 + spectrum.imag**2
    total = float(power.mean())
    if total < _SIDE * _SIDE:
        return 0.0, 0.0
    correlation = np.fft.irfft2(power)
    repetition = float((correlation.ravel()[_LAGS] / _OWN_AT_LAGS).max() / correlation[0, 0])
    return repetition, float(exp(np.log(power + 1).mean()) / total)


def style_scores(
    lightness: Lightness,
    *,
    black_and_white: float,
    embedding: NDArray[np.floating] | None = None,
    encoder: str | None = None,
) -> dict[str, float]:
    """Return the score of each style of `STYLES`, 0 to 1.

    Parameters
    ----------
    lightness : Lightness
        The photo's grey version.
    black_and_white : float
        Of `monochrome_scores`.
    embedding : ndarray of float (dim,) or None
        Of the photo, unit length, not centred.
    encoder : str or None
        Fingerprint of the card of the embedding's encoder; one without probes is as none.
    """
    statistics = style_statistics(lightness)
    probes = style_probes(encoder) if encoder is not None else {}
    scores = {"black_and_white": black_and_white}
    for key, style in STYLES.items():
        if not style.weights:
            continue
        if key in probes and embedding is not None:
            x = probes[key].log_odds([statistics[name] for name, _ in style.weights], embedding)
        else:
            x = style.constant + sum(weight * statistics[name] for name, weight in style.weights)
        scores[key] = 1 / (1 + exp(-min(max(x, -30.0), 30.0)))
    return scores
