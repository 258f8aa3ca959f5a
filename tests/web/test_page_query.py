"""The search field while a query is typed, the help beside it, and how a query was understood."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


def field_of(page):
    return page.get_by_role("combobox", name="Search by words")


def options(page):
    return page.get_by_role("listbox", name="Suggestions").get_by_role("option")


def type_in(page, text: str):
    """Type, and wait for what is suggested."""
    field = field_of(page)
    field.click()
    field.press_sequentially(text)
    expect(options(page).first).to_be_visible()
    return field


def shown_ids(page) -> list[int]:
    return page.locator("li[data-photo]").evaluate_all("tiles => tiles.map(t => Number(t.dataset.photo))")


def expect_the_hits_of(page, api, line: str):
    # Not while the page's own search goes on: what tags teach counts once a search has learned it, and others don't wait.
    expect(page.locator(".grid")).to_have_attribute("aria-busy", "false")
    hits = api.get("/search", params={"q": line, "k": 5}).json()["hits"]
    expect(page.locator("li[data-photo]").first).to_have_attribute("data-photo", str(hits[0]["id"]))
    assert shown_ids(page)[:5] == [hit["id"] for hit in hits]


def test_what_is_typed_goes_on_as_the_server_suggests(open_page, api):
    page = open_page()
    type_in(page, "sea flo")
    suggested = api.get("/complete", params={"q": "sea flo", "limit": 8}).json()["suggestions"]
    expect(options(page)).to_have_count(len(suggested))
    for option, suggestion in zip(options(page).all(), suggested, strict=True):
        expect(option).to_contain_text(suggestion["query"])


def test_arrows_choose_a_suggestion_and_enter_searches_for_it(open_page, api):
    page = open_page()
    field = type_in(page, "flo")
    expect(field).to_have_attribute("aria-expanded", "true")
    assert field.get_attribute("aria-activedescendant") is None
    field.press("ArrowDown")
    field.press("ArrowDown")
    chosen = options(page).nth(1)
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", chosen.get_attribute("id"))
    line = api.get("/complete", params={"q": "flo", "limit": 8}).json()["suggestions"][1]["query"]
    field.press("Enter")
    expect(options(page)).to_have_count(0)
    expect(field).to_have_value(line)
    expect_the_hits_of(page, api, line)


def test_tab_takes_a_suggestion_and_typing_goes_on(open_page):
    page = open_page()
    field = type_in(page, "boat colour:tea")
    field.press("ArrowDown")
    field.press("Tab")
    expect(field).to_have_value("boat colour:teal ")
    expect(field).to_be_focused()
    expect(page).to_have_url(re.compile(r"/$"))


def test_a_key_is_gone_on_with_its_values(open_page, api):
    page = open_page()
    field = type_in(page, "styl")
    key = options(page).filter(has_text="style:")
    key.click()
    expect(field).to_have_value("style:")
    options(page).filter(has_text="minimalist").click()
    expect(field).to_have_value("style:minimalist")
    expect_the_hits_of(page, api, "style:minimalist")


def test_escape_closes_what_is_suggested_and_keeps_what_was_typed(open_page):
    page = open_page()
    field = type_in(page, "flo")
    field.press("Escape")
    expect(options(page)).to_have_count(0)
    expect(field).to_have_value("flo")
    expect(field).to_have_attribute("aria-expanded", "false")
    field.press("ArrowDown")
    expect(options(page).first).to_be_visible()
    field.press("Tab")  # nothing is chosen: it leads on, as everywhere
    expect(field).not_to_be_focused()
    expect(options(page)).to_have_count(0)


def test_a_slip_of_the_keys_is_forgiven(open_page):
    page = open_page()
    type_in(page, "flwoer")
    expect(options(page).first).to_contain_text("flower")
    expect(options(page).first).to_contain_text("similar")


def test_only_the_last_of_quick_questions_is_answered(open_page):
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/complete" in request.url else None)
    field = field_of(page)
    field.click()
    field.press_sequentially("painting", delay=5)
    expect(options(page).first).to_be_visible()
    assert len(asked) < 4, asked
    assert asked[-1].split("q=")[1].startswith("painting")


def test_every_example_of_the_help_is_a_query_that_the_server_takes(open_page, api):
    page = open_page()
    page.get_by_role("button", name="What can be searched for").click()
    help_ = page.get_by_role("dialog", name="What can be searched for")
    lines = help_.get_by_role("link").all_inner_texts()
    assert len(lines) > 15
    for line in lines:
        answer = api.get("/search", params={"q": line, "k": 1})
        assert answer.status_code == 200, (line, answer.text)
    # A tag that is there stands for tags.
    expect(help_.get_by_role("link", name=f"#{api.get('/tags').json()['tags'][0]['raw']}", exact=True)).to_be_visible()


def test_an_example_of_the_help_is_searched_for_by_a_click(open_page, api):
    page = open_page()
    page.get_by_role("button", name="What can be searched for").click()
    help_ = page.get_by_role("dialog", name="What can be searched for")
    help_.get_by_role("link", name="style:minimalist").click()
    expect(help_).not_to_be_visible()
    expect(field_of(page)).to_have_value("style:minimalist")
    expect_the_hits_of(page, api, "style:minimalist")


def test_back_leaves_the_help_with_the_page_that_it_lay_over(open_page):
    page = open_page()
    page.get_by_role("button", name="What can be searched for").click()
    help = page.get_by_role("dialog", name="What can be searched for")
    help.get_by_role("link", name="flowers", exact=True).click()
    expect(page.get_by_role("heading", name="Photos with “flowers”")).to_be_visible()
    page.get_by_role("button", name="What can be searched for").click()
    expect(help).to_be_visible()
    page.go_back()
    expect(help).not_to_be_visible()


def test_a_query_is_shown_item_by_item_and_items_can_be_taken_out(open_page, api):
    page = open_page("/?words=flowers -boat 2:colour:teal@30% quality>0.1")
    chips = page.get_by_role("list", name="What is searched for").get_by_role("listitem")
    expect(chips).to_have_text(["flowers", "not boat", "2 × teal, 30 %", "Quality at least 0.1"])
    page.get_by_role("link", name="Search without 2 × teal, 30 %").click()
    expect(chips).to_have_text(["flowers", "not boat", "Quality at least 0.1"])
    expect(field_of(page)).to_have_value("flowers -boat quality>0.1")
    expect_the_hits_of(page, api, "flowers -boat quality>0.1")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    for name in ("Search without not boat", "Search without Quality at least 0.1"):
        page.get_by_role("link", name=name).click()
    expect(chips).to_have_count(0)  # one word needs none
    expect(field_of(page)).to_have_value("flowers")


def test_the_last_item_taken_out_leaves_the_whole_collection(open_page):
    page = open_page("/?words=colour:teal")
    page.get_by_role("link", name="Search without teal").click()
    expect(page).to_have_url(re.compile(r"/$"))


@pytest.mark.parametrize(
    ("line", "wrong"), [("boat near:here red", "near:here"), ('a -style:"odd one"', '-style:"odd one"')]
)
def test_what_is_wrong_is_marked_and_can_be_mended(open_page, line, wrong):
    page = open_page(f"/?words={line}")
    mend = page.get_by_role("button", name=f"mend “{wrong}” in the search")
    expect(mend.locator("mark")).to_have_text(wrong)
    mend.click()
    expect(field_of(page)).to_be_focused()
    assert page.evaluate("getSelection().toString()") == wrong


def test_what_is_written_from_right_to_left_is_shown_so(open_page):
    page = open_page("/?words=غروب colour:red")
    expect(page.locator("li[data-photo], .message").first).to_be_visible()
    expect(field_of(page)).to_have_css("direction", "rtl")
    page.goto("/?words=sunset colour:red")
    expect(field_of(page)).to_have_css("direction", "ltr")
