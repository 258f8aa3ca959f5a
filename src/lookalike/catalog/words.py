"""What a person types into a search bar, as an FTS5 match expression.

Every word must occur (as itself, by its stem, or as the beginning of a word); ``"a phrase"`` must occur as it
stands. Letters are composed (NFC), as in the texts: file names of a Mac hold them in parts. Nothing a person can type
is an error: FTS5's own operators lose their meaning inside quotes.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["match_expression"]

_TERM = re.compile(r'"([^"]*)"|(\S+)')
_WORD_CHARACTER = re.compile(r"\w")


def match_expression(words: str) -> str:
    """Turn `words` into an FTS5 expression.

    Returns
    -------
    str
        Empty when `words` holds nothing that could match.

    Examples
    --------
    >>> match_expression('still life "van gogh"')
    '"still"* "life"* "van gogh"'
    >>> match_expression('*** "')
    ''
    """
    terms = []
    words = unicodedata.normalize("NFC", words.replace("\0", " ").encode("utf-8", "replace").decode("utf-8"))
    for phrase, word in _TERM.findall(words):
        text = phrase or word.replace('"', "")
        if _WORD_CHARACTER.search(text):
            terms.append(f'"{text}"' + ("" if phrase else "*"))
    return " ".join(terms)
