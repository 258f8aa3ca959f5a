"""A heat map lies where the network looked, and its colours say what the numbers say."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import InvalidArgumentError
from lookalike.explore.heat import _colours, heat_over, heat_overlay


def test_a_cell_has_its_own_colour_at_its_centre() -> None:
    heat = np.array([[0.0, 1.0], [0.5, 0.0]])
    pixels = np.asarray(heat_overlay(heat, (101, 101)))
    for (row, column), value in np.ndenumerate(heat):
        centre = pixels[25 + 50 * row, 25 + 50 * column]
        np.testing.assert_allclose(centre, _colours()[0][round(value * 255)], atol=8)


def test_outside_of_what_the_network_saw_there_is_no_colour() -> None:
    overlay = heat_overlay(np.ones((9, 9)), (200, 100), box=(0.25, 0.1, 0.75, 0.9))
    alpha = np.asarray(overlay)[..., 3]
    assert overlay.mode == "RGBA"
    assert overlay.size == (200, 100)
    assert (alpha[10:90, 50:150] > 0).all()
    alpha = alpha.copy()
    alpha[10:90, 50:150] = 0
    assert not alpha.any()


def test_a_map_of_zeros_has_no_colour() -> None:
    assert not np.asarray(heat_overlay(np.zeros((3, 3)), (20, 20)))[..., 3].any()


def test_hotter_is_lighter_and_never_more_transparent() -> None:
    table = _colours()[0].astype(float)
    lightness = table[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -1.5).all()
    assert lightness[-1] > lightness[128] > lightness[1]
    assert (np.diff(table[:, 3]) >= 0).all()


def test_what_speaks_against_the_likeness_is_blue_and_what_speaks_for_it_is_not() -> None:
    pixels = np.asarray(heat_overlay(np.array([[-1.0, 1.0]]), (100, 50))).astype(int)
    assert pixels[25, 5, 2] > pixels[25, 5, 0]
    assert pixels[25, 95, 0] > pixels[25, 95, 2]


def test_one_scale_makes_maps_comparable() -> None:
    weak = np.asarray(heat_overlay(np.full((2, 2), 0.1), (10, 10), top=1.0))
    strong = np.asarray(heat_overlay(np.full((2, 2), 2.0), (10, 10), top=1.0))
    assert weak[5, 5, 3] < strong[5, 5, 3]
    np.testing.assert_array_equal(strong[5, 5], _colours()[0][255])


def test_a_photo_under_heat_keeps_its_size_and_mode() -> None:
    photo = Image.new("RGB", (37, 21), (10, 200, 30))
    out = heat_over(photo, np.eye(4), box=(0.2, 0, 0.8, 1))
    assert (out.size, out.mode) == (photo.size, "RGB")
    for size in ((1, 1), (1, 40), (40, 1)):
        assert heat_over(Image.new("RGB", size), np.ones((1, 1))).size == size


@pytest.mark.parametrize(
    ("heat", "size", "box", "top"),
    [
        (np.ones(3), (10, 10), (0, 0, 1, 1), None),
        (np.ones((0, 3)), (10, 10), (0, 0, 1, 1), None),
        (np.array([[np.nan]]), (10, 10), (0, 0, 1, 1), None),
        (np.ones((2, 2)), (0, 10), (0, 0, 1, 1), None),
        (np.ones((2, 2)), (10**6, 10**6), (0, 0, 1, 1), None),
        (np.ones((2, 2)), (10, 10), (0.5, 0, 0.5, 1), None),
        (np.ones((2, 2)), (10, 10), (-1, 0, 1, 1), None),
        (np.ones((2, 2)), (10, 10), (0, 0, 1, 1), float("nan")),
        (np.ones((2, 2)), (10, 10), (0, 0, 1, 1), -1.0),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    heat: object, size: tuple[int, int], box: tuple[float, float, float, float], top: float | None
) -> None:
    with pytest.raises(InvalidArgumentError):
        heat_overlay(heat, size, box=box, top=top)  # type: ignore[arg-type]
