"""A catalog with tables for tags, places and completion, and photos in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lookalike.catalog import COMPLETION, MACHINE_TAGS, PLACES, TAGS, Catalog, FileRecord, NewPhoto

PutPhoto = Callable[..., int]


@pytest.fixture
def tagged(tmp_path: Path) -> Iterator[Catalog]:
    """An empty catalog that has all tables."""
    catalog = Catalog(tmp_path / "tagged.sqlite", writable=True)
    catalog.connection.execute("PRAGMA synchronous = OFF")
    tables = {name for (name,) in catalog.connection.execute("SELECT name FROM sqlite_master")}
    columns = {row[1] for row in catalog.connection.execute("PRAGMA table_xinfo(photos)")}
    for names, name, ddl in (
        (tables, "tags", TAGS),
        (tables, "machine_tags", MACHINE_TAGS),
        (tables, "vocabulary", COMPLETION),
        (columns, "latitude", PLACES),
    ):
        if name not in names:
            catalog.connection.executescript(ddl)
    yield catalog
    catalog.close()


@pytest.fixture
def put_photo(tagged: Catalog) -> PutPhoto:
    """Put a photo; gives its id."""

    def put(
        number: int, *, taken_at: str | None = None, facts: str = "{}", size: tuple[int, int] = (4, 3), text: str = ""
    ) -> int:
        photo = NewPhoto(
            f"{number:064x}", "jpeg", 1, *size, taken_at, None, facts, (text, "", ""), np.ones(3, np.float32)
        )
        with tagged.transaction():
            return tagged.put(FileRecord(f"/p/{number}.jpg", 1, 1, None), photo)[0]

    return put
