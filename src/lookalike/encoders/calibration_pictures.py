"""The pictures that int8 quantization takes its ranges from and is checked on (see calibration/README.md)."""

from __future__ import annotations

from importlib import resources

from PIL import Image

__all__ = ["calibration_pictures", "retrieval_task"]


def calibration_pictures() -> list[Image.Image]:
    """Shipped pictures, RGB, in the order of their names."""
    pictures = []
    folder = resources.files("lookalike.encoders") / "calibration"
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".webp"):
            with entry.open("rb") as file, Image.open(file) as image:
                pictures.append(image.convert("RGB"))
    return pictures


def retrieval_task() -> tuple[list[Image.Image], list[int]]:
    """Make a small retrieval problem of the shipped pictures: the corners of one should find each other.

    Returns
    -------
    photos
        Corners, each 60 % of the width and height, RGB.
    labels
        The picture's number for each.
    """
    photos, labels = [], []
    for number, picture in enumerate(calibration_pictures()):
        right, bottom = picture.width - round(picture.width * 0.6), picture.height - round(picture.height * 0.6)
        for left, top in ((0, 0), (right, 0), (0, bottom), (right, bottom)):
            photos.append(picture.crop((left, top, left + picture.width - right, top + picture.height - bottom)))
            labels.append(number)
    return photos, labels
