"""Searching by words and by photos from outside."""

from __future__ import annotations

import base64
import re

import httpx
import pytest
from playwright.sync_api import expect

GIVE_FILE = """([type, data, name]) => {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, { type: "image/webp" }));
  if (type === "paste") {
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: files, bubbles: true, cancelable: true }));
  } else {
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer: files, bubbles: true, cancelable: true }));
  }
}"""


@pytest.fixture(scope="module")
def outside(demo_photos):
    """A photo to search with."""
    return sorted(demo_photos.rglob("*.webp"))[7]


def give(page, event: str, path) -> None:
    page.evaluate(GIVE_FILE, [event, base64.b64encode(path.read_bytes()).decode(), path.name])


def expect_found_by_upload(page):
    expect(page).to_have_url(re.compile(r"/\?upload=[0-9a-f]{32}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Similar to your photo")
    upload = page.url.rpartition("=")[2]
    origin = page.url.partition("/?")[0]
    hits = httpx.get(f"{origin}/api/v1/uploads/{upload}/similar", params={"k": 5}).json()["hits"]
    expect(page.locator(f'li[data-photo="{hits[0]["id"]}"]')).to_be_visible()
    shown = page.locator("li[data-photo]").evaluate_all("tiles => tiles.map(t => Number(t.dataset.photo))")
    assert shown[:5] == [hit["id"] for hit in hits]


def test_words_find_photos_by_their_titles(open_page, photos):
    titled = next(photo for photo in photos if photo["title"] and len(photo["title"].split()) > 2)
    page = open_page()
    field = page.get_by_role("combobox", name="Search by words")
    expect(field).to_be_visible()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    field.fill(titled["title"])
    field.press("Enter")
    expect(page).to_have_url(re.compile(r"/\?words="))
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Photos with “{titled['title']}”")
    expect(page.locator(f'li[data-photo="{titled["id"]}"]')).to_be_visible()
    page.reload()
    expect(field).to_have_value(titled["title"])
    page.get_by_role("button", name="Clear the search").click()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(field).to_have_value("")


def test_a_line_of_the_query_language_is_searched_for(open_page, api):
    line = "flowers -red colour:teal"
    page = open_page()
    field = page.get_by_role("combobox", name="Search by words")
    field.fill(line)
    field.press("Enter")
    hits = api.get("/search", params={"q": line, "k": 5}).json()["hits"]
    expect(page.locator(f'li[data-photo="{hits[0]["id"]}"]')).to_be_visible()
    shown = page.locator("li[data-photo]").evaluate_all("tiles => tiles.map(t => Number(t.dataset.photo))")
    assert shown[:5] == [hit["id"] for hit in hits]


def test_a_query_that_cannot_be_read_is_told_in_the_servers_words(open_page, api):
    page = open_page("/?words=boat near:here")
    message = api.get("/search", params={"q": "boat near:here"}).json()["error"]["message"]
    expect(page.get_by_role("heading", level=1)).to_have_text("This search cannot be read")
    expect(page.get_by_text(message)).to_be_visible()


def test_the_search_box_says_how_words_are_looked_for(open_page, api):
    told = api.get("/status").json()["word_search"]
    expect(open_page().get_by_role("combobox", name="Search by words")).to_have_attribute("title", f"Words are looked for by: {told}")


def test_words_that_nothing_has_say_so_and_lead_on(open_page):
    page = open_page("/?words=nothing-has-this-word")
    expect(page.get_by_role("heading", level=1)).to_have_text("No photo has the words “nothing-has-this-word”")
    page.get_by_role("link", name="See all photos").click()
    expect(page.locator("li[data-photo]").first).to_be_visible()


@pytest.mark.parametrize(
    ("line", "told"),
    [("nothing-has-this-word", "No photo has the words “nothing-has-this-word”"), ("near:here", "This search cannot be read")],
)
def test_a_search_that_finds_nothing_is_read_aloud(open_page, line, told):
    page = open_page()
    field = page.get_by_role("combobox", name="Search by words")
    field.fill(line)
    field.press("Enter")
    expect(page.get_by_role("heading", level=1, name=told)).to_be_focused()


def test_a_chosen_photo_finds_similar_ones(open_page, outside):
    page = open_page()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Search with a photo").click()
    chooser.value.set_files(outside)
    expect_found_by_upload(page)


def test_a_dropped_photo_finds_similar_ones(open_page, outside):
    page = open_page()
    give(page, "dragenter", outside)
    expect(page.get_by_text("Drop the photo to see what it looks like")).to_be_visible()
    give(page, "drop", outside)
    expect(page.get_by_text("Drop the photo to see what it looks like")).not_to_be_attached()
    expect_found_by_upload(page)


def test_a_drag_that_leaves_takes_the_overlay_with_it(open_page, outside):
    page = open_page()
    give(page, "dragenter", outside)
    overlay = page.get_by_text("Drop the photo to see what it looks like")
    expect(overlay).to_be_visible()
    give(page, "dragleave", outside)
    expect(overlay).not_to_be_attached()


def test_a_pasted_photo_finds_similar_ones(open_page, outside):
    page = open_page()
    give(page, "paste", outside)
    expect_found_by_upload(page)


def test_a_photo_of_the_collection_is_recognised_when_it_is_sent(open_page, outside, photos):
    page = open_page()
    give(page, "paste", outside)
    same = next(photo for photo in photos if photo["name"] == outside.name)
    link = page.get_by_text("It is in the collection:").get_by_role("link")
    expect(link).to_have_text(same["title"] or same["name"])
    link.click()
    expect(page).to_have_url(re.compile(rf"/\?similar={same['id']}$"))


def test_a_search_by_photo_survives_reload_and_back(open_page, outside):
    page = open_page()
    give(page, "paste", outside)
    expect_found_by_upload(page)
    page.reload()
    expect_found_by_upload(page)
    page.locator("li[data-photo] .pivot").first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"similar="))
    page.go_back()
    expect_found_by_upload(page)


def test_a_file_that_is_no_photo_is_refused_in_the_servers_words(open_page, tmp_path, api):
    text = tmp_path / "letter.txt"
    text.write_text("Dear reader,")
    reason = api.post("/uploads", content=text.read_bytes()).json()["error"]["message"]
    page = open_page()
    page.locator("input[type=file]").set_input_files(text)
    expect(page.get_by_role("alert").get_by_text(reason)).to_be_visible()
    page.get_by_role("button", name="Put away").click()
    expect(page.get_by_text(reason)).not_to_be_attached()


def test_a_photo_that_the_server_no_longer_holds_can_be_given_again(open_page, outside):
    page = open_page(f"/?upload={'0' * 32}")
    expect(page.get_by_role("heading", level=1)).to_have_text("This photo is no longer held")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose the photo").click()
    chooser.value.set_files(outside)
    expect_found_by_upload(page)
