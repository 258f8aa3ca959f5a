"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

ROOT = Path(__file__).parent.parent

settings.register_profile("dev", max_examples=25, deadline=None, derandomize=False)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

Require = Callable[[object, str], None]


@pytest.fixture(scope="session")
def require() -> Require:
    """Skip with a plain reason where a part's system package is missing; fail where CI forbids skips."""

    def check(condition: object, reason: str) -> None:
        if condition:
            return
        if os.environ.get("LOOKALIKE_REQUIRE_ALL"):
            pytest.fail(f"{reason} (and LOOKALIKE_REQUIRE_ALL forbids skipping)", pytrace=False)
        pytest.skip(reason)

    return check


@pytest.fixture(scope="session")
def demo_photos(require: Require) -> Path:
    """The folder of 153 public-domain pictures in 16 collections, fetched by `make test`. Never write into it."""
    folder = ROOT / "build" / "demo" / "photos"
    require(
        folder.is_dir(), f"{folder.relative_to(ROOT)} is missing: run `python tools/demo_photos.py build/demo/photos`"
    )
    return folder


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep built networks between test runs, but apart from the user's own cache."""
    os.environ.setdefault("LOOKALIKE_CACHE", str(ROOT / "build" / "test-cache"))


@pytest.fixture(scope="session")
def demo_collection(demo_photos: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A collection of all the demo photos, made once per test run. Never write into it."""
    import lookalike

    root = tmp_path_factory.getbasetemp()
    shared = root if worker_id == "master" else root.parent
    collection = shared / "demo.lookalike"
    with FileLock(shared / "demo.lock"):
        if not (shared / "demo.finished").exists():
            with lookalike.Collection.open(collection) as photos:
                photos.add(demo_photos)
            (shared / "demo.finished").touch()
    return collection
