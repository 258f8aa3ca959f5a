"""Routes of tags, asked over a real connection."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import lookalike
from lookalike.server import create_app

GOLDEN = Path(__file__).parents[1] / "collection" / "golden" / "version-3"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, start_server) -> Iterator[httpx.Client]:
    """A client of six drawn pictures: the first two have the tag "Barn Door"."""
    path = shutil.copytree(GOLDEN, tmp_path_factory.mktemp("tags") / "photos.lookalike")
    with (
        lookalike.Collection.open(path) as photos,
        start_server(create_app(photos)) as url,
        httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client,
    ):
        yield client


def get(client: httpx.Client, path: str, **parameters):
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_tags_are_listed_with_counts(small):
    tags = get(small, "/tags", limit=2)["tags"]
    assert tags == [
        {"tag": "flatcolour", "raw": "Flat Colour", "photos": 6},
        {"tag": "barndoor", "raw": "Barn Door", "photos": 2},
    ]
    assert get(small, "/tags", limit=1, offset=1)["tags"] == tags[1:]
    assert get(small, "/tags", prefix="Barn-")["tags"] == tags[1:]


def test_a_photo_tells_its_tags(small):
    tags = get(small, "/photos/1/tags")["tags"]
    assert tags[0] == {"tag": "barndoor", "raw": "Barn Door", "origin": "user", "score": 1.0}
    assert 'dopplr:eat="San Francisco"' in [each["raw"] for each in tags]


def test_suggestions_leave_out_what_a_photo_has_or_had_rejected(small):
    assert {each["tag"] for each in get(small, "/photos/4/suggestions")["suggestions"]} >= {"barndoor"}
    assert not {"barndoor", "flatcolour"} & {each["tag"] for each in get(small, "/photos/3/suggestions")["suggestions"]}
    assert len(get(small, "/photos/4/suggestions", k=2)["suggestions"]) == 2


def test_photos_and_tags_near_a_tag(small):
    photos = get(small, "/tags/Barn%20Door/photos", k=3)["photos"]
    assert len(photos) == 3
    assert {each["id"] for each in photos if each["carries"]} == {1, 2}
    assert photos[0]["cosine"] >= photos[-1]["cosine"]
    assert "barndoor" not in [each["tag"] for each in get(small, "/tags/barndoor/similar")["tags"]]


def test_a_tag_with_slashes_is_reached(small):
    for tag, path in (
        ("a/b", "a%2Fb"),
        ("a/photos", "a%2Fphotos"),
        ("rename", "rename"),
        ("c/similar/d", "c/similar/d"),
    ):
        change = {"changes": [{"photo_ids": [5], "add": [tag]}]}
        undo = small.patch("/tags", json=change).json()["undo"]
        photos = get(small, f"/tags/{path}/photos", k=1)["photos"]
        assert [each["id"] for each in photos if each["carries"]] == [5], tag
        assert get(small, f"/tags/{path}/similar")["tags"]
        assert small.patch("/tags", json=undo).status_code == 200


def test_machine_tags_are_listed(small):
    assert get(small, "/machine-tags")["listed"] == "namespaces"
    (row,) = get(small, "/machine-tags", pattern="dopplr:eat=")["machine_tags"]
    assert (row["value"], row["raw"], row["photos"]) == ("sanfrancisco", "San Francisco", 1)
    assert get(small, "/machine-tags", list="pairs", since="2999")["machine_tags"] == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/photos/99/tags", 404, "unknown_photo"),
        ("/photos/99/suggestions", 404, "unknown_photo"),
        ("/tags/nothing/photos", 404, "unknown_tag"),
        ("/tags/nothing/similar", 404, "unknown_tag"),
        ("/machine-tags?pattern=geo", 422, "invalid_argument"),
        ("/machine-tags?since=yesterday", 422, "invalid_argument"),
        ("/machine-tags?list=letters", 422, "invalid_argument"),
        ("/tags?limit=0", 422, "invalid_argument"),
    ],
)
def test_what_is_wrong_is_told(small, path, status, code):
    answer = small.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
