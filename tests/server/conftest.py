"""A small collection with what the demo photos lack, and clients."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from PIL import Image

import lookalike
from lookalike.server import create_app


@dataclass(frozen=True)
class Odd:
    """A served collection of a few photos: a TIFF, a copy of a WebP, a damaged file, and one whose file has gone."""

    client: httpx.Client
    collection: lookalike.Collection
    photos: Path
    tiff: int
    copied: int
    lost: int


@pytest.fixture(scope="session")
def odd(demo_photos: Path, tmp_path_factory: pytest.TempPathFactory, start_server) -> Iterator[Odd]:
    root = tmp_path_factory.mktemp("odd")
    photos = root / "photos"
    photos.mkdir()
    sources = sorted(demo_photos.glob("*/*.webp"))[:3]
    with Image.open(sources[0]) as image:
        image.convert("RGB").save(photos / "scan.tif")
    shutil.copy(sources[1], photos / "one.webp")
    shutil.copy(sources[1], photos / "two.webp")
    shutil.copy(sources[2], photos / "lost.webp")
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 this is no photo")
    with lookalike.Collection.open(root / "odd.lookalike", encoder="efficientnet-lite0") as collection:
        collection.add(photos, n_workers=1)
        ids = {path: collection.find(photos / path) for path in ("scan.tif", "one.webp", "lost.webp")}
        (photos / "lost.webp").unlink()
        with start_server(create_app(collection)) as url, httpx.Client(base_url=url) as client:
            yield Odd(client, collection, photos, ids["scan.tif"], ids["one.webp"], ids["lost.webp"])


@pytest.fixture(scope="session")
def client(server_url: str) -> Iterator[httpx.Client]:
    """A client of the server of all demo photos."""
    with httpx.Client(base_url=server_url, timeout=60) as client:
        yield client
