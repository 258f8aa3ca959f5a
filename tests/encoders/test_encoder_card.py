"""A card is complete, canonical and checked."""

import dataclasses
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.encoders import EncoderCard
from lookalike.encoders.onnx_text import TextTable, read_text_table
from lookalike.encoders.packaged import packaged_card
from lookalike.errors import FormatError, InvalidArgumentError

CARD = packaged_card("efficientnet-lite2", "int8")


def test_a_card_survives_json() -> None:
    assert EncoderCard.from_json(CARD.to_json()) == CARD


def test_json_is_canonical() -> None:
    text = CARD.to_json()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def test_the_fingerprint_never_changes_for_the_same_card() -> None:
    # A golden value: collections on disk hold it. If this fails, they would all have to be encoded again.
    card = dataclasses.replace(CARD, version="1")
    assert card.fingerprint == "498af41fea0ce27715f5b58f2c6efeaabec5a47e22ae746ccb6b491e8762b098"


def test_every_field_is_part_of_the_fingerprint() -> None:
    changes: dict[str, Any] = {
        "name": "other",
        "version": "999",
        "precision": "fp32",
        "weights_sha256": "0" * 64,
        "dim": 1,
        "input_size": 1,
        "crop": 0.5,
        "interpolation": "box",
        "mean": (0, 0, 0),
        "std": (1, 1, 1),
        "licence": "other",
        "source": "other",
        "fit": "squash",
        "transform": "none",
        "labels": None,
    }
    assert set(changes) == {field.name for field in dataclasses.fields(EncoderCard)}
    fingerprints = {dataclasses.replace(CARD, **{field: value}).fingerprint for field, value in changes.items()}
    assert len(fingerprints | {CARD.fingerprint}) == len(changes) + 1


@given(st.integers(0, 255))
def test_equal_numbers_have_equal_fingerprints(value: int) -> None:
    as_int = dataclasses.replace(CARD, mean=(value, value, value))
    as_float = dataclasses.replace(CARD, mean=(float(value),) * 3)
    assert as_int.fingerprint == as_float.fingerprint


def test_min_side_is_what_the_crop_needs() -> None:
    assert CARD.min_side == 298
    assert dataclasses.replace(CARD, crop=1).min_side == 260


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("precision", "int4"),
        ("weights_sha256", "abc"),
        ("weights_sha256", "A" * 64),
        ("dim", 0),
        ("dim", True),
        ("input_size", 2.5),
        ("crop", 0),
        ("crop", 1.1),
        ("crop", float("nan")),
        ("interpolation", "magic"),
        ("fit", "stretch"),
        ("transform", "log"),
        ("mean", (1, 2)),
        ("std", (1, 1, 0)),
        ("std", (1, 1, float("inf"))),
        ("labels", 3),
    ],
)
def test_a_wrong_field_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError, match=f"`{field}`"):
        dataclasses.replace(CARD, **{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "not a table"),
        ("{}", "lacks fields"),
        (CARD.to_json().replace('"dim"', '"width"'), "unknown fields: width"),
        (CARD.to_json().replace('"dim":1280', '"dim":-1'), "`dim`"),
        (CARD.to_json().replace('"name":"efficientnet-lite2"', '"name":[1]'), "`name`"),
    ],
)
def test_json_that_is_no_card_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        EncoderCard.from_json(text)


def test_a_card_is_read_from_toml(write_card: Callable[..., Path]) -> None:
    card = EncoderCard.from_toml(write_card())
    assert (card.name, card.dim, card.input_size, card.mean) == ("colour-grid", 12, 32, (100.0, 100.0, 100.0))
    assert EncoderCard.from_json(card.to_json()) == card


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", "lacks one of its tables"), ("[card", "not TOML"), (b"\xff\xfe".decode("latin1"), "not TOML")],
)
def test_toml_that_is_no_card_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "card.toml"
    path.write_text(content, encoding="latin1")
    with pytest.raises(FormatError, match=reason):
        EncoderCard.from_toml(path)


def test_a_missing_card_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        EncoderCard.from_toml(tmp_path / "none.toml")


def test_the_documented_card_is_a_card() -> None:
    page = Path(__file__).parents[2] / "docs" / "formats" / "encoder-card.md"
    example = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    card = EncoderCard.from_tables(tomllib.loads(example), page)
    assert (card.name, card.dim) == ("my-encoder", 768)
    documented = {line.strip("| ").split("|")[0] for line in page.read_text(encoding="utf-8").splitlines()}
    table = read_text_table(tomllib.loads(example)["text"], page)
    assert table == TextTable(**{**tomllib.loads(example)["text"], "templates": ("{}", "a photo of a {}")})
    assert table.padding_id is not None, "the example shows every field"
    for field in (*dataclasses.fields(EncoderCard), *dataclasses.fields(TextTable)):
        name = "sha256" if field.name == "weights_sha256" else field.name
        assert any(f"`{name}`" in cell for cell in documented), f"{name} is missing from {page.name}"
