"""Names of colours, both ways: what people type, and what a swatch is called.

The table is the project's own: common words, each at a place that looks like what the word means to most people. A
colour is called by the place nearest in OKLab, where lightness counts half. `#rrggbb` and `#rgb` work wherever a name
does.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.appearance.oklab import oklab_distances, oklab_of, srgb_of
from lookalike.errors import InvalidArgumentError

__all__ = ["COLOUR_NAMES", "colour_named", "hex_of", "named_colour"]

COLOUR_NAMES: Final[dict[str, str]] = {
    "black": "#000000",
    "charcoal": "#36393d",
    "grey": "#808080",
    "silver": "#bfc1c2",
    "white": "#ffffff",
    "ivory": "#fbf6e3",
    "cream": "#f6e8c3",
    "beige": "#dfcfae",
    "tan": "#c9a77c",
    "khaki": "#a8a06c",
    "brown": "#74482a",
    "chocolate": "#4a2c1a",
    "rust": "#ab4a20",
    "terracotta": "#c7694a",
    "red": "#df1f1f",
    "crimson": "#b01030",
    "maroon": "#6e1423",
    "salmon": "#f28b75",
    "coral": "#ff7052",
    "peach": "#fcc6a2",
    "orange": "#f58414",
    "amber": "#fcb813",
    "gold": "#cfa12e",
    "yellow": "#fae22c",
    "mustard": "#cda62a",
    "lime": "#a6e01e",
    "olive": "#737426",
    "green": "#2b9637",
    "forest": "#1d4d28",
    "mint": "#a9e8c8",
    "emerald": "#12a46c",
    "turquoise": "#37cdc3",
    "teal": "#0f7d7f",
    "cyan": "#1ad6ee",
    "sky": "#86c5ef",
    "blue": "#1f55dd",
    "navy": "#142356",
    "indigo": "#41239a",
    "violet": "#7b3fd6",
    "lavender": "#c6b6ec",
    "purple": "#832a93",
    "plum": "#6b2f5b",
    "magenta": "#dc22b4",
    "pink": "#f7a8c4",
    "rose": "#e5527f",
}
_OTHER_NAMES: Final = {
    "gray": "grey",
    "aqua": "cyan",
    "sky blue": "sky",
    "forest green": "forest",
    "dark grey": "charcoal",
    "navy blue": "navy",
    "burgundy": "maroon",
    "bordeaux": "maroon",
    "fuchsia": "magenta",
    "lilac": "lavender",
}
"""Other spellings of the same colours."""
_SHADES: Final = {"dark": (0.4, 0.0, 0.85), "light": (0.5, 1.0, 0.55)}
"""What goes before a name: how far lightness L moves, towards what, and what is left of a and b."""


def _rgb_of_hex(text: str) -> list[int]:
    digits = text[1:]
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return [int(digits[i : i + 2], 16) for i in (0, 2, 4)]


_PLACES: Final = oklab_of(np.array([_rgb_of_hex(value) for value in COLOUR_NAMES.values()], dtype=np.uint8))


_HALF_LIGHTNESS: Final = np.array([0.5, 1, 1], np.float32)
_HAS_HUE: Final = np.array([name not in ("black", "charcoal", "grey", "silver", "white") for name in COLOUR_NAMES])
_NEUTRAL_CHROMA: Final = 0.01


def hex_of(name: str) -> str:
    """Return the `#rrggbb` of a name, or of what `colour_named` takes in its place.

    Raises
    ------
    InvalidArgumentError
        If it is neither.
    """
    word = re.sub(r"^(dark|light)(?=[a-z])", r"\1 ", re.sub(r"[\s_-]+", " ", name.strip().lower()))
    if re.fullmatch(r"#(?:[0-9a-f]{3}){1,2}", word):
        return f"#{bytes(_rgb_of_hex(word)).hex()}"
    known = _OTHER_NAMES.get(word, word)
    shade, _, shaded = known.partition(" ")
    if shade in _SHADES and (base := _OTHER_NAMES.get(shaded, shaded)) in COLOUR_NAMES:
        lightness, towards, chroma = _SHADES[shade]
        place = oklab_of(np.array(_rgb_of_hex(COLOUR_NAMES[base]), np.uint8)) * np.array([1, chroma, chroma])
        place[0] += lightness * (towards - place[0])
        return f"#{srgb_of(place).tobytes().hex()}"
    if known not in COLOUR_NAMES:
        near = get_close_matches(known, COLOUR_NAMES, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise InvalidArgumentError(
            f"{name[:40]!r} is no colour known here.{meant} Give one of {', '.join(COLOUR_NAMES)}, with dark or light "
            "before it or not; or #rrggbb."
        )
    return COLOUR_NAMES[known]


def colour_named(name: str) -> NDArray[np.float32]:
    """Return the colour of a name or of `#rrggbb`.

    Parameters
    ----------
    name : str
        One of `COLOUR_NAMES`, in any case, also "dark red" or "light red"; or `#` and three or six hexadecimal digits.

    Returns
    -------
    ndarray of float32 (3,)
        L, a, b of OKLab.

    Raises
    ------
    InvalidArgumentError
        If it is neither.
    """
    return oklab_of(np.array(_rgb_of_hex(hex_of(name)), dtype=np.uint8))


def named_colour(lab: ArrayLike) -> str:
    """Return the name of a colour: of the table's places the nearest in OKLab, where lightness counts half.

    A dark green is sooner called green than black, as people do; what has no hue is black, charcoal, grey, silver or
    white.

    Parameters
    ----------
    lab : array_like of float (3,)

    Returns
    -------
    str
        One of `COLOUR_NAMES`.
    """
    place = np.asarray(lab, np.float32)
    distances = oklab_distances(_PLACES * _HALF_LIGHTNESS, place * _HALF_LIGHTNESS)
    if np.hypot(*place[1:]) <= _NEUTRAL_CHROMA:
        distances[_HAS_HUE] = np.inf
    return list(COLOUR_NAMES)[int(np.argmin(distances))]
