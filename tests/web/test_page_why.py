"""Why a hit is similar, and photos that are covered."""

from __future__ import annotations

import re
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import expect

import lookalike
from lookalike.server import create_app


def why(page):
    return page.get_by_role("dialog", name="Why they are alike")


@pytest.fixture(scope="module")
def best(api) -> dict:
    """The photo most similar to photo 7."""
    return api.get("/photos/7/similar", params={"k": 1}).json()["hits"][0]


def test_a_hit_says_why_it_is_similar(open_page, api, best):
    page = open_page("/?similar=7")
    tile = page.locator(f'li[data-photo="{best["id"]}"]')
    tile.get_by_role("link", name=re.compile(r" % why\? ")).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"similar=7&why={best['id']}$"))
    answer = api.get(f"/photos/7/why/{best['id']}").json()
    expect(why(page).get_by_role("heading", level=2)).to_contain_text(f"{int(best['score'] * 100)} %")
    expect(why(page).get_by_role("figure")).to_have_count(2)
    for shared in [one for one in answer["classes"] if min(one["a"], one["b"]) >= 0.01][:3]:
        expect(why(page).get_by_role("row").filter(has_text=shared["name"]).first).to_be_visible()
    for tag in answer["tags"]:
        expect(why(page).get_by_role("link", name=tag, exact=True)).to_be_visible()
    expect(why(page)).to_contain_text(f"Cosine {answer['cosine']:.2f}")
    page.keyboard.press("Escape")
    expect(why(page)).not_to_be_attached()
    expect(page).to_have_url(re.compile(r"\?similar=7$"))


def test_closing_why_gives_the_focus_back(open_page):
    page = open_page("/?similar=7")
    link = page.locator(".tile-why").nth(1)
    link.focus()
    page.keyboard.press("Enter")
    expect(why(page).get_by_role("heading", level=2)).to_be_focused()
    page.keyboard.press("Escape")
    expect(why(page)).not_to_be_attached()
    expect(link).to_be_focused()


def test_heat_lies_over_both_photos_and_can_be_taken_away(open_page, wait_until, best):
    page = open_page(f"/?similar=7&why={best['id']}")
    heats = why(page).locator(".heat")
    expect(heats).to_have_count(2)
    wait_until(
        page,
        """[...document.querySelectorAll('.heat canvas')].every((canvas) =>
            canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte > 99))""",
    )
    for heat in heats.all():
        expect(heat).to_have_css("opacity", "1")
    why(page).get_by_role("checkbox", name="Show where").click()
    for heat in heats.all():
        expect(heat).to_have_css("opacity", "0")


def test_the_link_to_why_is_one_line_in_the_narrowest_tile(open_page):
    page = open_page("/?similar=7", width=375, height=812, has_touch=True, is_mobile=True)
    links = page.locator(".tile-why")
    expect(links.first).to_be_visible()
    for tile in page.locator("li[data-photo]").all():
        link, box = tile.locator(".tile-why").bounding_box(), tile.bounding_box()
        assert link["height"] < 30
        assert box["x"] <= link["x"]


def test_the_viewer_leads_to_why_and_back(open_page, best):
    page = open_page(f"/?similar=7&photo={best['id']}")
    expect(page.get_by_role("dialog", name="Photo")).to_be_focused()
    page.keyboard.press("w")
    expect(why(page)).to_be_visible()
    expect(page.get_by_role("dialog", name="Photo")).not_to_be_attached()
    why(page).get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog", name="Photo")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"similar=7&photo={best['id']}$"))


def test_the_goal_photo_is_not_asked_why_it_is_like_itself(open_page):
    page = open_page("/?similar=7&photo=7")
    expect(page.get_by_role("dialog", name="Photo")).to_be_focused()
    expect(page.get_by_role("link", name="Why it is similar")).not_to_be_visible()


def test_a_photo_that_is_not_there_is_told(open_page):
    page = open_page("/?similar=7&why=999999")
    expect(why(page).get_by_role("alert")).to_contain_text("999999")


# -- covers ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judged_url(demo_collection, tmp_path_factory, start_server) -> Iterator[str]:
    """Address of a server with a collection whose photo 2 open_nsfw is said to have judged to be pornographic."""
    path = tmp_path_factory.mktemp("judged") / "judged.lookalike"
    shutil.copytree(demo_collection, path)
    with closing(sqlite3.connect(path / "catalog.sqlite")) as catalog, catalog:
        (measures,) = catalog.execute("SELECT measures FROM seen WHERE photo_id = 2").fetchone()
        catalog.execute("UPDATE seen SET measures = ? WHERE photo_id = 2", (struct.pack("<f", 0.97) + measures[4:],))
    with lookalike.Collection.open(path) as photos, start_server(create_app(photos)) as url:
        yield url


def test_a_photo_that_is_probably_pornographic_is_covered_until_it_is_asked_for(open_page, judged_url):
    page = open_page(url=judged_url)
    tile = page.locator('li[data-photo="2"]')
    cover = tile.get_by_role("button", name=re.compile("^Possibly NSFW Show ."))
    expect(cover).to_be_visible()
    assert "blur" in tile.locator("img").evaluate("image => getComputedStyle(image).filter")
    expect(page.locator('li[data-photo="1"]').get_by_role("button")).to_have_count(0)
    cover.focus()
    page.keyboard.press("Enter")
    expect(cover).not_to_be_attached()
    assert tile.locator("img").evaluate("image => getComputedStyle(image).filter") == "none"
    expect(page).to_have_url(re.compile(r"/$"))


def test_it_is_covered_in_the_viewer_too(open_page, judged_url):
    page = open_page("/?photo=1", url=judged_url)
    viewer = page.get_by_role("dialog", name="Photo")
    expect(viewer).to_be_focused()
    cover = viewer.get_by_role("button", name=re.compile("^Possibly NSFW Show "))
    expect(cover).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(cover).to_be_visible()
    expect(viewer.locator(".pswp__item--covered")).to_have_count(1)
    cover.click()
    expect(cover).to_have_count(0)
    expect(viewer.locator(".pswp__item--covered")).to_have_count(0)


def test_covers_can_be_done_without_and_that_is_remembered(open_page, judged_url):
    page = open_page(url=judged_url)
    switch = page.get_by_role("checkbox", name="Cover NSFW photos")
    cover = page.locator(".cover")
    expect(cover).to_have_count(1)
    switch.click()
    expect(cover).to_have_count(0)
    page.reload()
    expect(switch).not_to_be_checked()
    expect(page.locator('li[data-photo="2"] img')).to_be_visible()
    expect(cover).to_have_count(0)


def test_a_covered_goal_photo_is_shown_nowhere(open_page, judged_url):
    for path in ("/?similar=2", "/?words=photo:2 flowers"):
        page = open_page(path, url=judged_url)
        expect(page.locator("li[data-photo] img").first).to_be_visible()
        expect(page.locator(".chip img, .search-goal")).to_have_count(0)


def test_there_is_no_switch_where_nothing_would_be_covered(open_page):
    page = open_page()
    expect(page.locator("li[data-photo] img").first).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(0)
