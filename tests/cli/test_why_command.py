"""`lookalike why` and `lookalike units` say what the library says, and draw it."""

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.explore import asking


@pytest.fixture(scope="module")
def photos(demo_collection):
    with lookalike.Collection.open(demo_collection) as collection:
        yield collection


def test_why_tells_the_cosine_and_what_both_have(run, run_json, photos) -> None:
    told = run_json("why", 3, 4, "-c", photos.path)
    expected = asking.why(photos, 3, 4)
    assert told["cosine"] == pytest.approx(expected.cosine, abs=1e-5)
    assert told["method"] == "shares"
    for side in ("a", "b"):
        assert np.sum(told[side]["heat"]) == pytest.approx(told["cosine"], abs=1e-3)
        assert sum(swatch["share"] for swatch in told[side]["palette"]) == pytest.approx(1, abs=0.01)
    assert told["tags"] == list(expected.tags)
    assert [(each["name"], each["a"], each["b"]) for each in told["classes"]] == [
        (name, pytest.approx(p, abs=1e-5), pytest.approx(q, abs=1e-5)) for name, p, q in expected.classes
    ]
    text = run("why", 3, 4, "-c", photos.path).stdout
    assert f"{expected.cosine:.3f}" in text
    assert all(tag in text for tag in expected.tags)


def test_a_photo_from_outside_is_explained_by_what_is_seen_in_it(run_json, photos, tmp_path) -> None:
    with Image.open(photos.file(3)) as image:
        image.convert("RGB").resize((500, 600)).save(tmp_path / "outside.jpg")
    told = run_json("why", tmp_path / "outside.jpg", 3, "-c", photos.path)
    assert told["cosine"] > 0.8
    assert told["a"]["palette"][0]["share"] > 0
    assert told["tags"] == []
    assert told["classes"]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_the_sheet_shows_both_photos_with_their_heat(run, photos, tmp_path, suffix) -> None:
    sheet = tmp_path / f"why{suffix}"
    assert run("why", 3, 60, "--sheet", sheet, "-c", photos.path).exit_code == 0
    with Image.open(sheet) as image:
        pixels = np.asarray(image.convert("HSV"))
    left, right = np.array_split(pixels[..., 1], 2, axis=1)
    assert (left > 150).mean() > 0.01  # heat is colour, over photos that are nearly grey
    assert (right > 150).mean() > 0.01


def test_units_lists_what_a_photo_excites_and_which_photos_a_unit(run, run_json, photos) -> None:
    units = run_json("units", 3, "-k", 4, "-c", photos.path)["units"]
    assert [each["unit"] for each in units] == [view.unit for view in asking.photo_units(photos, 3, 4)]
    assert all(each["value"] > each["typical"] for each in units)
    listed = run_json("units", "--unit", units[0]["unit"], "-k", 5, "-c", photos.path)["photos"]
    assert [each["id"] for each in listed] == [each.id for each in asking.unit_photos(photos, units[0]["unit"], 5)]
    lines = run("units", "--unit", units[0]["unit"], "-k", 5, "-c", photos.path).stdout.splitlines()
    assert lines == [f"{each['value']:.3f}\t{each['id']}\t{each['path']}" for each in listed]


@pytest.mark.parametrize(
    "arguments",
    [
        ("why", 3, 999_999),
        ("why", 3, "none.jpg"),
        ("units", "~no-such-person/x.jpg"),
        ("units", 999_999),
        ("units", "--unit", 1280),
    ],
)
def test_what_is_not_there_is_a_calm_error(run, photos, arguments) -> None:
    result = run(*arguments, "-c", photos.path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
