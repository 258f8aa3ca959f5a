"""WordPiece: text to the numbers of BERT's uncased vocabulary.

J. Devlin et al.: BERT, 2018, appendix A.2, and the rules of its published tokenizer: control characters go, accents and
capitals too, punctuation and CJK characters stand alone, then each word is cut into the longest pieces known, from the
left. These rules and the vocabulary have not changed since. Why not a library: `tokenizers` brings a client for a model
hub (10 MB of wheels beside its own code) to an application that fetches nothing, and needs the vocabulary all the same.
The tests hold the numbers to what `tokenizers` 0.23 gave for the same texts. Cost: 10 microseconds a word.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib import resources

UNKNOWN, START, END = 100, 101, 102
_FIRST = 999  # number of the file's first piece; below it are the special ones and those that were never used
_MAX_CHARACTERS = 10_000  # of a text that are looked at: far more than any encoder takes, and a bound for hostile ones
_MAX_WORD = 100  # a longer word is unknown
_DROPPED = ("Cc", "Cf", "Co", "Cs")  # controls (NUL), joiners, private characters, lone surrogates
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),  # as published: the block begins at 2B820, but equal numbers matter more
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


@cache
def _pieces() -> dict[str, int]:
    text = (resources.files("lookalike.encoders") / "wordpieces.txt").read_text(encoding="utf-8")
    return {piece: number for number, piece in enumerate(text.split("\n")[:-1], _FIRST)}


def _is_punctuation(character: str) -> bool:
    ascii_mark = character.isascii() and character.isprintable() and not character.isalnum() and character != " "
    return ascii_mark or unicodedata.category(character).startswith("P")


def _cleaned(text: str) -> str:
    characters = []
    for character in text:
        code, category = ord(character), unicodedata.category(character)
        if character in "\t\n\r" or category == "Zs":
            characters.append(" ")
        elif code == 0xFFFD or category in _DROPPED:
            continue
        elif any(low <= code <= high for low, high in _CJK):
            characters.append(f" {character} ")
        else:
            characters.append(character)
    plain = unicodedata.normalize("NFD", "".join(characters))
    return "".join(character for character in plain if unicodedata.category(character) != "Mn").lower()


def _words(text: str) -> Iterator[str]:
    for run in _cleaned(text).split():
        word = ""
        for character in run:
            if _is_punctuation(character):
                if word:
                    yield word
                yield character
                word = ""
            else:
                word += character
        if word:
            yield word


def _cut(word: str, pieces: dict[str, int]) -> list[int]:
    if len(word) > _MAX_WORD:
        return [UNKNOWN]
    numbers: list[int] = []
    start = 0
    while start < len(word):
        prefix = "##" if start else ""
        for end in range(len(word), start, -1):
            number = pieces.get(prefix + word[start:end])
            if number is not None:
                numbers.append(number)
                start = end
                break
        else:
            return [UNKNOWN]
    return numbers


def tokenize(text: str, max_tokens: int) -> list[int]:
    """Numbers of a text's pieces, between those of start and end.

    Parameters
    ----------
    text
        Any text; of a very long one the first 10,000 characters.
    max_tokens
        Longest result, start and end included; what is more is cut off.

    Returns
    -------
    list of int
        Only start and end for a text that holds nothing.
    """
    pieces = _pieces()
    numbers = [START]
    for word in _words(text[:_MAX_CHARACTERS]):
        numbers += _cut(word, pieces)
        if len(numbers) >= max_tokens - 1:
            break
    return [*numbers[: max_tokens - 1], END]
