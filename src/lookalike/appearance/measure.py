"""Everything about how a photo looks, in one go.

A photo is shrunk twice from what was decoded, to grey of 192 x 192 pixels by area (`lightness`) and to colours of
about 56 x 56, and all figures come from these two. About 2 ms for a photo as ingest decodes it. Of several photos each
step is done for all before the next begins: these are many small steps, a sixth quicker while their code is at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from lookalike.appearance.quality import Quality, quality_of
from lookalike.appearance.styles import style_scores

__all__ = ["MEASURES", "Appearance", "measure", "measure_all"]

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


def measure(
    image: Image.Image,
    *,
    size: tuple[int, int] | None = None,
    embedding: NDArray[np.floating] | None = None,
    encoder: str | None = None,
    jpeg_step: float = 0.0,
) -> Appearance:
    """Return how a photo looks.

    Parameters
    ----------
    image : Image
        Upright, mode RGB (others are converted), of any size. Best 200 pixels or more on its short side; below 192 by
        192 all is measured of what is there.
    size : (int, int) or None
        Width and height of the photo itself, where `image` was shrunk while it was decoded: for the megapixels.
    embedding : ndarray of float (dim,) or None
        What an encoder makes of the photo, unit length, not centred: two styles heed it.
    encoder : str or None
        Fingerprint of that encoder's card. Without both, or where the encoder has no `style_probes`, all styles are
        told by image statistics alone.
    jpeg_step : float
        How coarsely a JPEG was stored (`DecodedPhoto.jpeg_step`), which lowers its quality.

    Returns
    -------
    Appearance
        The same for the same pixels and embedding, always.
    """
    embeddings = None if embedding is None else embedding[None]
    sizes = [size or image.size]
    return measure_all([image], sizes=sizes, embeddings=embeddings, encoder=encoder, jpeg_steps=[jpeg_step])[0]


def measure_all(
    images: Sequence[Image.Image],
    *,
    sizes: Sequence[tuple[int, int]],
    embeddings: NDArray[np.float32] | None = None,
    encoder: str | None = None,
    jpeg_steps: Sequence[float] | None = None,
) -> list[Appearance]:
    """Return how each of some photos looks, as `measure` does of one, in less time.

    Parameters
    ----------
    images : sequence of Image
    sizes : sequence of (int, int)
        Widths and heights of the photos themselves.
    embeddings : float32 (n, dim), optional
    encoder : str, optional
    jpeg_steps : sequence of float, optional
        As in `measure`.

    Returns
    -------
    list of Appearance
    """
    pictures = [image if image.mode == "RGB" else image.convert("RGB") for image in images]
    greys = [Lightness.of(rgb) for rgb in pictures]
    labs = [oklab_of(_few_pixels(rgb)) for rgb in pictures]
    monochrome = [monochrome_scores(lab) for lab in labs]
    qualities = [
        quality_of(lightness, lab, megapixels=width * height / 1e6, jpeg_step=step)
        for lightness, lab, (width, height), step in zip(
            greys, labs, sizes, jpeg_steps or [0.0] * len(pictures), strict=True
        )
    ]
    rows = [None] * len(pictures) if embeddings is None else list(embeddings)
    styles = [
        style_scores(lightness, black_and_white=black_and_white, embedding=row, encoder=encoder)
        for lightness, (black_and_white, _), row in zip(greys, monochrome, rows, strict=True)
    ]
    palettes = [palette_of(lab) for lab in labs]
    compositions = [composition_of(lightness) for lightness in greys]
    return [
        Appearance(palette, composition, _in_order(quality, one_tone, scores))
        for palette, composition, quality, (_, one_tone), scores in zip(
            palettes, compositions, qualities, monochrome, styles, strict=True
        )
    ]


def _in_order(quality: Quality, one_tone: float, styles: dict[str, float]) -> NDArray[np.float32]:
    figures = {
        "sharpness": quality.sharpness,
        "exposure": quality.exposure,
        "clipping": quality.clipping,
        "contrast": quality.contrast,
        "noise": quality.noise,
        "megapixels": quality.megapixels,
        "quality": quality.overall,
        "one_tone": one_tone,
        **styles,
    }
    return np.array([figures[name] for name in MEASURES], dtype=np.float32)


def _few_pixels(rgb: Image.Image) -> NDArray[np.uint8]:
    """Return the photo as about 56 by 56 colours, each the mean of its share: uint8 (n, 3)."""
    small = rgb.reduce((max(1, round(rgb.width / _COLOUR_SIDE_PX)), max(1, round(rgb.height / _COLOUR_SIDE_PX))))
    return np.asarray(small).reshape(-1, 3)
