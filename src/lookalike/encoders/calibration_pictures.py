"""The pictures that int8 quantization takes its ranges from; see calibration/README.md for what they are."""

from __future__ import annotations

from importlib import resources

from PIL import Image


def calibration_pictures() -> list[Image.Image]:
    """Shipped pictures, RGB, in the order of their names."""
    pictures = []
    folder = resources.files("lookalike.encoders") / "calibration"
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".webp"):
            with entry.open("rb") as file, Image.open(file) as image:
                pictures.append(image.convert("RGB"))
    return pictures
