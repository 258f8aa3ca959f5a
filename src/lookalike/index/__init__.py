"""Compact vector indexes: built, searched, changed, saved and opened."""

from lookalike.index.estimate import Estimate, Step
from lookalike.index.exact import exact_search
from lookalike.index.lopq_index import LOPQIndex
from lookalike.index.memory import Memory
from lookalike.index.range_search import RangeResult
from lookalike.index.results import SearchResult, SearchStats
from lookalike.index.tuning import SearchDefaults, Setting, Tuning

__all__ = [
    "Estimate",
    "LOPQIndex",
    "Memory",
    "RangeResult",
    "SearchDefaults",
    "SearchResult",
    "SearchStats",
    "Setting",
    "Step",
    "Tuning",
    "exact_search",
]
