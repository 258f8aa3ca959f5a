"""A collection of photos on disk: ingest, search, and the directory that holds both."""

from typing import TYPE_CHECKING, Any

from lookalike.catalog import Within
from lookalike.collection.collection import Collection
from lookalike.collection.hits import Hit, SearchEvidence, SearchResult
from lookalike.collection.ingest import AddProgress
from lookalike.collection.outside import OutsidePhoto
from lookalike.collection.seen_photo import SeenPhoto, Swatch
from lookalike.collection.tag_changes import TagChange, TagDifference, TagEdit, TagState

if TYPE_CHECKING:
    from lookalike.collection.verify import CollectionReport

__all__ = [
    "AddProgress",
    "Collection",
    "CollectionReport",
    "Hit",
    "OutsidePhoto",
    "SearchEvidence",
    "SearchResult",
    "SeenPhoto",
    "Swatch",
    "TagChange",
    "TagDifference",
    "TagEdit",
    "TagState",
    "Within",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever the name stands for
    if name == "CollectionReport":  # when first used: with it comes the engine, which workers do without
        from lookalike.collection.verify import CollectionReport

        return CollectionReport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
