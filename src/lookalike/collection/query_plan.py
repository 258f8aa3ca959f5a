"""A query on its way to being answered: what may be found, what is scored for all, what the index is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike.appearance import STYLES, colour_named
from lookalike.catalog import Catalog, Within
from lookalike.collection.hits import WordMethod
from lookalike.collection.likeness import Likeness
from lookalike.collection.ranking import Part
from lookalike.errors import InvalidArgumentError
from lookalike.query import Colour, Query, Style, Words, normalised

if TYPE_CHECKING:
    from lookalike.index.live.snapshot import Snapshot

__all__ = [
    "LEAST_OF_WORDS",
    "LEXICAL",
    "QueryPlan",
    "asked_colours",
    "needs_columns",
    "style_measure",
    "within_of",
]

LEXICAL = 0.95
"""Probability that a photo in whose text all words stand is meant, at the least; at the most .99."""
LEAST_OF_WORDS = 0.1
"""Score below which a photo is no hit of words alone: nobody wrote them, and they are hardly seen in it."""
_LEAST_OF_THE_BEST = 0.2
"""Score that the best hit of words alone must have, or there is none: letters without sense score about so much."""
_LEAST_BESIDE_TEXTS = 0.3
"""The same where the words do stand in the texts of other photos: they may be a name, of which nothing can be seen."""
_LEAST_OF_JOINT = 1e-20
"""Score of a hit of words alone in a joint space, which says something of every photo if it knows a word."""


@dataclass(slots=True, eq=False)
class QueryPlan:
    """A query, resolved.

    Attributes
    ----------
    likenesses : list of Likeness
    admitted : int64 (m,) or None
        Ids that may be found, ascending.
    ids : int64 (n,)
        Of the photos that `parts` score, ascending; empty where there are none.
    parts : list of Part
    by_words : bool
        Whether words alone tell.
    words : str or None
        How words are looked for: "joint", "classes" or "texts"; None without any.
    taught : bool
        Whether words are a tag that was looked for in photos without it.
    content : float
        The dial of that name.
    """

    likenesses: list[Likeness]
    admitted: NDArray[np.int64] | None
    ids: NDArray[np.int64]
    parts: list[Part]
    by_words: bool = False
    words: WordMethod | None = None
    taught: bool = False
    content: float = 1.0

    @property
    def wants(self) -> bool:
        """Whether anything is asked for that photos may show; not so where things are unwanted only, or filtered by."""
        return any(like.weight > 0 for like in self.likenesses) or any(part.weight > 0 for part in self.parts)

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Admit only some of the photos that the parts score."""
        self.ids = self.admitted = self.ids[kept]
        self.parts = [replace(part, scores=part.scores[kept]) for part in self.parts]

    def least_score(self, scores: NDArray[np.float32]) -> float:
        """Score that a hit of words alone must have, given those of all: float32 (n,)."""
        best = float(scores.max(initial=0))
        if best >= LEXICAL and not self.taught:
            return _LEAST_BESIDE_TEXTS
        if self.words == "joint":  # all are ranked, as by a photo, unless no word is known: then all have 0
            return _LEAST_OF_JOINT
        return LEAST_OF_WORDS if best >= _LEAST_OF_THE_BEST else 1.0

    def direction(self, state: Snapshot) -> NDArray[np.float32] | None:
        """Give the one vector whose nearest are candidates, as an encoder gives it: float32 (dim,); None without."""
        if not any(like.weight > 0 for like in self.likenesses):
            return None
        weights = np.array([like.weight for like in self.likenesses], np.float32)
        compared = state.space.compared(np.stack([like.embedding for like in self.likenesses]))
        total = weights @ compared
        length = float(np.linalg.norm(total))
        if length < 1e-6:  # what is added and what is taken away are the same
            total = np.maximum(weights, 0) @ compared
            length = float(np.linalg.norm(total))
        unit: NDArray[np.float32] = total / max(length, 1e-12)
        return unit if state.space.mean is None else unit + state.space.mean


def within_of(query: Query, catalog: Catalog) -> Within | None:
    """Give the filters of a query as the catalog answers them; None without any.

    Raises
    ------
    UnknownPhotoError
    InvalidArgumentError
        The photo near which others shall be has no known place.
    """
    near = None
    if query.near is not None:
        place = query.near.centre if isinstance(query.near.centre, tuple) else catalog.place_of(query.near.centre)
        if place is None:
            raise InvalidArgumentError(
                f"Where photo {query.near.centre} was taken is not known: it has no GPS position."
            )
        near = (*place, query.near.radius_km)
    given = {
        "folder": query.folder,
        "since": query.since,
        "until": query.until,
        "formats": query.formats or None,
        "near": near,
        "on": query.on,
        "season": query.season,
        "orientation": query.orientation,
    }
    return Within(**given) if any(value is not None for value in given.values()) else None  # type: ignore[arg-type]


def style_measure(name: str) -> str | None:
    """Name of the measure that a style of ours is; None where the name is none of them."""
    known = {normalised(style.name): measure for measure, style in STYLES.items()}
    return known.get(normalised(name))


def needs_columns(query: Query) -> bool:
    """Tell whether anything is asked that the columns tell."""
    seen = (Words, Colour, Style)
    return bool(query.limits or query.dials or query.order == "quality") or any(
        isinstance(term, seen) for term in query.terms
    )


def asked_colours(terms: Sequence[Colour]) -> NDArray[np.float32]:
    """Colours asked for, with their shares: float32 (m, 4); what is left open is shared evenly."""
    given = sum(term.share or 0.0 for term in terms)
    open_ones = sum(term.share is None for term in terms)
    rest = max(1.0 - given, 0.1 * open_ones) / max(open_ones, 1)
    return np.array([[*colour_named(term.colour), term.share or rest] for term in terms], np.float32)
