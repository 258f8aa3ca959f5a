"""The viewer and the facts beside the photo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def described(api, photos):
    """A photo with title and creator, and its details."""
    details = (api.get(f"/photos/{photo['id']}").json() for photo in photos)
    return next(photo for photo in details if photo["title"] and photo["facts"]["creator"])


def viewer(page):
    return page.get_by_role("dialog", name="Photo")


def expect_opened(page):
    expect(viewer(page)).to_be_focused()  # from then on it hears keys


def test_keys_open_leaf_and_close_the_viewer_and_the_focus_returns(open_page, wait_until, photos):
    page = open_page()
    first, second = photos[0]["id"], photos[1]["id"]
    page.locator(f'li[data-photo="{first}"] .tile-photo').focus()
    page.keyboard.press("Enter")
    expect_opened(page)
    expect(page).to_have_url(re.compile(rf"/\?photo={first}$"))
    wait_until(page, "document.querySelector('.pswp__img:not(.pswp__img--placeholder)')?.naturalWidth > 0")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(rf"/\?photo={second}$"))
    page.keyboard.press("Escape")
    expect(viewer(page)).not_to_be_attached()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.locator(f'li[data-photo="{second}"] .tile-photo')).to_be_focused()


def test_back_closes_the_viewer(open_page, photos):
    page = open_page()
    page.locator(f'li[data-photo="{photos[2]["id"]}"] .tile-photo').click()
    expect_opened(page)
    page.go_back()
    expect(viewer(page)).not_to_be_attached()
    expect(page).to_have_url(re.compile(r"/$"))


def test_facts_are_shown_hidden_and_remembered(open_page, described):
    page = open_page(f"/?photo={described['id']}")
    expect_opened(page)
    facts = page.get_by_role("complementary", name="About this photo")
    expect(facts).not_to_be_attached()
    page.keyboard.press("i")
    expect(facts.get_by_role("heading", level=2)).to_have_text(described["title"])
    expect(facts).to_contain_text(described["facts"]["creator"])
    expect(facts).to_contain_text(described["paths"][0])
    expect(facts).to_contain_text(f"{described['width']:,} × {described['height']:,}")
    page.reload()
    expect(facts.get_by_role("heading", level=2)).to_have_text(described["title"])
    page.get_by_role("button", name="Facts (i)").click()
    expect(facts).not_to_be_attached()


def test_facts_follow_the_photo_shown(open_page, photos):
    page = open_page(f"/?photo={photos[0]['id']}")
    expect_opened(page)
    page.keyboard.press("i")
    heading = page.get_by_role("complementary").get_by_role("heading", level=2)
    expect(heading).to_have_text(photos[0]["title"] or photos[0]["name"])
    page.keyboard.press("ArrowRight")
    expect(heading).to_have_text(photos[1]["title"] or photos[1]["name"])


def test_s_in_the_viewer_pivots_to_similar_photos(open_page, photos):
    page = open_page(f"/?photo={photos[4]['id']}")
    expect_opened(page)
    page.keyboard.press("s")
    expect(page).to_have_url(re.compile(rf"/\?similar={photos[4]['id']}$"))
    expect(viewer(page)).not_to_be_attached()
    expect(page.locator("li[data-photo]").first).to_be_visible()


def test_the_dots_in_the_viewer_pivot_to_the_photo_shown(open_page, photos):
    page = open_page(f"/?photo={photos[0]['id']}")
    expect_opened(page)
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(rf"photo={photos[1]['id']}$"))
    viewer(page).get_by_role("link", name="Similar photos").click()
    expect(page).to_have_url(re.compile(rf"/\?similar={photos[1]['id']}$"))
    expect(viewer(page)).not_to_be_attached()


def test_the_goal_photo_comes_before_its_hits_in_the_viewer(open_page, photos, api):
    goal = photos[6]["id"]
    best = api.get(f"/photos/{goal}/similar", params={"k": 1}).json()["hits"][0]["id"]
    page = open_page(f"/?similar={goal}&photo={goal}")
    expect_opened(page)
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(rf"\?similar={goal}&photo={best}$"))
    page.reload()
    expect_opened(page)
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(rf"\?similar={goal}$"))


def test_a_photo_outside_of_the_list_is_shown_alone(open_page, photos):
    found, other = photos[0], photos[-1]
    page = open_page(f"/?words={found['name']}&photo={other['id']}")
    expect_opened(page)
    expect(viewer(page).get_by_role("img", name=other["title"] or other["name"]).first).to_be_visible()


def test_a_photo_that_is_not_there_closes_the_viewer_and_says_so(open_page):
    page = open_page("/?photo=999999")
    expect(page.get_by_role("alert").get_by_text(re.compile("999999"))).to_be_visible()
    expect(page).to_have_url(re.compile(r"/$"))


def test_a_keyword_leads_to_the_photos_that_have_it(open_page, api, photos):
    details = (api.get(f"/photos/{photo['id']}").json() for photo in photos)
    tagged = next((photo for photo in details if photo["facts"]["keywords"]), None)
    assert tagged is not None, "no demo photo has keywords"
    keyword = next(word for word in tagged["facts"]["keywords"] if word.isalpha())
    page = open_page(f"/?photo={tagged['id']}")
    expect_opened(page)
    page.keyboard.press("i")
    page.get_by_role("complementary").get_by_role("link", name=f"{keyword}, from the file", exact=True).click()
    expect(page.get_by_role("combobox", name="Search by words")).to_have_value(f"#{keyword}")
    expect(page.locator(f'li[data-photo="{tagged["id"]}"]')).to_be_visible()
