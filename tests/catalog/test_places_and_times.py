"""Place, day, season and orientation as limits of a search."""

from __future__ import annotations

import json
import math
from datetime import date

import numpy as np
import pytest

from lookalike.catalog import Catalog, Within
from lookalike.catalog.places import distance_km
from lookalike.errors import InvalidArgumentError

from .conftest import PutPhoto


def at(latitude: float, longitude: float) -> str:
    return json.dumps({"latitude": latitude, "longitude": longitude})


@pytest.mark.parametrize(
    ("centre", "radius_km"),
    [
        ((52.5, 13.4), 500),
        ((0, 180), 800),
        ((10, -179.9), 2_000),
        ((89, 30), 300),
        ((-90, 0), 4_000),
        ((60, -170), 3_000),
        ((0, 0), 10_000),
        ((-45, 100), 19_000),
    ],
)
def test_within_a_radius_is_what_the_distance_says(
    tagged: Catalog, put_photo: PutPhoto, centre: tuple[float, float], radius_km: float
) -> None:
    generator = np.random.default_rng(0)
    places = np.column_stack([np.degrees(np.arcsin(generator.uniform(-1, 1, 300))), generator.uniform(-180, 180, 300)])
    places = np.vstack([places, centre, generator.normal(0, 3, (30, 2)) + centre])
    places[:, 0] = places[:, 0].clip(-90, 90)
    places[:, 1] = (places[:, 1] + 180) % 360 - 180
    with tagged.transaction():
        tagged.connection.executemany(
            "INSERT INTO photos (sha256, format, bytes, width, height, facts, added_at) VALUES (?, '', 0, 0, 0, ?, '')",
            [(number.to_bytes(4), at(*place)) for number, place in enumerate(places.tolist())],
        )
        tagged.connection.execute("INSERT INTO files SELECT id, id, 0, 0, NULL, NULL FROM photos")
    put_photo(9_999)  # without a place
    found = tagged.ids_within(Within(near=(*centre, radius_km)))
    distances = np.array([distance_km(*centre, *place) for place in places.tolist()])
    assert found.tolist() == (np.flatnonzero(distances <= radius_km) + 1).tolist()
    assert 0 < len(found) < len(places)


def test_distance_is_the_angle_between_directions() -> None:
    generator = np.random.default_rng(1)
    for _ in range(50):
        (one, east), (other, west) = generator.uniform(-90, 90, (2, 2)) * (1, 2)
        a, b = (
            np.array([math.cos(n) * math.cos(e), math.cos(n) * math.sin(e), math.sin(n)])
            for n, e in (np.radians((one, east)), np.radians((other, west)))
        )
        assert distance_km(one, east, other, west) == pytest.approx(6371.0088 * math.acos(a @ b), rel=1e-6)


def test_places_are_found_by_their_index(tagged: Catalog) -> None:
    condition, values = Within(near=(52.5, 13.4, 10)).where()
    plan = tagged.connection.execute(f"EXPLAIN QUERY PLAN SELECT id FROM photos WHERE {condition}", values).fetchall()
    assert "photos_place (latitude>? AND latitude<?)" in plan[0][3]


def test_the_place_of_a_photo_is_known_or_none(tagged: Catalog, put_photo: PutPhoto) -> None:
    assert tagged.place_of(put_photo(1, facts=at(52.5, 13.4))) == (52.5, 13.4)
    assert tagged.place_of(put_photo(2)) is None


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        (Within(on="06-24"), [1, 2]),
        (Within(on=date(2026, 6, 24)), [1, 2]),
        (Within(on="02-29"), [5]),
        (Within(on="06"), [1, 2, 3]),
        (Within(on="01-01"), []),
        (Within(season="summer"), [1, 3, 7]),
        (Within(season="winter"), [2, 5, 6]),
        (Within(season="spring"), []),
        (Within(orientation="landscape"), [1, 4, 5, 6, 7]),
        (Within(orientation="portrait"), [2]),
        (Within(orientation="square", on="06"), [3]),
        (Within(near=(-33.9, 151.2, 1), season="winter"), [2]),
    ],
)
def test_days_and_seasons_are_those_of_the_place(
    tagged: Catalog, put_photo: PutPhoto, within: Within, expected: list[int]
) -> None:
    put_photo(1, taken_at="2019-06-24T12:00:00", facts=at(52.5, 13.4))
    put_photo(2, taken_at="2020-06-24T12:00:00+10:00", facts=at(-33.9, 151.2), size=(3, 4))
    put_photo(3, taken_at="2019-06", size=(3, 3))
    put_photo(4, taken_at="2019")
    put_photo(5, taken_at="2020-02-29")
    put_photo(6, taken_at="2019-12-01T00:00:00")
    put_photo(7, taken_at="2020-01-15T00:00:00", facts=at(-33.9, 18.4))
    put_photo(8, size=(0, 0))
    assert [photo for photo in tagged.ids_within(within).tolist() if photo < 8] == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"near": (91, 0, 1)},
        {"near": (0, 0, 0)},
        {"near": (0, math.nan, 1)},
        {"on": "13"},
        {"on": "02-30"},
        {"on": "6-24"},
        {"season": "monsoon"},
        {"orientation": "tall"},
    ],
)
def test_a_place_or_day_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError, match=f"`{next(iter(wrong))}` is .*; expected "):
        Within(**wrong)  # type: ignore[arg-type]
