"""What a search gives back: hits, best first, and the search's own evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, overload

from lookalike.query import Query

__all__ = ["Hit", "SearchEvidence", "SearchResult", "WordMethod"]

WordMethod = Literal["joint", "classes", "texts"]


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
        0 to 1, larger is better: how likely it is what the whole query asks for. For a photo it is calibrated: of hits
        that score .8, about eight in ten show the same kind of thing (docs/explanation/ranking.md).
    parts : mapping of str to float
        The same of each part of the query: "photo", "words", "colour", ... A name that comes again is numbered in the
        order of the query: "photo:12", "photo:12 (2)".
    others : tuple of int
        Photos that are nearly the same and were left out for this one, where distinct hits were asked for.
    """

    id: int
    path: str
    score: float
    parts: Mapping[str, float]
    others: tuple[int, ...] = ()


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
    words : str or None
        How words were looked for beside what stands in texts: "joint", in the joint space of the encoder's text side;
        "classes", by the classes seen in photos; "texts", not at all. None where there were no words.
    """

    method: str
    n_photos: int
    n_cells: int
    n_codes: int
    n_compared: int
    seconds: float
    words: WordMethod | None = None


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
    n_good : int or None
        How many of the best hits, counted from the first, are worth looking at: beyond them more than one in ten is
        expected by chance. None where it was not asked for.
    query : Query or None
        What was searched for.
    """

    hits: tuple[Hit, ...]
    stats: SearchEvidence
    photo_id: int | None = None
    has_more: bool = False
    n_good: int | None = None
    query: Query | None = None

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
