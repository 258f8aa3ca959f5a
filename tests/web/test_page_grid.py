"""The grid, the pivot, and moving between them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

PHONE = {"width": 360, "height": 740, "has_touch": True, "is_mobile": True}


def tile(page, photo: int):
    return page.locator(f'li[data-photo="{photo}"]')


def shown_ids(page) -> list[int]:
    return [int(i) for i in page.locator("li[data-photo]").evaluate_all("tiles => tiles.map(t => t.dataset.photo)")]


def assert_no_sideways_scroll(page):
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_grid_shows_the_collection_in_its_order_with_every_photo_in_its_shape(open_page, photos):
    page = open_page()
    expect(page.locator("li[data-photo]").nth(10)).to_be_visible()
    assert shown_ids(page)[:10] == [photo["id"] for photo in photos[:10]]
    expect(page.locator(".collection-head").get_by_text(f"{len(photos)} photos", exact=True)).to_be_visible()
    for photo in photos[:10]:
        box = tile(page, photo["id"]).bounding_box()
        asked = min(max(photo["width"] / photo["height"], 0.45), 3.2)
        assert box["width"] / box["height"] == pytest.approx(asked, rel=0.02)
    image = tile(page, photos[0]["id"]).get_by_role("img")
    expect(image).to_have_js_property("complete", value=True)
    assert image.evaluate("image => image.naturalWidth") > 100


def test_rows_fill_the_width_and_have_one_height(open_page):
    page = open_page()
    expect(page.locator("li[data-photo]").nth(10)).to_be_visible()
    boxes = page.locator("li[data-photo]").evaluate_all(
        "tiles => tiles.map(t => t.getBoundingClientRect()).map(b => [b.top, b.right, b.height])"
    )
    grid_right = page.locator(".grid").evaluate("grid => grid.getBoundingClientRect().right")
    first_row = [box for box in boxes if box[0] == boxes[0][0]]
    assert 2 <= len(first_row) < len(boxes)
    assert {round(height) for _, _, height in first_row} == {round(first_row[0][2])}
    assert max(right for _, right, _ in first_row) == pytest.approx(grid_right, abs=1)


def test_only_photos_near_the_window_are_in_the_document_and_all_can_be_reached(open_page, wait_until, photos):
    page = open_page(**PHONE)
    expect(page.locator("li[data-photo]").first).to_have_attribute("aria-setsize", str(len(photos)))
    last = tile(page, photos[-1]["id"])
    most = 0
    for _ in range(200):
        most = max(most, page.locator("li[data-photo]").count())
        if last.count():
            break
        page.evaluate("scrollBy(0, innerHeight)")
        wait_until(page, "() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(true), 20)))")
    expect(last).to_be_visible()
    assert last.get_attribute("aria-posinset") == str(len(photos))
    assert most < len(photos) / 2


def test_the_pivot_shows_what_the_server_finds_similar_under_the_goal_photo(open_page, photos, api):
    page = open_page()
    goal = photos[3]
    tile(page, goal["id"]).hover()
    tile(page, goal["id"]).get_by_role("link", name=re.compile("^Photos similar to")).click()
    expect(page).to_have_url(re.compile(rf"/\?similar={goal['id']}$"))
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(f"Similar to {goal['title'] or goal['name']}")
    expect(heading).to_be_focused()
    expect(page).to_have_title(re.compile(f"^Similar to {re.escape(goal['title'] or goal['name'])}"))
    hits = api.get(f"/photos/{goal['id']}/similar", params={"k": 8}).json()["hits"]
    expect(tile(page, hits[0]["id"])).to_be_visible()
    assert shown_ids(page)[:8] == [hit["id"] for hit in hits]
    expect(tile(page, hits[0]["id"]).locator(".tile-why")).to_contain_text(f"{int(hits[0]['score'] * 100)} %")


def test_back_returns_to_the_same_photos_at_the_same_place_and_to_the_same_button(open_page, wait_until, photos):
    page = open_page()
    expect(page.locator("li[data-photo]").first).to_be_visible()
    page.evaluate("scrollTo(0, 900)")
    middle = page.locator("li[data-photo]").evaluate_all(
        "tiles => tiles.map(t => [t.dataset.photo, t.getBoundingClientRect().top]).find(([, top]) => top > 200)[0]"
    )
    tile(page, middle).locator(".pivot").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"similar={middle}$"))
    wait_until(page, "scrollY === 0")
    again = page.locator("li[data-photo]").nth(1)
    second = again.get_attribute("data-photo")
    again.locator(".pivot").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"similar={second}$"))
    page.go_back()
    expect(page).to_have_url(re.compile(rf"similar={middle}$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/$"))
    wait_until(page, "scrollY === 900")
    expect(tile(page, middle).locator(".pivot")).to_be_focused()


def test_a_shared_address_and_a_reload_show_the_same(open_page, photos):
    goal = photos[5]
    page = open_page(f"/?similar={goal['id']}")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(f"Similar to {goal['title'] or goal['name']}")
    expect(page.locator("li[data-photo]").nth(8)).to_be_visible()
    before = shown_ids(page)[:8]
    page.reload()
    expect(heading).to_have_text(f"Similar to {goal['title'] or goal['name']}")
    expect(page.locator("li[data-photo]").nth(8)).to_be_visible()
    assert shown_ids(page)[:8] == before


def test_a_reload_returns_to_the_same_place(open_page, wait_until):
    page = open_page()
    expect(page.locator("li[data-photo]").first).to_be_visible()
    page.evaluate("scrollTo(0, 1500)")
    wait_until(page, "history.state?.scroll === 1500")
    page.reload()
    wait_until(page, "scrollY === 1500")


def test_a_photo_that_is_not_there_says_so_and_leads_on(open_page):
    page = open_page("/?similar=999999")
    expect(page.get_by_role("heading", name="This photo is not in the collection")).to_be_visible()
    page.get_by_role("link", name="See all photos").click()
    expect(page.locator("li[data-photo]").first).to_be_visible()


def test_arrow_keys_walk_the_grid(open_page, photos):
    page = open_page()
    tile(page, photos[0]["id"]).locator(".tile-photo").focus()
    page.keyboard.press("ArrowRight")
    expect(tile(page, photos[1]["id"]).locator(".tile-photo")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(tile(page, photos[1]["id"]).locator(".tile-photo")).to_be_focused()


def test_what_the_keys_lead_to_is_not_under_the_bar(open_page):
    page = open_page()
    page.locator("li[data-photo] .tile-photo").first.focus()
    for _ in range(12):
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(50)
    for _ in range(8):
        page.keyboard.press("ArrowUp")
        page.wait_for_timeout(50)
        focused = "document.activeElement.getBoundingClientRect().top"
        assert page.evaluate(f"{focused} >= document.querySelector('.bar').getBoundingClientRect().bottom")


def test_the_photo_looked_at_stays_in_place_when_the_width_changes(open_page, wait_until):
    page = open_page()
    expect(page.locator("li[data-photo]").first).to_be_visible()
    page.evaluate("scrollTo(0, 1200)")
    top_tile = """() => [...document.querySelectorAll('li[data-photo]')]
        .map(t => [t.dataset.photo, t.getBoundingClientRect()])
        .find(([, box]) => box.top > 0)"""
    first, before = page.evaluate(top_tile)
    page.set_viewport_size({"width": 700, "height": 800})
    wait_until(page, "document.querySelector('.grid').getBoundingClientRect().width < 700")
    wait_until(
        page,
        "([id, top]) => { const box = document.querySelector(`li[data-photo='${id}']`)?.getBoundingClientRect();"
        " return box && Math.abs(box.top - top) < 2 }",
        [first, before["top"]],
    )


@pytest.mark.parametrize(
    "path",
    ["/", "/?similar=1", "/?words=flowers", "/?words=nothing-has-this-word", "/?photo=1", "/?similar=1&why=2", '/?words=boat -"red car" colour:teal photo:1'],
)
def test_a_narrow_screen_never_scrolls_sideways(open_page, path):
    page = open_page(path, **PHONE)
    ready = page.locator("li[data-photo], .message, .pswp--open").first
    expect(ready).to_be_visible()
    assert_no_sideways_scroll(page)


def test_a_touch_screen_always_shows_the_pivot(open_page):
    page = open_page(**PHONE)
    pivot = page.locator("li[data-photo] .pivot").first
    expect(pivot).to_have_css("opacity", "1")
    box = pivot.bounding_box()
    assert box["width"] >= 44
    assert box["height"] >= 44
