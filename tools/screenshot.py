"""Make the pictures of the page for README and docs: the grid, a search, a photo's facts, and why two are alike.

    python tools/screenshot.py docs/images                                  serves the demo's photos itself
    python tools/screenshot.py docs/images --url http://127.0.0.1:8765      a server that is running

Writes page.jpg, page-search.jpg, page-facts.jpg and page-why.jpg, each under 400 kB, by a Chromium found on PATH.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "build" / "demo"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
WIDTH, GRID_HEIGHT, PIVOT_HEIGHT, GAP = 1280, 560, 700, 20
MAX_BYTES = 400_000
GOAL, DESCRIBED = "Bouquet of Flowers in a Vase", "STS-119 Shuttle Discovery With Moon"
SEARCH, TYPED = "flowers -book colour:gold@20%", " style:"


@contextlib.contextmanager
def demo_server() -> Iterator[str]:
    """Serve the demo's photos for as long as the context lasts, once all are added; gives the address."""
    command = [sys.executable, "-m", "lookalike"]
    collection = ["-c", str(DEMO / "photos.lookalike")]
    subprocess.run([*command, "add", str(DEMO / "photos"), *collection], check=True)
    with subprocess.Popen(
        [*command, "serve", *collection, "--port", "0", "--json"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()


def settle(page: Page) -> None:
    """Wait until every thumbnail on screen is drawn."""
    page.locator("li[data-photo]").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate("Promise.all([...document.images].map((image) => image.decode().catch(() => null)))")


def shoot_search(page: Page) -> Image.Image:
    """Show a query of several items, and what is suggested for the next."""
    page.goto("/?" + urlencode({"words": SEARCH}))
    settle(page)
    field = page.get_by_role("combobox", name="Search by words")
    field.press("End")
    field.press_sequentially(TYPED)
    page.get_by_role("option").nth(2).wait_for()
    field.press("ArrowDown")
    return shoot(page)


def shoot_facts(page: Page, photo: int) -> Image.Image:
    """Show what is known of a photo, beside it."""
    page.goto(f"/?photo={photo}")
    page.get_by_role("dialog", name="Photo").wait_for()
    page.wait_for_timeout(500)  # until the viewer hears keys
    page.keyboard.press("i")
    page.get_by_role("heading", name="Colours").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)  # until the panel has faded in
    return shoot(page)


def shoot_why(page: Page, photo: int) -> Image.Image:
    """Show why the photo most like another is so."""
    hits = page.request.get(f"/api/v1/photos/{photo}/similar", params={"k": 1}).json()["hits"]
    page.goto(f"/?similar={photo}&why={hits[0]['id']}")
    page.get_by_role("figure").nth(1).wait_for()
    settle(page)
    return shoot(page)


def shoot(page: Page) -> Image.Image:
    """Return what the page shows."""
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture as JPEG, as good as keeps the file small."""
    for quality in range(92, 60, -2):
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=quality, subsampling=0, optimize=True, progressive=True)
        if data.tell() <= MAX_BYTES:
            break
    path.write_bytes(data.getvalue())
    print(f"{path}: {data.tell() / 1000:.0f} kB, quality {quality}")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the picture goes")
    parser.add_argument("--url", help="address of a running server; default: one is started with the demo's photos")
    parser.add_argument("--goal", default=GOAL, help="title or file name of the photo to find similar ones of")
    options = parser.parse_args()
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        sys.exit(f"No Chromium on PATH (looked for {', '.join(CHROMIUM)}). Debian: apt-get install chromium")
    options.folder.mkdir(parents=True, exist_ok=True)
    server = contextlib.nullcontext(options.url) if options.url else demo_server()
    with server as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        page = browser.new_page(viewport={"width": WIDTH, "height": GRID_HEIGHT}, base_url=url, reduced_motion="reduce")
        page.goto("/")
        settle(page)
        grid = shoot(page)
        photos = page.request.get("/api/v1/photos", params={"limit": 1000}).json()["photos"]

        def named(name: str) -> dict[str, Any]:
            return next((photo for photo in photos if name in (photo["title"], photo["name"])), photos[0])

        goal = named(options.goal)
        page.set_viewport_size({"width": WIDTH, "height": PIVOT_HEIGHT})
        page.goto(f"/?similar={goal['id']}")
        settle(page)
        page.locator("li[data-photo]").nth(1).hover()
        pivot = shoot(page)
        save(shoot_search(page), options.folder / "page-search.jpg")
        save(shoot_facts(page, named(DESCRIBED)["id"]), options.folder / "page-facts.jpg")
        save(shoot_why(page, goal["id"]), options.folder / "page-why.jpg")
        browser.close()
    picture = Image.new("RGB", (WIDTH, GRID_HEIGHT + GAP + PIVOT_HEIGHT), "white")
    picture.paste(grid, (0, 0))
    picture.paste(pivot, (0, GRID_HEIGHT + GAP))
    save(picture, options.folder / "page.jpg")


if __name__ == "__main__":
    main()
