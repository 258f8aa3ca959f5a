"""Encoders `open_clip:NAME`: both sides of any CLIP model of the OpenCLIP library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.encoders.card import EncoderCard, Fit
from lookalike.encoders.encoder import Output
from lookalike.encoders.joint_text import JointTextEncoder
from lookalike.encoders.text import TextCard
from lookalike.encoders.torch_encoder import (
    TorchEncoder,
    import_extra,
    load_checkpoint,
    split_checkpoint,
    square_side,
    weights_sha256,
)
from lookalike.errors import EncoderError, UnknownEncoderError

__all__ = ["load_open_clip", "open_model"]


_FITS: dict[str, Fit] = {"shortest": "crop", "squash": "squash"}
_HUB = "hf-hub:"


def _split_tag(open_clip: Any, name: str) -> tuple[str, str | None]:  # noqa: ANN401
    # "ViT-B-32/laion2b_s34b_b79k" is a model and a set of weights; "hf-hub:owner/model" is both at once.
    if name.startswith(_HUB):
        return name, None
    model, slash, tag = name.partition("/")
    tags = open_clip.list_pretrained_tags_by_model(model)
    if not slash or tag not in tags:
        raise UnknownEncoderError(
            f"open_clip:{name} does not name weights that OpenCLIP knows. Write `open_clip:{model}/TAG`, TAG one of "
            f"{', '.join(tags) or '(there are none)'}; or `open_clip:{model}@path/to/checkpoint.safetensors`."
        )
    return model, tag


def load_open_clip(name: str, *, n_threads: int = 1) -> TorchEncoder:
    """Load an OpenCLIP model, whose text side has the same weights in memory.

    Parameters
    ----------
    name
        As `open_model`.
    n_threads
        As `TorchEncoder`.

    Raises
    ------
    UnknownEncoderError, EncoderError, InvalidArgumentError
        As `open_model`.
    """
    model, card, model_name = open_model(name)

    def forward(batch: Any) -> Mapping[Output, Any]:  # noqa: ANN401
        return {"embedding": model.encode_image(batch)}

    def text() -> JointTextEncoder:
        return _text_side(model, model_name, card)

    return TorchEncoder(card, forward, text=text, n_threads=n_threads)


def open_model(name: str) -> tuple[Any, EncoderCard, str]:
    """Open a model of OpenCLIP.

    Parameters
    ----------
    name
        ``MODEL/TAG`` (``ViT-B-32/laion2b_s34b_b79k``) or ``hf-hub:OWNER/MODEL``, whose weights OpenCLIP fetches and
        keeps; or ``MODEL@path/to/checkpoint.safetensors`` for weights on disk.

    Returns
    -------
    model : torch.nn.Module
    card : EncoderCard
        Of its photos' side.
    model_name : str
        Which OpenCLIP's functions take.

    Raises
    ------
    UnknownEncoderError
        If OpenCLIP is not installed, or knows no such model or weights.
    EncoderError
        If the weights cannot be fetched or read, or the model's preprocessing is not one of ours.
    """
    open_clip = import_extra("open_clip", "open_clip")
    model_name, checkpoint = split_checkpoint(name)
    model_only = model_name.partition("/")[0]
    if not model_name.startswith(_HUB) and model_only not in open_clip.list_models():
        raise UnknownEncoderError(f"OpenCLIP knows no model {model_only!r}. `open_clip.list_models()` lists the names.")
    tag = None
    if checkpoint is None:
        model_name, tag = _split_tag(open_clip, model_name)
    try:
        model = open_clip.create_model(
            model_name,
            pretrained=tag,
            load_weights=checkpoint is None,
            pretrained_image=False,
            pretrained_text=False,
        )
    except Exception as error:  # the hub fails with many kinds of exception
        raise EncoderError(
            f"the weights of open_clip:{name} cannot be fetched: {error}. Connect to the network once, or give a file: "
            f"`open_clip:{model_only}@path/to/checkpoint.safetensors`."
        ) from error
    if checkpoint is not None:
        load_checkpoint(model, checkpoint)
    model.eval()

    preprocessing = open_clip.get_model_preprocess_cfg(model)
    fit = preprocessing.get("resize_mode") or "shortest"
    if fit not in _FITS:
        raise EncoderError(f"open_clip:{model_name} fits pictures by {fit!r}; known are {', '.join(_FITS)}.")
    encoder_name = f"open_clip:{model_name}" + (f"/{tag}" if tag else "")
    card = EncoderCard(
        name=encoder_name,
        version=open_clip.__version__,
        precision="fp32",
        weights_sha256=weights_sha256(model),
        dim=model.visual.output_dim,
        input_size=square_side(preprocessing["size"], encoder_name),
        crop=1.0,
        fit=_FITS[fit],
        interpolation=preprocessing.get("interpolation") or "bicubic",
        mean=tuple(255 * value for value in preprocessing["mean"]),
        std=tuple(255 * value for value in preprocessing["std"]),
        licence="unknown",
        source=str(checkpoint or encoder_name),
    )

    return model, card, model_name


def _text_side(model: Any, model_name: str, card: EncoderCard) -> JointTextEncoder:  # noqa: ANN401
    try:
        tokenizer = import_extra("open_clip", "open_clip").get_tokenizer(model_name)
    except Exception as error:  # those of the hub fail with many kinds of exception
        raise EncoderError(
            f"the tokenizer of {card.name} cannot be fetched: {error}. Connect to the network once."
        ) from error

    def run(sentence: str) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            vector: NDArray[np.float32] = model.encode_text(tokenizer([sentence])).float().numpy()[0]
        return vector

    text_card = TextCard(
        name=card.name,
        version=card.version,
        weights_sha256=card.weights_sha256,
        dim=card.dim,
        max_tokens=int(tokenizer.context_length),
        licence=card.licence,
        source=card.source,
    )
    return JointTextEncoder(text_card, run)
