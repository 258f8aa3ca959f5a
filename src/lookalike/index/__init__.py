"""Compact vector indexes: built, searched, changed, saved and opened."""

from lookalike.index.exact import exact_search
from lookalike.index.lopq_index import LOPQIndex
from lookalike.index.results import SearchResult, SearchStats

__all__ = ["LOPQIndex", "SearchResult", "SearchStats", "exact_search"]
