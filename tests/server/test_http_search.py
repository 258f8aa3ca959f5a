"""The search bar's routes: queries in their language, plain words, completion, and what is remembered."""

from __future__ import annotations

import httpx
import pytest

import lookalike
from lookalike.appearance import hex_of
from lookalike.query import parse, print_query
from lookalike.server import create_app


def get(client: httpx.Client, path: str, **parameters):
    answer = client.get(f"/api/v1{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_folder_of_no_person_is_empty(client):
    assert get(client, "/search", q="folder:~no-such-person")["hits"] == []


def test_words_find_titles_and_creators(client):
    answer = get(client, "/search", words="van gogh")
    assert answer["query"] == {
        "kind": "words",
        "photo": None,
        "upload": None,
        "words": "van gogh",
        "query": None,
        "items": [],
    }
    assert answer["hits"]
    said = [hit for hit in answer["hits"] if hit["score"] >= 0.8]
    assert said == answer["hits"][: len(said)]
    for hit in said:
        facts = get(client, f"/photos/{hit['id']}")["facts"]
        assert "Gogh" in f"{facts['creator']} {hit['title']} {facts['caption']} {hit['name']}"
    assert answer["hits"][0]["score"] > 0.98
    assert answer["hits"][0]["parts"] == {"words": answer["hits"][0]["score"]}


@pytest.mark.parametrize("words", ["zzzzzz", "   ", '"', "* -", "\0", "_"])
def test_words_that_find_nothing_are_no_error(client, words):
    assert get(client, "/search", words=words)["hits"] == []


def test_it_is_told_in_which_space_words_are_looked_for(client, joint_collection, start_server):
    assert get(client, "/search", words="red")["stats"]["words"] == "classes"
    assert get(client, "/search", q="colour:red")["stats"]["words"] is None
    with (
        lookalike.Collection.open(joint_collection) as photos,
        start_server(create_app(photos)) as url,
        httpx.Client(base_url=url) as joint,
    ):
        assert get(joint, "/status")["word_search"] == "the joint space of colours-and-words"
        assert get(joint, "/search", words="red")["stats"]["words"] == "joint"


def test_words_are_never_commands(client):
    for words in ("'; DROP TABLE photos; --", "NEAR("):
        get(client, "/search", words=words)
    assert get(client, "/photos")["total"] > 100


@pytest.mark.parametrize(
    "line",
    [
        "flowers",
        "flowers  -red 2:colour:teal@30%",
        "photo:7 -photo:9 dial:colour=1",
        "photo:7[0.1,0.1,0.5,0.5] flowers",
        "photo:7[0,0,0.0001,0.0001]",
        "style:minimalist order:quality",
        "megapixels>0.02 noise<90 exposure>0.2",
        "#floral -colour:red cut:yes",
        "auto:label=",
    ],
)
def test_a_query_is_answered_as_the_library_answers_it(client, demo_collection, line):
    answer = get(client, "/search", q=line, k=7)
    with lookalike.Collection.open(demo_collection) as photos:
        expected = photos.search(line, k=7)
    assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in expected]
    for hit, hit_there in zip(answer["hits"], expected, strict=True):
        assert hit["score"] == pytest.approx(hit_there.score, abs=1e-5)
        assert hit["parts"] == pytest.approx(dict(hit_there.parts), abs=1e-5)
    assert answer["n_good"] == expected.n_good
    assert answer["query"]["kind"] == "query"
    assert answer["query"]["query"] == print_query(parse(line))
    assert " ".join(item["text"] for item in answer["query"]["items"]) == answer["query"]["query"]


def test_a_query_is_told_item_by_item(client):
    items = get(client, "/search", q='flowers -"red car" 2:colour:gray@30% style:minimalist since:1500')["query"][
        "items"
    ]
    assert [(item["kind"], item["weight"], item["hex"]) for item in items] == [
        ("word", 1, None),
        ("phrase", -1, None),
        ("colour", 2, hex_of("grey")),
        ("style", 1, None),
        ("filter", None, None),
    ]


def test_pages_of_a_query_are_the_whole(client):
    whole = get(client, "/search", q="flowers colour:teal", k=100)["hits"]
    pages, offset = [], 0
    while len(pages) < 100:
        page = get(client, "/search", q="flowers colour:teal", k=30, offset=offset)
        pages += page["hits"]
        offset = page["next_offset"]
    assert pages[:100] == whole


