"""What a search gives back: hits, best first, and the search's own evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

__all__ = ["Hit", "SearchEvidence", "SearchResult"]


@dataclass(frozen=True, slots=True)
class Hit:
    """One photo found.

    Attributes
    ----------
    id : int
        The photo's id in the collection.
    path : str
        A file that holds it, as added.
    score : float
        0 to 1, larger is better. For photos and vectors: the cosine of the embeddings after the collection's
        mean is taken off, cut at 0 (unrelated photos lie near 0, copies near 1). For words: relevance, relative
        to the best hit.
    parts : mapping of str to float
        The score of each part of the query.
    """

    id: int
    path: str
    score: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SearchEvidence:
    """How a search was done.

    Attributes
    ----------
    method : str
        "exact", "lopq" or "words".
    n_photos : int
        Photos that could have been found.
    n_cells, n_codes : int
        Cells visited and codes scanned in the index; 0 for other methods.
    n_compared : int
        Embeddings compared exactly.
    seconds : float
        Wall time, without the encoding of an outside photo.
    """

    method: str
    n_photos: int
    n_cells: int
    n_codes: int
    n_compared: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SearchResult(Sequence[Hit]):
    """Hits, best first, and how they were found.

    Attributes
    ----------
    hits : tuple of Hit
    stats : SearchEvidence
    photo_id : int or None
        The photo of the collection that the query was, when it was one.
    has_more : bool
        Whether a larger `k` would give more hits.
    """

    hits: tuple[Hit, ...]
    stats: SearchEvidence
    photo_id: int | None = None
    has_more: bool = False

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, index: int | slice) -> Hit | tuple[Hit, ...]:
        return self.hits[index]
