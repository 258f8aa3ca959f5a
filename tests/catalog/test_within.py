"""Which photos a search is limited to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from lookalike.catalog import Catalog, FileRecord, NewPhoto, Within
from lookalike.errors import InvalidArgumentError

PHOTOS = {
    1: ("/p/a.jpg", "jpeg", "2019-06-30T23:59:59"),
    2: ("/p/deep/b.webp", "webp", "2019-07-01T00:00:00"),
    3: ("/p_/c.jpg", "jpeg", None),
    4: ("/p%/d.tif", "tiff", "2020-01-01T12:00:00"),
    5: ("/p/deep.jpg", "jpeg", "2018"),
}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path_factory.mktemp("within") / "catalog.sqlite", writable=True)
    with catalog.transaction():
        for number, (path, format_, taken_at) in [*PHOTOS.items(), (6, ("/p/gone.jpg", "jpeg", "2019-01-01"))]:
            photo = NewPhoto(
                f"{number:064x}", format_, 1, 1, 1, taken_at, "same", "{}", ("", "", ""), np.ones(3, np.float32)
            )
            catalog.put(FileRecord(path, 1, 1, None), photo)
        catalog.mark_gone(["/p/gone.jpg"])
    yield catalog
    catalog.close()


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        (Within(), [1, 2, 3, 4, 5]),
        (Within(folder="/p"), [1, 2, 5]),
        (Within(folder="/p/"), [1, 2, 5]),
        (Within(folder="/p/deep"), [2]),
        (Within(folder=Path("/p/a.jpg")), [1]),
        (Within(folder="/"), [1, 2, 3, 4, 5]),
        (Within(folder="/nowhere"), []),
        (Within(folder="~no-such-person/p"), []),
        (Within(since="2019"), [1, 2, 4]),
        (Within(until="2019"), [1, 2, 5]),
        (Within(since="2019-06", until="2019-06"), [1]),
        (Within(since="2019-07-01", until=date(2019, 7, 1)), [2]),
        (Within(since=datetime(2019, 6, 30, 23, 59, 59), until="2019-06-30 23:59:59"), [1]),
        (Within(until="2019-06-30T23:59"), [1, 5]),
        (Within(since="2018-06", until="2018-06-30T12:00"), [5]),
        (Within(since=date(2018, 1, 1)), [1, 2, 4, 5]),
        (Within(since=datetime(2018, 6, 30), until="2018"), [5]),
        (Within(since="2019-06-30T23:59:59"), [1, 2, 4]),
        (Within(since="2019-07-01T00:00", until="2019-07-01T00:00"), [2]),
        (Within(since="2018-12-31T23:59:59", until="2017"), []),
        (Within(formats="jpg"), [1, 3, 5]),
        (Within(formats=["TIF", "webp"]), [2, 4]),
        (Within(formats=[]), []),
        (Within(ids=[1, 3, 6, 99]), [1, 3]),
        (Within(ids=np.array([2, 4]), since="2020"), [4]),  # type: ignore[arg-type]
        (Within(ids=[]), []),
    ],
)
def test_photos_are_those_for_which_all_that_is_given_holds(
    catalog: Catalog, within: Within, expected: list[int]
) -> None:
    assert catalog.ids_within(within).tolist() == expected


def test_equal_limits_are_one_key() -> None:
    one = Within(formats=["jpeg"], ids=[1, 2], near=[50.0, 14.0, 1.0], on="06-24")  # type: ignore[arg-type]
    other = Within(formats=("jpeg",), ids=np.array([1, 2]), near=(50.0, 14.0, 1.0), on="06-24")  # type: ignore[arg-type]
    assert {one: "kept"}[other] == "kept"


@pytest.mark.parametrize("when", ["19", "2019-13", "2019-02-30", "yesterday", "2019-06-30T25:00", "2019-1"])
def test_a_time_that_is_none_is_refused(when: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"`since` is .*; expected a time such as"):
        Within(since=when)
