"""From vectors to a segment: each one's cell and code, by a model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.index.identities import Ids
from lookalike.index.segment import LANES, Segment
from lookalike.quantization import LOPQModel
from lookalike.quantization.arguments import normalised

__all__ = ["default_codebooks", "default_rotation", "encode_segment"]


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
