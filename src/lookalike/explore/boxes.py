"""Where in a photo something is: boxes as shares of it, and the box that a network sees."""

from __future__ import annotations

from lookalike.encoders import EncoderCard
from lookalike.encoders.preprocessing import crop_box

__all__ = ["Box", "seen_box"]

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as shares of a photo's width and height."""


def seen_box(width: int, height: int, card: EncoderCard) -> Box:
    """Return what the network sees of a photo of that size in pixels."""
    left, top, right, bottom = crop_box(width, height, card)
    return left / width, top / height, right / width, bottom / height
