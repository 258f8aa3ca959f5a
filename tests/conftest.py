"""Fixtures that every test may use."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

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


StartServer = Callable[["ASGIApp"], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def start_server() -> StartServer:
    """Serve an ASGI application on a free loopback port for as long as the context lasts; gives its address."""
    import uvicorn

    @contextlib.contextmanager
    def running(app: ASGIApp) -> Iterator[str]:
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=3)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield "http://{}:{}".format(*listener.getsockname())
        finally:
            server.should_exit = True
            thread.join()

    return running


@pytest.fixture(scope="session")
def server_url(demo_collection: Path, start_server: StartServer) -> Iterator[str]:
    """Address of a server that serves `demo_collection`."""
    import lookalike
    from lookalike.server import create_app

    with lookalike.Collection.open(demo_collection) as photos, start_server(create_app(photos)) as url:
        yield url
