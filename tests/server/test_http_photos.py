"""The routes of a collection's photos, asked over a real connection of real photos."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import anyio
import httpx
import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.errors import PhotoGoneError
from lookalike.photos import rendition
from lookalike.server.renditions import Renditions

PHOTO = {"id", "name", "path", "title", "width", "height", "taken_at", "sha256", "nsfw"}


def get(client: httpx.Client, path: str, **parameters):
    answer = client.get(f"/api/v1{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_status_counts_the_collection(client, demo_collection):
    status = get(client, "/status")
    assert status["photos"] == status["files"] == 153
    assert status["failures"] == 0
    assert status["version"] == lookalike.__version__
    assert status["encoder"] == "efficientnet-lite2"
    assert status["search"] == "exact"
    assert status["jobs"] == []
    assert status["collection"] == str(demo_collection)
    assert status["word_search"] == "classes of efficientnet-lite2 by minilm-l6 (ConSE)"
    assert status["style_search"] == "image statistics and embeddings of efficientnet-lite2"


@pytest.mark.parametrize("limit", [1, 20, 153, 1000])
def test_paging_lists_every_photo_once(client, limit):
    if limit == 1:  # one request for each photo; a few are enough
        first = get(client, "/photos", limit=1)
        second = get(client, "/photos", limit=1, cursor=first["next"])
        assert second["photos"][0]["id"] > first["photos"][0]["id"]
        return
    ids, cursor = [], None
    while True:
        page = get(client, "/photos", limit=limit, **({"cursor": cursor} if cursor else {}))
        assert page["total"] == 153
        assert all(set(photo) == PHOTO for photo in page["photos"])
        ids += [photo["id"] for photo in page["photos"]]
        cursor = page["next"]
        if cursor is None:
            break
        assert len(page["photos"]) == limit
    assert len(ids) == len(set(ids)) == 153
    assert ids == sorted(ids)


def test_a_photo_tells_its_facts(client):
    (photo,) = get(client, "/photos", limit=1)["photos"]
    details = get(client, f"/photos/{photo['id']}")
    assert {name: details[name] for name in PHOTO} == photo
    file = Path(photo["path"])
    assert details["paths"] == [photo["path"]]
    assert details["bytes"] == file.stat().st_size
    assert details["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert details["format"] == "webp"
    assert details["facts"]["creator"]
    assert details["facts"]["keywords"]
    assert details["facts"]["camera"] is None
    with Image.open(file) as image:
        assert image.size == (details["width"], details["height"])


def test_a_photo_tells_what_was_seen_in_it_and_its_tags(client, demo_collection):
    with lookalike.Collection.open(demo_collection) as photos:
        labelled = photos.search("auto:label= #floral", k=1)[0].id
        known = photos.seen(labelled)
    seen = get(client, f"/photos/{labelled}")["seen"]
    assert [(tag["tag"], tag["raw"], tag["origin"]) for tag in seen["tags"]] == [
        (row.tag, row.raw, row.origin) for row in known.tags
    ]
    assert ("floral", "file") in [(tag["tag"], tag["origin"]) for tag in seen["tags"]]
    labels = [tag for tag in seen["machine_tags"] if (tag["namespace"], tag["predicate"]) == ("auto", "label")]
    assert labels
    assert all(tag["origin"] == "auto" and 0.5 <= tag["score"] <= 1 for tag in labels)
    assert [(label["name"], label["probability"]) for label in seen["labels"]] == list(known.labels)
    assert sum(swatch["share"] for swatch in seen["palette"]) == pytest.approx(1, abs=0.01)
    assert [swatch["share"] for swatch in seen["palette"]] == sorted((s.share for s in known.palette), reverse=True)
    assert {"sharpness", "quality", "minimalist", "black_and_white"} <= set(seen["measures"])
    assert seen["measures"] == known.measures
    assert 0 <= seen["nsfw"] < 0.5


def test_a_thumbnail_is_a_small_jpeg_that_a_client_need_not_fetch_twice(client):
    photo = get(client, "/photos/7")
    address = "/api/v1/photos/7/thumbnail"
    answer = client.get(address)
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(BytesIO(answer.content)) as image:
        assert image.format == "JPEG"
        assert max(image.size) < max(photo["width"], photo["height"])
        assert image.width / image.height == pytest.approx(photo["width"] / photo["height"], rel=0.02)
    etag = answer.headers["etag"]
    for held in (etag, f'"other", W/{etag}', "*"):
        again = client.get(address, headers={"If-None-Match": held})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_only_an_address_that_names_the_content_is_kept_for_good(client):
    sha256 = get(client, "/photos/7")["sha256"]
    kept = {}
    for v in (None, sha256[:12], sha256, "0" * 12):
        answer = client.get("/api/v1/photos/7/thumbnail", params={"v": v} if v else {})
        kept[v] = answer.headers["cache-control"]
        assert answer.status_code == 200
    assert kept[sha256] == kept[sha256[:12]] == "private, max-age=31536000, immutable"
    assert kept[None] == kept["0" * 12] == "private, no-cache"


def test_the_image_of_a_displayable_photo_is_its_file(client):
    photo = get(client, "/photos/7")
    data = Path(photo["path"]).read_bytes()
    answer = client.get("/api/v1/photos/7/image")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.content == data
    held = client.get("/api/v1/photos/7/image", headers={"If-None-Match": answer.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")


@pytest.mark.parametrize(("asked", "part"), [("0-99", (0, 100)), ("100-", (100, None)), ("-10", (-10, None))])
def test_a_range_of_the_image_is_that_part_of_the_file(client, asked, part):
    data = Path(get(client, "/photos/7")["path"]).read_bytes()
    answer = client.get("/api/v1/photos/7/image", headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 206
    assert answer.content == data[slice(*part)]


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=5-4", "bytes=-0", "bytes=a-b", "bytes=", "lines=1-2", "-"])
def test_a_range_outside_of_the_file_is_refused(client, asked):
    answer = client.get("/api/v1/photos/7/image", headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.json()["error"]["code"] == "range_not_satisfiable"
    assert answer.headers["content-range"].startswith("bytes */")


def test_the_image_of_other_formats_is_a_jpeg_rendition(odd):
    address = f"/api/v1/photos/{odd.tiff}/image"
    answer = odd.client.get(address)
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(BytesIO(answer.content)) as made, Image.open(odd.photos / "scan.tif") as scan:
        assert made.format == "JPEG"
        assert made.size == scan.size
        difference = np.asarray(made.convert("RGB"), np.float32) - np.asarray(scan.convert("RGB"), np.float32)
        assert np.abs(difference).mean() < 4
    assert odd.client.get(address).content == answer.content
    assert odd.client.get(address, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_the_renditions_kept_are_bounded_by_their_bytes(odd):
    scan = (odd.photos / "scan.tif").read_bytes()
    contents = [scan + name for name in (b"a", b"b")]
    a, b = (hashlib.sha256(content).hexdigest() for content in contents)
    jpeg = rendition(scan)
    copy = odd.photos.parent / "copy.tif"
    for room, kept in ((len(jpeg) * 2 - 1, 1), (len(jpeg) * 2, 2)):
        renditions = Renditions(max_bytes=room)
        for sha256, content in zip((a, b), contents, strict=True):
            copy.write_bytes(content)
            assert anyio.run(renditions.get, sha256, copy) == jpeg
        copy.unlink()  # from here on, only what was kept can be had
        assert anyio.run(renditions.get, b, copy) == jpeg
        if kept == 2:
            assert anyio.run(renditions.get, a, copy) == jpeg
        else:
            with pytest.raises(PhotoGoneError):
                anyio.run(renditions.get, a, copy)


def test_a_rendition_is_of_the_content_that_was_asked_for(odd):
    renditions, scan = Renditions(), odd.photos / "scan.tif"
    with pytest.raises(PhotoGoneError, match="was changed since it was added"):
        anyio.run(renditions.get, hashlib.sha256(b"another").hexdigest(), scan)
    assert anyio.run(renditions.get, odd.collection.photo(odd.tiff).sha256, scan)


def test_a_photo_lists_every_file_that_holds_it(odd):
    details = get(odd.client, f"/photos/{odd.copied}")
    assert details["paths"] == [str(odd.photos / "one.webp"), str(odd.photos / "two.webp")]


def test_a_file_that_has_gone_is_told_so_while_its_thumbnail_stays(odd):
    answer = odd.client.get(f"/api/v1/photos/{odd.lost}/image")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "file_gone"
    assert "lookalike add" in answer.json()["error"]["message"]
    assert odd.client.get(f"/api/v1/photos/{odd.lost}/thumbnail").status_code == 200
    assert get(odd.client, f"/photos/{odd.lost}/similar")["hits"]


def test_a_lost_thumbnail_is_made_again_while_the_file_is_there(odd):
    for photo_id, status in ((odd.copied, 200), (odd.lost, 404)):
        stored = odd.collection.thumbnails.path(odd.collection.photo(photo_id).sha256)
        before = stored.read_bytes()
        stored.unlink()
        answer = odd.client.get(f"/api/v1/photos/{photo_id}/thumbnail")
        assert answer.status_code == status
        assert stored.exists() == (status == 200)
        stored.write_bytes(before)


def test_a_changed_file_is_never_shown_as_the_photo_that_it_was(odd):
    record = odd.collection.photo(odd.copied)
    stored, one, two = odd.collection.thumbnails.path(record.sha256), odd.photos / "one.webp", odd.photos / "two.webp"
    before, content = stored.read_bytes(), one.read_bytes()
    address = f"/api/v1/photos/{odd.copied}/thumbnail?v={record.sha256[:16]}"
    try:
        stored.unlink()
        Image.new("RGB", (64, 64), "red").save(one)
        assert odd.client.get(address).content == before, "its other file holds it still"
        stored.unlink()
        Image.new("RGB", (64, 64), "red").save(two)
        answer = odd.client.get(address)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "file_gone"
        assert answer.headers["cache-control"] == "no-store"
        assert not stored.exists()
    finally:
        stored.write_bytes(before)
        one.write_bytes(content)
        two.write_bytes(content)


def test_failures_are_listed_with_their_reason(odd):
    (failure,) = get(odd.client, "/failures")["failures"]
    assert failure["path"] == str(odd.photos / "broken.jpg")
    assert failure["reason"]


def test_similar_photos_are_those_of_the_library(client, demo_collection):
    with lookalike.Collection.open(demo_collection) as photos:
        expected = photos.search(photo=7, k=60)
        answer = get(client, "/photos/7/similar")
        assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in expected]
        assert [hit["score"] for hit in answer["hits"]] == pytest.approx([hit.score for hit in expected], abs=1e-6)
    assert answer["query"] == {
        "kind": "photo",
        "photo": {name: value for name, value in get(client, "/photos/7").items() if name in PHOTO},
        "upload": None,
        "words": None,
        "query": None,
        "items": [],
    }
    assert set(answer["hits"][0]) == PHOTO | {"score", "parts", "others"}
    assert answer["hits"][0]["parts"] == {"photo": answer["hits"][0]["score"]}
    assert 7 not in [hit["id"] for hit in answer["hits"]]
    assert answer["stats"]["method"] == "exact"
    assert answer["stats"]["n_photos"] == 153


@pytest.mark.parametrize("k", [50, 76, 151, 152, 1000])
def test_pages_of_hits_are_the_whole_without_gaps_or_repeats(client, k):
    whole = get(client, "/photos/7/similar", k=1000)
    assert whole["next_offset"] is None
    assert len(whole["hits"]) == 152
    hits, offset = [], 0
    while offset is not None:
        page = get(client, "/photos/7/similar", k=k, offset=offset)
        hits += page["hits"]
        offset = page["next_offset"]
    assert hits == whole["hits"]
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)


def test_an_offset_beyond_the_end_gives_no_hits(client):
    page = get(client, "/photos/7/similar", offset=1_000_000, k=1000)
    assert page["hits"] == []
    assert page["next_offset"] is None


def test_lists_tell_the_nsfw_score_that_the_photo_tells(client):
    listed = get(client, "/photos", limit=5)["photos"] + get(client, "/photos/7/similar", k=5)["hits"]
    assert all(0 <= photo["nsfw"] <= 1 for photo in listed)
    for photo in listed:
        assert photo["nsfw"] == get(client, f"/photos/{photo['id']}")["seen"]["nsfw"]
