"""The catalog of a collection: photos, files, failures, and full text in one SQLite database."""

from lookalike.catalog.catalog import Catalog, Changes, FileRecord, FileStatus, NewPhoto, PhotoRecord
from lookalike.catalog.schema import FORMAT_VERSION, stored_version
from lookalike.catalog.within import Within, absolute
from lookalike.catalog.words import match_expression

__all__ = [
    "FORMAT_VERSION",
    "Catalog",
    "Changes",
    "FileRecord",
    "FileStatus",
    "NewPhoto",
    "PhotoRecord",
    "Within",
    "absolute",
    "match_expression",
    "stored_version",
]
