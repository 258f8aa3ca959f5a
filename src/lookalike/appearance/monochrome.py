"""How much colour a photo has: none (black and white), one tone (sepia, cyanotype), or more.

Both are read off a and b of OKLab, from a small version of the photo.

- `black_and_white` looks at chroma C = |(a, b)|: a sum of .3 of its mean and .7 of its 98th percentile, so that a
  small red coat in a grey street counts. 1 at .006 and below (the rounding of 8 bits and what JPEG adds), 0 from .045
  on.
- `one_tone` asks whether colour follows from lightness, which is what toning a grey print does: a and b are averaged
  in 12 steps of L, and the root mean square of what is left over is 1 at .004 and below, 0 from .03 on. A
  black-and-white photo has one tone too; *toned* is `one_tone` without `black_and_white`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["falling", "monochrome_scores"]

_N_STEPS: Final = 12


def falling(value: float, best: float, worst: float) -> float:
    """Return 1 at `best` and below, 0 at `worst` and above, and between them a straight line."""
    return float(min(max((worst - value) / (worst - best), 0.0), 1.0))


def monochrome_scores(lab: NDArray[np.float32]) -> tuple[float, float]:
    """Return scores of black and white and of one tone.

    Parameters
    ----------
    lab : ndarray of float32 (n, 3)
        OKLab of the pixels, at least one.

    Returns
    -------
    (float, float)
        0 to 1 each: no colour; colour that follows from lightness.
    """
    lightness, *ab = np.ascontiguousarray(lab.T)
    squares = ab[0] * ab[0] + ab[1] * ab[1]
    chroma = np.sqrt(squares)
    place = int(0.98 * (len(chroma) - 1))
    high = np.partition(chroma, place)[place]
    black_and_white = falling(0.3 * float(chroma.mean()) + 0.7 * float(high), 0.006, 0.045)
    step = np.clip(lightness * _N_STEPS, 0, _N_STEPS - 1).astype(np.intp)
    counts = np.maximum(np.bincount(step, minlength=_N_STEPS), 1)
    explained = sum(float((np.bincount(step, each, minlength=_N_STEPS) ** 2 / counts).sum()) for each in ab)
    rest = max(float(squares.sum(dtype=np.float64)) - explained, 0.0) / len(lab)
    return black_and_white, falling(rest**0.5, 0.004, 0.03)
