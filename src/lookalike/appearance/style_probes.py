"""Styles by what a network sees: linear probes on embeddings, for the encoders whose weights come as packages.

A probe is a logistic function of the style's own statistics (styles.py) and of the embedding, as the encoder gives it.
An embedding says nothing to the probe of another encoder, so probes go by the fingerprint of the encoder's card; where
there is none, the statistics decide alone.

``style_probes.safetensors`` holds two float32 tensors for each encoder and style: ``FINGERPRINT/STYLE/statistics``, the
constant and the weights of the statistics in the order of `STYLES`, and ``FINGERPRINT/STYLE/embedding``. It is written
by `python -m benchmarks.style_weights`. Cost: one dot product for each style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from lookalike.errors import InvalidArgumentError

__all__ = ["PROBES_FILE", "StyleProbe", "style_probes"]

PROBES_FILE: Final = "style_probes.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class StyleProbe:
    """How one encoder's embeddings tell one style.

    Attributes
    ----------
    constant : float
    statistics : tuple of float
        Weights, in the order in which `STYLES` names the style's statistics.
    embedding : float64 (dim,)
        Weights.
    """

    constant: float
    statistics: tuple[float, ...]
    embedding: NDArray[np.float64]

    def log_odds(self, statistics: Sequence[float], embedding: NDArray[np.floating]) -> float:
        """Return the logarithm of the odds that a photo has the style.

        Parameters
        ----------
        statistics : sequence of float
        embedding : ndarray of float (dim,)
            Unit length, not centred.

        Raises
        ------
        InvalidArgumentError
            The embedding has another shape.
        """
        if embedding.shape != self.embedding.shape:
            raise InvalidArgumentError(
                f"`embedding` has shape {embedding.shape}, expected {self.embedding.shape}: is it of this encoder?"
            )
        told = sum(weight * value for weight, value in zip(self.statistics, statistics, strict=True))
        return self.constant + told + float(self.embedding @ embedding.astype(np.float64))


def style_probes(encoder: str) -> Mapping[str, StyleProbe]:
    """Return the probes for an encoder, by the style's key in `STYLES`; empty where it has none.

    Parameters
    ----------
    encoder : str
        Fingerprint of its card.
    """
    return _all_probes().get(encoder, {})


@cache
def _all_probes() -> dict[str, dict[str, StyleProbe]]:
    tensors = load(resources.files("lookalike.appearance").joinpath(PROBES_FILE).read_bytes())
    probes: dict[str, dict[str, StyleProbe]] = {}
    for name, weights in tensors.items():
        encoder, style, part = name.split("/")
        if part == "embedding":
            constant, *statistics = tensors[f"{encoder}/{style}/statistics"].tolist()
            probe = StyleProbe(constant, tuple(statistics), weights.astype(np.float64))
            probes.setdefault(encoder, {})[style] = probe
    return probes
