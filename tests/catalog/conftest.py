"""An empty catalog, and how photos come into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lookalike.catalog import Catalog, FileRecord, NewPhoto

PutPhoto = Callable[..., int]


@pytest.fixture
def tagged(tmp_path: Path) -> Iterator[Catalog]:
    """An empty catalog."""
    catalog = Catalog(tmp_path / "tagged.sqlite", writable=True)
    catalog.connection.execute("PRAGMA synchronous = OFF")
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
