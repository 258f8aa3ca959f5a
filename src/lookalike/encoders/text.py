"""What a text encoder is: a card that says what it does, and a method that does it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InvalidArgumentError

__all__ = ["MAX_CHARACTERS", "TextCard", "TextEncoder", "check_texts"]

MAX_CHARACTERS = 10_000
"""Of a text that are looked at: far more than any encoder takes, and a bound for hostile ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCard:
    """What a text encoder does to a text, completely.

    Attributes
    ----------
    name, version
        Of the encoder; the version changes with anything that changes its vectors.
    weights_sha256
        Of the weights, 64 hexadecimal digits; where a card names the tokenizer and templates, of these too.
    dim
        Length of a vector.
    max_tokens
        Pieces of a text that are read; what follows is ignored.
    licence, source
        Of the weights: SPDX name, and where they come from.
    """

    name: str
    version: str
    weights_sha256: str
    dim: int
    max_tokens: int
    licence: str
    source: str

    @property
    def fingerprint(self) -> str:
        """sha256 of the card as canonical JSON, hexadecimal: equal only for vectors that may be compared."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@runtime_checkable
class TextEncoder(Protocol):
    """Turns texts into vectors. Any number of threads may call `encode` at once."""

    @property
    def card(self) -> TextCard:
        """What this encoder is."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts.

        Parameters
        ----------
        texts
            Any texts; a very long one is cut (`TextCard.max_tokens`), NUL and lone surrogates are dropped.

        Returns
        -------
        float32 (n, dim)
            Rows of unit length; a text that holds nothing known has the zero vector, like nothing else.

        Raises
        ------
        InvalidArgumentError
            If `texts` is one text, or holds something that is not a text.
        EncoderError
            If the network fails.
        """
        ...


def check_texts(texts: Sequence[str]) -> None:
    """Refuse what is not a sequence of texts.

    Raises
    ------
    InvalidArgumentError
        If `texts` is one text, or holds something that is not a text.
    """
    if isinstance(texts, str | bytes):
        raise InvalidArgumentError("`texts` is one text, expected a sequence of them: write `encode([text])`.")
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidArgumentError(f"`texts[{number}]` is a {type(text).__name__}, expected a str.")
