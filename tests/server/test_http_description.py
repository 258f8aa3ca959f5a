"""The OpenAPI description and the reference page tell the truth about the routes."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lookalike.server

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "http.md"


@pytest.fixture(scope="session")
def description(client):
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def operations(description):
    return {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def sections() -> dict[str, str]:
    parts = re.split(r"^### `(.+)`$", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_route_is_documented_and_nothing_else(description):
    assert set(sections()) == set(operations(description))


def test_every_parameter_is_documented_with_its_route(description):
    documented = sections()
    for name, operation in operations(description).items():
        for parameter in operation.get("parameters", []):
            text = name if parameter["in"] == "path" else documented[name]
            assert parameter["name"] in text, f"{name}: {parameter['name']}"


def test_every_error_code_is_documented():
    # Wherever the server writes one, its status stands before it: Refusal(404, "not_found", ...).
    written = re.compile(r'\b([45]\d\d),\s+"([a-z_]+)"')
    modules = Path(lookalike.server.__file__).parent.glob("*.py")
    codes = {pair for module in modules for pair in written.findall(module.read_text(encoding="utf-8"))}
    assert len(codes) >= 14
    rows = re.findall(r"^\| ([45]\d\d) \| (.+?) \|", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    documented = {(status, code) for status, row in rows for code in re.findall(r"`(\w+)`", row)}
    assert documented == codes


def test_every_object_has_a_name_of_its_own(description):
    assert [name for name in description["components"]["schemas"] if "__" in name] == [], "two objects of one name"


def test_every_name_of_every_object_is_documented(description):
    text = REFERENCE.read_text(encoding="utf-8")
    for name, schema in description["components"]["schemas"].items():
        for field in schema["properties"]:
            assert f"`{field}`" in text or f'"{field}"' in text, f"{name}.{field}"


def test_every_error_is_described_in_the_one_shape(description):
    for name, operation in operations(description).items():
        for status, response in operation["responses"].items():
            if status >= "400":
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorMessage"}, f"{name} {status}"
    assert "HTTPValidationError" not in str(operations(description))


def test_nothing_is_loaded_from_other_hosts(client):
    for path in ("/docs", "/redoc", "/api/v1/docs"):
        assert client.get(path).status_code == 404


ITEMS = [
    *("boat", "-rain", "2:red", '"a phrase', "photo:7", "-photo:9", "photo:9999", "photo:7[0,0,.5,.5]", "photo:x.jpg"),
    *(
        "colour:teal",
        "colour:#fff@200%",
        "colour:",
        "style:minimalist",
        "style:x",
        "#floral",
        "tag:",
        "*:*=",
        "exif:*=",
    ),
    *("since:2019", "until:soon", "on:13-45", "near:1,2", "near:photo:7", "nsfw<.5", "megapixels>0.1", "noise<1"),
    *(
        "quality>nan",
        "dial:colour=1",
        "order:time",
        "order:quality",
        "cut:yes",
        "folder:/",
        "format:webp",
        "season:fall",
    ),
]
QUERIES = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(ITEMS), max_size=5).map(" ".join))


@st.composite
def requests(draw):
    """A route and parameters: mostly right ones, each now and then replaced by anything."""
    whole = st.integers(-5, 2000)
    anything = st.one_of(st.text(max_size=20), st.integers(), st.floats(), st.just(""))
    number = st.one_of(whole, anything)
    path, names = draw(
        st.sampled_from(
            [
                ("/photos", {"limit": number, "cursor": number}),
                ("/photos/{}", {}),
                ("/photos/{}/thumbnail", {"v": st.text("0123456789abcdef", max_size=70)}),
                ("/photos/{}/image", {}),
                ("/photos/{}/similar", {"k": number, "offset": number}),
                ("/search", {"words": st.text(max_size=30), "k": number, "offset": number}),
                ("/tags", {"prefix": st.text(max_size=30), "limit": number, "offset": number}),
                ("/photos/{}/tags", {}),
                ("/photos/{}/embedding", {}),
                ("/uploads/{}/suggestions", {"k": number}),
                ("/filters", {}),
                ("/evaluations/scores", {"name": st.text(max_size=12) | st.just("nsfw"), "yes": st.text(max_size=12)}),
                (
                    "/machine-tags",
                    {
                        "pattern": st.one_of(st.text(max_size=30), st.sampled_from(["auto:*=", "*:*=dog", "a:b=c"])),
                        "list": st.one_of(st.text(max_size=9), st.sampled_from(["pairs", "values", "namespaces"])),
                        "since": st.one_of(st.text(max_size=9), st.just("2026")),
                        "limit": number,
                    },
                ),
                ("/search", {"q": QUERIES, "k": number, "offset": number, "distinct": anything}),
                ("/complete", {"q": QUERIES, "limit": number}),
                ("/photos/{}/units", {"k": number}),
                ("/units/{}/photos", {"k": number}),
                ("/uploads/{}/similar", {"k": number, "offset": number}),
                ("/uploads/{}/thumbnail", {}),
            ]
        )
    )
    subject = draw(st.one_of(st.integers(1, 160), anything))
    parameters = draw(st.fixed_dictionaries({}, optional=names))
    return path.replace("{}", "{subject}"), subject, parameters


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=requests())
def test_whatever_is_asked_the_answer_is_one_that_is_described(client, description, asked):
    path, subject, parameters = asked
    segment = quote(str(subject), safe="")
    answer = client.get("/api/v1" + path.replace("{subject}", segment), params=parameters)
    if answer.status_code == 404 and answer.json()["error"]["code"] == "not_found":
        return  # a slash in the text made it another address
    kind = next(
        (kind for kind in ("upload_id", "unit") if path.startswith(f"/{kind.removesuffix('_id')}s/")), "photo_id"
    )
    name = "GET /api/v1" + path.replace("{subject}", f"{{{kind}}}")
    if f"GET {answer.request.url.path}" in operations(description):
        name = f"GET {answer.request.url.path}"  # without a subject it is a list
    assert str(answer.status_code) in operations(description)[name]["responses"], f"{answer.request.url}: {answer.text}"
    assert answer.status_code < 500
    if answer.headers["content-type"] == "application/json":
        assert "NaN" not in answer.text
