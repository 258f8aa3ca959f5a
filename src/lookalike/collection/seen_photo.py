"""What is known of one photo beside its file: what was seen in it, and its tags, in words and numbers for people."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance import named_colour, srgb_of
from lookalike.catalog import MachineTagRow, TagRow
from lookalike.collection.seen import MEASURES, Seen
from lookalike.concepts import imagenet

__all__ = ["SeenPhoto", "Swatch", "swatches"]

_LEAST = 0.01
"""Probability below which a class is not worth telling."""


class Swatch(NamedTuple):
    """A colour of a photo: ``#rrggbb``, its name, its share of the photo (0 to 1), and its place in OKLab."""

    hex: str
    name: str
    share: float
    lab: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class SeenPhoto:
    """What is known of a photo beside its file.

    Attributes
    ----------
    tags : tuple of TagRow
        With their origin ("file", "user", "auto") and score, the surest first.
    machine_tags : tuple of MachineTagRow
        Those of the file (``exif:``, ``geo:``) and of the network (``auto:label=``) among them.
    labels : tuple of (str, float)
        Classes that the network thinks of, with their probability, the likeliest first.
    palette : tuple of Swatch
        The largest share first.
    measures : dict of str to float
        Quality and styles as measured, by name; what was not measured is not there.
    nsfw : float or None
        0 to 1, by open_nsfw; None where photos are not judged.
    is_seen : bool
        Whether it was looked at yet: photos of a collection made before are looked at by the next `add`.
    """

    tags: tuple[TagRow, ...] = ()
    machine_tags: tuple[MachineTagRow, ...] = ()
    labels: tuple[tuple[str, float], ...] = ()
    palette: tuple[Swatch, ...] = ()
    measures: dict[str, float] = field(default_factory=dict)
    nsfw: float | None = None
    is_seen: bool = False

    @classmethod
    def of(
        cls, seen: Seen | None, *, tags: list[TagRow], machine_tags: list[MachineTagRow], has_labels: bool = True
    ) -> Self:
        """Put into words what was seen; None: nothing yet."""
        if seen is None:
            return cls(tuple(tags), tuple(machine_tags))
        measures = {
            name: float(value) for name, value in zip(MEASURES, seen.measures, strict=True) if math.isfinite(value)
        }
        nsfw = measures.pop("nsfw", None)
        return cls(
            tuple(tags),
            tuple(machine_tags),
            labels_of(seen) if has_labels else (),
            swatches(seen.palette.astype(np.float32)),
            measures,
            nsfw,
            is_seen=True,
        )


def labels_of(seen: Seen) -> tuple[tuple[str, float], ...]:
    """Return the names of the likeliest classes with their probabilities."""
    names = imagenet().names
    pairs = zip(seen.classes.tolist(), seen.probabilities.tolist(), strict=True)
    return tuple((names[number], probability) for number, probability in pairs if probability >= _LEAST)


def swatches(palette: NDArray[np.floating]) -> tuple[Swatch, ...]:
    """Return the colours of a palette (n, 4): OKLab and share."""
    found = []
    for place, colour in zip(palette[:, :3], srgb_of(palette[:, :3]), strict=True):
        red, green, blue = (int(part) for part in colour)
        lightness, a, b = (float(part) for part in place)
        found.append((f"#{red:02x}{green:02x}{blue:02x}", named_colour(place), (lightness, a, b)))
    return tuple(
        Swatch(hex_, name, float(share), lab)
        for (hex_, name, lab), share in zip(found, palette[:, 3], strict=True)
        if share > 0
    )