def test_distinct_hits_name_what_they_stand_for(odd):
    every = get(odd.client, "/search", q="quality>=0", k=100)["hits"]
    distinct = get(odd.client, "/search", q="quality>=0", k=100, distinct=True)["hits"]
    named = [photo_id for hit in distinct for photo_id in [hit["id"], *hit["others"]]]
    assert sorted(named) == sorted(hit["id"] for hit in every)
    assert all(hit["others"] == [] for hit in every)


@pytest.mark.parametrize(
    ("line", "position"),
    [
        ("boat near:here", 5),
        ("since:soon", 0),
        ("photo:0", 0),
        ("photo:9999999999999999999999", 0),
        ("quality>2", 0),
        ("dial:content=9", 0),
        ("boat -colour:blurple", 5),
        ("a red style:baroque", 6),
    ],
)
def test_a_wrong_key_is_refused_with_its_place(client, line, position):
    answer = client.get("/api/v1/search", params={"q": line})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["position"]) == (422, "wrong_query", position)
    assert f"character {position + 1}" in error["message"]


@pytest.mark.parametrize("line", ["photo:/etc/passwd", 'photo:"7"', "photo:~/.ssh/id_rsa", "-photo:none.jpg boat"])
def test_a_query_leads_to_no_file_of_the_server(client, line):
    answer = client.get("/api/v1/search", params={"q": line})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "wrong_query")
    assert "uploads" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("line", "status"), [("photo:9999", 404), ("near:photo:9999", 404), ("near:photo:7", 422)])
def test_a_photo_of_a_query_must_be_there_and_have_what_is_asked(client, line, status):
    assert client.get("/api/v1/search", params={"q": line}).status_code == status


def test_an_unknown_colour_or_style_is_told_with_those_that_are(client):
    for line, known in (("colour:blurple", "purple"), ("style:baroque", "minimalist")):
        answer = client.get("/api/v1/search", params={"q": line})
        assert answer.status_code == 422
        assert known in answer.json()["error"]["message"]
    assert (
        "Did you mean 'teal'?" in client.get("/api/v1/search", params={"q": "colour:tael"}).json()["error"]["message"]
    )


def test_query_and_words_exclude_each_other(client):
    for parameters in ({}, {"q": "boat", "words": "boat"}):
        answer = client.get("/api/v1/search", params=parameters)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_argument")


def test_a_query_goes_on_with_words_and_tags_of_the_collection(client):
    suggestions = get(client, "/complete", q="red -2:flor")["suggestions"]
    found = {(one["kind"], one["query"]) for one in suggestions}
    assert ("tag", "red -2:#floral") in found
    assert ("word", "red -2:floral") in found
    for one in suggestions:  # each is a query that the language reads
        assert print_query(parse(one["query"]))
    assert get(client, "/complete", q="flroal")["suggestions"][0]["n_edits"] == 1
    assert get(client, "/complete", q="auto:lab")["suggestions"][0]["query"] == "auto:label="
    assert len(get(client, "/complete", q="a", limit=2)["suggestions"]) == 2
    for typed in ("", " ", "boat ", "\0", '"', "%", "_", "\ufffd", "a" * 1000):
        get(client, "/complete", q=typed)


def test_a_query_goes_on_with_keys_and_their_values(client):
    def found(typed):
        return [one["query"] for one in get(client, "/complete", q=typed)["suggestions"] if one["kind"] == "key"]

    assert found("boat -colo") == ["boat -colour:"]
    assert found("style:b") == ['style:"black and white"']
    assert found("boat colour:tael")[0] == "boat colour:teal"
    assert found("nsf") == ["nsfw<"]
    for typed in ("style:", "colour:", "season:", "order:", "orientation:", "cut:"):
        for query in found(typed):
            get(client, "/search", q=query)


def test_tags_of_several_words_are_completed_so_that_they_are_read_back(client):
    (one,) = [one for one in get(client, "/complete", q="themetrop")["suggestions"] if one["kind"] == "tag"]
    (term,) = parse(one["query"]).terms
    assert term.tag == one["text"] == "The Metropolitan Museum of Art"


@pytest.fixture(scope="module")
def remembering(demo_photos, tmp_path_factory, start_server):
    path = tmp_path_factory.mktemp("remembering") / "c"
    with lookalike.Collection.open(path, encoder="efficientnet-lite0", nsfw=False) as photos:
        photos.add(*sorted(demo_photos.rglob("*.webp"))[:4], n_workers=1)
        with start_server(create_app(photos, remember=True)) as url, httpx.Client(base_url=url, timeout=60) as client:
            yield client


