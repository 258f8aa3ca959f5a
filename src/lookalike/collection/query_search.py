"""One query, one plan, one ranked list.

The plan: filters become the ids that may be found; the parts that are told from columns in memory (words, colours,
styles, and dials of colour and composition) are scored for all of these; the photos and vectors of the query become one
vector, whose nearest the index gives. The best of either are the candidates. Of each of them every part is known
exactly, and they are ranked by all parts together (ranking.py). Cost: at 100,000 photos some ten milliseconds for a part
that is scored for all, five for the index (docs/benchmarks/understanding.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance import colour_named, composition_scores, palette_scores
from lookalike.catalog import Catalog, Within
from lookalike.collection.background import Background
from lookalike.collection.columns import Columns, ColumnsView
from lookalike.collection.hits import SearchEvidence
from lookalike.collection.ranking import Logistic, Part, fused, n_beyond_chance, representatives, standing_out
from lookalike.collection.vectors import VectorView
from lookalike.collection.word_space import WordSpace
from lookalike.errors import InvalidArgumentError
from lookalike.query import Colour, Query, Style, Tag, Words

__all__ = ["Likeness", "QuerySearch", "Ranked"]

N_CANDIDATES = 1000
"""Candidates of the index, and as many of the parts that are scored for all, of a query of several parts."""
NEARLY_THE_SAME = 0.95
"""Cosine from which on a hit counts as another version of an earlier one."""
_LEXICAL = 0.8
"""Probability that a photo in whose text all words stand is meant, at the least; at the most .99."""


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """A photo or vector of a query, resolved.

    Attributes
    ----------
    name : str
    weight : float
    embedding : float32 (dim,)
        As the encoder gives it.
    photo_id : int or None
        The photo of the collection that it is; it is not among the hits.
    palette : float32 (6, 4) or None
    composition : int8 (d,) or None
    """

    name: str
    weight: float
    embedding: NDArray[np.float32]
    photo_id: int | None = None
    palette: NDArray[np.float32] | None = None
    composition: NDArray[np.int8] | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranked list, before paths are known.

    Attributes
    ----------
    hits : list of (photo_id, score, parts)
    others : dict of int to list of int
        Hits that were left out as other versions of one that is there.
    n_good : int or None
        How many of the best are worth looking at, counted from the first hit of all.
    has_more : bool
    evidence : SearchEvidence
    """

    hits: list[tuple[int, float, dict[str, float]]]
    others: dict[int, list[int]]
    n_good: int | None
    has_more: bool
    evidence: SearchEvidence
    words: str | None = field(default=None)


class QuerySearch:
    """Answers queries about one collection.

    Parameters
    ----------
    catalog : Catalog
    vectors : VectorView
    columns : ColumnsView
    words : callable
        Gives the `WordSpace`, loaded when first asked for; None where words are looked for in texts only.
    calibration : Logistic
        From cosines to probabilities, for the encoder of the collection.
    """

    def __init__(
        self,
        catalog: Catalog,
        vectors: VectorView,
        columns: ColumnsView,
        words: Callable[[], WordSpace | None],
        calibration: Logistic,
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._columns = columns
        self._words = words
        self._calibration = calibration
        self._background = Background(vectors)

    def search(
        self,
        query: Query,
        likenesses: Sequence[Likeness],
        *,
        k: int,
        offset: int = 0,
        exact: bool = False,
        within: Within | None = None,
        distinct: bool = False,
    ) -> Ranked:
        """Rank the photos for a query whose photos and vectors are resolved."""
        raise NotImplementedError
