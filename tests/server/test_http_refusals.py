"""Requests that are wrong, foreign or hostile, and the one shape of their answers."""

from __future__ import annotations

import logging
import socket
import sqlite3

import httpx
import pytest

import lookalike
from lookalike import errors
from lookalike.server import create_app
from lookalike.server.guard import names_of


def refused(answer: httpx.Response, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["code"] == code
    assert body["error"]["message"].strip()
    return body["error"]["message"]


def test_unknown_photos_are_not_found(client):
    for what in ("", "/thumbnail", "/image", "/similar"):
        message = refused(client.get(f"/api/v1/photos/9999{what}"), 404, "unknown_photo")
        assert "9999" in message
        refused(client.get(f"/api/v1/photos/{2**63 - 1}{what}"), 404, "unknown_photo")


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/v1", "/api/v2/photos", "/api/v1/status/", "/api/v1/photos/7/x"]
)
def test_addresses_of_the_api_that_do_not_exist_are_not_the_page(client, path):
    refused(client.get(path), 404, "not_found")


def test_other_methods_are_refused_with_those_that_are_taken(client):
    answer = client.delete("/api/v1/photos/7")
    assert "DELETE" in refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"
    for answer in (client.delete("/api/v1/tags"), client.options("/api/v1/tags")):
        refused(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, PATCH"
    assert client.get("/api/v1/filters/a/b").headers["allow"] == "PUT, DELETE"
    refused(client.get("/api/v1/uploads"), 405, "method_not_allowed")
    refused(client.post("/"), 405, "method_not_allowed")


@pytest.mark.parametrize(
    ("path", "parameters", "named"),
    [
        ("/photos/7/similar", {"k": 0}, "k"),
        ("/photos/7/similar", {"k": 1001}, "k"),
        ("/photos/7/similar", {"k": 10**30}, "k"),
        ("/photos/7/similar", {"k": "NaN"}, "k"),
        ("/photos/7/similar", {"k": "inf"}, "k"),
        ("/photos/7/similar", {"k": "1.5"}, "k"),
        ("/photos/7/similar", {"k": ""}, "k"),
        ("/photos/7/similar", {"k": "[]"}, "k"),
        ("/photos/7/similar", {"offset": -1}, "offset"),
        ("/photos/7/similar", {"offset": 1_000_001}, "offset"),
        ("/photos", {"limit": 0}, "limit"),
        ("/photos", {"limit": 1001}, "limit"),
        ("/photos", {"cursor": "-1"}, "cursor"),
        ("/photos", {"cursor": "9" * 19}, "cursor"),
        ("/photos", {"cursor": "1 OR 1=1"}, "cursor"),
        ("/photos/0", {}, "photo_id"),
        ("/photos/-7", {}, "photo_id"),
        ("/photos/seven", {}, "photo_id"),
        (f"/photos/{2**63}", {}, "photo_id"),
        ("/photos/7/thumbnail", {"v": "../.."}, "v"),
        ("/search", {}, "words"),
        ("/search", {"words": ""}, "words"),
        ("/search", {"words": "a" * 1001}, "words"),
        ("/search", {"q": ""}, "q"),
        ("/search", {"q": "a" * 1001}, "q"),
        ("/search", {"q": "boat", "distinct": "perhaps"}, "distinct"),
        ("/complete", {}, "q"),
        ("/complete", {"q": "a" * 1001}, "q"),
        ("/complete", {"q": "a", "limit": 0}, "limit"),
        ("/complete", {"q": "a", "limit": 101}, "limit"),
        ("/uploads/7/similar", {}, "upload_id"),
        ("/uploads/..%2f..%2fetc/thumbnail", {}, "upload_id"),
    ],
)
def test_a_wrong_parameter_is_named(client, path, parameters, named):
    answer = client.get(f"/api/v1{path}", params=parameters)
    if answer.status_code == 404:  # what holds a slash is another address
        refused(answer, 404, "not_found")
        return
    assert f"`{named}`" in refused(answer, 422, "invalid_argument")


def raw_status(url: str, target: str, host: str = "127.0.0.1") -> tuple[int, bytes]:
    """Ask for `target` as it stands: clients tidy paths before they send them."""
    address, port = url.removeprefix("http://").split(":")
    with socket.create_connection((address, int(port))) as connection:
        request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split()[1]), answer


@pytest.mark.parametrize(
    "target",
    [
        "/../../../../../../../../etc/passwd",
        "/..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/assets/../../app.py",
        "/assets/..%5c..%5capp.py",
        "/%00",
        "/" + "a" * 5000,
        "/api/v1/photos/..%2f..%2f..%2fetc%2fpasswd/image",
        "/api/v1/../../../etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_page_and_the_catalog(server_url, target):
    status, answer = raw_status(server_url, target)
    assert status in (400, 404, 422)
    assert b"root:" not in answer
    assert b"create_app" not in answer


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "a@localhost", "", "192.168.0.1:80"])
def test_a_foreign_host_is_refused(client, server_url, host):
    refused(client.get("/api/v1/status", headers={"Host": host}), 403, "foreign_host")
    refused(client.get("/", headers={"Host": host}), 403, "foreign_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "127.0.0.1:1", "[::1]:8765", "[::1]"])
def test_names_of_this_machine_for_itself_are_admitted(client, host):
    assert client.get("/api/v1/status", headers={"Host": host}).status_code == 200


def test_the_host_given_at_the_start_is_admitted_too(demo_collection, start_server):
    asked = ["photos.example:8765", "PHOTOS.example", "10.0.0.7", "[fe80::1]:1", "evil.example"]
    admitted = {"photos.example": [200, 200, 403, 403, 403], "0.0.0.0": [403, 403, 200, 200, 403]}
    with lookalike.Collection.open(demo_collection) as photos:
        for host, statuses in admitted.items():
            with start_server(create_app(photos, hosts=names_of(host))) as url, httpx.Client(base_url=url) as client:
                got = [client.get("/api/v1/status", headers={"Host": name}).status_code for name in asked]
                assert got == statuses, host


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://", "https://localhost", "http://[::1"]
)
def test_pages_of_other_origins_change_nothing(client, origin):
    refused(client.post("/api/v1/uploads", headers={"Origin": origin}, content=b"x"), 403, "foreign_origin")


