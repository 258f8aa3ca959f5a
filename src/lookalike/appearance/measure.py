"""Everything about how a photo looks, in one go.

A photo is shrunk twice from what was decoded, to grey of 192 x 192 pixels by area (`lightness`) and to colours of
about 56 x 56, and all figures come from these two. About 2 ms for a photo as ingest decodes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.appearance.composition import composition_of
from lookalike.appearance.lightness import Lightness
from lookalike.appearance.monochrome import monochrome_scores
from lookalike.appearance.oklab import oklab_of
from lookalike.appearance.palette import palette_of
from lookalike.appearance.quality import quality_of
from lookalike.appearance.styles import style_scores

__all__ = ["MEASURES", "Appearance", "measure"]

MEASURES: Final = (
    "sharpness",
    "exposure",
    "clipping",
    "contrast",
    "noise",
    "megapixels",
    "quality",
    "one_tone",
    "black_and_white",
    "shallow_depth_of_field",
    "minimalist",
    "patterns",
)
_COLOUR_SIDE_PX: Final = 56


@dataclass(frozen=True, slots=True)
class Appearance:
    """How a photo looks.

    Attributes
    ----------
    palette : ndarray of float32 (6, 4)
        L, a, b of OKLab and share, falling shares that sum to 1; unused rows are 0.
    composition : ndarray of int8 (128,)
        Unit length times 127.
    measures : ndarray of float32 (12,)
        In the order of `MEASURES`.
    """

    palette: NDArray[np.float32]
    composition: NDArray[np.int8]
    measures: NDArray[np.float32]

    def __getitem__(self, name: str) -> float:
        """Return one of `MEASURES` by its name."""
        return float(self.measures[MEASURES.index(name)])


def measure(image: Image.Image, *, size: tuple[int, int] | None = None) -> Appearance:
    """Return how a photo looks.

    Parameters
    ----------
    image : Image
        Upright, mode RGB (others are converted), of any size. Best 200 pixels or more on its short side; below 192 by
        192 all is measured of what is there.
    size : (int, int) or None
        Width and height of the photo itself, where `image` was shrunk while it was decoded: for the megapixels.

    Returns
    -------
    Appearance
        The same for the same pixels, always.
    """
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    width, height = size or rgb.size
    lightness = Lightness.of(rgb)
    lab = oklab_of(_few_pixels(rgb))
    black_and_white, one_tone = monochrome_scores(lab)
    quality = quality_of(lightness, lab, megapixels=width * height / 1e6)
    figures = {
        "sharpness": quality.sharpness,
        "exposure": quality.exposure,
        "clipping": quality.clipping,
        "contrast": quality.contrast,
        "noise": quality.noise,
        "megapixels": quality.megapixels,
        "quality": quality.overall,
        "one_tone": one_tone,
        **style_scores(lightness, black_and_white=black_and_white),
    }
    return Appearance(
        palette_of(lab), composition_of(lightness), np.array([figures[name] for name in MEASURES], dtype=np.float32)
    )


def _few_pixels(rgb: Image.Image) -> NDArray[np.uint8]:
    """Return the photo as about 56 by 56 colours, each the mean of its share: uint8 (n, 3)."""
    small = rgb.reduce((max(1, round(rgb.width / _COLOUR_SIDE_PX)), max(1, round(rgb.height / _COLOUR_SIDE_PX))))
    return np.asarray(small).reshape(-1, 3)
