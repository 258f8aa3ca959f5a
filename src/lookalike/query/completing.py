"""How an item of the language that is being typed may go on: its keys, its measures, and the values of a key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import NamedTuple, get_args

from lookalike.query.language import KEYS, quoted_where_needed
from lookalike.query.normalisation import normalised
from lookalike.query.query import DIALS, MEASURES, Order, Orientation, Season

__all__ = ["KeySuggestion", "suggest_keys"]

_KEY_FROM = 2
"""Letters from which the name of a key is completed."""
_AT_MOST = ("nsfw", "noise", "clipping")
"""Measures of which less is wanted."""
_VALUES: dict[str, tuple[str, ...]] = {
    "season": get_args(Season),
    "orientation": get_args(Orientation),
    "order": get_args(Order),
    "dial": tuple(f"{name}=" for name in DIALS),
    "cut": ("yes",),
}


class KeySuggestion(NamedTuple):
    """How an item may go on; `n_edits` is 1 where what was typed is near to it and no beginning of it."""

    text: str
    n_edits: int


def suggest_keys(item: str, values: Mapping[str, Collection[str]] | None = None) -> list[KeySuggestion]:
    """List how an item may go on by the language's own words.

    Parameters
    ----------
    item : str
        Without sign and weight (`last_item`).
    values : mapping of str to collection of str, optional
        Values of keys that only a collection knows, such as the names of its styles.

    Examples
    --------
    >>> [text for text, _ in suggest_keys("colo")], [text for text, _ in suggest_keys("season:s")]
    (['colour:'], ['season:spring', 'season:summer'])
    """
    key, colon, begun = item.partition(":")
    key = key.lower()
    if not colon:
        if len(key) < _KEY_FROM:
            return []
        names = [f"{name}:" for name in KEYS if name != "color" or not "colour".startswith(key)]
        names += [f"{name}{'<' if name in _AT_MOST else '>'}" for name in MEASURES]
        return [KeySuggestion(name, 0) for name in names if name.startswith(key)]
    spelling = "colour" if key == "color" else key
    known = {normalised(name): name for name in (values or {}).get(spelling, _VALUES.get(spelling, ()))}
    start = normalised(begun.strip('"'))
    found = [(name, 0) for form, name in known.items() if form.startswith(start)]
    if not found:
        found = [(known[form], 1) for form in get_close_matches(start, known, n=3)]
    texts = [KeySuggestion(f"{key}:{quoted_where_needed(name)}", n_edits) for name, n_edits in found]
    return [one for one in texts if one.text != item]
