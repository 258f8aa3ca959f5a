"""Colours: there and back, what is black, and names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.appearance import COLOUR_NAMES, colour_named, named_colour, oklab_distances, oklab_of, srgb_of
from lookalike.errors import InvalidArgumentError

byte = st.integers(0, 255)


@given(st.lists(st.tuples(byte, byte, byte), min_size=1, max_size=20))
def test_every_colour_comes_back_as_it_was(colours: list[tuple[int, int, int]]) -> None:
    rgb = np.array(colours, dtype=np.uint8)
    assert np.array_equal(srgb_of(oklab_of(rgb)), rgb)


@given(byte)
def test_greys_have_no_chroma(level: int) -> None:
    assert np.abs(oklab_of([level] * 3)[1:]).max() < 1e-4


@pytest.mark.parametrize(
    ("rgb", "lab"),  # Ottosson's page gives these for XYZ; here for the primaries, by his own code
    [((255, 255, 255), (1, 0, 0)), ((255, 0, 0), (0.628, 0.225, 0.126)), ((0, 0, 255), (0.452, -0.032, -0.312))],
)
def test_known_colours_lie_where_they_should(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    assert np.allclose(oklab_of(rgb), lab, atol=1e-3)


@given(st.tuples(byte, byte, byte), st.tuples(byte, byte, byte))
def test_distances_are_symmetric_and_at_most_a_little_above_one(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    distance = oklab_distances(oklab_of(a), oklab_of(b))
    assert distance == oklab_distances(oklab_of(b), oklab_of(a))
    assert (distance == 0) == (a == b)
    assert distance < 1.1


def test_greys_are_called_by_no_hue() -> None:
    called = [named_colour(oklab_of(np.array([level] * 3, np.uint8))) for level in range(256)]
    assert list(dict.fromkeys(called)) == ["black", "charcoal", "grey", "silver", "white"]


@pytest.mark.parametrize(
    ("code", "name"), [("#419dc3", "sky"), ("#fbd3f5", "lavender"), ("#144c7b", "navy"), ("#6adcd4", "turquoise")]
)
def test_hue_names_a_colour_more_than_lightness(code: str, name: str) -> None:
    assert named_colour(colour_named(code)) == name


@pytest.mark.parametrize("name", COLOUR_NAMES)
def test_a_named_colour_is_called_by_its_name(name: str) -> None:
    assert named_colour(colour_named(name)) == name
    assert np.array_equal(colour_named(COLOUR_NAMES[name].upper()), colour_named(f" {name.upper()} "))


def test_short_hex_and_other_spellings_are_understood() -> None:
    assert np.array_equal(colour_named("#f00"), colour_named("#ff0000"))
    for name, other in (
        ("gray", "grey"),
        ("lightgreen", "light green"),
        ("DarkGrey", "charcoal"),
        ("lilac", "lavender"),
    ):
        assert np.array_equal(colour_named(name), colour_named(other))


@pytest.mark.parametrize("name", [name for name in COLOUR_NAMES if name not in ("black", "white")])
def test_every_colour_has_a_dark_and_a_light_one(name: str) -> None:
    dark, itself, light = (colour_named(f"{shade}{name}") for shade in ("dark ", "", "light-"))
    assert dark[0] < itself[0] < light[0]
    for other in (dark, light):  # of about the same hue, where it has one
        chroma = float(np.linalg.norm(itself[1:])), float(np.linalg.norm(other[1:]))
        if chroma[0] > 0.05 and name != "grey":
            assert itself[1:] @ other[1:] > 0.85 * chroma[0] * chroma[1]


@given(st.text(max_size=30))
def test_whatever_is_no_colour_is_refused(text: str) -> None:
    try:
        lab = colour_named(text)
    except InvalidArgumentError:
        return
    assert lab.shape == (3,)


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(InvalidArgumentError, match="Did you mean 'turquoise'"):
        colour_named("turqoise")
