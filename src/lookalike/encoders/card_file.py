"""An encoder from an ONNX file and a card in TOML that says what it is (docs/formats/encoder-card.md)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from lookalike.encoders.card import EncoderCard, read_toml
from lookalike.encoders.onnx_encoder import GraphNames, OnnxEncoder
from lookalike.errors import EncoderError, FormatError

_MODEL_FIELDS = {"file", "sha256", "input", "embedding", "logits", "feature_map"}
_REQUIRED = ("file", "sha256", "input", "embedding")


def _read_model_table(table: Any, path: Path) -> tuple[Path, GraphNames]:  # noqa: ANN401
    if not isinstance(table, dict):
        raise FormatError(f"{path} lacks the table [model], which names the ONNX file and its outputs.")
    if unknown := sorted(set(table) - _MODEL_FIELDS):
        raise FormatError(
            f"{path}: [model] has unknown fields: {', '.join(unknown)}. Known are {sorted(_MODEL_FIELDS)}."
        )
    if missing := [field for field in _REQUIRED if field not in table]:
        raise FormatError(f"{path}: [model] lacks {', '.join(missing)}.")
    if wrong := sorted(field for field, value in table.items() if not isinstance(value, str)):
        raise FormatError(f"{path}: in [model], {', '.join(wrong)} must be text.")
    names = GraphNames(
        input=table["input"],
        embedding=table["embedding"],
        logits=table.get("logits"),
        feature_map=table.get("feature_map"),
    )
    return path.parent / table["file"], names


def load_card_file(path: Path, *, n_threads: int = 1) -> OnnxEncoder:
    """Load the encoder that a card describes.

    Parameters
    ----------
    path
        Of the TOML file; the ONNX file is named relative to it.
    n_threads
        Threads that one call of `encode` may use.

    Raises
    ------
    FormatError
        If the card is not one.
    EncoderError
        If the ONNX file is missing, is not the one that the card means, or does not fit the card.
    """
    tables = read_toml(path)
    card = EncoderCard.from_tables(tables, path)
    file, names = _read_model_table(tables.get("model"), path)
    try:
        graph = file.read_bytes()
    except OSError as error:
        raise EncoderError(f"{file}, named in {path}, cannot be read: {error.strerror}.") from error
    if (found := hashlib.sha256(graph).hexdigest()) != card.weights_sha256:
        raise EncoderError(
            f"{file} has sha256 {found}, but {path} names {card.weights_sha256}. Get the file that was meant, or, if "
            "the change is yours, write the new sum into the card and change its version."
        )
    return OnnxEncoder(card, graph, names, n_threads=n_threads)
