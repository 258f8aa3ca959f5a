"""The routes that explain: why two photos are alike, and the network's units."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.explore import asking


@pytest.fixture(scope="module")
def photos(demo_collection):
    with lookalike.Collection.open(demo_collection) as collection:
        yield collection


def get(client, path, **parameters):
    answer = client.get(f"/api/v1{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_why_is_what_the_library_says(client, photos):
    told = get(client, "/photos/3/why/4")
    expected = asking.why(photos, 3, 4)
    assert told["cosine"] == pytest.approx(expected.cosine, abs=1e-5)
    assert (told["a"]["photo"]["id"], told["b"]["photo"]["id"]) == (3, 4)
    for side, heat, box in (("a", expected.heat_a, expected.box_a), ("b", expected.heat_b, expected.box_b)):
        assert told[side]["heat"] == pytest.approx(heat, abs=1e-5)
        assert np.sum(told[side]["heat"]) == pytest.approx(told["cosine"], abs=1e-3)
        assert told[side]["box"] == pytest.approx(box)
        assert told[side]["palette"]
    assert told["tags"] == list(expected.tags)
    assert [each["name"] for each in told["classes"]] == [name for name, _, _ in expected.classes]


def test_the_other_way_round_is_the_same_with_sides_exchanged(client):
    one, other = get(client, "/photos/3/why/60"), get(client, "/photos/60/why/3")
    assert one["cosine"] == pytest.approx(other["cosine"], abs=1e-5)
    assert one["a"]["heat"] == pytest.approx(np.array(other["b"]["heat"]), abs=1e-5)


def test_the_picture_is_the_thumbnail_with_heat_where_the_map_is_warm(client):
    told = get(client, "/photos/3/why/4")
    for of, photo_id in (("a", 3), ("b", 4)):
        answer = client.get("/api/v1/photos/3/why/4.png", params={"of": of})
        assert answer.headers["content-type"] == "image/png"
        thumbnail = client.get(f"/api/v1/photos/{photo_id}/thumbnail").content
        with Image.open(BytesIO(answer.content)) as made, Image.open(BytesIO(thumbnail)) as small:
            assert made.format == "PNG"
            assert made.size == small.size
            saturation = np.asarray(made.convert("HSV"), np.float32)[..., 1]
        heat = np.array(told[of]["heat"])
        left, top, right, bottom = told[of]["box"]
        row, column = np.unravel_index(heat.argmax(), heat.shape)
        y = (top + (row + 0.5) / heat.shape[0] * (bottom - top)) * saturation.shape[0]
        x = (left + (column + 0.5) / heat.shape[1] * (right - left)) * saturation.shape[1]
        assert saturation[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4].mean() > saturation.mean()


def test_units_lead_from_a_photo_to_photos(client, photos):
    units = get(client, "/photos/3/units", k=3)
    assert units["photo"]["id"] == 3
    assert [each["unit"] for each in units["units"]] == [view.unit for view in asking.photo_units(photos, 3, 3)]
    for each in units["units"]:
        assert each["value"] > each["typical"]
        assert all(0 <= cell["box"][0] < cell["box"][2] <= 1 for cell in each["cells"])
    unit = units["units"][0]["unit"]
    found = get(client, f"/units/{unit}/photos", k=5)
    assert [each["id"] for each in found["photos"]] == [each.id for each in asking.unit_photos(photos, unit, 5)]


def test_a_file_that_has_gone_cannot_be_explained(odd):
    for path in (f"/photos/{odd.lost}/why/{odd.tiff}", f"/photos/{odd.tiff}/why/{odd.lost}.png"):
        answer = odd.client.get(f"/api/v1{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "file_gone")
    assert get(odd.client, f"/photos/{odd.tiff}/why/{odd.copied}")["method"] == "shares"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/photos/3/why/9999", 404),
        ("/photos/9999/why/3.png", 404),
        ("/photos/9999/units", 404),
        ("/photos/3/why/x", 422),
        ("/photos/3/why/0", 422),
        ("/photos/3/why/..%2f4.png", 404),
        ("/photos/3/why/4.png?of=c", 422),
        ("/photos/3/why/4.jpg", 422),
        ("/photos/3/units?k=0", 422),
        ("/photos/3/units?k=101", 422),
        ("/units/1280/photos", 422),
        ("/units/-1/photos", 422),
        (f"/units/{2**40}/photos", 422),
    ],
)
def test_what_is_not_there_or_wrong_is_refused(client, path, status):
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
