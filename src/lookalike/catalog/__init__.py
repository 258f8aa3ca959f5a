"""The catalog of a collection: photos, files, failures, embeddings and full text in one SQLite database."""

from lookalike.catalog.catalog import Catalog, FileRecord, FileStatus, NewPhoto, PhotoRecord
from lookalike.catalog.words import match_expression

__all__ = ["Catalog", "FileRecord", "FileStatus", "NewPhoto", "PhotoRecord", "match_expression"]
