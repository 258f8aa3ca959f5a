"""A line that is being typed, with what is suggested put in."""

from __future__ import annotations

from lookalike.catalog import Suggestion
from lookalike.query import Query, Tag, last_item, print_query

__all__ = ["completed"]


def completed(typed: str, suggestion: Suggestion) -> str:
    """Return the whole line with a suggestion (`Collection.suggest`) in the place of its last item.

    Examples
    --------
    >>> completed("boat san", Suggestion("tag", "San Francisco", 4, 0))
    'boat tag:"San Francisco"'
    """
    if suggestion.kind == "query":
        return suggestion.text
    written = print_query(Query(terms=(Tag(suggestion.text),))) if suggestion.kind == "tag" else suggestion.text
    return typed[: last_item(typed)[0]] + written
