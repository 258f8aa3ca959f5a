"""What embeddings add to two styles, for the encoders that have probes."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.appearance import MEASURES, STYLES, measure, style_probes
from lookalike.encoders.card import Precision
from lookalike.encoders.packaged import PACKAGED, packaged_card
from lookalike.errors import InvalidArgumentError

LITE2 = packaged_card("efficientnet-lite2", "int8")
HEEDED = {"shallow_depth_of_field", "patterns"}


def picture(seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((480, 360), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("name", PACKAGED)
def test_every_packaged_encoder_has_probes(name: str, precision: Precision) -> None:
    card = packaged_card(name, precision)
    probes = style_probes(card.fingerprint)
    assert set(probes) == HEEDED, "fit them: python -m benchmarks.style_weights"
    for key, probe in probes.items():
        assert probe.embedding.shape == (card.dim,)
        assert len(probe.statistics) == len(STYLES[key].weights)
        assert np.isfinite([probe.constant, *probe.statistics, *probe.embedding]).all()


def test_an_embedding_moves_the_styles_that_have_a_probe_and_nothing_else() -> None:
    alone = measure(picture())
    for key, probe in style_probes(LITE2.fingerprint).items():
        towards = (probe.embedding / np.linalg.norm(probe.embedding)).astype(np.float32)
        more = measure(picture(), embedding=towards, encoder=LITE2.fingerprint)
        less = measure(picture(), embedding=-towards, encoder=LITE2.fingerprint)
        assert more[key] > less[key]
        for name in set(MEASURES) - HEEDED:
            assert more[name] == less[name] == alone[name], name


def test_an_encoder_without_probes_leaves_styles_to_statistics() -> None:
    alone = measure(picture())
    embedding = np.eye(1, 512, dtype=np.float32)[0]
    assert measure(picture(), embedding=embedding, encoder="0" * 64).measures.tobytes() == alone.measures.tobytes()
    assert measure(picture(), encoder=LITE2.fingerprint).measures.tobytes() == alone.measures.tobytes()


def test_an_embedding_of_another_dimension_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"\(512,\), expected \(1280,\)"):
        measure(picture(), embedding=np.eye(1, 512)[0], encoder=LITE2.fingerprint)


def test_the_network_knows_nebulae_and_haze_from_a_ground_out_of_focus(
    demo_photos: Path, demo_collection: Path
) -> None:
    """None of the demo's pictures has shallow depth of field."""
    threshold = STYLES["shallow_depth_of_field"].threshold
    with lookalike.Collection.open(demo_collection) as photos:
        told = [photos.seen(int(photo_id)).measures["shallow_depth_of_field"] for photo_id in photos.ids()]
        files = [photos.file(int(photo_id)) for photo_id in photos.ids()]
    with_network = sum(score >= threshold for score in told)
    alone = sum(measure(Image.open(path).convert("RGB"))["shallow_depth_of_field"] >= threshold for path in files)
    assert len(files) == len(list(demo_photos.rglob("*.webp")))
    assert with_network <= 2 < 10 <= alone, f"{with_network} of {len(files)} with the network, {alone} without"
