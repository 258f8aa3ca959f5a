"""Encoders `timm:NAME`: any image model of the timm library, the vector before its classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lookalike.encoders.card import EncoderCard, Fit
from lookalike.encoders.encoder import Output
from lookalike.encoders.torch_encoder import (
    TorchEncoder,
    import_extra,
    load_checkpoint,
    split_checkpoint,
    square_side,
    weights_sha256,
)
from lookalike.errors import EncoderError, UnknownEncoderError

__all__ = ["load_timm"]


_FITS: dict[str, Fit] = {"center": "crop", "squash": "squash"}


def load_timm(name: str, *, n_threads: int = 1) -> TorchEncoder:
    """Load a timm model.

    Parameters
    ----------
    name
        timm's own name (``resnet50.a1_in1k``), whose weights timm fetches from its hub and keeps; or
        ``NAME@path/to/checkpoint.safetensors`` for weights on disk.
    n_threads
        As `TorchEncoder`.

    Raises
    ------
    UnknownEncoderError
        If timm is not installed or knows no such model.
    EncoderError
        If the weights cannot be fetched or read, or the model's preprocessing is not one of ours.
    """
    timm = import_extra("timm", "timm")
    model_name, checkpoint = split_checkpoint(name)
    if not model_name.startswith("hf-hub:") and not timm.is_model(model_name):
        raise UnknownEncoderError(f"timm knows no model {model_name!r}. `timm.list_models()` lists the names.")
    try:
        model = timm.create_model(model_name, pretrained=checkpoint is None)
    except Exception as error:  # the hub fails with many kinds of exception
        raise EncoderError(
            f"the weights of timm:{model_name} cannot be fetched: {error}. Connect to the network once, or give a "
            f"file: `timm:{model_name}@path/to/checkpoint.safetensors`."
        ) from error
    if checkpoint is not None:
        load_checkpoint(model, checkpoint)
    model.eval()

    data = timm.data.resolve_model_data_config(model)
    if data["crop_mode"] not in _FITS:
        raise EncoderError(f"timm:{model_name} fits pictures by {data['crop_mode']!r}; known are {', '.join(_FITS)}.")
    config = model.pretrained_cfg
    card = EncoderCard(
        name=f"timm:{model_name}",
        version=timm.__version__,
        precision="fp32",
        weights_sha256=weights_sha256(model),
        dim=model.head_hidden_size,
        input_size=square_side(data["input_size"][1:], f"timm:{model_name}"),
        crop=data["crop_pct"],
        fit=_FITS[data["crop_mode"]],
        interpolation=data["interpolation"],
        mean=tuple(255 * value for value in data["mean"]),
        std=tuple(255 * value for value in data["std"]),
        licence=config.get("license") or "unknown",
        source=str(checkpoint or config.get("hf_hub_id") or config.get("url") or "timm"),
    )

    def forward(batch: Any) -> Mapping[Output, Any]:  # noqa: ANN401
        features = model.forward_features(batch)
        results: dict[Output, Any] = {"embedding": model.forward_head(features, pre_logits=True)}
        if model.num_classes:
            results["logits"] = model.forward_head(features)
        if features.ndim == 4 and features.shape[1] == model.num_features:  # (n, c, h, w); tokens are no map
            results["feature_map"] = features
        return results

    return TorchEncoder(card, forward, n_threads=n_threads)
