"""A filter that a person taught by examples: a linear probe on embeddings, with what is known of how good it is.

A probe is a direction in the space in which photos are compared: the mean is taken off an embedding, its length made
one, and a weighted sum of it is the log-odds of *is one*. The mean is the collection's of the hour of teaching and
stays with the probe: the collection renews its own as it grows, and the weights would not fit the new one. So a probe
takes embeddings as the encoder gives them, and its scores never drift. Teaching is in
:mod:`lookalike.explore.teaching`.

Cost: one product of a matrix with a vector; 100,000 photos take about 0.1 s.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import FormatError, InvalidArgumentError

__all__ = ["MAX_NAME", "Probe", "compared", "sigmoid", "wrong_name"]

_FORMAT = "lookalike-probe"
_FORMAT_VERSION = 1
MAX_NAME = 200
"""Characters of a filter's name."""
_MAX_DIM = 65_536
_BLOCK = 8192
"""Rows of embeddings that are centred at a time: 42 MB at 1,280 dimensions."""

_VECTORS = ("weights", "mean")
_SHARES = ("threshold", "average_precision", "precision", "recall", "prior")
_COUNTS = ("n_examples", "n_negatives", "n_background")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe:
    """A taught filter.

    Attributes
    ----------
    name : str
        What the person calls it.
    weights : float32 (dim,)
        Log-odds per unit of the compared embedding.
    bias : float
        Log-odds of an embedding at right angles to `weights`.
    mean : float32 (dim,)
        What is taken off an embedding before its length is made one.
    threshold : float
        Score from which on a photo passes: the one that promised the best F1 when it was taught.
    average_precision : float
        Expected of ranking the collection: the mean, over the examples, each scored without itself, of the precision
        expected among random photos that score as high or higher.
    precision, recall : float
        Expected at `threshold` in the collection of teaching.
    prior : float
        Share of the collection that is estimated to be it.
    n_examples, n_negatives, n_background : int
        Photos that were shown as being it, as not being it, and that were drawn at random.
    encoder : str
        Fingerprint of the encoder's card; embeddings of another encoder mean nothing to this probe.
    """

    name: str
    weights: NDArray[np.float32]
    bias: float
    mean: NDArray[np.float32]
    threshold: float
    average_precision: float
    precision: float
    recall: float
    prior: float
    n_examples: int
    n_negatives: int
    n_background: int
    encoder: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip() or len(self.name) > MAX_NAME:
            raise wrong_name(self.name)
        for field in _VECTORS:
            value = getattr(self, field)
            if (
                not isinstance(value, np.ndarray)
                or value.dtype != np.float32
                or value.ndim != 1
                or not 0 < len(value) <= _MAX_DIM
                or not np.isfinite(value).all()
            ):
                raise _wrong(field, value, "finite float32 numbers, one for each dimension")
        if len(self.weights) != len(self.mean):
            raise _wrong("mean", self.mean, f"as many numbers as there are weights ({len(self.weights)})")
        if not _is_number(self.bias):
            raise _wrong("bias", self.bias, "a finite number")
        for field in _SHARES:
            if not _is_number(getattr(self, field)) or not 0 <= getattr(self, field) <= 1:
                raise _wrong(field, getattr(self, field), "a number from 0 to 1")
        for field in _COUNTS:
            value = getattr(self, field)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
                raise _wrong(field, value, "a count")
        if not isinstance(self.encoder, str) or len(self.encoder) != 64 or set(self.encoder) - set("0123456789abcdef"):
            raise _wrong("encoder", self.encoder, "64 lower-case hexadecimal digits")

    @property
    def dim(self) -> int:
        """Dimension of the embeddings that it judges."""
        return len(self.weights)

    def scores(self, embeddings: ArrayLike) -> NDArray[np.float32]:
        """Return the probability that each photo is one.

        Parameters
        ----------
        embeddings : float32 (n, dim)
            As the encoder gives them (`Collection.raw_embeddings`), not centred.

        Returns
        -------
        float32 (n,)
            From 0 to 1; a row that is the mean itself gets the score of the bias.

        Raises
        ------
        InvalidArgumentError
            Of another shape, or not finite.
        """
        rows = np.asarray(embeddings, np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.dim:
            raise InvalidArgumentError(
                f"`embeddings` has shape {rows.shape}, but the probe {self.name!r} was taught on (n, {self.dim})."
            )
        scores = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _BLOCK):
            x = compared(rows[start : start + _BLOCK], self.mean)
            scores[start : start + _BLOCK] = sigmoid(x @ self.weights + np.float32(self.bias))
        if not np.isfinite(scores).all():
            raise InvalidArgumentError("`embeddings` holds NaN or infinity; expected finite numbers.")
        return scores

    def accepts(self, embeddings: ArrayLike) -> NDArray[np.bool_]:
        """Tell of each photo whether it passes the threshold: bool (n,). See `scores`."""
        return self.scores(embeddings) >= self.threshold

    def to_json(self) -> str:
        """Return the probe as JSON: 14 kB at 1,280 dimensions; the same text for the same probe."""
        record: dict[str, object] = {"format": _FORMAT, "format_version": _FORMAT_VERSION}
        for field in fields(self):
            value = getattr(self, field.name)
            record[field.name] = (
                base64.b64encode(value.astype("<f4").tobytes()).decode() if field.name in _VECTORS else value
            )
        return json.dumps(record, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        FormatError
            Not such a text, damaged, or written by a newer version.
        """
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"The probe is not JSON: {error}.") from error
        if not isinstance(record, dict) or record.pop("format", None) != _FORMAT:
            raise FormatError("The text is JSON, but not of a probe.")
        version = record.pop("format_version", None)
        if version != _FORMAT_VERSION:
            raise FormatError(
                f"The probe has format version {version!r}, but this version of Lookalike reads {_FORMAT_VERSION}. "
                "Upgrade, or teach it again."
            )
        if wrong := record.keys() ^ {field.name for field in fields(cls)}:
            raise FormatError(f"The probe lacks fields or has unknown ones: {', '.join(sorted(map(str, wrong)))}.")
        arguments: dict[str, Any] = dict(record)
        try:
            for name in _VECTORS:
                arguments[name] = np.frombuffer(base64.b64decode(record[name], validate=True), "<f4").astype(np.float32)
            return cls(**arguments)
        except (InvalidArgumentError, ValueError, TypeError, binascii.Error) as error:
            raise FormatError(f"The probe is damaged: {error}") from error


def compared(embeddings: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Embeddings with the mean off and of unit length, float32 (n, dim); one that is the mean stays zero."""
    centred = embeddings - mean
    lengths = np.sqrt(np.einsum("nd,nd->n", centred, centred))[:, None]
    lengths[lengths == 0] = 1
    unit: NDArray[np.float32] = centred / lengths
    return unit


def sigmoid(log_odds: NDArray[Any]) -> NDArray[Any]:
    """Probabilities of log-odds, without overflow."""
    result: NDArray[Any] = 0.5 * (1 + np.tanh(0.5 * log_odds))
    return result


def wrong_name(name: object) -> InvalidArgumentError:
    """Return the error that a filter cannot have a name."""
    return InvalidArgumentError(
        f"The name of a filter is {str(name)[:80]!r}; expected 1 to {MAX_NAME} characters that can be shown, letters "
        "or digits among them."
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _wrong(field: str, value: object, expected: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"the probe's `{field}` is {str(value)[:80]!r}, expected {expected}.")
