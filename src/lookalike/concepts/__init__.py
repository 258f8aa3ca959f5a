"""What a classifier's 1,000 numbers say in words: names, broader terms, calibrated confidence, places among words."""

from lookalike.concepts.calibration import (
    TEMPERATURES,
    Reliability,
    confidences,
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from lookalike.concepts.conse import blended_vectors, photo_vectors
from lookalike.concepts.labels import TAG_THRESHOLD, broader, likeliest, tags
from lookalike.concepts.vocabulary import Vocabulary, imagenet

__all__ = [
    "TAG_THRESHOLD",
    "TEMPERATURES",
    "Reliability",
    "Vocabulary",
    "blended_vectors",
    "broader",
    "confidences",
    "expected_calibration_error",
    "fit_temperature",
    "imagenet",
    "likeliest",
    "photo_vectors",
    "reliability",
    "tags",
]
