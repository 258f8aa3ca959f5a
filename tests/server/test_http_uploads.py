"""Searching with a photo from outside."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

import lookalike
from lookalike.photos import PhotoLimits
from lookalike.server import create_app
from lookalike.server.refusals import Refusal
from lookalike.server.uploads import Uploads


def upload(client: httpx.Client, data: bytes) -> str:
    answer = client.post("/api/v1/uploads", content=data)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@pytest.fixture(scope="module")
def mirrored(demo_photos: Path) -> tuple[Path, bytes]:
    """A photo of the collection, and a mirrored JPEG of it, which the collection does not hold."""
    source = sorted(demo_photos.glob("met-portrait*/*.webp"))[0]
    file = BytesIO()
    with Image.open(source) as image:
        image.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(file, "JPEG")
    return source, file.getvalue()


def test_an_outside_photo_finds_its_like(client, mirrored):
    source, data = mirrored
    answer = client.post("/api/v1/uploads", content=data, headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 201
    assert answer.json()["id"] == hashlib.sha256(data).hexdigest()[:32]
    with Image.open(BytesIO(data)) as image:
        assert (answer.json()["width"], answer.json()["height"]) == image.size
    upload_id = answer.json()["id"]
    hits = client.get(f"/api/v1/uploads/{upload_id}/similar").json()
    assert hits["hits"][0]["path"] == str(source)
    assert hits["query"] == {
        "kind": "upload",
        "photo": None,
        "upload": upload_id,
        "words": None,
        "query": None,
        "items": [],
    }
    assert len(hits["hits"]) == 60
    assert hits["next_offset"] == 60


def test_pages_of_an_upload_are_the_whole_and_as_the_library_finds_them(client, mirrored, demo_collection):
    _, data = mirrored
    upload_id = upload(client, data)
    whole = client.get(f"/api/v1/uploads/{upload_id}/similar", params={"k": 1000}).json()["hits"]
    pages = [
        client.get(f"/api/v1/uploads/{upload_id}/similar", params={"k": 100, "offset": offset}).json()["hits"]
        for offset in (0, 100)
    ]
    assert pages[0] + pages[1] == whole
    with lookalike.Collection.open(demo_collection) as photos:
        assert [hit["id"] for hit in whole] == [hit.id for hit in photos.search(photo=data, k=1000)]


def test_an_upload_that_the_collection_holds_is_told_and_is_not_among_its_hits(client):
    photo = client.get("/api/v1/photos/7").json()
    upload_id = upload(client, Path(photo["path"]).read_bytes())
    hits = client.get(f"/api/v1/uploads/{upload_id}/similar", params={"k": 1000}).json()
    assert hits["query"]["photo"]["id"] == 7
    assert len(hits["hits"]) == 152
    assert 7 not in [hit["id"] for hit in hits["hits"]]
    similar = client.get("/api/v1/photos/7/similar", params={"k": 1000}).json()
    assert [hit["id"] for hit in hits["hits"]] == [hit["id"] for hit in similar["hits"]]


def test_an_upload_has_a_thumbnail(client, mirrored):
    upload_id = upload(client, mirrored[1])
    answer = client.get(f"/api/v1/uploads/{upload_id}/thumbnail")
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(BytesIO(answer.content)) as image:
        assert image.format == "JPEG"
        assert max(image.size) < 1024
    again = client.get(f"/api/v1/uploads/{upload_id}/thumbnail", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_an_upload_that_is_not_held_is_told_to_be_sent_again(client):
    for what in ("similar", "thumbnail"):
        answer = client.get(f"/api/v1/uploads/{'0' * 32}/{what}")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "unknown_upload"
        assert "Send it again" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "damaged_photo"),
        (b"hello", 415, "unsupported_photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 415, "unsupported_photo"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 5000, 422, "damaged_photo"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), 422, "damaged_photo"),
        (b"GIF89a" + b"\xff" * 64, 422, "damaged_photo"),
    ],
)
def test_what_is_no_photo_is_refused_with_its_reason(client, body, status, code):
    answer = client.post("/api/v1/uploads", content=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code


def test_an_upload_over_the_limit_is_refused_however_it_is_sent(demo_collection, start_server, mirrored):
    data = mirrored[1]
    limits = PhotoLimits(max_bytes=len(data) - 1)
    pixels = PhotoLimits(max_pixels=1000)
    with (
        lookalike.Collection.open(demo_collection) as photos,
        start_server(create_app(photos, limits=limits)) as url,
        start_server(create_app(photos, limits=pixels)) as pixels_url,
    ):
        pieces = (data[start : start + 1000] for start in range(0, len(data), 1000))  # sent without a length
        for address, body in ((url, data), (url, pieces), (url, b"\0" * 20_000_000), (pixels_url, data)):
            answer = httpx.post(f"{address}/api/v1/uploads", content=body)
            assert answer.status_code == 413, answer.text
            assert answer.json()["error"]["code"] == "photo_too_large"


def test_the_uploads_held_are_the_latest_used(demo_collection, demo_photos):
    files = [path.read_bytes() for path in sorted(demo_photos.glob("*/*.webp"))[:4]]
    with lookalike.Collection.open(demo_collection) as photos:
        uploads = Uploads(photos, n_held=3)
        ids = [uploads.put(data)[0] for data in files[:3]]
        uploads.get(ids[0])
        ids.append(uploads.put(files[3])[0])
        for position in (0, 2, 3):
            assert uploads.get(ids[position]).sha256.startswith(ids[position])
        with pytest.raises(Refusal):
            uploads.get(ids[1])
