"""A collection of photos on disk: ingest, search, and the directory that holds both."""

from lookalike.catalog import Within
from lookalike.collection.collection import Collection
from lookalike.collection.hits import Hit, SearchEvidence, SearchResult
from lookalike.collection.ingest import AddProgress
from lookalike.collection.outside import OutsidePhoto

__all__ = ["AddProgress", "Collection", "Hit", "OutsidePhoto", "SearchEvidence", "SearchResult", "Within"]
