"""Text on pictures in any script, with whatever fonts there are.

Pillow carries one font, which knows ASCII and little more. For other texts the usual fonts of the system are tried, and
where none knows all characters the text is written as well as it can be: without accents, and with an ellipsis where
letters are unknown. Whether a font knows a character is told by drawing it: an unknown one looks like U+10FFFF.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Final

from PIL import ImageDraw, ImageFont

__all__ = ["Typeface"]

_SYSTEM_FONTS: Final = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "segoeui.ttf",
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "msyh.ttc",
    "malgun.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
)
_UNKNOWN = "\U0010ffff"

Font = ImageFont.FreeTypeFont


@functools.lru_cache(maxsize=64)
def _fonts(size_px: int) -> tuple[Font, ...]:
    own = ImageFont.load_default(size=size_px)
    assert isinstance(own, ImageFont.FreeTypeFont)  # every wheel of Pillow has FreeType
    fonts = [own]
    for name in _SYSTEM_FONTS:
        try:
            fonts.append(ImageFont.truetype(name, size_px))
        except OSError:
            continue
    return tuple(fonts)


@functools.lru_cache(maxsize=4096)
def _knows(font: Font, character: str) -> bool:
    return character.isspace() or bytes(font.getmask(character)) != bytes(font.getmask(_UNKNOWN))


def _plain(font: Font, text: str) -> str:
    """Write `text` with the characters that `font` knows."""
    written = ""
    for character in text:
        for form in (character, unicodedata.normalize("NFKD", character)[0], "…"):
            if _knows(font, form):
                written += "" if form == "…" and written.endswith("…") else form
                break
    return written


class Typeface:
    """A size of letters.

    Parameters
    ----------
    size_px : int
        Height of the letters' square, in pixels.
    """

    def __init__(self, size_px: int) -> None:
        self._fonts = _fonts(size_px)

    def _set(self, text: str) -> tuple[Font, str]:
        text = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text))
        for font in self._fonts:
            if all(_knows(font, character) for character in text):
                return font, text
        return self._fonts[0], _plain(self._fonts[0], text)

    def can_write(self, text: str) -> bool:
        """Return whether some font knows every letter of `text`, if need be without its accents."""
        return "…" in text or "…" not in self._set(text)[1]

    def width(self, text: str) -> float:
        """Return how wide `text` is drawn, in pixels."""
        font, written = self._set(text)
        return font.getlength(written)

    def draw(self, draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, colour: tuple[int, int, int]) -> None:
        """Draw one line; `corner` is its upper left."""
        font, written = self._set(text)
        # Fonts differ in how much room they leave above their letters; the base line is what must agree.
        draw.text((corner[0], corner[1] + round(0.8 * self._fonts[0].size)), written, colour, font=font, anchor="ls")

    def shortened(self, text: str, width_px: float) -> str:
        """Return `text`, with an ellipsis for its end where it is wider than `width_px`."""
        if self.width(text) <= width_px:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.width(text[:middle].rstrip() + "…") <= width_px:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip() + "…"

    def wrapped(self, text: str, width_px: float, *, max_lines: int) -> list[str]:
        """Return `text` broken between words into lines of at most `width_px`, the last one shortened."""
        lines: list[str] = []
        words = text.split()
        while words and len(lines) < max_lines - 1:
            n_words = 1
            while n_words < len(words) and self.width(" ".join(words[: n_words + 1])) <= width_px:
                n_words += 1
            if self.width(" ".join(words[:n_words])) > width_px:
                break  # one word too long for a line, as file names are: shorten it
            lines.append(" ".join(words[:n_words]))
            words = words[n_words:]
        if words:
            lines.append(self.shortened(" ".join(words), width_px))
        return lines
