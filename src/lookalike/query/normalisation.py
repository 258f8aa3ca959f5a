"""One form of a tag for all the ways in which people write it.

Flickr compared tags by what is left when letters are small and white space and punctuation are gone: "San Francisco",
"san-francisco" and "SanFrancisco" are one tag; what was written is kept beside it. Two things differ here: Unicode's
compatible characters are one (NFKC: "ﬁ" is "fi"), and a number keeps its sign and point, for 52.5 and 525 are different
latitudes.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["normalised"]

_NUMBER = re.compile(r"-?\d+(\.\d+)?|-?\.\d+", re.ASCII)
_DROPPED = frozenset("PZC")  # Unicode's punctuation, separators, and controls


def normalised(text: str) -> str:
    """Return the form of `text` in which tags are compared.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Normalising it again changes nothing. Empty only if nothing but white space and control characters was given;
        of a text that is all punctuation, the punctuation stays.

    Examples
    --------
    >>> normalised("San Francisco"), normalised("san-francisco"), normalised(" 52.50 ")
    ('sanfrancisco', 'sanfrancisco', '52.50')
    """
    for _ in range(4):  # dropping brings accents to new letters: rarely is one more round needed
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        again = _without_punctuation(folded)
        if again == text:
            break
        text = again
    return text


def _without_punctuation(text: str) -> str:
    if _NUMBER.fullmatch(stripped := text.strip()):
        return stripped
    left = "".join(character for character in text if unicodedata.category(character)[0] not in _DROPPED)
    return left or "".join(character for character in text if unicodedata.category(character)[0] not in "ZC")
