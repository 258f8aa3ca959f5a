"""What was seen in a photo, told beside it in the viewer and leading to photos like it; and its tags, changed there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import ExifTags, Image
from playwright.sync_api import expect

import lookalike
from lookalike.collection.locking import writing
from lookalike.server import create_app


def open_facts(open_page, photo: int, **options):
    page = open_page(f"/?photo={photo}", **options)
    expect(page.get_by_role("dialog", name="Photo")).to_be_focused()
    page.keyboard.press("i")
    facts = page.get_by_role("complementary", name="About this photo")
    expect(facts.get_by_role("heading", level=2)).to_be_visible()
    return page, facts


def section(facts, title: str):
    return facts.locator(".fact-section").filter(has=facts.page.get_by_role("heading", name=title))


def test_classes_colours_and_measures_are_told_with_their_origin(open_page, api, photos):
    seen = api.get(f"/photos/{photos[2]['id']}").json()["seen"]
    _, facts = open_facts(open_page, photos[2]["id"])
    label = seen["labels"][0]
    expect(section(facts, "Seen in it")).to_contain_text(label["name"])
    expect(section(facts, "Seen in it")).to_contain_text(f"{round(label['probability'] * 100)} %")
    expect(section(facts, "Seen in it")).to_contain_text("efficientnet-lite2")
    expect(section(facts, "Colours").get_by_role("link")).to_have_count(len(seen["palette"]))
    expect(section(facts, "Quality")).to_contain_text(f"{round(seen['measures']['quality'] * 100)} %")
    expect(section(facts, "Not safe for work")).to_contain_text("open_nsfw")


def test_a_colour_leads_to_photos_of_it(open_page, api, photos):
    swatch = api.get(f"/photos/{photos[2]['id']}").json()["seen"]["palette"][0]
    page, facts = open_facts(open_page, photos[2]["id"])
    section(facts, "Colours").get_by_role("link").first.click()
    expect(page.get_by_role("combobox", name="Search by words")).to_have_value(f"colour:{swatch['hex']}")
    expect(page.locator("li[data-photo]").first).to_be_visible()


def test_a_machine_tag_leads_to_the_photos_that_have_it(open_page, api, photos):
    details = (api.get(f"/photos/{photo['id']}").json() for photo in photos)
    photo = next(photo for photo in details if photo["seen"]["machine_tags"])
    tag = photo["seen"]["machine_tags"][0]
    name = f"{tag['namespace']}:{tag['predicate']}={tag['raw']}"
    page, facts = open_facts(open_page, photo["id"])
    facts.get_by_text("Machine tags").click()
    facts.get_by_role("link", name=name, exact=True).first.click()
    expect(page.locator(f'li[data-photo="{photo["id"]}"]')).to_be_visible()


def test_a_search_of_several_parts_tells_how_a_photo_matches_each(open_page, api):
    line = "flowers colour:teal"
    hit = api.get("/search", params={"q": line, "k": 1}).json()["hits"][0]
    page = open_page(f"/?words={line}")
    page.locator(f'li[data-photo="{hit["id"]}"] .tile-photo').click()
    expect(page.get_by_role("dialog", name="Photo")).to_be_focused()
    page.keyboard.press("i")
    match = section(page.get_by_role("complementary"), "How it matches the search")
    expect(match.get_by_role("listitem")).to_have_count(len(hit["parts"]))
    for item, score in zip(match.get_by_role("listitem").all(), hit["parts"].values(), strict=True):
        expect(item).to_contain_text(f"{round(score * 100)} %")


def test_the_units_of_the_network_are_shown_by_photos_that_excite_them_too(open_page, api, photos):
    photo = photos[2]["id"]
    page, facts = open_facts(open_page, photo)
    facts.get_by_text("How the network sees it").click()
    units = api.get(f"/photos/{photo}/units", params={"k": 5}).json()["units"]
    for unit in units:
        row = facts.get_by_role("listitem", name=f"Unit {unit['unit']}", exact=True)
        expect(row.get_by_role("img", name="Where in this photo")).to_be_visible()
        expect(row.get_by_role("link")).to_have_count(4)
    link = facts.get_by_role("listitem", name=f"Unit {units[0]['unit']}", exact=True).get_by_role("link").first
    excited = api.get(f"/units/{units[0]['unit']}/photos", params={"k": 2}).json()["photos"]
    best = next(each for each in excited if each["id"] != photo)
    expect(link).to_have_attribute("href", f"/?similar={best['id']}")


# -- tags changed on the page ------------------------------------------------------------------------------------


@pytest.fixture
def own_collection(demo_collection, tmp_path) -> Path:
    """A collection that may be changed."""
    return shutil.copytree(demo_collection, tmp_path / "own.lookalike")


@pytest.fixture
def own_url(own_collection, start_server) -> Iterator[str]:
    with lookalike.Collection.open(own_collection) as photos, start_server(create_app(photos)) as url:
        yield url


@pytest.fixture
def floral(api) -> int:
    """A photo whose file has the keyword "floral"."""
    return next(photo["id"] for photo in api.get("/tags/floral/photos").json()["photos"] if photo["carries"])


def tags_of(url: str, photo: int) -> set[str]:
    answer = httpx.get(f"{url}/api/v1/photos/{photo}/tags").json()
    return {tag["raw"] for tag in answer["tags"] if "=" not in tag["raw"]}


def test_a_tag_is_added_by_typing_and_that_is_undone_and_done_again(open_page, own_url, floral):
    before = tags_of(own_url, floral)
    page, facts = open_facts(open_page, floral, url=own_url)
    field = facts.get_by_role("combobox", name="Add a tag")
    field.press_sequentially("Old Pier, si")  # letters that are keys of the viewer
    field.press("Enter")
    chip = facts.get_by_role("link", name="Old Pier, si, by you")
    expect(chip).to_be_visible()
    expect(field).to_have_value("")
    assert tags_of(own_url, floral) == before | {"Old Pier, si"}
    facts.get_by_role("button", name="Undo").click()
    expect(chip).not_to_be_attached()
    assert tags_of(own_url, floral) == before
    facts.get_by_role("button", name="Redo").click()
    expect(chip).to_be_visible()
    chip.click()
    expect(page.locator(f'li[data-photo="{floral}"]')).to_be_visible()


def test_a_tag_is_taken_off_by_keyboard_and_comes_back(open_page, own_url, floral):
    before = tags_of(own_url, floral)
    _, facts = open_facts(open_page, floral, url=own_url)
    facts.get_by_role("button", name="Take off the tag floral").focus()
    facts.page.keyboard.press("Enter")
    undo = facts.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    assert tags_of(own_url, floral) == before - {"floral"}
    facts.page.keyboard.press("Enter")
    expect(facts.get_by_role("link", name="floral, from the file")).to_be_visible()
    assert tags_of(own_url, floral) == before


def suggested(url: str) -> tuple[int, list[str]]:
    """Return a photo for which at least two tags are suggested with some certainty, and these."""
    for photo in httpx.get(f"{url}/api/v1/photos", params={"limit": 200}).json()["photos"]:
        found = httpx.get(f"{url}/api/v1/photos/{photo['id']}/suggestions").json()["suggestions"]
        if len(likely := [one["raw"] for one in found if one["score"] >= 0.15]) > 1:
            return photo["id"], likely
    raise AssertionError("no photo of the demo has suggestions")


def test_suggestions_are_accepted_and_rejected(open_page, own_url):
    photo, (right, wrong, *_) = suggested(own_url)
    _, facts = open_facts(open_page, photo, url=own_url)
    facts.get_by_role("button", name=f"Add the suggested tag {right}").click()
    expect(facts.get_by_role("link", name=f"{right}, by you")).to_be_visible()
    reject = facts.get_by_role("button", name=f"Never suggest {wrong} here")
    reject.click()
    expect(reject).not_to_be_attached()
    answer = httpx.get(f"{own_url}/api/v1/photos/{photo}/tags").json()
    assert right in {tag["raw"] for tag in answer["tags"]}
    assert wrong.lower().replace(" ", "") in answer["rejected"]
    facts.get_by_role("button", name="Undo").click()
    expect(facts.get_by_text("Taken back:")).to_be_visible()
    assert httpx.get(f"{own_url}/api/v1/photos/{photo}/tags").json()["rejected"] == []


def test_a_change_that_another_process_is_in_the_way_of_is_told_in_the_servers_words(
    open_page, own_collection, own_url, floral
):
    _, facts = open_facts(open_page, floral, url=own_url)
    field = facts.get_by_role("combobox", name="Add a tag")
    with writing(own_collection):
        field.fill("Old Pier")
        field.press("Enter")
        expect(facts.get_by_role("alert")).to_contain_text("is being written to")
    assert "Old Pier" not in tags_of(own_url, floral)


def test_where_nothing_can_be_changed_no_buttons_offer_it(open_page, demo_collection, start_server, floral):
    with (
        lookalike.Collection.open(demo_collection) as photos,
        start_server(create_app(photos, read_only=True)) as url,
    ):
        _, facts = open_facts(open_page, floral, url=url)
        expect(facts.get_by_role("link", name="floral, from the file")).to_be_visible()
        expect(facts.get_by_role("button")).to_have_count(0)
        expect(facts.get_by_role("combobox")).to_have_count(0)


# -- what a camera tells ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def camera_url(demo_photos, tmp_path_factory, start_server) -> Iterator[str]:
    """Address of a server with one photo of which camera, time and place are known."""
    folder = tmp_path_factory.mktemp("camera")
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "NIKON", "NIKON D70"
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {ExifTags.Base.DateTimeOriginal: "2019:06:03 14:05:00", ExifTags.Base.FNumber: 5.6}
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: (48.0, 8.0, 15.0),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: (11.0, 34.0, 31.0),
        }
    )
    with Image.open(min(demo_photos.rglob("*.webp"))) as image:
        image.convert("RGB").save(folder / "munich.jpg", exif=exif)
    with lookalike.Collection.open(folder / "c.lookalike", encoder="efficientnet-lite0") as photos:
        photos.add(folder / "munich.jpg", n_workers=1)
        with start_server(create_app(photos)) as url:
            yield url


@pytest.mark.parametrize(
    ("named", "query"),
    [
        ("3 June 2019, 14:05", "since:2019-06-03 until:2019-06-03"),
        ("NIKON D70", 'exif:model="NIKON D70"'),
        ("48.1375° N, 11.5753° E", "near:photo:1,10km"),
    ],
)
def test_time_camera_and_place_lead_to_the_photos_that_share_them(open_page, camera_url, named, query):
    page, facts = open_facts(open_page, 1, url=camera_url)
    facts.get_by_role("definition").get_by_role("link", name=named).click()
    expect(page.get_by_role("combobox", name="Search by words")).to_have_value(query)
    expect(page.locator('li[data-photo="1"]')).to_be_visible()
