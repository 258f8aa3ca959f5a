"""From vectors to a segment: each one's cell and code, by a model."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from lookalike.index.identities import Ids
from lookalike.index.range_search import rounded
from lookalike.index.segment import LANES, Segment
from lookalike.quantization import LOPQModel
from lookalike.quantization.arguments import normalised

__all__ = ["default_codebooks", "default_rotation", "encode_segment", "warn_of_rounding"]

_SAMPLE = 2048
_MOST_ERROR = 0.03
"""Of rounding, in standard deviations of the vectors; from here on a tenth of the hits and more may be others."""


def default_rotation(rerank: str | None, n_bytes: int) -> str:
    """Rotations only where they pay: where vectors are kept, it is quicker to compare more of them exactly."""
    return "auto" if rerank is None or n_bytes < 2 else "none"


def default_codebooks(rerank: str | None, n_bytes: int, rotation: str) -> str:
    """Try other codebooks than sums of codewords only where codes decide what is found, or where trials are asked for.

    Without rotations sums are the quickest to search anyway, and a trial would take a fifth of the time to build.
    """
    return "auto" if rerank is None or n_bytes < 2 or rotation == "auto" else "additive"


def encode_segment(model: LOPQModel, vectors: NDArray[np.float32], ids: Ids, *, rerank: str | None) -> Segment:
    """Code vectors and gather them by cell.

    Parameters
    ----------
    model : LOPQModel
    vectors : float32 (n, dim_in)
    ids : int64 or str (n,)
    rerank : {"float16", "float32"} or None
        How the vectors themselves are kept.
    """
    cells, codes = model.encode(vectors)
    flat = model.coarse.flat(cells.reshape(len(vectors), -1))
    compared = normalised(vectors) if model.metric == "cosine" else vectors
    lanes = LANES if model.coarse.n_parts == 1 else 1
    return Segment.build(flat, codes, ids, compared, rerank=rerank, lanes=lanes)


def warn_of_rounding(vectors: NDArray[np.float32], metric: str, scale: float) -> None:
    """Warn where float16 with a segment's scale rounds away what tells vectors float32 (n, dim) apart."""
    some = vectors[:: -(-len(vectors) // _SAMPLE)]
    some = normalised(some) if metric == "cosine" else some
    error = np.var(rounded(some, scale) - some, axis=0, dtype=np.float64).sum()
    if error > _MOST_ERROR**2 * np.var(some, axis=0, dtype=np.float64).sum():
        warnings.warn(
            "float16 keeps too few digits of these vectors to tell them apart: what they have in common is many times "
            'larger than what they differ by. Take off their mean, or build with rerank="float32".',
            stacklevel=3,
        )
