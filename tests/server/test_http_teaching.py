"""Filters taught over HTTP, and measurements of scores and suggestions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from PIL import Image

import lookalike
from lookalike.collection import TagChange
from lookalike.explore import tag_evaluation
from lookalike.server import create_app

GOLDEN = Path(__file__).parents[1] / "collection" / "golden" / "version-3"


class Served(NamedTuple):
    client: httpx.Client
    photos: lookalike.Collection


@pytest.fixture(scope="module")
def demo(demo_collection: Path, tmp_path_factory, start_server) -> Iterator[Served]:
    path = shutil.copytree(demo_collection, tmp_path_factory.mktemp("teaching") / "demo.lookalike")
    with (
        lookalike.Collection.open(path) as photos,
        start_server(create_app(photos)) as url,
        httpx.Client(base_url=f"{url}/api/v1", timeout=120) as client,
    ):
        yield Served(client, photos)


@pytest.fixture(scope="module")
def small(tmp_path_factory, start_server) -> Iterator[httpx.Client]:
    """A client of six drawn pictures with the taught filter "Reddish"; nobody marked anything."""
    path = shutil.copytree(GOLDEN, tmp_path_factory.mktemp("small") / "photos.lookalike")
    with (
        lookalike.Collection.open(path) as photos,
        start_server(create_app(photos)) as url,
        httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client,
    ):
        yield client


def refused(answer: httpx.Response, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    return error["message"]


def of_kind(photos: lookalike.Collection, kind: str) -> tuple[list[int], list[int]]:
    """Ids of the photos of a folder, and of the others."""
    records = photos.photos_after(0, 1000)
    return (
        [record.id for record in records if Path(record.path).parent.name == kind],
        [record.id for record in records if Path(record.path).parent.name != kind],
    )


def test_a_filter_is_taught_found_measured_and_forgotten(demo):
    client, photos = demo
    pots, others = of_kind(photos, "nmk-ancient-pottery-collection")
    answer = client.put("/filters/Old%20Pots", json={"positive_ids": pots[:5], "negative_ids": [others[0], others[50]]})
    assert answer.status_code == 200, answer.text
    taught = answer.json()
    assert (taught["name"], taught["n_examples"], taught["n_negatives"]) == ("Old Pots", 5, 2)
    for name in ("threshold", "average_precision", "precision", "recall", "prior"):
        assert taught[name] == pytest.approx(getattr(photos.filter("old pots"), name))
        assert 0 <= taught[name] <= 1
    assert client.get("/filters").json()["filters"] == [taught]
    assert client.put("/filters/a%2Fb", json={"positive_ids": pots[:5]}).json()["name"] == "a/b"
    assert client.delete("/filters/a%2Fb").json() == {"forgotten": "a/b"}
    hits = client.get("/search", params={"q": 'style:"old pots"', "k": 3}).json()["hits"]
    assert hits[0]["id"] in pots
    photos.change_tags(
        TagChange(pots[5:], add=["oldpots:is=yes"]),
        TagChange(others[1:40], add=["oldpots:is=no"]),
    )
    told = client.get("/evaluations/scores", params={"name": "old pots"}).json()
    assert (told["n_yes"], told["n_no"]) == (len(pots) - 5, 39)
    assert told["area"] > 0.8
    assert told["thresholds"][0]["recall"] >= told["thresholds"][-1]["recall"]
    again = client.put("/filters/OLD-pots", json={"positive_ids": pots}).json()
    assert [each["name"] for each in client.get("/filters").json()["filters"]] == [again["name"]] == ["OLD-pots"]
    assert client.delete("/filters/old%20POTS").json() == {"forgotten": "old POTS"}
    assert client.get("/filters").json() == {"filters": []}
    assert "GET /api/v1/filters" in refused(client.delete("/filters/old%20pots"), 404, "unknown_filter")


def test_tags_are_suggested_for_an_outside_photo(demo):
    client, photos = demo
    source = photos.file(7)
    file = BytesIO()
    with Image.open(source) as image:
        image.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(file, "JPEG")
    upload_id = client.post("/uploads", content=file.getvalue()).json()["id"]
    suggested = client.get(f"/uploads/{upload_id}/suggestions", params={"k": 5}).json()["suggestions"]
    assert len(suggested) == 5
    assert suggested == sorted(suggested, key=lambda each: -each["score"])
    itself = client.post("/uploads", content=source.read_bytes()).json()["id"]
    assert client.get(f"/uploads/{itself}/suggestions").json() == client.get("/photos/7/suggestions").json()
    assert client.get(f"/uploads/{upload_id}/suggestions", params={"k": 0}).status_code == 422
    refused(client.get(f"/uploads/{'0' * 32}/suggestions"), 404, "unknown_upload")


def test_nsfw_is_measured_on_what_was_marked(demo):
    client, photos = demo
    _, scores = photos.scores_of("nsfw")
    ids = photos.ids()[scores.argsort()]
    photos.change_tags(
        TagChange(ids[-5:].tolist(), add=["nsfw:is=yes"]), TagChange(ids[:20].tolist(), add=["nsfw:is=no"])
    )
    told = client.get("/evaluations/nsfw").json()
    assert (told["name"], told["n_yes"], told["n_no"], told["area"]) == ("nsfw", 5, 20, 1.0)
    assert client.get("/evaluations/scores", params={"name": "nsfw"}).json() == told
    turned = client.get("/evaluations/nsfw", params={"yes": "nsfw:is=no", "no": "nsfw:is=yes"}).json()
    assert turned["area"] == 0.0


def test_suggestions_are_measured_once_for_as_long_as_nothing_changes(demo, monkeypatch):
    client, photos = demo
    fits = []
    one_round = tag_evaluation._one_round
    monkeypatch.setattr(tag_evaluation, "_one_round", lambda *given: fits.append(1) or one_round(*given))
    told = client.get("/evaluations/tags", params={"k": 3}).json()
    assert told["k"] == 3
    assert told["rankings"]["space+votes"]["ndcg"]["mean"] > told["rankings"]["popularity"]["ndcg"]["mean"]
    assert sum(each["n"] for each in told["reliability"]) > 0
    assert client.get("/evaluations/tags", params={"k": 3}).json() == told
    assert len(fits) == 1
    photos.tag(1, "something new")
    client.get("/evaluations/tags", params={"k": 3})
    assert len(fits) == 2


@pytest.mark.parametrize(
    ("address", "status", "code", "said"),
    [
        ("/evaluations/tags", 422, "invalid_argument", "at least 10"),
        ("/evaluations/tags?k=0", 422, "invalid_argument", "k"),
        ("/evaluations/tags?rounds=6", 422, "invalid_argument", "rounds"),
        ("/evaluations/tags?rounds=NaN", 422, "invalid_argument", "rounds"),
        ("/evaluations/nsfw", 422, "invalid_argument", "nsfw:is=yes"),
        ("/evaluations/nsfw?yes=", 422, "invalid_argument", "yes"),
        ("/evaluations/nsfw?yes=%00", 422, "invalid_argument", "has the tag"),
        ("/evaluations/scores", 422, "invalid_argument", "name"),
        ("/evaluations/scores?name=nothing", 422, "invalid_argument", "There is no style 'nothing'"),
        ("/evaluations/scores?name=%00%ff", 422, "invalid_argument", "There is no style"),
        ("/evaluations/scores?name=reddish", 422, "invalid_argument", "reddish:is=yes"),
        ("/evaluations/scores?name=sharpness", 422, "invalid_argument", "sharpness:is=yes"),
    ],
)
def test_where_there_is_nothing_to_measure_it_is_said_what_to_do(small, address, status, code, said):
    assert said in refused(small.get(address), status, code)


FIVE = [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("x", {"positive_ids": [1, 2]}, 422, "it takes 5 or more"),
        ("x", {"positive_ids": [1, 1, 1, 1, 1]}, 422, "it takes 5 or more"),
        ("x", {"positive_ids": FIVE}, 422, "Add more photos"),
        ("x", {"positive_ids": FIVE, "negative_ids": [5]}, 422, "Choose one"),
        ("x", {"positive_ids": []}, 422, "it takes 5 or more"),
        ("x", {}, 422, "positive_ids"),
        ("x", {"positive_ids": FIVE, "more": 1}, 422, "more"),
        ("x", {"positive_ids": ["1"] * 5}, 422, "positive_ids.0"),
        ("x", {"positive_ids": [0]}, 422, "positive_ids.0"),
        ("x", {"positive_ids": [2**63]}, 422, "positive_ids.0"),
        ("x", {"positive_ids": list(range(1, 502))}, 422, "positive_ids"),
        ("x" * 201, {"positive_ids": FIVE}, 422, "name"),
        ("x", [], 422, "body"),
    ],
)
def test_a_filter_that_cannot_be_taught_is_refused(small, name, body, status, said):
    before = small.get("/filters").json()
    assert said in refused(small.put(f"/filters/{name}", json=body), status, "invalid_argument")
    assert small.get("/filters").json() == before


@pytest.mark.parametrize("name", ["minimalist", "Black%20and%20White", "%00", "a%00b", "a%1b[31m", "...", "%E2%80%AE!"])
def test_a_name_that_cannot_be_is_refused(demo, name):
    pots, _ = of_kind(demo.photos, "nmk-ancient-pottery-collection")
    refused(demo.client.put(f"/filters/{name}", json={"positive_ids": pots}), 422, "invalid_argument")
    assert demo.client.get("/filters").json() == {"filters": []}


def test_unknown_photos_teach_nothing(demo):
    pots, _ = of_kind(demo.photos, "nmk-ancient-pottery-collection")
    assert "9999" in refused(demo.client.put("/filters/x", json={"positive_ids": [*pots, 9999]}), 404, "unknown_photo")


def test_filters_are_not_changed_by_forms_other_sites_or_where_nothing_may_be(small, start_server, tmp_path):
    text = '{"positive_ids": [1, 2, 3, 4, 5]}'
    refused(
        small.put("/filters/x", content=text, headers={"Content-Type": "text/plain"}), 415, "unsupported_media_type"
    )
    refused(small.delete("/filters/reddish", headers={"Origin": "http://evil.example"}), 403, "foreign_origin")
    path = shutil.copytree(GOLDEN, tmp_path / "photos.lookalike")
    with (
        lookalike.Collection.open(path) as photos,
        start_server(create_app(photos, read_only=True)) as url,
        httpx.Client(base_url=f"{url}/api/v1") as client,
    ):
        refused(client.put("/filters/x", json={"positive_ids": FIVE}), 403, "read_only")
        refused(client.delete("/filters/reddish"), 403, "read_only")
        assert [each["name"] for each in client.get("/filters").json()["filters"]] == ["Reddish"]
