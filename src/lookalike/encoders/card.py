"""An encoder's card: everything that decides what its embeddings are.

Two embeddings may be compared only if their encoders' cards have the same fingerprint, so the card travels with every
stored embedding. Preprocessing is part of it: the same network behind another crop is another encoder. (After timm's
pretrained configurations, which made the same choice.)
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

from lookalike.errors import FormatError, InvalidArgumentError

__all__ = ["EncoderCard", "Fit", "Interpolation", "Precision", "Transform", "read_toml"]


Precision = Literal["fp32", "int8"]
Fit = Literal["crop", "squash"]
Interpolation = Literal["box", "bilinear", "hamming", "bicubic", "lanczos"]
Transform = Literal["none", "sqrt"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "precision": get_args(Precision),
    "fit": get_args(Fit),
    "interpolation": get_args(Interpolation),
    "transform": get_args(Transform),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderCard:
    """What an encoder does to a photo, completely.

    Attributes
    ----------
    name, version
        Of the encoder; the version changes with anything that changes its embeddings.
    precision
        ``"fp32"`` or ``"int8"``.
    weights_sha256
        Of the file of weights, 64 hexadecimal digits.
    dim
        Length of an embedding.
    input_size
        Side of the square picture that the network sees, px.
    crop
        Part of the short side that is kept, 0 < crop <= 1; the rest is cut off on all sides.
    fit
        ``"crop"`` keeps the middle square, ``"squash"`` the whole picture without its proportions.
    interpolation
        How the picture is scaled: one of Pillow's antialiased filters.
    mean, std
        Per channel (R, G, B), in units of 8-bit values: the network sees ``(value - mean) / std``.
    transform
        ``"none"`` or ``"sqrt"``: what is done to the network's vector before it is scaled to unit length.
    licence, source
        Of the weights: SPDX name, and where they come from.
    labels
        Name of the list of classes that the logits stand for, if there are logits.
    """

    name: str
    version: str
    precision: Precision
    weights_sha256: str
    dim: int
    input_size: int
    crop: float
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    licence: str
    source: str
    fit: Fit = "crop"
    transform: Transform = "none"
    labels: str | None = None

    def __post_init__(self) -> None:
        for field in ("name", "version", "licence", "source"):
            if not isinstance(getattr(self, field), str) or not getattr(self, field):
                raise _wrong(field, getattr(self, field), "a text that is not empty")
        for field, choices in _CHOICES.items():
            if getattr(self, field) not in choices:
                raise _wrong(field, getattr(self, field), f"one of {', '.join(choices)}")
        digest = self.weights_sha256
        if not isinstance(digest, str) or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise _wrong("weights_sha256", digest, "64 lower-case hexadecimal digits (`sha256sum FILE` prints them)")
        for field in ("dim", "input_size"):
            value = getattr(self, field)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise _wrong(field, value, "a positive integer")
        if not _is_number(self.crop) or not 0 < self.crop <= 1:
            raise _wrong("crop", self.crop, "a number above 0 and at most 1")
        for field in ("mean", "std"):
            values = getattr(self, field)
            if not isinstance(values, tuple) or len(values) != 3 or not all(map(_is_number, values)):
                raise _wrong(field, values, "three numbers (red, green, blue) in units of 8-bit values")
        if min(self.std) <= 0:
            raise _wrong("std", self.std, "three positive numbers")
        if self.labels is not None and not isinstance(self.labels, str):
            raise _wrong("labels", self.labels, "the name of a list of classes, or nothing")
        # 127 and 127.0 are one number but two texts; the fingerprint must not tell them apart.
        object.__setattr__(self, "crop", float(self.crop))
        object.__setattr__(self, "mean", tuple(map(float, self.mean)))
        object.__setattr__(self, "std", tuple(map(float, self.std)))

    @property
    def min_side(self) -> int:
        """Short side in px from which on a photo loses nothing: a decoder may shrink larger ones down to it."""
        return math.ceil(self.input_size / self.crop)

    @property
    def fingerprint(self) -> str:
        """sha256 of `to_json`, hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, ASCII.

        Returns
        -------
        str
            The same text for equal cards.
        """
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        FormatError
            If it is not JSON, lacks a field, has an unknown one, or holds a wrong value.
        """
        try:
            record = json.loads(text)
        except ValueError as error:
            raise FormatError(f"an encoder's card is not JSON: {error}.") from error
        return cls._from_record(record, "the card")

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read the card of an ONNX file (docs/formats/encoder-card.md).

        Parameters
        ----------
        path
            Of the TOML file.

        Raises
        ------
        FormatError
            If the file cannot be read as such a card.
        """
        return cls.from_tables(read_toml(path), path)

    @classmethod
    def from_tables(cls, tables: dict[str, Any], path: Path) -> Self:
        """Card from the tables of a TOML file already read.

        Raises
        ------
        FormatError
            As `from_toml`.
        """
        card, model, preprocessing = (tables.get(name) for name in ("card", "model", "preprocessing"))
        if not (isinstance(card, dict) and isinstance(model, dict) and isinstance(preprocessing, dict)):
            raise FormatError(f"{path} lacks one of its tables: expected [card], [preprocessing] and [model].")
        record = {**card, **preprocessing, "weights_sha256": model.get("sha256")}
        return cls._from_record(record, str(path))

    @classmethod
    def _from_record(cls, record: object, where: str) -> Self:
        if not isinstance(record, dict):
            raise FormatError(f"{where} is not a table of fields.")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(record) - known):
            raise FormatError(
                f"{where} has unknown fields: {', '.join(unknown)}. Known are {', '.join(sorted(known))}."
            )
        arguments: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in record.items()
        }
        try:
            return cls(**arguments)
        except TypeError as error:
            raise FormatError(f"{where} lacks fields: {error}.") from error
        except InvalidArgumentError as error:
            raise FormatError(f"{where}: {error}") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Tables of a TOML file.

    Raises
    ------
    FormatError
        If it is missing or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(
            f"the encoder's card {path} cannot be read: {error.strerror}. Give the path of a card."
        ) from error
    except ValueError as error:
        raise FormatError(f"the encoder's card {path} is not TOML: {error}.") from error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _wrong(field: str, value: object, expected: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"the card's `{field}` is {value!r}, expected {expected}.")
