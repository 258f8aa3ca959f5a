"""The catalog of a collection: photos, files, failures, and full text in one SQLite database."""

from lookalike.catalog.catalog import Catalog, Changes, FileRecord, FileStatus, NewPhoto, PhotoRecord
from lookalike.catalog.completion import COMPLETION, Completion, Suggestion, count_anew, count_words
from lookalike.catalog.filters import FILTERS, Filters
from lookalike.catalog.machine_tags import MACHINE_TAGS, MachineTagCount, MachineTagRow, MachineTags
from lookalike.catalog.places import PLACES
from lookalike.catalog.schema import FORMAT_VERSION, database_error, stored_version
from lookalike.catalog.seen import SEEN, SeenFields, SeenRows
from lookalike.catalog.tags import REJECTED_TAGS, TAGS, Origin, TagCount, TagRow, Tags
from lookalike.catalog.within import Within, absolute, expanded
from lookalike.catalog.words import match_expression

__all__ = [
    "COMPLETION",
    "FILTERS",
    "FORMAT_VERSION",
    "MACHINE_TAGS",
    "PLACES",
    "REJECTED_TAGS",
    "SEEN",
    "TAGS",
    "Catalog",
    "Changes",
    "Completion",
    "FileRecord",
    "FileStatus",
    "Filters",
    "MachineTagCount",
    "MachineTagRow",
    "MachineTags",
    "NewPhoto",
    "Origin",
    "PhotoRecord",
    "SeenFields",
    "SeenRows",
    "Suggestion",
    "TagCount",
    "TagRow",
    "Tags",
    "Within",
    "absolute",
    "count_anew",
    "count_words",
    "database_error",
    "expanded",
    "match_expression",
    "stored_version",
]
