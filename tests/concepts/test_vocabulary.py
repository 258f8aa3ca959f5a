"""The names are ImageNet's, each has its place, and the file is whole."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.concepts import confidences, imagenet, tags
from lookalike.encoders import load_encoder
from lookalike.errors import InvalidArgumentError

WORDS = imagenet()


def test_there_are_a_thousand_classes_and_every_name_is_unique() -> None:
    assert WORDS.n_classes == 1000
    assert len(WORDS.names) == len(WORDS.synonyms) == len(WORDS.parents) == len(WORDS.members) > 1150
    assert len({name.casefold() for name in WORDS.names}) == len(WORDS.names)
    assert all(text == text.strip() and text for words in (WORDS.names, *WORDS.synonyms) for text in words)


def test_no_term_is_above_itself() -> None:
    for number in range(len(WORDS.names)):
        assert number not in WORDS.ancestors(number)


def test_a_broader_term_stands_for_all_that_a_narrower_one_does() -> None:
    for number, parents in enumerate(WORDS.parents):
        for parent in parents:
            assert WORDS.members[parent][WORDS.members[number]].all()


def test_every_term_stands_for_something() -> None:
    assert WORDS.members.any(axis=1).all()
    np.testing.assert_array_equal(WORDS.members[:1000], np.eye(1000, dtype=bool))


@pytest.mark.parametrize(
    ("name", "above"),
    [
        ("golden retriever", ["retriever", "gun dog", "hunting dog", "dog", "mammal", "animal"]),
        ("great white shark", ["shark", "fish", "animal"]),
        ("taxi", ["car", "motor vehicle", "vehicle"]),
        ("grand piano", ["piano", "keyboard instrument", "musical instrument"]),
        ("Granny Smith apple", ["fruit", "food"]),
        ("church", ["place of worship", "building", "structure"]),
    ],
)
def test_chains_of_broader_terms(name: str, above: list[str]) -> None:
    assert [WORDS.names[number] for number in WORDS.ancestors(WORDS.number(name))] == above


def test_terms_are_found_by_synonym_and_without_capitals() -> None:
    assert WORDS.names[WORDS.number("TRUCK")] == "truck"
    assert WORDS.names[WORDS.number("automobile")] == "car"
    assert WORDS.names[WORDS.number("ladybug")] == "ladybird"
    for name in ("", "unicorn", "\0", "\ud800", "a" * 100_000):
        with pytest.raises(InvalidArgumentError, match="there is no label"):
            WORDS.number(name)


def test_phrases_hold_the_name_first_and_the_terms_above_last() -> None:
    phrases = WORDS.phrases()
    assert len(phrases) == 1000
    assert phrases[207][0] == "golden retriever"
    assert phrases[207][-1] == "animal"


@pytest.mark.parametrize(
    ("file", "label", "broad"),
    [
        ("nasa-s90-48650", "space shuttle", "vehicle"),
        ("nasa-s81-30746", "space shuttle", "spacecraft"),
        ("nmk-353", "jug", "container"),
    ],
)
def test_known_photos_get_known_labels(file: str, label: str, broad: str, demo_photos: Path) -> None:
    with Image.open(next(demo_photos.rglob(f"{file}.webp"))) as photo:
        logits = load_encoder().encode([photo.convert("RGB")], outputs=("logits",)).logits
    assert logits is not None
    found = [name for name, _ in tags(logits[0])]
    assert label in found
    assert broad in found
    assert found.index(label) < found.index(broad)
    assert confidences(logits).max() > 0.3
