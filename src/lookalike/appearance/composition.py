"""What lies where: a small descriptor of the layout of lightness and edges, for "the same composition".

Half of its length is the lightness of 8 x 8 cells, less their mean; half is the energy of edges of four orientations
in 4 x 4 cells. Orientation is told by the doubled angle of the gradient (gx^2 - gy^2, 2 gx gy), each sign a channel:
level, upright and the two diagonals. Colour plays no part, and a mirrored photo is another composition.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance.lightness import Lightness, pooled

__all__ = ["N_COMPOSITION", "composition_of"]

N_COMPOSITION: Final = 128
_FLAT: Final = 2.0  # grey levels: less than this is no layout


def composition_of(lightness: Lightness) -> NDArray[np.int8]:
    """Return the descriptor of a photo.

    Parameters
    ----------
    lightness : Lightness
        Its grey version.

    Returns
    -------
    ndarray of int8 (128,)
        Of unit length, times 127 and rounded: 64 of lightness, then 64 of edges (row, column, orientation). A photo
        without any structure has equal entries.
    """
    layout = lightness.mean.reshape(8, 2, 8, 2).mean((1, 3)).ravel()
    layout -= layout.mean()
    layout /= max(float(np.sqrt(layout @ layout)), 8 * _FLAT)
    grey = lightness.fine
    across, down = grey[:-1, 1:] - grey[:-1, :-1], grey[1:, :-1] - grey[:-1, :-1]
    magnitude = np.sqrt(across * across + down * down) + np.float32(1)
    upright, diagonal = (across * across - down * down) / magnitude, 2 * across * down / magnitude
    maps = [np.maximum(upright, 0), np.maximum(-upright, 0), np.maximum(diagonal, 0), np.maximum(-diagonal, 0)]
    edges = np.sqrt(np.stack([pooled(channel, 4) for channel in maps], axis=-1).ravel())
    edges /= max(float(np.sqrt(edges @ edges)), 1.0)
    vector = np.concatenate([layout, edges])
    length = float(np.sqrt(vector @ vector))
    if length < 1e-3:
        vector, length = np.ones(N_COMPOSITION, dtype=np.float32), N_COMPOSITION**0.5
    return np.rint(vector * (127 / length)).astype(np.int8)