@pytest.mark.parametrize(("site", "is_refused"), [("cross-site", True), ("same-site", True), ("same-origin", False)])
def test_pages_that_the_browser_calls_foreign_change_nothing(client, site, is_refused):
    answer = client.post("/api/v1/uploads", headers={"Sec-Fetch-Site": site}, content=b"x")
    refused(answer, *((403, "foreign_origin") if is_refused else (415, "unsupported_photo")))


def test_the_page_itself_may_upload_and_other_sites_read_nothing(client, server_url):
    answer = client.post("/api/v1/uploads", headers={"Origin": server_url}, content=b"x")
    refused(answer, 415, "unsupported_photo")
    read = client.get("/api/v1/status", headers={"Origin": "http://evil.example"})
    assert not [name for name in read.headers if name.startswith("access-control")]
    refused(client.options("/api/v1/uploads", headers={"Origin": "http://evil.example"}), 405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/photos/7/thumbnail", "/api/v1/photos/7/image", "/x", "/"])
def test_every_answer_carries_the_security_headers(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["img-src"] == "'self' blob: data:"
    assert policy["frame-ancestors"] == "'none'"
    assert not [sources for sources in policy.values() if "http" in sources or "*" in sources]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.UnknownPhotoError, 404, "unknown_photo"),
        (errors.PhotoGoneError, 404, "file_gone"),
        (errors.UnsupportedPhotoError, 415, "unsupported_photo"),
        (errors.PhotoTooLargeError, 413, "photo_too_large"),
        (errors.DamagedPhotoError, 422, "damaged_photo"),
        (errors.PhotoError, 422, "unreadable_photo"),
        (errors.InvalidArgumentError, 422, "invalid_argument"),
        (errors.CollectionLockedError, 409, "collection_locked"),
        (errors.CollectionError, 500, "collection_error"),
        (errors.FormatError, 500, "collection_error"),
        (errors.EncoderError, 500, "collection_error"),
    ],
)
def test_errors_of_the_library_keep_their_words(demo_collection, start_server, error, status, code):
    with lookalike.Collection.open(demo_collection) as photos:
        app = create_app(photos)

        @app.get("/api/v1/fail")
        def fail() -> None:
            raise error("Said for people.")

        with start_server(app) as url:
            assert refused(httpx.get(f"{url}/api/v1/fail"), status, code) == "Said for people."


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (sqlite3.DatabaseError("database disk image is malformed"), "collection_error", "lookalike restore"),
        (sqlite3.OperationalError("database is locked"), "collection_error", "Try again when that has ended"),
        (sqlite3.OperationalError("disk I/O error"), "collection_error", "disk I/O error"),
        (sqlite3.IntegrityError("a fault of ours"), "internal_error", "its log tells why"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_with_advice(demo_collection, start_server, error, code, said):
    with lookalike.Collection.open(demo_collection) as photos:
        app = create_app(photos)

        @app.get("/api/v1/fail")
        def fail() -> None:
            raise error

        with start_server(app) as url:
            assert said in refused(httpx.get(f"{url}/api/v1/fail"), 500, code)


def test_an_unforeseen_error_is_logged_and_not_shown(demo_collection, start_server, caplog):
    with lookalike.Collection.open(demo_collection) as photos:
        app = create_app(photos)

        @app.get("/api/v1/fail")
        def fail() -> None:
            raise RuntimeError("a secret of ours")

        with start_server(app) as url, caplog.at_level(logging.ERROR):
            answer = httpx.get(f"{url}/api/v1/fail")
    refused(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    logged = [record for record in caplog.records if record.exc_info and "secret" in str(record.exc_info[1])]
    assert len(logged) == 1


def test_a_page_that_is_not_built_says_how_to_build_it(demo_collection, start_server, tmp_path):
    with (
        lookalike.Collection.open(demo_collection) as photos,
        start_server(create_app(photos, page=tmp_path / "none")) as url,
    ):
        answer = httpx.get(f"{url}/")
        assert answer.status_code == 503
        assert answer.headers["content-type"].startswith("text/plain")
        assert "make web" in answer.text
        refused(httpx.post(f"{url}/"), 405, "method_not_allowed")
        refused(httpx.get(f"{url}/favicon.svg"), 404, "not_found")
        assert httpx.get(f"{url}/api/v1/status").status_code == 200


def test_the_built_page_is_served_at_the_root(demo_collection, start_server, tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Lookalike</title>")
    (tmp_path / "assets" / "index-1a2b3c.js").write_text("export {};")
    with lookalike.Collection.open(demo_collection) as photos, start_server(create_app(photos, page=tmp_path)) as url:
        page = httpx.get(f"{url}/?similar=7")
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["cache-control"] == "no-cache"
        assert page.text.startswith("<!doctype html>")
        script = httpx.get(f"{url}/assets/index-1a2b3c.js")
        assert "javascript" in script.headers["content-type"]
        assert "immutable" in script.headers["cache-control"]
        assert httpx.get(f"{url}/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
        refused(httpx.get(f"{url}/assets/"), 404, "not_found")
