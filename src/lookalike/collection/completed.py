"""A line of the language of queries that is being typed: how it may go on, and with what is suggested put in."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.appearance import COLOUR_NAMES
from lookalike.catalog import Completion, Suggestion
from lookalike.query import Query, Tag, last_item, normalised, print_query, suggest_keys

__all__ = ["completed", "suggestions"]


def suggestions(typed: str, completion: Completion, *, style_names: Sequence[str], limit: int) -> list[Suggestion]:
    """List how a line may go on: what fits exactly, then words of the language, then what nearly fits."""
    position, item = last_item(typed)
    key, _, begun = item.partition(":")
    tag = item[1:] if item.startswith("#") else begun.strip('"') if key.lower() == "tag" else ""
    if tag:
        tags = completion.suggest(tag, normalise=normalised, limit=limit)
        return [one for one in tags if one.kind in ("tag", "machine tag")]
    found = completion.suggest(item, normalise=normalised, limit=limit) if item else []
    if item != typed.strip():  # what was asked before may begin with all of it, and not with the last item alone
        found = [one for one in found if one.kind != "query"]
        whole = completion.suggest(typed.lstrip(), normalise=normalised, limit=limit) if position else []
        found = [*(one for one in whole if one.kind == "query"), *found]
    in_language = suggest_keys(item, {"colour": tuple(COLOUR_NAMES), "style": style_names})
    keys = [Suggestion("key", text, 0, n_edits) for text, n_edits in in_language][:limit]
    exact = [one for one in found if not one.n_edits]
    rest = [one for one in found if one.n_edits]
    if ":" in item:
        return [*exact[:limit], *keys, *rest][:limit]
    return [*exact[: max(limit - len(keys), 1)], *keys, *rest][:limit]


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
