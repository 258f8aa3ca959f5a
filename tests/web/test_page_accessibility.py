"""The page passes axe-core (WCAG 2.2 AA) in both colour schemes, and asks nothing of other hosts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

AXE = Path(__file__).parent.parent.parent / "web" / "node_modules" / "axe-core" / "axe.min.js"

#: WCAG 2.2 to level AA, rules that axe calls experimental too, and what it calls good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def axe(require) -> str:
    require(AXE.is_file(), "axe-core is not installed: run `npm ci` in web/ (`make web` does)")
    return AXE.read_text()


def violations(page, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("tags => axe.run({ runOnly: tags }).then(({ violations }) => violations)", RULES)
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize(
    ("path", "ready"),
    [
        ("/", "li[data-photo] img"),
        ("/?similar=1", "li[data-photo] img"),
        ("/?words=flowers", "li[data-photo], .message"),
        ("/?words=nothing-has-this-word", ".message"),
        ("/?words=flowers -red 2:colour:teal@30%25 photo:7", ".chip"),
        ("/?words=boat near:here", ".wrong-line"),
        (f"/?upload={'0' * 32}", ".message"),
    ],
)
def test_axe_finds_nothing_wrong(open_page, axe, path, ready):
    page = open_page(path)
    expect(page.locator(ready).first).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page, axe) == [], scheme


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_wrong_in_the_viewer_with_facts(open_page, axe, photos, width):
    page = open_page(f"/?photo={photos[0]['id']}", width=width)
    expect(page.get_by_role("dialog", name="Photo")).to_be_focused()
    page.keyboard.press("i")
    expect(page.get_by_role("complementary").get_by_role("heading", level=2)).to_be_visible()
    for folded in page.locator(".facts summary").all():
        folded.click()
    expect(page.locator(".units li").first).to_be_visible()
    assert violations(page, axe) == []


def test_axe_finds_nothing_wrong_on_a_phone(open_page, axe):
    page = open_page("/?similar=1", width=375, height=812, has_touch=True, is_mobile=True)
    expect(page.locator("li[data-photo] img").first).to_be_visible()
    in_both_schemes(page, axe)


def in_both_schemes(page, axe):
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page, axe) == [], scheme


@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_wrong_with_what_is_suggested(open_page, axe, width):
    page = open_page(width=width)
    field = page.get_by_role("combobox", name="Search by words")
    field.press_sequentially("boat colour:t")
    expect(page.get_by_role("option").first).to_be_visible()
    field.press("ArrowDown")
    in_both_schemes(page, axe)


def test_axe_finds_nothing_wrong_with_the_help(open_page, axe):
    page = open_page()
    page.get_by_role("button", name="What can be searched for").click()
    expect(page.get_by_role("dialog", name="What can be searched for")).to_be_visible()
    in_both_schemes(page, axe)


@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_wrong_with_why(open_page, axe, width):
    page = open_page("/?similar=7&why=8", width=width)
    expect(page.get_by_role("figure")).to_have_count(2)
    in_both_schemes(page, axe)


def test_where_the_system_chooses_the_colours_those_of_photos_and_what_is_chosen_stay_in_sight(open_page, api, photos):
    photo = photos[2]["id"]
    page = open_page(f"/?photo={photo}", forced_colors="active")
    expect(page.get_by_role("dialog", name="Photo")).to_be_focused()
    page.keyboard.press("i")
    palette = api.get(f"/photos/{photo}").json()["seen"]["palette"]
    swatches = page.locator(".palette a")
    expect(swatches).to_have_count(len(palette))
    for swatch, seen in zip(swatches.all(), palette, strict=True):
        red, green, blue = bytes.fromhex(seen["hex"][1:])
        expect(swatch).to_have_css("background-color", f"rgb({red}, {green}, {blue})")
    page.goto("/")
    field = page.get_by_role("combobox", name="Search by words")
    field.press_sequentially("colour:t")
    chosen, other = page.get_by_role("option").nth(0), page.get_by_role("option").nth(1)
    expect(other).to_be_visible()
    field.press("ArrowDown")
    expect(chosen).to_have_css("outline-style", "solid")
    expect(other).to_have_css("outline-style", "none")


def test_every_photo_and_its_pivot_are_named(open_page, photos):
    page = open_page()
    photo = photos[0]
    name = photo["title"] or photo["name"]
    tile = page.locator(f'li[data-photo="{photo["id"]}"]')
    expect(tile.get_by_role("link", name=name, exact=True)).to_be_visible()
    expect(tile.get_by_role("link", name=f"Photos similar to {name}", exact=True)).to_be_attached()
    expect(tile.get_by_role("img", name=name, exact=True)).to_be_visible()


def test_the_number_of_results_is_announced(open_page, photos):
    page = open_page()
    expect(page.get_by_role("status").get_by_text(f"{len(photos)} photos", exact=True)).to_be_attached()
    page.get_by_role("combobox", name="Search by words").fill("nothing-has-this-word")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").get_by_text("No photos found.")).to_be_attached()


def test_the_first_tab_stop_skips_to_the_photos(open_page):
    page = open_page()
    expect(page.locator("li[data-photo]").first).to_be_visible()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the photos")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_the_page_asks_nothing_of_other_hosts(open_page, photos, server_url):
    seen: list[str] = []
    page = open_page()
    page.on("request", lambda request: seen.append(request.url))
    page.goto(f"/?similar={photos[0]['id']}&photo={photos[0]['id']}")
    expect(page.get_by_role("dialog", name="Photo")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert len(seen) > 10
    assert [url for url in seen if not re.match(re.escape(server_url) + "/", url)] == []
