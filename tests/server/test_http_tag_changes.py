"""Changes of tags over HTTP: in one transaction, undone by what they answer, refused where they may not be."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lookalike
from lookalike.server import create_app
from lookalike.server.bodies import MAX_JSON_BYTES

GOLDEN = Path(__file__).parents[1] / "collection" / "golden" / "version-3"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN, tmp_path / "photos.lookalike"))


@pytest.fixture
def small(path: Path, start_server) -> Iterator[httpx.Client]:
    """A client of six drawn pictures, and 7 whose file has gone; the first two have the tag "Barn Door"."""
    with (
        lookalike.Collection.open(path) as photos,
        start_server(create_app(photos)) as url,
        httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client,
    ):
        yield client


def changed(client: httpx.Client, **body):
    answer = client.patch("/tags", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["message"].strip()
    return error["message"]


def everything(path: Path) -> list[list[tuple[object, ...]]]:
    """All that tags are written to, but for the moments at which it was."""
    with closing(sqlite3.connect(path / "catalog.sqlite")) as db:
        return [
            db.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}").fetchall()
            for table, columns in {
                "tags": "photo_id, tag, raw, origin, score",
                "rejected_tags": "photo_id, tag",
                "machine_tags": "photo_id, namespace, predicate, value, raw, origin, score",
                "photo_text": "rowid, title, caption, keywords, creator, names",
                "vocabulary": "kind, term, head, n",
            }.items()
        ]


def raws(client: httpx.Client, photo: int) -> dict[str, str]:
    return {each["raw"]: each["origin"] for each in client.get(f"/photos/{photo}/tags").json()["tags"]}


def test_many_photos_are_changed_at_once_and_undone_without_a_trace(small, path):
    before = everything(path)
    done = changed(
        small,
        changes=[
            {"photo_ids": [1, 2, 3], "add": ["Old Pier", 'dopplr:eat="New York"'], "remove": ["flat-colour"]},
            {"photo_ids": [4, 5, 4], "accept": ["barn door"], "reject": ["Boat"]},
        ],
    )
    assert done["photos"] == 5
    said = {(each["what"], each["raw"]): each["photo_ids"] for each in done["differences"]}
    assert said[("added", "Old Pier")] == [1, 2, 3]
    assert said[("added", 'dopplr:eat="New York"')] == [1, 2, 3]
    assert said[("removed", "Flat Colour")] == [1, 2, 3]
    assert said[("added", "barn door")] == said[("rejected", "boat")] == [4, 5]
    assert raws(small, 2)["Old Pier"] == "user"
    assert small.get("/photos/4/tags").json()["rejected"] == ["boat"]
    assert {hit["id"] for hit in small.get("/search", params={"q": "tag:oldpier"}).json()["hits"]} == {1, 2, 3}
    after = everything(path)
    undone = changed(small, **done["undo"])
    assert everything(path) == before
    changed(small, **undone["undo"])
    assert everything(path) == after


def test_a_tag_that_is_given_and_rejected_is_refused(small, path):
    before = everything(path)
    state = {"tag": "x", "photo_ids": [4], "raw": "x", "rejected": True}
    assert "Choose one" in refused(small.patch("/tags", json={"restore": [state]}), 422, "invalid_argument")
    assert everything(path) == before


def test_what_is_so_already_changes_nothing(small, path):
    changed(small, changes=[{"photo_ids": [4], "add": ["pier"]}])
    before = everything(path)
    again = changed(small, changes=[{"photo_ids": [4], "add": ["pier"], "remove": ["nothing"]}])
    assert (again["photos"], again["differences"], again["undo"]) == (0, [], {"restore": []})
    assert changed(small, **again["undo"])["photos"] == 0
    assert everything(path) == before


def test_spellings_are_one_tag_and_the_last_is_kept(small):
    done = changed(small, changes=[{"photo_ids": [4], "add": ["caf\u00e9 noir", "CAFE\u0301-NOIR", "Caf\u00e9  Noir"]}])
    (only,) = done["differences"]
    assert (only["tag"], only["raw"], only["what"]) == ("caf\u00e9noir", "Caf\u00e9 Noir", "added")
    done = changed(small, changes=[{"photo_ids": [4], "add": ["CAF\u00c9 noir"]}])
    assert [each["what"] for each in done["differences"]] == ["rewritten"]
    changed(small, **done["undo"])
    assert "Caf\u00e9 Noir" in raws(small, 4)


def test_what_was_rejected_is_not_suggested_until_it_is_given(small):
    def suggested() -> set[str]:
        return {each["tag"] for each in small.get("/photos/4/suggestions").json()["suggestions"]}

    assert "barndoor" in suggested()
    done = changed(small, changes=[{"photo_ids": [4], "reject": ["Barn Door"]}])
    assert "barndoor" not in suggested()
    assert small.get("/photos/4/tags").json()["rejected"] == ["barndoor"]
    changed(small, **done["undo"])
    assert "barndoor" in suggested()
    changed(small, changes=[{"photo_ids": [4], "reject": ["Barn Door"]}])
    changed(small, changes=[{"photo_ids": [4], "accept": ["Barn Door"]}])
    assert small.get("/photos/4/tags").json()["rejected"] == []


def test_tags_of_files_and_of_the_network_come_back_as_theirs(small, path):
    before = everything(path)
    carried = small.get("/photos/1/tags").json()["tags"]
    done = changed(small, changes=[{"photo_ids": [1], "remove": [each["raw"] for each in carried]}])
    assert small.get("/photos/1/tags").json()["tags"] == []
    assert len(done["differences"]) == len(carried)
    changed(small, **done["undo"])
    assert everything(path) == before
    assert small.get("/photos/1/tags").json()["tags"] == carried


def test_a_tag_is_renamed_merged_and_parted_again(small, path):
    changed(small, changes=[{"photo_ids": [2, 4], "add": ["gate"]}])
    before = everything(path)
    done = small.post("/tags/rename", json={"tag": "BARN door", "new": "Gate"}).json()
    assert [each["photo_ids"] for each in done["differences"] if each["what"] == "removed"] == [[1, 2]]
    assert raws(small, 2)["Gate"] == "user"
    assert raws(small, 4)["gate"] == "user", "who had the other one keeps it as it was written"
    assert small.get("/photos/3/tags").json()["rejected"] == ["flatnonsense", "gate"]
    changed(small, **done["undo"])
    assert everything(path) == before
    done = small.post("/tags/rename", json={"tag": "dopplr:eat=sanfrancisco", "new": "dopplr:eat=Oslo"}).json()
    assert "dopplr:eat=Oslo" in raws(small, 1)
    changed(small, **done["undo"])
    assert everything(path) == before
    message = refused(small.post("/tags/rename", json={"tag": "nobody's", "new": "x"}), 404, "unknown_tag")
    assert "lookalike tags" in message


def test_one_wrong_photo_or_tag_and_nothing_is_changed(small, path):
    before = everything(path)
    fine = {"photo_ids": [1, 2, 3], "add": ["fine"]}
    for wrong, status, code, said in (
        ({"photo_ids": [1, 99], "add": ["x"]}, 404, "unknown_photo", "99"),
        ({"photo_ids": [2**63 - 1], "add": ["x"]}, 404, "unknown_photo", "nothing was changed"),
        ({"photo_ids": [1], "add": ["x", "  "]}, 422, "invalid_argument", "500 characters"),
        ({"photo_ids": [1], "reject": ["barn door"]}, 422, "invalid_argument", "Take it off instead"),
        ({"photo_ids": [1], "reject": ["a:b=c"]}, 422, "invalid_argument", "never suggested"),
        ({"photo_ids": [1], "add": ["x"], "remove": ["X"]}, 422, "invalid_argument", "Choose one"),
        ({"photo_ids": [1], "accept": ["x"], "reject": ["X"]}, 422, "invalid_argument", "Choose one"),
    ):
        message = refused(small.patch("/tags", json={"changes": [fine, wrong]}), status, code)
        assert said in message
        assert everything(path) == before


FINE = {"photo_ids": [4], "add": ["pier"]}
LONG = "x" * 10_000


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "one of the two"),
        ({"changes": [FINE], "restore": []}, "one of the two"),
        ({"changes": []}, "changes"),
        ({"changes": [FINE], "more": 1}, "more"),
        ({"changes": [FINE], "\ud800": 1}, "\\ud800"),
        ({"changes": FINE}, "changes"),
        ({"changes": [[]]}, "changes.0"),
        ({"changes": [{"photo_ids": [4]}]}, "`add`"),
        ({"changes": [{"add": ["x"]}]}, "changes.0.photo_ids"),
        ({"changes": [FINE | {"photo_ids": []}]}, "photo_ids"),
        ({"changes": [FINE | {"photo_ids": [0]}]}, "photo_ids.0"),
        ({"changes": [FINE | {"photo_ids": [-1]}]}, "photo_ids.0"),
        ({"changes": [FINE | {"photo_ids": [2**63]}]}, "photo_ids.0"),
        ({"changes": [FINE | {"photo_ids": [True]}]}, "photo_ids.0"),
        ({"changes": [FINE | {"photo_ids": ["4"]}]}, "photo_ids.0"),
        ({"changes": [FINE | {"photo_ids": [4.5]}]}, "photo_ids.0"),
        ({"changes": [FINE | {"photo_ids": [float("nan")]}]}, "photo_ids.0"),
        ({"changes": [FINE | {"photo_ids": [None]}]}, "photo_ids.0"),
        ({"changes": [FINE | {"photo_ids": list(range(1, 10_002))}]}, "photo_ids"),
        ({"changes": [FINE | {"photo_ids": [*range(n, n + 6_000)]} for n in (1, 6_001)]}, "10,000"),
        ({"changes": [FINE | {"photo_ids": [4] * 10_000, "add": [f"t{i}" for i in range(100)]}]}, "200,000"),
        ({"changes": [FINE | {"add": "pier"}]}, "add"),
        ({"changes": [FINE | {"add": [1]}]}, "add.0"),
        ({"changes": [FINE | {"add": [None]}]}, "add.0"),
        ({"changes": [FINE | {"add": [""]}]}, "500"),
        ({"changes": [FINE | {"add": ["\0"]}]}, "500"),
        ({"changes": [FINE | {"add": ["a\0b"]}]}, "500"),
        ({"changes": [FINE | {"add": ["a\x07b"]}]}, "500"),
        ({"changes": [FINE | {"add": ["a:b=\x1b[31m"]}]}, "500"),
        ({"changes": [FINE | {"add": ["a:b=\0"]}]}, "500"),
        ({"changes": [FINE | {"add": ["\ud800"]}]}, "add.0"),
        ({"changes": [FINE | {"add": [LONG]}]}, "500"),
        ({"changes": [FINE | {"add": [f"a:b={LONG[:9000]}"]}]}, "500"),
        ({"changes": [FINE | {"add": [LONG + "x"]}]}, "add.0"),
        ({"changes": [FINE | {"add": ["x"] * 101}]}, "add"),
        ({"restore": [{"tag": "pier", "photo_ids": [4], "raw": "boat"}]}, "no spelling"),
        ({"restore": [{"tag": "Pier", "photo_ids": [4]}]}, "normal form"),
        ({"restore": [{"tag": "", "photo_ids": [4]}]}, "A tag is"),
        ({"restore": [{"tag": "a:b=c", "photo_ids": [4], "rejected": True}]}, "never suggested"),
        ({"restore": [{"tag": "a:b=c", "photo_ids": [4], "raw": "abc"}]}, "no spelling"),
        ({"restore": [{"tag": "x" * 100_001, "photo_ids": [4]}]}, "normal form"),
        ({"restore": [{"tag": "pier", "photo_ids": [4], "raw": "pier", "origin": "me"}]}, "origin"),
        ({"restore": [{"tag": "pier", "photo_ids": [4], "raw": "pier", "score": float("nan")}]}, "score"),
        ({"restore": [{"tag": "pier", "photo_ids": [4], "raw": "pier", "score": 1e400}]}, "score"),
        ({"restore": [{"tag": "pier", "photo_ids": [4], "raw": "pier", "score": 1.5}]}, "score"),
        ({"restore": [{"tag": "pier", "photo_ids": [4], "rejected": "yes"}]}, "rejected"),
        ([], "body"),
        (None, "body"),
        (7, "body"),
        ("changes", "body"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_refused_and_what_is_wrong_is_named(small, path, body, named):
    before = everything(path)
    answer = small.patch("/tags", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert named in refused(answer, 422, "invalid_argument")
    assert everything(path) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"changes": [}',
        b"\xff\xfe",
        b'"\\ud800',
        b"[" * 100_000,
        b'{"changes": ' + b"9" * 5000 + b"}",
        b"NaN",
    ],
)
def test_what_is_no_json_is_refused(small, content):
    for method, address in (("PATCH", "/tags"), ("POST", "/tags/rename")):
        answer = small.request(method, address, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), answer.text
        assert answer.json()["error"]["message"]


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(small):
    many = b"[" + b"1," * (MAX_JSON_BYTES // 2) + b"1]"
    kind = {"Content-Type": "application/json"}
    assert "several requests" in refused(small.patch("/tags", content=many, headers=kind), 413, "body_too_large")
    pieces = (many[start : start + 1_000_000] for start in range(0, len(many), 1_000_000))
    refused(small.patch("/tags", content=pieces, headers=kind), 413, "body_too_large")


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "text/json", None],
)
def test_what_a_form_can_send_changes_nothing(small, path, kind):
    before = everything(path)
    headers = {} if kind is None else {"Content-Type": kind}
    answer = small.patch("/tags", content=json.dumps({"changes": [FINE]}), headers=headers)
    assert "application/json" in refused(answer, 415, "unsupported_media_type")
    answer = small.post("/tags/rename", content=b'{"tag": "barn door", "new": "x"}', headers=headers)
    refused(answer, 415, "unsupported_media_type")
    assert everything(path) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites_change_nothing(small, path, headers):
    before = everything(path)
    refused(small.patch("/tags", json={"changes": [FINE]}, headers=headers), 403, "foreign_origin")
    refused(small.post("/tags/rename", json={"tag": "barn door", "new": "x"}, headers=headers), 403, "foreign_origin")
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PATCH"}
    assert small.options("/tags", headers=asked).status_code == 405, "no leave to send JSON is ever given"
    assert everything(path) == before


def test_the_page_itself_changes_tags(small):
    origin = str(small.base_url).removesuffix("/api/v1/").removesuffix("/api/v1")
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json; charset=utf-8"}
    answer = small.patch("/tags", content=json.dumps({"changes": [FINE]}), headers=headers)
    assert answer.json()["photos"] == 1


def test_a_server_that_is_read_only_says_so_and_changes_nothing(path, start_server):
    before = everything(path)
    with (
        lookalike.Collection.open(path) as photos,
        start_server(create_app(photos, read_only=True, remember=True)) as url,
        httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client,
    ):
        assert client.get("/status").json()["writable"] is False
        assert "--read-only" in refused(client.patch("/tags", json={"changes": [FINE]}), 403, "read_only")
        refused(client.post("/tags/rename", json={"tag": "barn door", "new": "x"}), 403, "read_only")
        refused(client.patch("/tags", json={"nonsense": 1}), 403, "read_only")
        assert client.get("/search", params={"q": "tag:barndoor"}).json()["hits"]
    assert everything(path) == before


def test_status_tells_that_tags_can_be_changed(small):
    assert small.get("/status").json()["writable"] is True


HOLDER = """
import sys
from pathlib import Path
from lookalike.collection.locking import writing
with writing(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def another_writer() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Start a process that holds the right to write to a collection until its input ends."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.communicate()


def test_while_another_process_writes_it_is_named_and_nothing_is_lost(small, path, another_writer, monkeypatch):
    monkeypatch.setattr("lookalike.collection.locking._WAIT_SECONDS", 0.1)
    before = everything(path)
    holder = another_writer(path)
    message = refused(small.patch("/tags", json={"changes": [FINE]}), 409, "collection_locked")
    assert f"process {holder.pid}" in message
    refused(small.post("/tags/rename", json={"tag": "barn door", "new": "x"}), 409, "collection_locked")
    assert everything(path) == before
    holder.communicate()
    assert changed(small, changes=[FINE])["photos"] == 1


def test_changes_that_wait_do_not_stop_searches_and_all_are_made(small, path, another_writer, monkeypatch):
    monkeypatch.setattr("lookalike.collection.locking._WAIT_SECONDS", 600)
    holder = another_writer(path)
    with ThreadPoolExecutor(60) as pool:
        asked = [
            pool.submit(small.patch, "/tags", json={"changes": [{"photo_ids": [4], "add": [f"number {n}"]}]})
            for n in range(10, 70)
        ]
        assert small.get("/search", params={"q": "tag:barndoor"}).json()["hits"]
        assert not any(each.done() for each in asked)
        holder.communicate()
        assert {each.result().status_code for each in asked} == {200}
    assert {f"number {n}" for n in range(10, 70)} <= set(raws(small, 4))


TEXTS = st.text(max_size=12) | st.sampled_from(["barn door", "Barn-Door", "pier", "a:b=c", 'a:b="C c"', 'a:b=""""""'])
IDS = st.lists(st.integers(1, 7), min_size=1, max_size=4)
CHANGES = st.fixed_dictionaries(
    {"photo_ids": IDS},
    optional={name: st.lists(TEXTS, min_size=1, max_size=3) for name in ("add", "remove", "accept", "reject")},
)


@pytest.fixture(scope="module")
def any_small(tmp_path_factory, start_server) -> Iterator[tuple[httpx.Client, Path]]:
    path = Path(shutil.copytree(GOLDEN, tmp_path_factory.mktemp("any") / "photos.lookalike"))
    with (
        lookalike.Collection.open(path) as photos,
        start_server(create_app(photos)) as url,
        httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client,
    ):
        yield client, path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_every_change_is_undone_by_its_answer_or_refused_without_a_trace(any_small, changes):
    client, path = any_small
    before = everything(path)
    answer = client.patch("/tags", json={"changes": changes})
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 200:
        changed(client, **answer.json()["undo"])
    assert everything(path) == before
