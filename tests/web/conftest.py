"""A browser, a page in it that is watched, and small collections to serve."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")

expect.set_options(timeout=20_000)  # for machines with much else to do; it waits no longer than it must

OpenPage = Callable[..., Page]
WaitUntil = Callable[..., None]


@pytest.fixture(scope="session")
def browser(require) -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    require(program, "No Chromium on PATH: the page's tests need one (Debian: apt-get install chromium)")
    require(
        (ROOT / "src/lookalike/server/static/index.html").is_file(), "The page is not built: run `make web`, then again"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu", *QUIET])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, server_url: str) -> Iterator[OpenPage]:
    """Open pages that are watched: no request may go to another host, no script may fail."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def watch(page: Page, url: str) -> None:
        def request_seen(request) -> None:
            if not request.url.startswith((f"{url}/", "blob:", "data:")):
                wrong.append(f"requested {request.url}")

        page.on("request", request_seen)
        page.on("pageerror", lambda error: wrong.append(f"failed: {error}"))

    def open_page(path: str = "/", *, url: str = server_url, width: int = 1280, height: int = 800, **context) -> Page:
        contexts.append(
            browser.new_context(
                base_url=url, viewport={"width": width, "height": height}, reduced_motion="reduce", **context
            )
        )
        page = contexts[-1].new_page()
        watch(page, url)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="session")
def api(server_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server_url}/api/v1", timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def photos(api: httpx.Client) -> list[dict]:
    """All photos, in the order of the grid."""
    return api.get("/photos", params={"limit": 1000}).json()["photos"]


@pytest.fixture
def few_photos(demo_photos: Path, tmp_path: Path) -> Path:
    """A folder of its own with five of the demo photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for photo in sorted(demo_photos.rglob("*.webp"))[:5]:
        shutil.copy(photo, folder)
    return folder


@pytest.fixture(scope="session")
def wait_until() -> WaitUntil:
    """Wait for a JavaScript condition; Playwright's own way needs `eval`, which the page's policy forbids."""

    def wait_until(page: Page, condition: str, argument: object = None) -> None:
        for _ in range(500):
            if page.evaluate(condition, argument):
                return
            page.wait_for_timeout(20)
        pytest.fail(f"never became true: {condition}")

    return wait_until
