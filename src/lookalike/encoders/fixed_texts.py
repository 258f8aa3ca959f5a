"""Vectors of many fixed texts, such as class names: encoded once per machine, then read from the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.encoders.build_cache import cached_build
from lookalike.encoders.text import TextEncoder, check_texts
from lookalike.errors import EncoderError

__all__ = ["cached_vectors"]


def cached_vectors(
    encoder: TextEncoder, texts: Sequence[str], *, progress: Callable[[str], None] | None = None
) -> NDArray[np.float32]:
    """Vectors of many fixed texts, from the cache or encoded for it.

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
        As `TextEncoder.encode`; EncoderError also where the cached file is of another size.
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
    vectors = np.frombuffer(cached_build(name, build), "<f4")
    if vectors.size != len(texts) * encoder.card.dim:
        raise EncoderError(f"the cached file {name} holds {vectors.size} numbers; delete it.")
    return vectors.reshape(len(texts), encoder.card.dim).astype(np.float32, copy=False)
