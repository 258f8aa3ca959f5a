"""An encoder from an ONNX file and a card in TOML that says what it is (docs/formats/encoder-card.md)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from lookalike.encoders.card import EncoderCard, read_toml
from lookalike.encoders.onnx_encoder import GraphNames, OnnxEncoder
from lookalike.encoders.onnx_text import TextTable, load_onnx_text, read_checked, read_text_table
from lookalike.errors import EncoderError, FormatError

__all__ = ["load_card_file", "read_text_side"]


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
    text = None
    if "text" in tables:
        if card.transform != "none":
            raise FormatError(
                f"{path}: transform is {card.transform!r}, which takes photos out of the joint space of [text]. "
                'Expected is "none"; or leave [text] away.'
            )
        text = partial(load_onnx_text, read_text_table(tables["text"], path), path, card, n_threads=n_threads)
    graph = read_checked(file, card.weights_sha256, path)
    return OnnxEncoder(card, graph, names, text=text, n_threads=n_threads)


def read_text_side(path: Path) -> TextTable | None:
    """Read what a card says of a text side; None where it has none. No network is loaded.

    Raises
    ------
    FormatError
        If the card cannot be read.
    EncoderError
        If a file that it names is not there.
    """
    tables = read_toml(path)
    if "text" not in tables:
        return None
    table = read_text_table(tables["text"], path)
    for name in (table.file, table.tokenizer):
        if not (path.parent / name).is_file():
            raise EncoderError(f"{path.parent / name}, named in {path}, is not there.")
    return table
