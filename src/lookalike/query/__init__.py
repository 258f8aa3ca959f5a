"""The query: one value for all that is asked for in a search, its language, and the syntax of machine tags."""

from lookalike.query.language import KEYS, last_item, parse, plain_words, print_query
from lookalike.query.machine_tag import MachineTag, MachineTagPattern
from lookalike.query.normalisation import normalised
from lookalike.query.query import (
    DIALS,
    MEASURES,
    Colour,
    Dial,
    Limit,
    Near,
    Order,
    Orientation,
    Photo,
    Query,
    Region,
    Season,
    Style,
    Tag,
    Term,
    Vector,
    Words,
)

__all__ = [
    "DIALS",
    "KEYS",
    "MEASURES",
    "Colour",
    "Dial",
    "Limit",
    "MachineTag",
    "MachineTagPattern",
    "Near",
    "Order",
    "Orientation",
    "Photo",
    "Query",
    "Region",
    "Season",
    "Style",
    "Tag",
    "Term",
    "Vector",
    "Words",
    "last_item",
    "normalised",
    "parse",
    "plain_words",
    "print_query",
]
