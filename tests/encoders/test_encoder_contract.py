"""What every encoder keeps, whatever is inside: the contract of `ImageEncoder`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders import EncoderCard, ImageEncoder, load_encoder
from lookalike.errors import InvalidArgumentError

MODEL_CONFIG = """
{"embed_dim": 32,
 "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
 "text_cfg": {"context_length": 8, "vocab_size": 100, "width": 32, "heads": 2, "layers": 1}}
"""


def save_timm(folder: Path, name: str) -> str:
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    save_file(timm.create_model(name).state_dict(), folder / "model.safetensors")
    return f"timm:{name}@{folder / 'model.safetensors'}"


def save_open_clip(folder: Path) -> str:
    import open_clip
    import torch
    from safetensors.torch import save_file

    (folder / "lookalike-tiny.json").write_text(MODEL_CONFIG)
    open_clip.add_model_config(folder / "lookalike-tiny.json")
    torch.manual_seed(0)
    model = open_clip.create_model("lookalike-tiny", pretrained=None)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "clip.safetensors")
    return f"open_clip:lookalike-tiny@{folder / 'clip.safetensors'}"


NAMES = [
    "efficientnet-lite2 int8",
    "efficientnet-lite2 fp32",
    "efficientnet-lite0 int8",
    "efficientnet-lite0 fp32",
    "card float32",
    "card uint8 with a fixed batch",
    "timm convolutional",
    "timm transformer",
    "open_clip",
]


@pytest.fixture(params=NAMES)
def encoder(request: pytest.FixtureRequest, write_card: Callable[..., Path], tmp_path: Path) -> ImageEncoder:
    name: str = request.param
    if name.startswith("efficientnet"):
        name, precision = name.split()
        return load_encoder(name, precision=precision)  # type: ignore[arg-type]
    if name == "card float32":
        return load_encoder(str(write_card(more='logits = "scores"\nfeature_map = "map"')))
    if name.startswith("card uint8"):
        return load_encoder(str(write_card(uint8=True, batch=3, transform="sqrt", fit="squash")))
    request.getfixturevalue("torch_frameworks")
    if name.startswith("timm"):
        return load_encoder(save_timm(tmp_path, "test_resnet" if "conv" in name else "test_vit"))
    return load_encoder(save_open_clip(tmp_path))


Pictures = list[Image.Image]


def test_it_is_an_image_encoder_with_a_card_that_survives_json(encoder: ImageEncoder) -> None:
    assert isinstance(encoder, ImageEncoder)
    assert EncoderCard.from_json(encoder.card.to_json()) == encoder.card


def test_embeddings_are_float32_of_unit_length(encoder: ImageEncoder, pictures: Pictures) -> None:
    encoding = encoder.encode(pictures)
    assert encoding.embeddings.shape == (len(pictures), encoder.card.dim)
    assert encoding.embeddings.dtype == np.float32
    assert encoding.embeddings.flags.c_contiguous
    np.testing.assert_allclose(np.linalg.norm(encoding.embeddings, axis=1), 1, atol=1e-5)
    assert encoding.logits is None
    assert encoding.feature_maps is None


def test_the_same_pictures_give_the_same_bytes(encoder: ImageEncoder, pictures: Pictures) -> None:
    assert encoder.encode(pictures).embeddings.tobytes() == encoder.encode(pictures).embeddings.tobytes()


def test_a_batch_gives_what_single_pictures_give(encoder: ImageEncoder, pictures: Pictures) -> None:
    together = encoder.encode(pictures).embeddings
    alone = np.concatenate([encoder.encode([picture]).embeddings for picture in pictures])
    np.testing.assert_allclose(together, alone, atol=2e-5)


def test_different_pictures_have_different_embeddings(encoder: ImageEncoder, pictures: Pictures) -> None:
    embeddings = encoder.encode(pictures).embeddings
    assert (embeddings @ embeddings.T)[~np.eye(len(pictures), dtype=bool)].max() < 1 - 1e-6


def test_pictures_are_not_changed(encoder: ImageEncoder, pictures: Pictures) -> None:
    before = [picture.tobytes() for picture in pictures]
    encoder.encode(pictures)
    assert [picture.tobytes() for picture in pictures] == before


@pytest.mark.parametrize("size", [(1, 1), (5000, 10), (10, 5000), (2, 3), (4000, 3000)])
def test_any_size_is_encoded(encoder: ImageEncoder, size: tuple[int, int]) -> None:
    assert encoder.encode([Image.new("RGB", size, (200, 30, 90))]).embeddings.shape == (1, encoder.card.dim)


def test_nothing_is_encoded_to_nothing(encoder: ImageEncoder) -> None:
    assert encoder.encode([]).embeddings.shape == (0, encoder.card.dim)


def test_threads_get_what_one_thread_gets(encoder: ImageEncoder, pictures: Pictures) -> None:
    expected = encoder.encode(pictures).embeddings
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: encoder.encode(pictures).embeddings, range(8)))
    for result in results:
        np.testing.assert_allclose(result, expected, atol=2e-5)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P", "I;16"])
def test_pictures_that_are_not_rgb_are_refused(encoder: ImageEncoder, mode: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"images.1.. has mode '{mode}'"):
        encoder.encode([Image.new("RGB", (40, 40)), Image.new(mode, (40, 40))])


def test_an_unknown_output_is_refused(encoder: ImageEncoder, pictures: Pictures) -> None:
    outputs: Any = ("embedding", "colours")
    with pytest.raises(InvalidArgumentError, match="'colours'"):
        encoder.encode(pictures, outputs=outputs)


def test_outputs_are_given_when_asked_for_or_refused(
    encoder: ImageEncoder, pictures: Pictures, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["encoder"]
    plain = encoder.encode(pictures).embeddings
    if name.startswith(("efficientnet", "card float32", "timm conv")):
        encoding = encoder.encode(pictures, outputs=("logits", "feature_map"))
        assert encoding.logits is not None
        assert encoding.feature_maps is not None
        assert encoding.logits.shape[0] == encoding.feature_maps.shape[0] == len(pictures)
        assert (encoding.logits.ndim, encoding.feature_maps.ndim) == (2, 4)
        np.testing.assert_array_equal(encoding.embeddings, plain)
        assert encoder.encode(pictures, outputs=("logits",)).feature_maps is None
    else:
        with pytest.raises(InvalidArgumentError, match="feature_map"):
            encoder.encode(pictures, outputs=("feature_map",))
