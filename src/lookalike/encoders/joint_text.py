"""The text side of a joint encoder: words to vectors in the space in which its photos stand.

CLIP (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021) and its kin
train two networks, so that a photo and its caption get vectors of high cosine. A text may be put into several sentences
("a photo of a {}"), whose unit vectors are added, as in section 3.1.4 there. Cost: one run of the network for each
sentence, tens of milliseconds with a large one; words asked for again cost nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.encoders.kept_vectors import KeptVectors
from lookalike.encoders.text import MAX_CHARACTERS, TextCard, check_texts
from lookalike.errors import EncoderError

__all__ = ["PLAIN", "JointTextEncoder"]

PLAIN = ("{}",)
"""Templates that leave a text as it is."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # NUL and lone surrogates
_INVISIBLE = ("C", "M", "Z")


class JointTextEncoder:
    """A `TextEncoder` over the text network of a joint encoder.

    Parameters
    ----------
    card : TextCard
        What the network is; its `dim` is that of the photos' embeddings.
    run : callable
        From one sentence to the network's vector, float32 (dim,). Called by several threads at once.
    templates : sequence of str
        Each holds ``{}`` once, where the text is put.
    lower_case : bool
        Whether texts are made lower case first.

    Raises
    ------
    EncoderError
        If the vector of a text has not the dimension that the card promises.
    """

    def __init__(
        self,
        card: TextCard,
        run: Callable[[str], NDArray[np.float32]],
        *,
        templates: Sequence[str] = PLAIN,
        lower_case: bool = False,
    ) -> None:
        self._card = card
        self._run = run
        self._templates = tuple(templates)
        self._lower_case = lower_case
        self._kept = KeptVectors()
        self.encode(["a photo"])  # tells now what would else be told in the middle of a search

    @property
    def card(self) -> TextCard:
        """What this encoder is."""
        return self._card

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts; see `TextEncoder.encode`."""
        check_texts(texts)
        out = np.zeros((len(texts), self._card.dim), np.float32)
        for text, rows in self._kept.put_into(out, texts).items():
            vector = self._vector(text)
            out[rows] = vector
            self._kept.keep(text, vector)
        return out

    def _vector(self, text: str) -> NDArray[np.float32]:
        said = _NO_TEXT.sub("", text[:MAX_CHARACTERS])
        if all(unicodedata.category(character).startswith(_INVISIBLE) for character in said):
            return np.zeros(self._card.dim, np.float32)
        said = said.lower() if self._lower_case else said
        vectors = [_unit(self._raw(each.replace("{}", said))) for each in self._templates]
        return _unit(np.sum(vectors, axis=0, dtype=np.float32))

    def _raw(self, sentence: str) -> NDArray[np.float32]:
        vector = self._run(sentence)
        if vector.shape != (self._card.dim,):
            raise EncoderError(
                f"the text side of {self._card.name} gives vectors of shape {vector.shape}, but those of its photos "
                f"have ({self._card.dim},). Name the text network that was trained with it, and its joint output."
            )
        if not np.isfinite(vector).all():
            raise EncoderError(f"the text side of {self._card.name} gives a vector that is not finite.")
        return vector


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale to unit length; zero stays: a network of which no word is known says nothing."""
    unit: NDArray[np.float32] = (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)
    return unit
