"""What the page tells of the server: photos being added, files that failed, and that it is gone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

import lookalike
from lookalike.server import create_app
from lookalike.server.messages import Job


class HeldJob:
    """A job whose progress the test decides."""

    def __init__(self) -> None:
        self.state: dict[str, object] = {}

    def message(self) -> Job:
        told = {"state": "counting", "done": 0, "total": 0, "added": 0, "failed": 0, "rate": None, "eta_seconds": None}
        rest = {"updated": 0, "unchanged": 0, "moved": 0, "gone": 0, "message": None}
        return Job(id="1", kind="add", **(told | rest | self.state))


@pytest.fixture
def collection(tmp_path):
    with lookalike.Collection.open(tmp_path / "few.lookalike", encoder="efficientnet-lite0") as collection:
        yield collection


def test_an_empty_collection_tells_how_to_fill_it(open_page, collection, start_server):
    with start_server(create_app(collection)) as url:
        page = open_page(url=url)
        expect(page.get_by_role("heading", name="No photos here yet")).to_be_visible()
        expect(page.get_by_text(f"lookalike add ~/Pictures -c {collection.path}", exact=True)).to_be_visible()


def test_a_running_ingest_shows_its_progress_and_its_photos(open_page, collection, few_photos, start_server):
    (few_photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 this is no photo")
    job = HeldJob()
    with start_server(create_app(collection, jobs=[job])) as url:
        page = open_page(url=url)
        expect(page.get_by_text("The first photos are on their way")).to_be_visible()
        expect(page.get_by_text("Counting photos")).to_be_visible()

        job.state = {"state": "running", "done": 5, "total": 10, "added": 5, "rate": 2.0, "eta_seconds": 2.5}
        collection.add(few_photos, n_workers=1)
        expect(page.get_by_text("5 of 10 · 2.0 per second · about 3 seconds left")).to_be_visible()
        expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "50")
        expect(page.locator("li[data-photo]")).to_have_count(5)

        job.state = {"state": "done", "done": 10, "total": 10, "added": 9, "failed": 1}
        expect(page.get_by_text("9 photos added")).to_be_visible()
        expect(page.get_by_role("progressbar")).not_to_be_attached()

        page.get_by_role("button", name="1 could not be read").click()
        dialog = page.get_by_role("dialog", name="Files that could not be read")
        (path, reason) = next(iter(collection.failures()))
        expect(dialog).to_contain_text(path)
        expect(dialog).to_contain_text(reason)
        page.keyboard.press("Escape")
        expect(dialog).not_to_be_visible()


def test_a_photo_added_while_the_page_is_open_joins_the_grid(open_page, collection, few_photos, start_server):
    late = few_photos.parent / "late.webp"
    sorted(few_photos.iterdir())[-1].rename(late)
    collection.add(few_photos, n_workers=1)
    with start_server(create_app(collection)) as url:
        page = open_page(url=url)
        expect(page.locator("li[data-photo]")).to_have_count(4)
        late.rename(few_photos / late.name)
        collection.add(few_photos, n_workers=1)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # looked at again, it asks at once
        expect(page.locator("li[data-photo]")).to_have_count(5)


def test_the_page_says_that_the_server_is_gone_and_goes_on_when_it_is_back(open_page, photos):
    page = open_page()
    expect(page.locator("li[data-photo]").first).to_be_visible()
    page.context.set_offline(True)
    page.locator("li[data-photo] .pivot").first.focus()
    page.keyboard.press("Enter")
    banner = page.get_by_role("alert").get_by_text("The server is not answering.")
    expect(banner).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try now").click()
    expect(banner).not_to_be_attached()
    expect(page.locator("li[data-photo]").nth(5)).to_be_visible()
    expect(page).to_have_url(re.compile(rf"similar={photos[0]['id']}$"))


def test_what_stands_over_the_grid_is_seen_whole_on_a_narrow_screen(open_page, collection, few_photos, start_server):
    (few_photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 this is no photo")
    collection.add(few_photos, n_workers=1)
    with start_server(create_app(collection)) as url:
        page = open_page(url=url, width=320)
        button = page.get_by_role("button", name="1 file could not be read")
        expect(button).to_be_visible()
        bar, grid = page.locator(".bar").bounding_box(), page.locator(".grid").bounding_box()
        for shown in (button, page.locator(".collection-head").get_by_text("5 photos")):
            box = shown.bounding_box()
            assert bar["y"] + bar["height"] <= box["y"]
            assert box["y"] + box["height"] <= grid["y"]
