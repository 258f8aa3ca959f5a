"""The catalog of a collection: photos, files, failures, and full text in one SQLite database."""

from lookalike.catalog.catalog import Catalog, Changes, FileRecord, FileStatus, NewPhoto, PhotoRecord
from lookalike.catalog.completion import Completion, Suggestion
from lookalike.catalog.filters import Filters
from lookalike.catalog.machine_tags import MachineTagCount, MachineTagRow, MachineTags
from lookalike.catalog.schema import FORMAT_VERSION, database_error, stored_version
from lookalike.catalog.seen import SeenFields
from lookalike.catalog.tags import Origin, TagCount, TagRow, Tags
from lookalike.catalog.within import Within, absolute, expanded

__all__ = [
    "FORMAT_VERSION",
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
    "Suggestion",
    "TagCount",
    "TagRow",
    "Tags",
    "Within",
    "absolute",
    "database_error",
    "expanded",
    "stored_version",
]
