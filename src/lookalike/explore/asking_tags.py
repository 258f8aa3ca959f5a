"""Questions about the tags of a collection: suggestions and their answers, photos of a tag, similar tags, figures.

Answers are written to the collection (origin "user"; what was rejected is kept) and count in the next suggestions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.collection import Collection, OutsidePhoto
from lookalike.collection.learned_tags import CollectionTags, StoredEmbeddings, tables_of, tags_now, unknown_tag
from lookalike.collection.outside import PhotoQuery
from lookalike.errors import InvalidArgumentError
from lookalike.explore.score_evaluation import STEPS, ScoreEvaluation, evaluate_scores
from lookalike.explore.tag_evaluation import TagEvaluation, evaluate_tags
from lookalike.quantization.arguments import check_count
from lookalike.query import MEASURES, normalised

__all__ = [
    "SimilarTag",
    "SuggestedTag",
    "TagPhoto",
    "accept_tags",
    "evaluate_score",
    "evaluate_tag_suggestions",
    "nearest_photos_of_tag",
    "reject_tags",
    "similar_tags",
    "suggest_tags",
]


@dataclass(frozen=True, slots=True)
class SuggestedTag:
    """A tag that a photo may deserve: its normal form, how it is written, and the probability that it is right."""

    tag: str
    raw: str
    score: float


@dataclass(frozen=True, slots=True)
class TagPhoto:
    """A photo near a tag: its id, the cosine in the joint space, and whether it carries the tag."""

    id: int
    cosine: float
    carries: bool


@dataclass(frozen=True, slots=True)
class SimilarTag:
    """A tag near another: its normal form, how it is written, and the cosine in the joint space."""

    tag: str
    raw: str
    cosine: float


def suggest_tags(collection: Collection, photo: PhotoQuery, k: int | None = 10) -> list[SuggestedTag]:
    """Suggest tags for a photo, out of those that the collection's photos carry.

    Parameters
    ----------
    collection : Collection
    photo : int, path, bytes or OutsidePhoto
        Need not be in the collection.
    k : int or None
        How many at most; None: all that there are.

    Returns
    -------
    list of SuggestedTag
        Best first; never what the photo carries, or what was rejected for it. Empty where no photo has a tag.

    Raises
    ------
    UnknownPhotoError, PhotoError, InvalidArgumentError
    """
    most = None if k is None else check_count(k, "k")
    photo_id = collection.find(photo)
    state = tags_now(collection)
    if state is None:
        return []
    if photo_id is None:
        assert not isinstance(photo, int | np.integer)  # an id is found, or refused
        embedding = (photo if isinstance(photo, OutsidePhoto) else collection.read(photo)).embedding
    else:
        embedding = collection.raw_embeddings([photo_id])[0]
    found = state.suggest(embedding, most or len(state.index.space.names), photo_id=photo_id)
    return [SuggestedTag(tag, collection.tag_spelling(tag) or tag, score) for tag, score in found]


def accept_tags(collection: Collection, photo: PhotoQuery | Sequence[PhotoQuery], *tags: str) -> None:
    """Give a photo of the collection, or several, tags that were suggested for it."""
    collection.tag(photo, *tags)


def reject_tags(collection: Collection, photo: PhotoQuery | Sequence[PhotoQuery], *tags: str) -> None:
    """Keep that tags do not suit a photo, or several: never suggested for it again."""
    collection.reject_tags(photo, *tags)


def nearest_photos_of_tag(collection: Collection, tag: str, k: int = 20) -> list[TagPhoto]:
    """Find the photos nearest to a tag, whether they carry it or not, nearest first.

    Raises
    ------
    UnknownTagError
    """
    return [TagPhoto(*each) for each in _state(collection, tag).nearest_photos(tag, check_count(k, "k"))]


def similar_tags(collection: Collection, tag: str, k: int = 10) -> list[SimilarTag]:
    """Find the tags nearest to a tag, nearest first.

    Raises
    ------
    UnknownTagError
    """
    found = _state(collection, tag).similar(tag, check_count(k, "k"))
    return [SimilarTag(name, collection.tag_spelling(name) or name, cosine) for name, cosine in found]


def evaluate_tag_suggestions(collection: Collection, *, k: int = 5, rounds: int = 1, seed: int = 0) -> TagEvaluation:
    """Hide the tags of a fifth of the tagged photos and see what of them is suggested; see `evaluate_tags`."""
    ids = collection.ids()
    carried, _ = tables_of(collection, ids)
    return evaluate_tags(StoredEmbeddings(collection, ids), carried, k=k, rounds=rounds, seed=seed)


def evaluate_score(
    collection: Collection, name: str, *, yes: str | None = None, no: str | None = None
) -> ScoreEvaluation:
    """Compare a measure, a style or a taught filter with what people said of photos.

    Parameters
    ----------
    collection : Collection
    name : str
        "nsfw", a style, or a filter's name.
    yes, no : str, optional
        Tags of photos that are it, and that are not; by default the machine tags ``NAME:is=yes`` and ``NAME:is=no``,
        NAME in small letters without white space.

    Raises
    ------
    InvalidArgumentError
        There is nothing of that name, no photo is marked one way or the other, or one is marked both ways.
    """
    ids, scores = collection.scores_of(name)
    if not np.isfinite(scores).any():
        raise InvalidArgumentError(
            f"No photo has a score by {name!r}: the collection is empty, or was made without (`--no-nsfw`), or "
            "`lookalike add` has not looked at its photos yet."
        )
    found: list[NDArray[np.bool_]] = []
    for given, answer in ((yes, "yes"), (no, "no")):
        tag = given or f"{normalised(name)}:is={answer}"
        marked = np.isin(ids, collection.photos_tagged(tag)) & np.isfinite(scores)
        if not marked.any():
            raise InvalidArgumentError(
                f"No photo that was looked at has the tag `{tag}`. Mark some first: lookalike tag PHOTO '{tag}'"
            )
        found.append(marked)
    if (both := ids[found[0] & found[1]]).size:
        raise InvalidArgumentError(
            f"Photo {both[0]} is marked both as being it and as not being it. Take one tag off, or name others."
        )
    shown, refused = (scores[marked] for marked in found)
    if MEASURES.get(name, 1.0) == 1:
        return evaluate_scores(shown, refused)
    return evaluate_scores(shown, refused, np.unique(np.quantile(np.concatenate([shown, refused]), STEPS)))


def _state(collection: Collection, tag: str) -> CollectionTags:
    state = tags_now(collection)
    if state is None:
        raise unknown_tag(tag)
    return state
