"""timm and OpenCLIP: what is loaded is the file that was named, and what cannot be loaded says what to do."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders import load_encoder
from lookalike.errors import EncoderError, InvalidArgumentError, UnknownEncoderError


@pytest.fixture
def resnet(torch_frameworks: None, tmp_path: Path) -> tuple[Any, Path]:
    """A small random model, and the file that it was saved to."""
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(7)
    model = timm.create_model("test_resnet").eval()
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    return model, tmp_path / "model.safetensors"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub: it gives up at once instead of after its retries."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def test_timm_sees_what_timms_own_preprocessing_shows_it(resnet: tuple[Any, Path], pictures: list[Image.Image]) -> None:
    import timm
    import torch

    model, path = resnet
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    with torch.inference_mode():
        batch = torch.stack([transform(picture) for picture in pictures])
        expected = model.forward_head(model.forward_features(batch), pre_logits=True).numpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    embeddings = load_encoder(f"timm:test_resnet@{path}").encode(pictures).embeddings
    # Ours scales and crops in one step, so pixels differ by fractions of a pixel's place.
    assert (embeddings * expected).sum(axis=1).min() > 0.995


def test_the_card_says_which_weights(resnet: tuple[Any, Path]) -> None:
    import torch
    from safetensors.torch import save_file

    model, path = resnet
    first = load_encoder(f"timm:test_resnet@{path}").card
    assert first == load_encoder(f"timm:test_resnet@{path}").card
    with torch.no_grad():
        next(model.parameters())[0] += 1
    save_file(model.state_dict(), path)
    second = load_encoder(f"timm:test_resnet@{path}").card
    assert first.weights_sha256 != second.weights_sha256


def test_a_checkpoint_of_another_model_is_refused(resnet: tuple[Any, Path]) -> None:
    with pytest.raises(EncoderError, match="is not one of this model"):
        load_encoder(f"timm:test_vit@{resnet[1]}")


def test_a_damaged_or_missing_checkpoint_is_refused(torch_frameworks: None, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for _ in range(2):
        with pytest.raises(EncoderError, match="cannot be read"):
            load_encoder(f"timm:test_resnet@{path}")
        path.write_bytes(b"\x10\0\0\0\0\0\0\0not a header")


@pytest.mark.parametrize("name", ["timm:test_resnet@model.pth", "open_clip:ViT-B-32@model.pt"])
def test_a_checkpoint_that_could_run_code_is_refused(torch_frameworks: None, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="safetensors"):
        load_encoder(name)


@pytest.mark.parametrize("name", ["timm:no_such_model", "open_clip:no_such_model/openai", "open_clip:ViT-B-32"])
def test_an_unknown_model_is_refused(torch_frameworks: None, name: str) -> None:
    with pytest.raises(UnknownEncoderError, match=r"list_models|TAG"):
        load_encoder(name)


@pytest.mark.parametrize("name", ["timm:resnet18.a1_in1k", "open_clip:ViT-B-32/laion2b_s34b_b79k"])
def test_weights_that_cannot_be_fetched_say_how_to_go_on(
    torch_frameworks: None, offline: None, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EncoderError, match=r"cannot be fetched.*@path/to/checkpoint.safetensors"):
        load_encoder(name)


@pytest.mark.parametrize("name", ["timm:resnet18", "open_clip:ViT-B-32/openai"])
def test_a_missing_framework_says_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    family = name.partition(":")[0]
    real = importlib.import_module

    def without(module: str, package: str | None = None) -> ModuleType:
        if module == family:
            raise ModuleNotFoundError(f"No module named {module!r}")
        return real(module, package)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(UnknownEncoderError, match=rf"pip install 'lookalike\[{family}\]'"):
        load_encoder(name)


def test_a_framework_that_does_not_work_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(module: str) -> ModuleType:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(UnknownEncoderError, match=r"torchvision::nms.*force-reinstall"):
        load_encoder("timm:resnet18")