def past(client, typed):
    return [one["text"] for one in get(client, "/complete", q=typed)["suggestions"] if one["kind"] == "query"]


def test_a_query_that_found_something_is_suggested_later(remembering):
    get(remembering, "/search", q="quality>0 orientation:portrait")
    get(remembering, "/search", q="quality>0.9999 since:2900")  # nothing is found
    get(remembering, "/search", q="quality>0.1", offset=1)  # the next page of it
    assert past(remembering, "qual") == ["quality>0 orientation:portrait"]
    assert past(remembering, "quality>0 orient") == ["quality>0 orientation:portrait"]


def test_what_pages_of_other_sites_ask_is_not_remembered(remembering):
    for site, kept in (("cross-site", False), ("same-site", False), ("same-origin", True)):
        query = f"quality>0.01 -{site}"
        answer = remembering.get("/api/v1/search", params={"q": query}, headers={"Sec-Fetch-Site": site})
        assert answer.json()["hits"]
        assert (query in past(remembering, "quality>0.01")) == kept


def test_nothing_is_remembered_unless_the_server_is_made_so(client):
    get(client, "/search", q="quality>0.02")
    assert past(client, "quality>0.02") == []


def test_what_is_not_said_to_be_json_is_refused(client):
    for media_type in ("text/plain", "application/x-www-form-urlencoded"):
        answer = client.post("/api/v1/search", content=b'{"q": "boat"}', headers={"Content-Type": media_type})
        assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")


def test_a_query_an_upload_and_a_vector_are_mixed(client, demo_photos):
    def found(**asked):
        answer = client.post("/api/v1/search", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    vector = client.get("/api/v1/photos/7/embedding").json()["embedding"]
    assert sum(value * value for value in vector) == pytest.approx(1, abs=1e-4)
    alone = found(vector=vector, k=3)
    assert alone["hits"][0]["id"] == 7
    assert alone["query"]["kind"] == "vector"
    assert found(vector=vector, k=2, offset=1)["hits"] == alone["hits"][1:]
    assert (
        found(q="photo:7", k=3)["hits"] == client.get("/api/v1/search", params={"q": "photo:7", "k": 3}).json()["hits"]
    )
    data = sorted(demo_photos.glob("*/*.webp"))[0].read_bytes()
    upload = client.post("/api/v1/uploads", content=data).json()["id"]
    of_upload = found(upload=upload, k=3)
    assert of_upload["hits"] == client.get(f"/api/v1/uploads/{upload}/similar", params={"k": 3}).json()["hits"]
    assert (of_upload["query"]["kind"], of_upload["query"]["upload"]) == ("upload", upload)
    mixed = found(q="colour:teal", upload=upload, vector=vector, exact=True, k=3)
    assert len(mixed["hits"][0]["parts"]) == 3
    assert mixed["stats"]["method"] == "exact"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("{}", 422, "at least one"),
        ('{"vector": []}', 422, "shape"),
        ('{"vector": [1, 2]}', 422, "shape"),
        ('{"vector": [NaN]}', 422, "vector.0"),
        ('{"vector": [1e999]}', 422, "vector.0"),
        ('{"vector": ["1"]}', 422, "vector.0"),
        ('{"vector": [[1]]}', 422, "vector.0"),
        ('{"vector": 7}', 422, "vector"),
        (f'{{"vector": [{", ".join(["0"] * 1280)}]}}', 422, "zero"),
        (f'{{"vector": [{", ".join(["0"] * 65537)}]}}', 422, "vector"),
        ('{"q": ""}', 422, "q"),
        ('{"q": "photo:x.jpg"}', 422, "/api/v1/uploads"),
        ('{"q": "a\\u0000b", "k": 0}', 422, "k"),
        ('{"q": "x", "k": true}', 422, "k"),
        ('{"q": "x", "more": 1}', 422, "more"),
        ('{"upload": "x"}', 422, "upload"),
        (f'{{"upload": "{"0" * 32}"}}', 404, "Send it again"),
        ("[", 422, "no JSON"),
    ],
)
def test_a_mixed_query_that_is_wrong_is_told(client, body, status, said):
    answer = client.post("/api/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]["message"]


def test_where_photos_are_not_judged_lists_say_null(remembering):
    assert {photo["nsfw"] for photo in get(remembering, "/photos")["photos"]} == {None}
