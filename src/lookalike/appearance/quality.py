"""Sharpness, exposure, clipping, contrast, noise and resolution, and one score to rank by.

All but the megapixels are of the version of 192 x 192 pixels by area, so a photo and a smaller copy of it measure
alike, and what shows only when zoomed in (slight blur, fine noise) is not seen: it is the photo as it looks on a
page. The score alone also counts noise of the photo as it was decoded, and how coarsely a JPEG was stored: a blocky
copy has steeper edges and less noise, and would stand above the photo it was made of.

========== ============ =============================================================================================
measure    range        what
========== ============ =============================================================================================
sharpness  0-1          how steep edges are: of changes over four pixels, the share that lies in the largest single
                        step (1 a knife edge, 1/4 a ramp), mean over the sharpest quarter of the cells with most
                        change, 1/4..1 put on 0..1
exposure   0-1          mean OKLab lightness; about .55 is usual
clipping   0-1          share of pixels that are black (3 and below) or white (252 and above)
contrast   0-1          difference of the 95th and 5th percentile of OKLab lightness
noise      0-255        standard deviation of grey: Immerkaer's estimator (1996) on the
                        quarter of the cells with least of it, none of them clipped; reads a tenth low
megapixels above 0      of the photo, not of the version
========== ============ =============================================================================================

Immerkaer: "Fast noise variance estimation", Computer Vision and Image Understanding 64 (2), 1996.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, pi
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance.lightness import Lightness
from lookalike.appearance.monochrome import falling

__all__ = ["Quality", "quality_of"]

_WEIGHTS: Final = {
    "sharpness": 0.3,
    "exposure": 0.14,
    "contrast": 0.12,
    "noise": 0.3,
    "resolution": 0.14,
    "compression": 0.3,
}


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of one photo; the module says what each is.

    `overall` is the weighted geometric mean of five goods, each .05 to 1: sharpness (.3; 1 from .6 on), exposure
    (.14; 1 between .35 and .75, less what is clipped), contrast (.12; 1 from .6 on), lack of noise (.3; 1 below .8,
    none at 8; or below .5 and at 12 before the photo is shrunk, whichever is less) and resolution (.14; logarithm of
    megapixels, 1 from 4 on, none at .02); times a sixth to the power of .3: compression (logarithm of a JPEG's steps,
    1 up to 40, none at 300).
    """

    sharpness: float
    exposure: float
    clipping: float
    contrast: float
    noise: float
    megapixels: float
    overall: float


def quality_of(lightness: Lightness, lab: NDArray[np.float32], *, megapixels: float, jpeg_step: float = 0.0) -> Quality:
    """Return the figures of a photo.

    Parameters
    ----------
    lightness : Lightness
        Its grey version.
    lab : ndarray of float32 (n, 3)
        OKLab of its small version.
    megapixels : float
        Of the photo itself.
    jpeg_step : float
        To how many levels a JPEG's lightness was rounded, mean over its frequencies: 58 at libjpeg's quality 50, 196
        at 10. 0 for other formats.
    """
    steepness = lightness.steepest.ravel() / np.maximum(lightness.rise.ravel(), 1e-6)
    edges = lightness.rise.ravel() >= max(float(np.partition(lightness.rise.ravel(), 128)[128]), 0.5)
    few = np.sort(steepness[edges])[::-1][: max(1, int(edges.sum()) // 4)]
    sharpness = falling(-float(few.mean()), -1.0, -0.25) if edges.any() else 0.0
    last = len(lab) - 1
    low, high = np.partition(lab[:, 0], (last // 20, last - last // 20))[[last // 20, last - last // 20]]
    exposure, contrast = float(np.clip(lab[:, 0].mean(), 0, 1)), float(min(max(high - low, 0.0), 1.0))
    clipping = lightness.clipped
    unclipped = np.sort(lightness.residue[(lightness.mean > 12) & (lightness.mean < 243)])
    least = unclipped[: max(1, len(unclipped) // 4)]
    noise = (pi / 2) ** 0.5 / 6 * float(least.mean()) if len(least) else 0.0
    goods = {
        "sharpness": sharpness / 0.6,
        "exposure": min(falling(exposure, 0.75, 1.0), falling(-exposure, -0.35, -0.1)) - 0.5 * clipping,
        "contrast": contrast / 0.6,
        "noise": min(falling(noise, 0.8, 8.0), falling(lightness.grain, 0.5, 12.0)),
        "resolution": log(max(megapixels, 1e-6) / 0.02) / log(4 / 0.02),
        "compression": falling(log(max(jpeg_step, 1.0)), log(40), log(300)),
    }
    overall = exp(sum(_WEIGHTS[name] * log(min(max(good, 0.05), 1.0)) for name, good in goods.items()))
    return Quality(sharpness, exposure, clipping, contrast, noise, megapixels, overall)
