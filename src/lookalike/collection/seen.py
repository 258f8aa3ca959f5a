"""What was seen in a photo when it was read: its classes, colours, composition and measures, as the catalog keeps them.

A photo's content never changes, so this is made once, when the photo is read, and again only when the recipe changes.
Some 300 bytes for each photo; searches hold all of it in memory (columns.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance import MEASURES as LOOKS
from lookalike.appearance import N_COLOURS, N_COMPOSITION
from lookalike.catalog import Catalog

__all__ = ["EMPTY", "LABELS", "MEASURES", "N_LABELS", "RECIPE", "Seen", "seen_in"]

RECIPE = "3"
"""Changes with whatever changes what is seen; photos of another recipe are read again by the next `add`."""
LABELS = "imagenet-1k"
"""What an encoder's card calls the classes that are kept; those of other lists are not."""
N_LABELS = 16
MEASURES = ("nsfw", *LOOKS)
"""Names of the numbers in `Seen.measures`, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What was seen in one photo.

    Attributes
    ----------
    classes : uint16 (16,)
        The likeliest classes of the encoder, likeliest first; all 0, with probabilities 0, where it names none.
    probabilities : float16 (16,)
        Calibrated.
    palette : float16 (6, 4)
        OKLab lightness, a, b, and share; share 0 is an empty place.
    composition : int8 (d,)
        Unit length times 127.
    measures : float32 (n,)
        As in `MEASURES`; NaN where it was not measured.
    """

    classes: NDArray[np.uint16]
    probabilities: NDArray[np.float16]
    palette: NDArray[np.float16]
    composition: NDArray[np.int8]
    measures: NDArray[np.float32]

    def to_row(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Labels, palette, composition and measures as the catalog keeps them: little-endian bytes."""
        labels = self.classes.astype("<u2").tobytes() + self.probabilities.astype("<f2").tobytes()
        return (
            labels,
            self.palette.astype("<f2").tobytes(),
            self.composition.tobytes(),
            self.measures.astype("<f4").tobytes(),
        )

    @classmethod
    def from_row(cls, labels: bytes, palette: bytes, composition: bytes, measures: bytes) -> Self:
        """Read what `to_row` gave.

        Raises
        ------
        ValueError
            One of them has another length.
        """
        return cls(
            np.frombuffer(labels[: 2 * N_LABELS], "<u2").reshape(N_LABELS),
            np.frombuffer(labels[2 * N_LABELS :], "<f2").reshape(N_LABELS),
            np.frombuffer(palette, "<f2").reshape(N_COLOURS, 4),
            np.frombuffer(composition, np.int8).reshape(N_COMPOSITION),
            np.frombuffer(measures, "<f4").reshape(len(MEASURES)),
        )


def seen_in(catalog: Catalog, photo_id: int) -> Seen | None:
    """Read what was seen in a photo; None where nothing is known, or it is damaged, which `verify` tells."""
    row = catalog.seen.of_photo(photo_id)
    if row is None:
        return None
    try:
        return Seen.from_row(*row)
    except ValueError:
        return None


EMPTY = Seen(
    np.zeros(N_LABELS, np.uint16),
    np.zeros(N_LABELS, np.float16),
    np.zeros((N_COLOURS, 4), np.float16),
    np.zeros(N_COMPOSITION, np.int8),
    np.full(len(MEASURES), np.nan, np.float32),
)
"""Nothing seen."""
